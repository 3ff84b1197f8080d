"""What was read from a Shopify shop for one order, and the names that mappings may use of it.

`Fetched.data["order"]` is a plain object that survives JSON, made by `reading.py`; numbers with a fraction are text:

    updated_at, cancelled_at   times as text; cancelled_at may be null
    reference, record          the values of our two metafields, or null
    our_tags                   the tags that write_back adds, so that a comparison can leave them out
    risk                       {"recommendation": "ACCEPT", "levels": ["LOW"]}
    metafields                 {"custom.legacy_reference": "a value as text"}: those of `shop.metafields` that are there
    fulfillment_orders         [{"id", "status", "method", "service_code", "presented_name", "source_reference",
                                 "location", "location_id", "service", "fulfill_at", "holds": [{"reason", "notes"}],
                                 "lines": [{"line_id", "sku", "remaining", "total"}]}], where service is the name of
                                 the fulfilment service that ships it, or null where the shop itself does
    variants                   {variant id: {"weight_g", "length_cm", "width_cm", "height_cm", "hs_code",
                                 "origin_country"}}, each null where unknown

or {"gone": true} where the shop has no such order. For a comparison after sending, `routes` stands in place of
fulfillment_orders: {line id: the way by which it was sent}, see `ways.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bridge.platforms.base import Json, Look, Record
from bridge.platforms.shopify.records import parse_records, with_others
from bridge.platforms.shopify.shipping import ENDED, returned, ways

# Taken out of a body before it is compared: fulfilment progress, and times that move by themselves.
_PROGRESS = frozenset({"fulfillments", "fulfillment_status", "closed_at", "updated_at"})
_LINE_PROGRESS = frozenset({"fulfillable_quantity", "fulfillment_status"})
_KEPT = frozenset(
    {"risk", "variants", "metafields", "routes"}
)  # of what was read; the rest changes by itself or is ours


def _value(key: str) -> Callable[[Look], Json]:
    """A name whose value is one key of what was read."""
    return lambda look: _order(look).get(key)


def _delivery_methods(look: Look) -> list[str] | None:
    """The methods of the fulfilment orders that are not ended, each once."""
    fulfillment_orders = _order(look).get("fulfillment_orders")
    if fulfillment_orders is None:
        return None
    methods = (entry["method"] for entry in fulfillment_orders if entry["status"] not in ENDED)
    return list(dict.fromkeys(method for method in methods if method))


NAMES: Mapping[str, Callable[[Look], Json]] = {
    "cancelled_at": _value("cancelled_at"),
    "updated_at": _value("updated_at"),
    "risk": _value("risk"),
    "metafields": _value("metafields"),
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


def records(look: Look) -> Sequence[Record]:
    """The records on the shop order, by part; none where none can be read. Raises NotRead.

    References beside them that no record names stand in the first one's `also`.
    """
    read = _order(look)
    return with_others(parse_records(read.get("record")), read.get("reference"))


def comparable(order: Json, fetched: Mapping[str, Json]) -> tuple[Json, Mapping[str, Json]]:
    """Body and what was read without what changes by itself after sending (design: fulfilment progress and our marks).

    Without fulfilment orders and fulfillable quantities, lines and quantities come from the bodies' current quantities,
    so a fulfilled line is not a removed line; nor is one that came back after it had left. Of the fulfilment orders the
    ways stay by which goods were sent.
    """
    read = fetched.get("order") or {}
    kept: dict[str, Any] = {key: value for key, value in order.items() if key not in _PROGRESS}
    if isinstance(order.get("line_items"), list):
        back = returned(order)
        kept["line_items"] = [_without_progress(line, back) for line in order["line_items"]]
    if isinstance(order.get("tags"), str):
        ours = {tag.casefold() for tag in read.get("our_tags") or []}
        kept["tags"] = ", ".join(tag for tag in split_tags(order["tags"]) if tag.casefold() not in ours)
    compact = {key: value for key, value in read.items() if key in _KEPT}
    if read.get("fulfillment_orders") is not None:
        compact["routes"] = ways(order, read["fulfillment_orders"])
    return kept, {**fetched, "order": compact} if "order" in fetched else fetched


def split_tags(text: str) -> list[str]:
    """Shopify's one string of tags as a list."""
    return [tag.strip() for tag in text.split(",") if tag.strip()]


def _without_progress(line: Json, back: Mapping[str, int]) -> Json:
    """A line without how much of it is fulfilled, or has come back since."""
    if not isinstance(line, dict):
        return line
    kept = {key: value for key, value in line.items() if key not in _LINE_PROGRESS}
    if isinstance(kept.get("current_quantity"), int):
        kept["current_quantity"] += back.get(str(line.get("id")), 0)
    return kept


def _order(look: Look) -> Mapping[str, Json]:
    """What was read of the order; empty where nothing is read and nothing will be. Raises NotRead."""
    read = look.fetched.read("order")[0]
    return read if isinstance(read, dict) else {}
