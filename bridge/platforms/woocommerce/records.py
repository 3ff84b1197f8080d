"""The bridge's record among a WooCommerce order's meta data, and when an order must be read before it counts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.platforms.base import Json, Look, Record

RECORD_META = "_sorted_order"  # the underscore hides it from the custom fields in wp-admin
DEFAULT_META = "sorted_order_reference"
OLD_BODY = timedelta(minutes=5)

_REFERENCE = re.compile(r"EO-[A-Z0-9]{3}-[A-Z0-9]{3}-[A-Z0-9]{3}")
# What an order gets by itself on its way to the customer; nobody ships again because of it.
_PROGRESS = ("date_modified", "date_modified_gmt", "date_completed", "date_completed_gmt", "_links")


def fresh(look: Look, received_at: datetime) -> None:
    """Raise NotRead where the body came more than 5 minutes before the look and the order was not read since."""
    if look.now - received_at > OLD_BODY:
        look.fetched.read("order")


def record(look: Look) -> Record | None:
    """The record that the order carries, whichever order it names; raises NotRead where the body has no meta data."""
    if "meta_data" not in look.order:  # API version 1
        look.fetched.read("order")
    return record_on(look.order)


def record_on(order: Json) -> Record | None:
    """The record among an order's meta data: the one that names this order, else the first; None without any.

    WooCommerce copies meta data into renewals and duplicates, so a record may name another order.
    """
    records = [found for found in map(_parsed, meta_values(order, RECORD_META)) if found]
    own = [found for found in records if names(found, order)]
    return next(iter(own or records), None)


def names(found: Record, order: Json) -> bool:
    """Whether a record is about this very order: ids recur in restored and copied shops, order keys do not."""
    key = str(order.get("order_key") or "")
    return found.order_id == str(order.get("id")) and (not found.order_key or not key or found.order_key == key)


def written(found: Record) -> str:
    """The record as the JSON text that stands in the meta data."""
    return json.dumps(
        {
            "order_id": found.order_id,
            "order_key": found.order_key,
            "part": found.part,
            "reference": found.reference,
            "destination": found.destination,
            "written_at": found.written_at.isoformat(),
        },
        sort_keys=True,
    )


def meta_values(owner: Json, key: str) -> list[Json]:
    """All values of a meta key of an order or line; WooCommerce allows several rows of one key."""
    return [entry.get("value") for entry in _entries(owner) if entry.get("key") == key]


def comparable(order: Json, fetched: Mapping[str, Json]) -> tuple[Json, Mapping[str, Json]]:
    """Order and fetched without what changes by itself after sending: completion, our record and our reference.

    A reference under another meta key than the usual one is known by its look.
    """
    kept = {key: value for key, value in order.items() if key not in _PROGRESS}
    if kept.get("status") == "completed":
        kept["status"] = "processing"
    if isinstance(kept.get("meta_data"), list):
        kept["meta_data"] = [entry for entry in _entries(order) if not _is_ours(entry)]
    return kept, {key: value for key, value in fetched.items() if key != "order"}


def _is_ours(entry: Mapping[str, Any]) -> bool:
    value = entry.get("value")
    return entry.get("key") in {RECORD_META, DEFAULT_META} or (
        isinstance(value, str) and _REFERENCE.fullmatch(value) is not None
    )


def _entries(owner: Json) -> Iterator[Mapping[str, Any]]:
    entries = owner.get("meta_data") if isinstance(owner, Mapping) else None
    return (entry for entry in entries if isinstance(entry, Mapping)) if isinstance(entries, list) else iter(())


def _parsed(value: Json) -> Record | None:
    """A record from its meta value: our JSON text, or an object as some tools make of it; None for anything else."""
    try:
        document = json.loads(value) if isinstance(value, str) else value
        written_at = datetime.fromisoformat(document["written_at"])
        return Record(
            order_id=str(document["order_id"]),
            order_key=str(document["order_key"]),
            part=int(document["part"]),
            reference=str(document["reference"]),
            destination=str(document["destination"]),
            written_at=written_at if written_at.tzinfo else written_at.replace(tzinfo=UTC),
        )
    except (ValueError, TypeError, KeyError):
        return None
