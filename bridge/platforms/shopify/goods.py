"""The goods of an order: how many of a line are still to ship by the body alone, and what a line is worth."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from bridge.platforms.base import Json
from bridge.platforms.goods import decimal, worth

_LINE_GID = re.compile(r"gid://shopify/LineItem/([0-9]+)")

# What a line that ships has beside the body's own keys, where nothing is known.
_UNKNOWN: Mapping[str, None] = dict.fromkeys(
    ("weight_g", "length_cm", "width_cm", "height_cm", "hs_code", "origin_country")
)
_TAXES = ("gross", "net")
_PER = ("line", "unit")


def shippable(order: Json) -> list[Json]:
    """The lines that still need shipping, by the body alone, as `Platform.shipping` gives them.

    A line counts if it requires shipping and is no gift card, with `current_quantity` (older bodies: the quantity less
    its refunds) bounded by `fulfillable_quantity`. Raises ValueError, in words, for a body with other types.
    """
    refunded = _refunded(order)
    found = []
    for line in body_lines(order):
        quantity = _left(line, refunded) if is_shipped(line) else 0
        if quantity > 0:
            found.append(as_shipped(line, quantity))
    return found


def body_lines(order: Json) -> list[Json]:
    """The body's lines; raises ValueError where they are no list of objects."""
    lines = order.get("line_items")
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise ValueError("the order's line_items are no list of objects; the body is not Shopify's own")
    return lines


def line_id(line: Json) -> str:
    """A line's id as digits: from its GraphQL id, which nothing rounds, else its `id`; "" where it has none."""
    match = _LINE_GID.fullmatch(str(line.get("admin_graphql_api_id") or ""))
    return match[1] if match else str(line.get("id") or "")


def is_shipped(line: Json) -> bool:
    """Whether the goods of a line are sent at all: not digital, no tip, no service, no gift card."""
    return line.get("requires_shipping") is not False and line.get("gift_card") is not True


def still_ordered(line: Json, order: Json) -> int:
    """How many of a line the customer still wants, shipped or not: without what was removed or refunded."""
    return _current(line, _refunded(order))


def as_shipped(line: Json, quantity: int, known: Mapping[str, Json] | None = None) -> Json:
    """The body's line as it ships: `quantity` of it, with weight, dimensions and customs data.

    `known` is what the shop says of the variant. The weight in the body wins, as it is that of the time of the order
    and the one that Shopify's own rates went by; the variant's fills in where the body has none (0 means none).
    """
    details: dict[str, Json] = {**_UNKNOWN, **(known or {})}
    grams = decimal(line.get("grams"))
    if grams:
        details["weight_g"] = grams
    return {**line, **details, "quantity": quantity, "ordered": line.get("quantity")}


def line_value(order: Json, line: Json, tax: str = "gross", per: str = "line", zero: Json = None) -> Decimal:
    """What the units that ship of a line are worth in the shop's currency, after their share of all discounts.

    `tax` is "gross" (with tax) or "net"; `per` is "line" or "unit"; `zero` as for `goods.worth`. `price`, `amount` and
    the taxes' `price` are in the shop's currency, the buyer's stands in `*_set` alone. `discount_allocations` has the
    line's share of every discount, the order's own included; prices contain `tax_lines` where `taxes_included`. Parts
    of a line add up to its whole. Bodies from before line taxes existed count as untaxed.
    """
    _check("tax", tax, _TAXES)
    _check("per", per, _PER)
    for key in ("quantity", "ordered", "before"):
        whole(line, key)
    return worth(_total_value(order, line, tax), line, per=per, zero=zero)


def whole(line: Json, key: str) -> int:
    """A count of a line, 0 where it is null or absent; raises ValueError for what is no whole number."""
    value = line.get(key)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"a line's {key} is no whole number; the body is not Shopify's own")
    return value


def _check(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse a setting that is not one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"{name} must be {' or '.join(repr(word) for word in allowed)}")


def _total_value(order: Json, line: Json, tax: str) -> Decimal:
    """What a line is worth as ordered."""
    price = decimal(line.get("price"))
    if price is None:
        raise ValueError("the line has no price, so it has no value; give a value of your own in the mapping")
    value = price * whole(line, "ordered" if "ordered" in line else "quantity") - _discount(line)
    taxes = _total(line.get("tax_lines"), "price")
    if order.get("taxes_included") is True:
        return value - taxes if tax == "net" else value
    return value + taxes if tax == "gross" else value


def _left(line: Json, refunded: Mapping[str, int]) -> int:
    """How many of a line are still to ship by the body."""
    if line.get("fulfillable_quantity") is not None:
        return min(_current(line, refunded), whole(line, "fulfillable_quantity"))
    # Bodies from before 2014 have no fulfillable_quantity. (It is taken out as well when bodies are compared.)
    return 0 if line.get("fulfillment_status") == "fulfilled" else _current(line, refunded)


def _current(line: Json, refunded: Mapping[str, int]) -> int:
    """`current_quantity`, which bodies have since 2024-01, else the quantity less what was refunded."""
    if line.get("current_quantity") is not None:
        return whole(line, "current_quantity")
    return max(0, whole(line, "quantity") - refunded.get(str(line.get("id")), 0))


def _refunded(order: Json) -> dict[str, int]:
    """Refunded quantities by line id."""
    counts: dict[str, int] = {}
    for refund in order.get("refunds") or []:
        for entry in refund.get("refund_line_items") or []:
            identity = str(entry.get("line_item_id"))
            counts[identity] = counts.get(identity, 0) + whole(entry, "quantity")
    return counts


def _discount(line: Json) -> Decimal:
    """A line's share of all discounts; bodies from before `discount_allocations` have `total_discount` alone."""
    if line.get("discount_allocations") is not None:
        return _total(line["discount_allocations"], "amount")
    return decimal(line.get("total_discount")) or Decimal(0)


def _total(entries: Json, key: str) -> Decimal:
    """The sum of one amount over a list that may be null."""
    return sum((decimal(entry.get(key)) or Decimal(0) for entry in entries or []), Decimal(0))
