"""Changes of an order's lines over the REST API, as class-wc-rest-orders-v2-controller.php makes them.

https://github.com/woocommerce/woocommerce, `prepare_object_for_database` and `prepare_line_items`: a line without id is
added at the product's price; one with an id takes the values given, and a new quantity alone leaves its total; quantity
0 or a product, name or method of null takes it off; then the order's totals are worked out anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from bridge.sandbox.money import pence
from bridge.sandbox.woocommerce.order import Purchase, line_of
from bridge.sandbox.woocommerce.products import Product

Json = dict[str, Any]

_ZERO = Decimal("0.00")
_REMOVING = ("product_id", "name")  # null takes the line off
_GIVEN = ("name", "quantity", "total", "subtotal", "tax_class")


def edited(
    body: Mapping[str, Any], given: Sequence[Json], products: Mapping[int, Product], new_id: Callable[[], int]
) -> Json:
    """What changes of an order when these `line_items` are written; raises KeyError for a line it does not have."""
    rate = _rate(body)
    lines = {line["id"]: line for line in body["line_items"]}
    for wanted in given:
        if not wanted.get("id"):
            line = _new(wanted, products, new_id(), rate)
            lines[line["id"]] = line
        elif wanted.get("quantity") == 0 or any(name in wanted and wanted[name] is None for name in _REMOVING):
            lines.pop(wanted["id"], None)
        else:
            lines[wanted["id"]] = _updated(lines[wanted["id"]], wanted, rate)
    return {"line_items": list(lines.values()), **_totals(body, list(lines.values()))}


def _new(wanted: Json, products: Mapping[int, Product], line_id: int, rate: Decimal) -> Json:
    by_sku = {product.sku: product.id for product in products.values() if product.sku}
    identity = by_sku.get(wanted.get("sku", "")) or wanted.get("variation_id") or wanted.get("product_id")
    line = line_of(Purchase(product=products[int(identity or 0)], quantity=wanted.get("quantity", 1)), line_id, rate)
    return _updated(line, wanted, rate) if {"total", "subtotal", "name"} & set(wanted) else line


def _updated(line: Json, wanted: Json, rate: Decimal) -> Json:
    changed = {**line, **{name: wanted[name] for name in _GIVEN if name in wanted}}
    for name in ("total", "subtotal"):
        if name in wanted:
            amount = Decimal(str(wanted[name]))
            changed |= {name: f"{amount:.2f}", f"{name}_tax": str(pence(amount * rate))}
    price = float(Decimal(changed["total"]) / changed["quantity"])
    taxes = [{"id": 1, "total": changed["total_tax"], "subtotal": changed["subtotal_tax"]}]
    return {**changed, "price": round(price, 6), "taxes": taxes}


def _totals(body: Mapping[str, Any], lines: Sequence[Json]) -> Json:
    others = [*body["shipping_lines"], *body["fee_lines"]]
    cart_tax = _sum(lines, "total_tax") + _sum(body["fee_lines"], "total_tax")
    taxes = cart_tax + _sum(body["shipping_lines"], "total_tax")
    tax_lines = [{**line, "tax_total": str(cart_tax)} for line in body["tax_lines"]]
    return {
        "discount_total": str(_sum(lines, "subtotal") - _sum(lines, "total")),
        "discount_tax": str(_sum(lines, "subtotal_tax") - _sum(lines, "total_tax")),
        "cart_tax": str(cart_tax),
        "total_tax": str(taxes),
        "total": str(_sum(lines, "total") + _sum(others, "total") + taxes),
        "tax_lines": tax_lines,
    }


def _sum(lines: Sequence[Json], name: str) -> Decimal:
    return sum((Decimal(line[name]) for line in lines), _ZERO)


def _rate(body: Mapping[str, Any]) -> Decimal:
    """The one tax rate of an order."""
    return next((Decimal(str(line["rate_percent"])) / 100 for line in body["tax_lines"]), _ZERO)
