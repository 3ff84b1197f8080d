"""The filters and `fetched` names that mappings of WooCommerce shops have beside the general ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from bridge.mapping.language import Filter
from bridge.platforms.base import Json, LeftOut, Look, PartOf
from bridge.platforms.goods import line_weight, once, pieces, total_weight, worth
from bridge.platforms.packing import packages_filter
from bridge.platforms.woocommerce.bundles import bundles_of, total, whole_value
from bridge.platforms.woocommerce.fields import GOODS, PRODUCT
from bridge.platforms.woocommerce.records import meta_values
from bridge.platforms.woocommerce.regions import region_name
from bridge.platforms.woocommerce.shipping import (
    INSIDE_BUNDLE,
    NO_SHIPPING,
    order_lines,
    product_id,
    product_key,
    refunded_quantities,
    shipping,
    shipping_of,
)

_ADDRESS_LINES = 3


def to_ship(look: Look, order: Json) -> list[Json]:
    """The order's lines that ship now and stand in no other part, see `shipping.shipping`."""
    _want(order, Mapping, "to_ship wants the order: write {{ order | to_ship }}")
    return list((shipping_of(look) if order is look.order else shipping(order, look.fetched)).lines)


def shippable(look: Look, order: Json) -> list[Json]:
    """The order's lines that ship, whichever part they stand in."""
    if look.part == PartOf():
        return to_ship(look, order)
    _want(order, Mapping, "shippable wants the order: write {{ order | shippable }}")
    return list(shipping(order, look.fetched).lines)


def line_value(look: Look, line: Json, tax: str = "gross", per: str = "line", zero: Json = None) -> Decimal:
    """What the shipped quantity of a line is worth after discounts, in shop currency; `per='unit'` for one of them.

    WooCommerce's own line totals, which share out coupons exactly; a refunded quantity takes its share away. Discounts
    that a plugin books as a negative fee belong to no line and do not count. See `bundles.whole_value` for bundles.
    zero: what a unit counts for that is worth nothing, `zero='0.01'`; carriers refuse 0.
    """
    _want(line, Mapping, "line_value wants a line: write {{ line | line_value }} inside each: lines")
    if per not in {"line", "unit"}:
        raise ValueError("a value is per='line' or per='unit'")

    def worked_out() -> Decimal:
        return worth(_whole_value(look, line, gross=_is_gross(tax)), line, per=per, zero=zero)

    return once(look, line, f"{tax} {per} {zero}", worked_out)


def goods_value(look: Look, lines: Sequence[Json], tax: str = "gross", zero: Json = None) -> Decimal:
    """What lines are worth together: the sum of their `line_value`."""
    _want(lines, (list, tuple), "goods_value wants lines: write {{ order | to_ship | goods_value }}")
    return sum((line_value(look, line, tax, zero=zero) for line in lines), Decimal(0))


def product(look: Look, line: Json) -> Json:
    """What was fetched of a line's product; nothing for a line without one or a product that no longer exists."""
    _want(line, Mapping, "product wants a line: write {{ (line | product).name }} inside each: lines")
    identity = product_id(line)
    found = look.fetched.read(product_key(identity))[0] if identity else None
    return None if not found or found.get("missing") else found


def address_line(address: Json, number: int) -> str | None:
    """Line 1, 2 or 3 of an address; WooCommerce's `address_1` may hold newlines, and what is beyond 3 joins the last.

    Line 1 of an address without any is an error: nothing can be shipped there. The others are then missing.
    """
    _want(address, Mapping, "address_line wants an address: write {{ order.shipping | address_line(1) }}")
    if number not in range(1, _ADDRESS_LINES + 1):
        raise ValueError("address_line knows lines 1, 2 and 3")
    texts = [str(address.get(key) or "") for key in ("address_1", "address_2")]
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    if not lines and number == 1:
        raise ValueError("the address has no street line; complete the address of the order in WooCommerce")
    lines[_ADDRESS_LINES - 1 :] = [", ".join(lines[_ADDRESS_LINES - 1 :])] if len(lines) >= _ADDRESS_LINES else []
    return lines[number - 1] if number <= len(lines) else None


