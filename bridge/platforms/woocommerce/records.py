"""The bridge's record among a WooCommerce order's meta data, and when an order must be read before it counts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
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

    One that names it tells of other references beside it, but for those that were copied with another order's record.
    WooCommerce copies meta data into renewals and duplicates, so a record may name another order.
    """
    records = [found for found in map(_parsed, meta_values(order, RECORD_META)) if found]
    own = [found for found in records if found.names(*identity(order))]
    if not own:
        return next(iter(records), None)
    copied = {found.reference for found in records if found not in own}
    return replace(own[0], also=tuple(one for one in _beside(own, order) if one not in copied))


def identity(order: Json) -> tuple[str, str]:
    """An order's id and key, as `Record.names` wants them."""
    return str(order.get("id")), str(order.get("order_key") or "")


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


def _beside(own: Sequence[Record], order: Json) -> Iterator[str]:
    """What stands on an order as its reference beside the first of its records, each once."""
    first = own[0]
    seen = {first.reference}
    for found in own[1:]:
        elsewhere = found.reference == first.reference and found.destination != first.destination
        text = f"{found.reference} of {found.destination}" if elsewhere else found.reference
        if found.part == first.part and text not in seen:
            seen.add(text)
            yield text
    for entry in filter(_is_ours, _entries(order)):
        text = str(entry.get("value") or "").strip()
        if entry.get("key") != RECORD_META and text and text not in seen:
            seen.add(text)
            yield text


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
