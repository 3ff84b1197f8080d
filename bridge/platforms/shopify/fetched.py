"""What was read from a Shopify shop for one order, and the names that mappings may use of it.

`Fetched.data["order"]` is a plain object that survives JSON, made by `reading.py`; numbers with a fraction are text:

    updated_at, cancelled_at   times as text; cancelled_at may be null
    reference, record          the values of our two metafields, or null
    our_tags                   the tags that write_back adds, so that a comparison can leave them out
    risk                       {"recommendation": "ACCEPT", "levels": ["LOW"]}
    fulfillment_orders         [{"id", "status", "method", "service_code", "presented_name", "location", "location_id",
                                 "service", "fulfill_at", "holds": [{"reason", "notes"}],
                                 "lines": [{"line_id", "sku", "remaining", "total"}]}], where service is the name of
                                 the fulfilment service that ships it, or null where the shop itself does
    variants                   {variant id: {"weight_g", "length_cm", "width_cm", "height_cm", "hs_code",
                                 "origin_country"}}, each null where unknown

or {"gone": true} where the shop has no such order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bridge.platforms.base import Json, Look, Record
from bridge.platforms.shopify.orders import moment

_ENDED = frozenset({"CLOSED", "CANCELLED"})
# Taken out of a body before it is compared: fulfilment progress, and times that move by themselves.
_PROGRESS = frozenset({"fulfillments", "fulfillment_status", "closed_at", "updated_at"})
_LINE_PROGRESS = frozenset({"fulfillable_quantity", "fulfillment_status"})
_KEPT = frozenset({"risk", "variants"})  # of what was read; the rest changes by itself or is ours


def _value(key: str) -> Callable[[Look], Json]:
    """A name whose value is one key of what was read."""
    return lambda look: _order(look).get(key)


def _delivery_methods(look: Look) -> list[str] | None:
    """The methods of the fulfilment orders that are not ended, each once."""
    fulfillment_orders = _order(look).get("fulfillment_orders")
    if fulfillment_orders is None:
        return None
    methods = (entry["method"] for entry in fulfillment_orders if entry["status"] not in _ENDED)
    return list(dict.fromkeys(method for method in methods if method))


NAMES: Mapping[str, Callable[[Look], Json]] = {
    "cancelled_at": _value("cancelled_at"),
    "updated_at": _value("updated_at"),
    "risk": _value("risk"),
    "fulfillment_orders": _value("fulfillment_orders"),
    "delivery_methods": _delivery_methods,
    "variants": _value("variants"),
}


def stopped(look: Look) -> str | None:
    """Why not to send, where only the read shop shows it; raises NotRead."""
    read = _order(look)
    if read.get("gone"):
        return "deleted in Shopify"
    return "cancelled in Shopify meanwhile" if read.get("cancelled_at") else None


def record(look: Look) -> Record | None:
    """The record on the shop order with the reference beside it; None where none can be read. Raises NotRead."""
    read = _order(look)
    found = parse_record(read.get("record"))
    beside = str(read.get("reference") or "").strip()
    return replace(found, also=(beside,)) if found and beside not in ("", found.reference) else found


def parse_record(text: object) -> Record | None:
    """The value of our record metafield as a Record; anything else, edited by hand perhaps, is none."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    written_at, part = moment(value.get("written_at")), value.get("part")
    texts = [value.get(key) for key in ("order_id", "reference", "destination")]
    if written_at is None or not isinstance(part, int) or not all(isinstance(text, str) and text for text in texts):
        return None
    return Record(
        order_id=str(texts[0]),
        order_key="",
        part=part,
        reference=str(texts[1]),
        destination=str(texts[2]),
        written_at=written_at,
    )


def format_record(value: Record) -> str:
    """A Record as the value of our record metafield."""
    return json.dumps(
        {
            "order_id": value.order_id,
            "part": value.part,
            "reference": value.reference,
            "destination": value.destination,
            "written_at": value.written_at.isoformat(),
        }
    )


def comparable(order: Json, fetched: Mapping[str, Json]) -> tuple[Json, Mapping[str, Json]]:
    """Body and what was read without what changes by itself after sending (design: fulfilment progress and our marks).

    Without fulfilment orders and fulfillable quantities, lines and quantities come from the bodies' current quantities,
    so a fulfilled line is not a removed line.
    """
    read = fetched.get("order") or {}
    kept: dict[str, Any] = {key: value for key, value in order.items() if key not in _PROGRESS}
    if isinstance(order.get("line_items"), list):
        kept["line_items"] = [_without_progress(line) for line in order["line_items"]]
    if isinstance(order.get("tags"), str):
        ours = {tag.casefold() for tag in read.get("our_tags") or []}
        kept["tags"] = ", ".join(tag for tag in split_tags(order["tags"]) if tag.casefold() not in ours)
    compact = {key: value for key, value in read.items() if key in _KEPT}
    return kept, {**fetched, "order": compact} if "order" in fetched else fetched


def split_tags(text: str) -> list[str]:
    """Shopify's one string of tags as a list."""
    return [tag.strip() for tag in text.split(",") if tag.strip()]


def _without_progress(line: Json) -> Json:
    """A line without how much of it is fulfilled."""
    if not isinstance(line, dict):
        return line
    return {key: value for key, value in line.items() if key not in _LINE_PROGRESS}


def _order(look: Look) -> Mapping[str, Json]:
    """What was read of the order; empty where nothing is read and nothing will be. Raises NotRead."""
    read = look.fetched.read("order")[0]
    return read if isinstance(read, dict) else {}