def meta(owner: Json, key: str) -> Json:
    """The value under a meta key of an order or a line, where plugins keep theirs; the first of several."""
    return next(iter(meta_values(owner, key)), None)


def picked_up(order: Json, methods: Sequence[str]) -> bool:
    """Whether the customer fetches the order: it has shipping methods, and all of them are among `methods`.

    Old shops write the instance behind the method ("local_pickup:3"), which is left aside.
    """
    _want(order, Mapping, "picked_up wants the order: write order | picked_up(['local_pickup'])")
    chosen = [str(line.get("method_id") or "").partition(":")[0] for line in order.get("shipping_lines") or []]
    return bool(chosen) and all(method in methods for method in chosen)


FILTERS: Mapping[str, Filter] = {
    "shippable": Filter(function=shippable, looks=True, gives=GOODS),
    "to_ship": Filter(function=to_ship, looks=True, gives=GOODS),
    "line_value": Filter(function=line_value, looks=True),
    "line_weight": Filter(function=line_weight, looks=True),
    "total_weight": Filter(function=total_weight, looks=True),
    "goods_value": Filter(function=goods_value, looks=True),
    "packages": packages_filter(GOODS),
    "product": Filter(function=product, looks=True, gives=PRODUCT),
    "region_name": Filter(function=region_name, looks=True),
    "address_line": Filter(function=address_line),
    "meta": Filter(function=meta),
    "picked_up": Filter(function=picked_up),
    "pieces": Filter(function=pieces),
}


def _products(look: Look) -> Json:
    identities = sorted({product_id(line) for line in order_lines(look.order)} - {""})
    values = look.fetched.read(*map(product_key, identities))
    found = {identity: value for identity, value in zip(identities, values, strict=True) if value}
    return found or (None if identities else {})


def _refunded(look: Look) -> Json:
    if look.order.get("refunds") and look.fetched.read("refunds")[0] is None:
        return None
    return refunded_quantities(look.order, look.fetched)


def _units(look: Look) -> Json:
    return look.fetched.read("units")[0]


FETCHED: Mapping[str, Callable[[Look], Json]] = {
    "products": _products,  # by id: see fields.PRODUCT; weights and sizes in the shop's units
    "refunded": _refunded,  # refunded quantities by line id
    "units": _units,  # {"weight": "kg", "dimension": "cm"}
}


def _whole_value(look: Look, line: Mapping[str, Any], *, gross: bool) -> Decimal:
    """The value of a line's ordered quantity; only an order with bundles needs a look at its other lines."""
    bundles = bundles_of(order_lines(look.order)) if _has_bundle_keys(line) else None
    if bundles is None or not bundles.containers:
        return total(line, gross=gross)
    left_out = _left_out_of_order(look)
    inside = {left.line_id for left in left_out if left.reason == INSIDE_BUNDLE}
    apart = {left.line_id for left in left_out if left.reason == NO_SHIPPING}
    return whole_value(line, bundles, inside, apart, gross=gross)


def _left_out_of_order(look: Look) -> Sequence[LeftOut]:
    """What the order as a whole leaves out, whatever the part that is looked at: a bundle is worth the same in all."""
    if "left_out_of_order" not in look.kept:
        look.kept["left_out_of_order"] = shipping(look.order, look.fetched).left_out
    found: Sequence[LeftOut] = look.kept["left_out_of_order"]
    return found


def _has_bundle_keys(line: Mapping[str, Any]) -> bool:
    return any(line.get(key) for key in ("bundled_by", "bundled_items", "composite_parent", "composite_children"))


def _is_gross(tax: str) -> bool:
    if tax not in {"gross", "net"}:
        raise ValueError("the tax of a value is 'gross' (with tax) or 'net' (without)")
    return tax == "gross"


def _want(value: Json, kind: type | tuple[type, ...], sentence: str) -> None:
    """Raise ValueError with a sentence that shows how the filter is written, unless the value is of its kind."""
    if isinstance(value, kind):
        return
    raise ValueError(sentence)
