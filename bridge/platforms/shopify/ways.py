"""From where, and by which way, goods of an order ship: names by which a mapping's tables know them.

A way is a plain object that survives JSON: {"location", "location_id", "methods", "pickup_point"}. `methods` are names
of the shipping method, the surest first; `pickup_point` are names of the point, null where goods go to an address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bridge.platforms.base import Json

_PICKUP_POINT = "PICKUP_POINT"


def way_of(fulfillment_order: Json, order: Json) -> dict[str, Json]:
    """The way of a fulfilment order. Where it names no method (orders that an app made), the body's methods stand in.

    https://shopify.dev/docs/api/admin-graphql/2026-10/objects/DeliveryMethod
    """
    named = _names(fulfillment_order.get(key) for key in ("service_code", "presented_name"))
    return {
        "location": fulfillment_order.get("location"),
        "location_id": fulfillment_order.get("location_id"),
        "methods": named or _body_methods(order),
        "pickup_point": _pickup_point(fulfillment_order, order),
    }


def way_by_body(order: Json) -> dict[str, Json]:
    """The way as far as the body alone tells: it names the methods, not the place."""
    return {"location": None, "location_id": None, "methods": _body_methods(order), "pickup_point": None}


def _body_methods(order: Json) -> list[str]:
    """The codes and titles of the body's shipping lines, but for those that an edit took off."""
    lines = order.get("shipping_lines")
    kept = [
        line
        for line in (lines if isinstance(lines, list) else [])
        if isinstance(line, dict) and line.get("is_removed") is not True
    ]
    return _names(line.get(key) for line in kept for key in ("code", "title"))


def _pickup_point(fulfillment_order: Json, order: Json) -> list[str] | None:
    """Names of the point that a carrier takes the goods to.

    A point has an id and a name of its provider's, but 2026-10 gives an order's reader neither as such: the provider's
    data stands in `sourceReference`, the chosen option in `presentedName` and `serviceCode`, and the point's name as
    the company of the shipping address. (The street is left out: names stand in messages.)
    https://shopify.dev/api/functions/reference/pickup-point-delivery-option-generator/graphql/common-objects/pickuppoint
    https://shopify.dev/docs/api/admin-graphql/2026-10/objects/DeliveryMethod#field-DeliveryMethod.fields.sourceReference
    """
    if fulfillment_order.get("method") != _PICKUP_POINT:
        return None
    address = order.get("shipping_address")
    company = address.get("company") if isinstance(address, Mapping) else None
    named = [fulfillment_order.get(key) for key in ("presented_name", "service_code")]
    return _names([fulfillment_order.get("source_reference"), company, *named])


def _names(values: Iterable[Json]) -> list[str]:
    """Each name once, without the empty ones."""
    stripped = (str(value).strip() for value in values if value is not None)
    return list(dict.fromkeys(name for name in stripped if name))
