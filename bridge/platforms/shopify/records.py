"""The records that the bridge leaves on a Shopify order: one metafield of JSON for all parts, one of references.

    {"order_id", "part", "reference", "destination", "written_at", "parts": [{"part", "reference", ...}]}

The lowest part stands at the top, where readers from before there were parts look for their one record.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from bridge.platforms.base import Json, Record
from bridge.platforms.shopify.orders import moment

_SEPARATOR = ", "


def parse_records(text: object) -> tuple[Record, ...]:
    """The value of our record metafield, by part; anything else, edited by hand perhaps, is none."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return ()
    first = _record(value, {})
    if first is None or not isinstance(value, dict):
        return ()
    further = value.get("parts")
    found = {first.part: first}
    for entry in further if isinstance(further, list) else []:
        record = _record(entry, {"order_id": first.order_id})
        if record is not None:
            found.setdefault(record.part, record)
    return tuple(found[part] for part in sorted(found))


def format_records(records: Sequence[Record]) -> str:
    """The records of one order as the value of our record metafield; `records` has one at least."""
    first, *further = sorted(records, key=lambda record: record.part)
    value = {"order_id": first.order_id, **_part(first)}
    return json.dumps({**value, "parts": [_part(record) for record in further]} if further else value)


def format_references(records: Sequence[Record]) -> str:
    """The references for people, in the order of parts: "EO-000-002-0TS, EO-000-002-0TT"."""
    ordered = sorted(records, key=lambda record: record.part)
    return _SEPARATOR.join(dict.fromkeys(record.reference for record in ordered))


def parse_references(text: object) -> tuple[str, ...]:
    """The references in our other metafield."""
    names = (name.strip() for name in str(text or "").split(_SEPARATOR.strip()))
    return tuple(dict.fromkeys(name for name in names if name))


def with_others(records: Sequence[Record], references: object) -> tuple[Record, ...]:
    """The records, the first one with the references beside them that none of them names."""
    named = {record.reference for record in records}
    others = tuple(name for name in parse_references(references) if name not in named)
    if not records or not others:
        return tuple(records)
    return (replace(records[0], also=others), *records[1:])


def _part(record: Record) -> dict[str, Json]:
    return {
        "part": record.part,
        "reference": record.reference,
        "destination": record.destination,
        "written_at": record.written_at.isoformat(),
    }


def _record(value: Json, shared: dict[str, str]) -> Record | None:
    """One record of the metafield, `shared` being what stands at its top for all."""
    if not isinstance(value, dict):
        return None
    value = {**value, **shared}
    written_at, part = moment(value.get("written_at")), value.get("part")
    texts = [value.get(key) for key in ("order_id", "reference", "destination")]
    is_part = isinstance(part, int) and not isinstance(part, bool)
    if written_at is None or not is_part or not all(isinstance(text, str) and text for text in texts):
        return None
    return Record(
        order_id=str(texts[0]),
        order_key="",
        part=int(part),
        reference=str(texts[1]),
        destination=str(texts[2]),
        written_at=written_at,
    )
