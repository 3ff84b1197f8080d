"""Builds complete WooCommerce order bodies (wc/v3 of WooCommerce 11) whose totals add up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal
from zoneinfo import ZoneInfo

from bridge.sandbox.money import pence, shares
from bridge.sandbox.people import Person, person
from bridge.sandbox.woocommerce.products import LAMP, MUG, Product

Json = dict[str, Any]
AddressKind = Literal["full", "billing only", "company only", "none"]

EPOCH = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/London")  # the shop's own time, which times without _gmt are in
_TITLES = {
    "stripe": "Card",
    "cod": "Cash on delivery",
    "bacs": "Direct bank transfer",
    "cheque": "Cheque payments",
}
_ADDRESS = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country")
_SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$"}
_NOT_PAID = frozenset({"pending", "on-hold", "failed", "cancelled", "checkout-draft", "auto-draft"})


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """One line of an order."""

    product: Product
    quantity: int = 1
    meta: Mapping[str, str] = field(default_factory=dict)


DEFAULT_LINES = (Purchase(product=MUG, quantity=2), Purchase(product=LAMP))


@dataclass(frozen=True, kw_only=True)
class _Priced:
    """A line with its amounts, all without tax but `tax`."""

    purchase: Purchase
    subtotal: Decimal
    subtotal_tax: Decimal
    total: Decimal
    tax: Decimal


def woo_order(
    number: int = 21,
    *,
    lines: Sequence[Purchase] = DEFAULT_LINES,
    buyer: Person | None = None,
    address: AddressKind = "full",
    customer_id: int = 0,
    status: str = "processing",
    payment_method: str = "stripe",
    discount: Decimal = Decimal("0.00"),
    shipping: Decimal | None = Decimal("4.95"),
    shipping_method: str = "flat_rate",
    shipping_instance: str = "1",
    shipping_title: str = "Standard delivery",
    tax_rate: Decimal = Decimal("0.20"),
    currency: str = "GBP",
    customer_note: str = "",
    created_via: str = "checkout",
    shown_number: str = "",
    order_key: str = "",
    meta: Mapping[str, Any] = MappingProxyType({}),
    home: str = "https://shop.example",
    at: datetime = EPOCH,
) -> Json:
    """An order's body; its id is `number`, and a numbering plugin shows `shown_number` in its place.

    Prices, `discount` (one coupon) and `shipping` include tax.

    `address`: "billing only" leaves the shipping address empty, as REST and virtual orders do; "company only" has no
    names; "none" is empty throughout. `shipping` None makes an order without shipping lines.
    """
    who = buyer or person(number)
    priced = _priced(lines, discount, tax_rate)
    carriage = [] if shipping is None else [_net(shipping, tax_rate)]
    body = {
        "id": number,
        "parent_id": 0,
        "status": status,
        "currency": currency,
        "version": "11.0.1",
        "prices_include_tax": True,
        **_times(at, status, payment_method),
        **_totals(priced, carriage),
        "customer_id": customer_id,
        "order_key": order_key or key_of(number),
        **_addresses(who, address),
        **_payment(payment_method, customer_note, created_via),
        "number": shown_number or str(number),
        "meta_data": [
            {"id": number * 100 + index, "key": key, "value": value} for index, (key, value) in enumerate(meta.items())
        ],
        "line_items": [_line(found, number * 10 + index) for index, found in enumerate(priced)],
        "tax_lines": _tax_lines(priced, carriage, tax_rate, number * 10 + 9),
        "shipping_lines": [
            _shipping_line(net, tax, shipping_title, (shipping_method, shipping_instance), number * 10 + 8)
            for net, tax in carriage
        ],
        "fee_lines": [],
        "coupon_lines": _coupons(priced, number * 10 + 7),
        "refunds": [],
    }
    processed = any(not (bought.product.virtual and bought.product.downloadable) for bought in lines)
    return {**body, **worked_out(body, home), "needs_processing": processed}


def key_of(number: int) -> str:
    """The order key that an order gets where nothing else is said."""
    return f"wc_order_{hashlib.sha256(str(number).encode()).hexdigest()[:13]}"


def line_of(purchase: Purchase, line_id: int, rate: Decimal) -> Json:
    """One line at its product's price, without a discount."""
    (priced,) = _priced([purchase], Decimal("0.00"), rate)
    return _line(priced, line_id)


