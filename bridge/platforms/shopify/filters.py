"""The filters that only Shopify's orders need."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bridge.mapping.language import Filter
from bridge.platforms.base import Json, Look
from bridge.platforms.goods import line_weight, once, total_weight
from bridge.platforms.packing import packages_filter
from bridge.platforms.shopify import goods
from bridge.platforms.shopify.fetched import split_tags
from bridge.platforms.shopify.fields import SHIPPED_LINE
from bridge.platforms.shopify.shipping import shipping


def shippable(order: Json) -> list[Json]:
    """Give the lines that still need shipping, by the body alone: `order | shippable`."""
    return goods.shippable(_object(order))


def to_ship(look: Look, order: Json) -> list[Json]:
    """Give the lines that ship now, by the open fulfilment orders: `order | to_ship`. Offline it is `shippable`."""
    _object(order)
    return list(shipping(look).lines)


def line_value(look: Look, line: Json, tax: str = "gross", per: str = "line", zero: Json = None) -> Decimal:
    """Say what a line's shipped quantity is worth after all discounts, in the shop's currency.

    In a template: `line | line_value(tax='gross', per='line')`. tax: 'gross' with tax, 'net' without. per: 'line', or
    'unit' for one piece. zero: what a unit counts for that is worth nothing, `zero='0.01'`; carriers refuse 0.
    """
    _object(line)
    return once(look, line, f"{tax} {per} {zero}", lambda: goods.line_value(look.order, line, tax, per, zero))


def goods_value(look: Look, lines: Json, tax: str = "gross", zero: Json = None) -> Decimal:
    """Add up the values of lines, as for one line: `lines | goods_value`, or with 'net' those without tax."""
    if not isinstance(lines, list | tuple):
        raise ValueError("goods_value wants a list of lines: {{ lines | goods_value }}")
    return sum((line_value(look, line, tax, zero=zero) for line in lines), Decimal(0))


def tag_list(tags: Json) -> list[str]:
    """Split Shopify's one string of tags: `'fragile' in (order.tags | tag_list)`."""
    if not isinstance(tags, str):
        raise ValueError("tag_list wants the text of tags: {{ order.tags | tag_list }}")
    return split_tags(tags)


FILTERS: Mapping[str, Filter] = {
    "shippable": Filter(function=shippable, gives=SHIPPED_LINE),
    "to_ship": Filter(function=to_ship, looks=True, gives=SHIPPED_LINE),
    "line_value": Filter(function=line_value, looks=True),
    "line_weight": Filter(function=line_weight, looks=True),
    "total_weight": Filter(function=total_weight, looks=True),
    "goods_value": Filter(function=goods_value, looks=True),
    "packages": packages_filter(SHIPPED_LINE),
    "tag_list": Filter(function=tag_list),
}


def _object(value: Json) -> Json:
    """The order or line itself; anything else is a mistake in the mapping."""
    if not isinstance(value, dict):
        raise ValueError("this filter wants the whole order or one of its lines")
    return value
