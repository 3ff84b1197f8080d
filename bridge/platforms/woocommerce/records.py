"""The bridge's records among a WooCommerce order's meta data, and when an order must be read before it counts.

The meta `_sorted_order` is a JSON text: at its top the record of the lowest part, as orders of one part have always had
it, and those of further parts in a list under "parts". Beside it the reference meta names the references for people,
in the order of their parts: "EO-000-002-0TS, EO-000-002-0TT".
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.platforms.base import Json, Look, Record

RECORD_META = "_sorted_order"  # the underscore hides it from the custom fields in wp-admin
DEFAULT_META = "sorted_order_reference"
OLD_BODY = timedelta(minutes=5)

_ONE_REFERENCE = "EO-[A-Z0-9]{3}-[A-Z0-9]{3}-[A-Z0-9]{3}"
_REFERENCES = re.compile(rf"\s*{_ONE_REFERENCE}(\s*,\s*{_ONE_REFERENCE})*\s*")
# What an order gets by itself on its way to the customer; nobody ships again because of it.
_PROGRESS = ("date_modified", "date_modified_gmt", "date_completed", "date_completed_gmt", "_links")


def fresh(look: Look, received_at: datetime) -> None:
    """Raise NotRead where the body came more than 5 minutes before the look and the order was not read since."""
    if look.now - received_at > OLD_BODY:
        look.fetched.read("order")


def records(look: Look) -> Sequence[Record]:
    """The records that the order carries, whichever order they name; raises NotRead where a body has no meta data."""
    if "meta_data" not in look.order:  # API version 1
        look.fetched.read("order")
    return records_on(look.order)


def records_on(order: Json) -> Sequence[Record]:
    """The records among an order's meta data, by their parts: those that name this order, else the first copied ones.

    The first that names it tells of other references beside them all, but for those that were copied with another
    order's record. WooCommerce copies meta data into renewals and duplicates, so a record may name another order.
    """
    rows = [found for found in map(_parsed, meta_values(order, RECORD_META)) if found]
    found = [one for row in rows for one in row]
    own = [one for one in found if one.names(*identity(order))]
    if not own:
        return rows[0] if rows else ()
    first, *further = _by_part(own)
    copied = {one.reference for one in found if one not in own}
    also = tuple(text for text in _beside([first, *further], own, order) if text not in copied)
    return replace(first, also=also), *further


def own_records(order: Json) -> Sequence[Record]:
    """Those of an order's records that name it, by their parts."""
    return tuple(one for one in records_on(order) if one.names(*identity(order)))


def identity(order: Json) -> tuple[str, str]:
    """An order's id and key, as `Record.names` wants them."""
    return str(order.get("id")), str(order.get("order_key") or "")


def written(first: Record, *further: Record) -> str:
    """The records of one order, the lowest part first, as the JSON text that stands in the meta data."""
    document = {"order_id": first.order_id, "order_key": first.order_key, **_part(first)}
    if further:
        document["parts"] = [_part(one) for one in further]
    return json.dumps(document, sort_keys=True)


def is_reference(text: str) -> bool:
    """Whether a text is the reference of a SortedPRO order."""
    return re.fullmatch(_ONE_REFERENCE, text) is not None


def references_in(value: Json) -> list[str]:
    """The references that a meta value lists, "EO-000-002-0TS, EO-000-002-0TT"; other text counts as one."""
    text = str("" if value is None else value).strip()
    if isinstance(value, str) and _REFERENCES.fullmatch(value):
        return [one.strip() for one in text.split(",")]
    return [text] if text else []


def meta_values(owner: Json, key: str) -> list[Json]:
    """All values of a meta key of an order or line; WooCommerce allows several rows of one key."""
    return [entry.get("value") for entry in _entries(owner) if entry.get("key") == key]


def rows_naming(order: Json, references: Container[str], *, but: Container[str]) -> Iterator[dict[str, Any]]:
    """Id and key of the meta data that holds one of `references`, but for some keys."""
    for entry in filter(_is_ours, _entries(order)):
        held = references_in(entry.get("value"))
        if entry.get("key") not in but and "id" in entry and any(text in references for text in held):
            yield {"id": entry["id"], "key": entry["key"]}


def comparable(order: Json, fetched: Mapping[str, Json]) -> tuple[Json, Mapping[str, Json]]:
    """Order and fetched without what changes by itself after sending: completion, our records and our references.

    References under another meta key than the usual one are known by their look.
    """
    kept = {key: value for key, value in order.items() if key not in _PROGRESS}
    if kept.get("status") == "completed":
        kept["status"] = "processing"
    if isinstance(kept.get("meta_data"), list):
        kept["meta_data"] = [entry for entry in _entries(order) if not _is_ours(entry)]
    return kept, {key: value for key, value in fetched.items() if key != "order"}


def _by_part(own: Iterable[Record]) -> list[Record]:
    """The first record of each part, the lowest part first."""
    parts: dict[int, Record] = {}
    for one in own:
        parts.setdefault(one.part, one)
    return [parts[number] for number in sorted(parts)]


def _beside(kept: Sequence[Record], own: Sequence[Record], order: Json) -> Iterator[str]:
    """What stands on an order as its reference beside the records of its parts, each once."""
    of_part = {one.part: one for one in kept}
    seen = {one.reference for one in kept}
    for found in own:
        first = of_part[found.part]
        elsewhere = found.reference == first.reference and found.destination != first.destination
        text = f"{found.reference} of {found.destination}" if elsewhere else found.reference
        if text not in seen:
            seen.add(text)
            yield text
    for entry in filter(_is_ours, _entries(order)):
        for text in references_in(entry.get("value")) if entry.get("key") != RECORD_META else ():
            if text not in seen:
                seen.add(text)
                yield text


def _is_ours(entry: Mapping[str, Any]) -> bool:
    value = entry.get("value")
    return entry.get("key") in {RECORD_META, DEFAULT_META} or (
        isinstance(value, str) and _REFERENCES.fullmatch(value) is not None
    )


def _entries(owner: Json) -> Iterator[Mapping[str, Any]]:
    entries = owner.get("meta_data") if isinstance(owner, Mapping) else None
    return (entry for entry in entries if isinstance(entry, Mapping)) if isinstance(entries, list) else iter(())


def _part(found: Record) -> dict[str, Any]:
    return {
        "part": found.part,
        "reference": found.reference,
        "destination": found.destination,
        "written_at": found.written_at.isoformat(),
    }


def _parsed(value: Json) -> Sequence[Record]:
    """The records of a meta value: our JSON text, or an object as some tools make of it; none for anything else."""
    try:
        document = json.loads(value) if isinstance(value, str) else value
        first = _record(document, document)
    except (ValueError, TypeError, KeyError):
        return ()
    parts = document.get("parts")
    return first, *(_further(document, parts) if isinstance(parts, list) else ())


def _further(document: Mapping[str, Any], parts: Iterable[Json]) -> Iterator[Record]:
    """The records of further parts; what is none among them is passed over."""
    for part in parts:
        try:
            yield _record(document, part)
        except (ValueError, TypeError, KeyError):
            continue


def _record(document: Mapping[str, Any], part: Mapping[str, Any]) -> Record:
    """One record; `document` says of which order. Raises KeyError, TypeError and ValueError for what is none."""
    written_at = datetime.fromisoformat(part["written_at"])
    return Record(
        order_id=str(document["order_id"]),
        order_key=str(document["order_key"]),
        part=int(part["part"]),
        reference=str(part["reference"]),
        destination=str(part["destination"]),
        written_at=written_at if written_at.tzinfo else written_at.replace(tzinfo=UTC),
    )