def worked_out(body: Json, home: str) -> Json:
    """What WooCommerce works out from an order whenever it shows it; `home` is the shop's address."""
    collection = f"{home}/wp-json/wc/v3/orders"
    own = f"{collection}/{body['id']}"
    unpaid, buyer = body["status"] in {"pending", "failed"}, body["customer_id"]
    return {
        "payment_url": f"{home}/checkout/order-pay/{body['id']}/?pay_for_order=true&key={body['order_key']}",
        "is_editable": body["status"] in {"pending", "on-hold", "auto-draft"},
        "needs_payment": unpaid and body["total"] != "0.00",
        "currency_symbol": _SYMBOLS.get(body["currency"], body["currency"]),
        "_links": {
            "self": [{"href": own, "targetHints": {"allow": ["GET", "POST", "PUT", "PATCH", "DELETE"]}}],
            "collection": [{"href": collection}],
            "email_templates": [{"embeddable": True, "href": f"{own}/actions/email_templates"}],
            **({"customer": [{"href": f"{home}/wp-json/wc/v3/customers/{buyer}"}]} if buyer else {}),
        },
    }


def shown_at(body: Json, home: str) -> Json:
    """An order as the shop at `home` shows it: with its own links, where the body has links at all."""
    if "_links" not in body:
        return body
    made = worked_out(body, home)
    return {**body, "_links": made["_links"], "payment_url": made["payment_url"]}


def wc_time(moment: datetime | None, *, gmt: bool) -> str | None:
    """A time as WooCommerce writes it: without zone, in the shop's own time or in UTC."""
    return moment.astimezone(UTC if gmt else ZONE).strftime("%Y-%m-%dT%H:%M:%S") if moment else None


def times_of(name: str, moment: datetime | None) -> Json:
    """A pair of date fields."""
    return {f"date_{name}": wc_time(moment, gmt=False), f"date_{name}_gmt": wc_time(moment, gmt=True)}


def _net(gross: Decimal, rate: Decimal) -> tuple[Decimal, Decimal]:
    """Amount without tax, and the tax."""
    net = pence(gross / (1 + rate))
    return net, gross - net


def _priced(lines: Sequence[Purchase], discount: Decimal, rate: Decimal) -> list[_Priced]:
    gross = [purchase.product.price * purchase.quantity for purchase in lines]
    result = []
    for purchase, before, cut in zip(lines, gross, shares(discount, gross), strict=True):
        subtotal, subtotal_tax = _net(before, rate)
        total, tax = _net(before - cut, rate)
        result.append(_Priced(purchase=purchase, subtotal=subtotal, subtotal_tax=subtotal_tax, total=total, tax=tax))
    return result


def _line(found: _Priced, line_id: int) -> Json:
    product, quantity = found.purchase.product, found.purchase.quantity
    shown = {**product.attributes, **found.purchase.meta}
    return {
        "id": line_id,
        "name": product.name,
        "product_id": product.parent_id or product.id,
        "variation_id": product.id if product.parent_id else 0,
        "quantity": quantity,
        "tax_class": "",
        "subtotal": str(found.subtotal),
        "subtotal_tax": str(found.subtotal_tax),
        "total": str(found.total),
        "total_tax": str(found.tax),
        "taxes": [{"id": 1, "total": str(found.tax), "subtotal": str(found.subtotal_tax)}],
        "meta_data": [
            {"id": line_id * 10 + index, "key": key.lower(), "value": value, "display_key": key, "display_value": value}
            for index, (key, value) in enumerate(shown.items())
        ],
        "sku": product.sku,
        "global_unique_id": "",
        "price": round(float(found.total / quantity), 6),
        "image": {"id": "", "src": ""},
        "parent_name": product.name.split(" - ", maxsplit=1)[0] if product.parent_id else None,
    }


