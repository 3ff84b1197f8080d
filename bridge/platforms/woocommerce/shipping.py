"""Which goods of a WooCommerce order ship, with the weights and sizes that were fetched of their products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import unescape
from typing import Any

from bridge.platforms.base import Fetched, Json, LeftOut, Look, Shipping
from bridge.platforms.goods import decimal
from bridge.platforms.parting import parted
from bridge.platforms.woocommerce.bundles import Bundles, bundles_of, says_it_travels_alone

# https://woocommerce.com/document/woocommerce-product-settings/ : the units that a shop may choose.
_GRAMS = {
    "kg": Decimal(1000),
    "g": Decimal(1),
    "lbs": Decimal("453.59237"),
    "oz": Decimal("28.349523125"),
}
_CENTIMETRES = {
    "m": Decimal(100),
    "cm": Decimal(1),
    "mm": Decimal("0.1"),
    "in": Decimal("2.54"),
    "yd": Decimal("91.44"),
}
_NOTHING = Decimal(0)
_ID_DIGITS = 20  # 64 bits
REFUNDED = "refunded"
NO_SHIPPING = "does not need shipping"
INSIDE_BUNDLE = "inside the bundle it was sold in"


@parted
def shipping_of(look: Look) -> Shipping:
    """What ships of the order of a look; see `shipping`."""
    return shipping(look.order, look.fetched)


def shipping(order: Json, fetched: Fetched) -> Shipping:
    """What ships of an order: its lines less refunded quantities, virtual products and contents of bundles.

    A bundle counts once. Its contents are left out where they travel inside it, and the bundle itself where its product
    is virtual, which is how Product Bundles and Composite Products say that the contents travel on their own.

    What was not read counts as shippable and of unknown weight once `fetched` is complete; until then raises NotRead.
    Refunds without quantities (of an amount only) leave the goods to be shipped.
    """
    lines = order_lines(order)
    products, refunded = _read(order, lines, fetched)
    bundles = bundles_of(lines)
    units = fetched.data.get("units") or {}
    gram, centimetre = _GRAMS.get(str(units.get("weight"))), _CENTIMETRES.get(str(units.get("dimension")))
    way = {"location": None, "location_id": None, "methods": methods_of(order), "pickup_point": None}
    shipped, left_out = [], []
    for line in lines:
        bought, gone = _quantities(line, refunded)
        quantity = bought - gone
        if gone:
            left_out.append(_left_out(line, gone, REFUNDED))
        reason = _stays(line, products, bundles)
        if reason and quantity > 0:
            left_out.append(_left_out(line, quantity, reason))
        elif quantity > 0:
            amounts = {"ordered": _whole(bought), "quantity": _whole(quantity)}
            shipped.append({**line, **_measures(products[product_id(line)], gram, centimetre), **way, **amounts})
    return Shipping(lines=tuple(shipped), left_out=tuple(left_out), notes=_notes(shipped, products))


def order_lines(order: Json) -> list[Mapping[str, Any]]:
    """The order's lines; what is no object among them is passed over."""
    lines = order.get("line_items")
    return [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []


def methods_of(order: Json) -> list[str]:
    """Names of the order's shipping method, the surest first: "flat_rate:3", "flat_rate", "Tracked 48".

    Of several shipping lines those of all, in their order. Old shops and some plugins write the instance, and more,
    into the method itself ("table_rate:5:2"), which is then known by each of its stages.
    """
    lines = order.get("shipping_lines")
    found = [_method_names(line) for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
    return list(dict.fromkeys(name for names in found for name in names if name))


def product_id(line: Mapping[str, Any]) -> str:
    """The id under which a line's product is fetched: the variation's, else the product's; '' for a line of none."""
    identity = str(line.get("variation_id") or line.get("product_id") or "")
    return identity if identity.isascii() and identity.isdigit() and len(identity) <= _ID_DIGITS else ""


def product_key(identity: str) -> str:
    """The key of a product in `Fetched.data`."""
    return f"product:{identity}"


def refunded_quantities(order: Json, fetched: Fetched) -> dict[str, Decimal]:
    """Refunded quantities by line id; raises NotRead where the order has refunds whose lines were not read."""
    if not order.get("refunds"):
        return {}
    refunds = fetched.read("refunds")[0] or []
    quantities: dict[str, Decimal] = {}
    for refund in refunds:
        for line in refund.get("lines") or []:
            name = str(line.get("line_id") or "") or _only_line_of(order, line)
            quantities[name] = quantities.get(name, Decimal(0)) + (decimal(line.get("quantity")) or Decimal(0))
    return quantities


def _method_names(line: Mapping[str, Any]) -> list[str]:
    method, instance = (str(line.get(key) or "").strip() for key in ("method_id", "instance_id"))
    stages = method.split(":")
    names = [":".join(stages[:end]) for end in range(len(stages), 0, -1)]
    if method and instance and len(stages) == 1:
        names.insert(0, f"{method}:{instance}")
    return [*names, unescape(str(line.get("method_title") or "")).strip()]


def _read(
    order: Json, lines: Sequence[Mapping[str, Any]], fetched: Fetched
) -> tuple[dict[str, Mapping[str, Any]], dict[str, Decimal]]:
    """Products by id and refunded quantities by line id; asks for everything that is missing at once."""
    identities = sorted({product_id(line) for line in lines} - {""})
    keys = [product_key(identity) for identity in identities]
    wanted = [*keys, *(["units"] if keys else []), *(["refunds"] if order.get("refunds") else [])]
    values = dict(zip(wanted, fetched.read(*wanted), strict=True))
    products = {identity: values[product_key(identity)] or {} for identity in identities}
    return {"": {}, **products}, refunded_quantities(order, fetched)


def _quantities(line: Mapping[str, Any], refunded: Mapping[str, Decimal]) -> tuple[Decimal, Decimal]:
    """What was bought of a line (a fraction where a plugin sells by length or weight), and refunded of it."""
    bought = decimal(line.get("quantity")) or _NOTHING
    gone = refunded.get(str(line.get("id")), _NOTHING) if refunded else _NOTHING
    return bought, min(gone, bought)


def _stays(line: Mapping[str, Any], products: Mapping[str, Mapping[str, Any]], bundles: Bundles) -> str:
    """Why a line does not ship, or ''."""
    product = products[product_id(line)]
    if product.get("shipping_required") is False:
        return NO_SHIPPING
    parts = bundles.parts_of(line)
    if not product and parts and all(says_it_travels_alone(part) for part in parts):
        return NO_SHIPPING  # of the bundle itself nothing is known, and its contents ship
    container = bundles.container_of(line)
    if container is None:
        return ""
    alone = says_it_travels_alone(line)
    if alone is None:  # then the container's product decides
        alone = products[product_id(container)].get("shipping_required") is False
    return "" if alone else INSIDE_BUNDLE


def _measures(product: Mapping[str, Any], gram: Decimal | None, centimetre: Decimal | None) -> dict[str, Any]:
    """Weight and size of one unit, each None where the shop does not know it (0 counts as unknown)."""
    return {
        "weight_g": _measure(product.get("weight"), gram),
        "length_cm": _measure(product.get("length"), centimetre),
        "width_cm": _measure(product.get("width"), centimetre),
        "height_cm": _measure(product.get("height"), centimetre),
        "hs_code": product.get("hs_code") or None,
        "origin_country": product.get("origin_country") or None,
    }


def _measure(value: object, factor: Decimal | None) -> Decimal | None:
    """A product's number times its unit. Text that is no number is as good as none: WooCommerce itself drops it."""
    try:
        number = decimal(value)
    except ValueError:
        return None
    return number * factor if number and number > 0 and factor else None


def _notes(shipped: Sequence[Mapping[str, Any]], products: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """What the order's story tells of products that are gone."""
    gone = dict.fromkeys(product_id(line) for line in shipped if products[product_id(line)].get("missing"))
    return tuple(f"product {one} no longer exists in WooCommerce: the mapping's defaults are taken" for one in gone)


def _left_out(line: Mapping[str, Any], quantity: Decimal, reason: str) -> LeftOut:
    return LeftOut(
        line_id=str(line.get("id") or ""),
        name=str(line.get("sku") or line.get("name") or ""),
        quantity=int(quantity.to_integral_value()),
        reason=reason,
        may_ship=False,
    )


def _only_line_of(order: Json, refunded: Mapping[str, Any]) -> str:
    """The one line of a refunded product, for refunds that do not name their line; '' where that is not certain."""
    identities = [str(line.get("id")) for line in order_lines(order) if product_id(line) == refunded.get("product_id")]
    return identities[0] if len(identities) == 1 else ""


def _whole(number: Decimal) -> int | Decimal:
    return int(number) if number == number.to_integral_value() else number