def _shipping_line(net: Decimal, tax: Decimal, title: str, method: tuple[str, str], line_id: int) -> Json:
    return {
        "id": line_id,
        "method_title": title,
        "method_id": method[0],
        "instance_id": method[1],
        "total": str(net),
        "total_tax": str(tax),
        "taxes": [{"id": 1, "total": str(tax), "subtotal": ""}],
        "tax_status": "taxable",
        "meta_data": [],
    }


def _tax_lines(
    priced: Sequence[_Priced], carriage: Sequence[tuple[Decimal, Decimal]], rate: Decimal, line_id: int
) -> list[Json]:
    if not rate:
        return []
    line = {
        "id": line_id,
        "rate_code": "GB-VAT-1",
        "rate_id": 1,
        "label": "VAT",
        "compound": False,
        "tax_total": str(sum((found.tax for found in priced), Decimal("0.00"))),
        "shipping_tax_total": str(sum((tax for _, tax in carriage), Decimal("0.00"))),
        "rate_percent": float(rate * 100),
        "meta_data": [],
    }
    return [line]


def _coupons(priced: Sequence[_Priced], line_id: int) -> list[Json]:
    cut = sum((found.subtotal - found.total for found in priced), Decimal("0.00"))
    cut_tax = sum((found.subtotal_tax - found.tax for found in priced), Decimal("0.00"))
    if not cut:
        return []
    coupon = {"id": line_id, "code": "welcome", "discount": str(cut), "discount_tax": str(cut_tax), "meta_data": []}
    return [{**coupon, "discount_type": "fixed_cart", "nominal_amount": float(cut + cut_tax), "free_shipping": False}]


def _totals(priced: Sequence[_Priced], carriage: Sequence[tuple[Decimal, Decimal]]) -> Json:
    zero = Decimal("0.00")
    goods_tax = sum((found.tax for found in priced), zero)
    carriage_tax = sum((tax for _, tax in carriage), zero)
    amounts = {
        "discount_total": sum((found.subtotal - found.total for found in priced), zero),
        "discount_tax": sum((found.subtotal_tax - found.tax for found in priced), zero),
        "shipping_total": sum((net for net, _ in carriage), zero),
        "shipping_tax": carriage_tax,
        "cart_tax": goods_tax,
        "total": sum((found.total + found.tax for found in priced), zero) + sum((sum(pair) for pair in carriage), zero),
        "total_tax": goods_tax + carriage_tax,
    }
    return {name: str(amount) for name, amount in amounts.items()}


def _times(at: datetime, status: str, payment_method: str) -> Json:
    paid = None if status in _NOT_PAID or payment_method == "cod" else at
    return {
        **times_of("created", at),
        **times_of("modified", at),
        **times_of("completed", at if status == "completed" else None),
        **times_of("paid", paid),
    }


def _addresses(who: Person, kind: AddressKind) -> Json:
    full = dict.fromkeys(_ADDRESS, "") if kind == "none" else _address(who)
    if kind == "company only":
        full = {**full, "first_name": "", "last_name": "", "company": who.company or "Kiln Yard Traders Ltd"}
    empty = dict.fromkeys(_ADDRESS, "")
    shipping = empty if kind in {"billing only", "none"} else full
    return {
        "billing": {**full, "email": who.email, "phone": who.phone},
        "shipping": {**shipping, "phone": ""},
    }


def _address(who: Person) -> Json:
    return {
        "first_name": who.first_name,
        "last_name": who.last_name,
        "company": who.company,
        "address_1": who.address_1,
        "address_2": who.address_2,
        "city": who.city,
        "state": who.state or who.county,  # free text in the UK
        "postcode": who.postcode,
        "country": who.country,
    }


def _payment(method: str, note: str, created_via: str) -> Json:
    return {
        "payment_method": method,
        "payment_method_title": _TITLES.get(method, method.title()),
        "transaction_id": "",
        "customer_ip_address": "192.0.2.10",
        "customer_user_agent": "Mozilla/5.0",
        "created_via": created_via,
        "customer_note": note,
        "cart_hash": "",
    }
