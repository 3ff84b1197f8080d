"""Builds complete Shopify order bodies: the REST Order of 2026-10, as webhooks carry it, with totals that add up."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bridge.sandbox.money import shares
from bridge.sandbox.people import Person, person
from bridge.sandbox.shopify import buyer as personal
from bridge.sandbox.shopify.buyer import AddressKind
from bridge.sandbox.shopify.lines import Article, Terms, article_line, carriage_line, totals

Json = dict[str, Any]

EPOCH = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DEFAULT_LINES = (
    Article(quantity=2),
    Article(sku="BLANKET-L", title="Wool blanket, large", price=Decimal("64.00"), grams=1850),
)

_FIRST_ORDER_ID = 6_104_000_000_000
_FIRST_LINE_ID = 15_301_000_000_000
_FIRST_CARRIAGE_ID = 5_200_000_000_000
_UNPAID = frozenset({"pending", "authorized", "voided"})

# Keys that an order of these builders never fills in; real bodies have them all.
_NULL = (
    *("app_id", "browser_ip", "client_details", "customer_locale", "device_id", "landing_site", "landing_site_ref"),
    *("location_id", "merchant_of_record_app_id", "po_number", "reference", "referring_site", "source_identifier"),
    *("source_url", "user_id", "fulfillment_status", "cart_token", "closed_at", "cancelled_at", "cancel_reason"),
    *("original_total_additional_fees_set", "original_total_duties_set", "current_total_additional_fees_set"),
    *("current_total_duties_set", "payment_terms"),
)
_EMPTY = ("note_attributes", "fulfillments", "refunds", "returns", "line_item_groups")


def shopify_order(
    number: int = 1001,
    *,
    order_id: int | None = None,
    lines: Sequence[Article] = DEFAULT_LINES,
    buyer: Person | None = None,
    address: AddressKind = "full",
    guest: bool = False,
    discount: Decimal = Decimal("0.00"),
    shipping: Decimal | None = Decimal("4.95"),
    shipping_title: str = "Standard delivery",
    shipping_code: str | None = None,
    pickup_point: str | None = None,
    tax_rate: Decimal = Decimal("0.20"),
    taxes_included: bool = True,
    currency: str = "GBP",
    presentment_currency: str | None = None,
    presentment_rate: Decimal = Decimal(1),
    financial_status: str = "paid",
    gateway: str | None = "shopify_payments",
    source_name: str = "web",
    test: bool = False,
    tags: Sequence[str] = (),
    note: str | None = None,
    at: datetime = EPOCH,
) -> Json:
    """An order's body. Money and ids are exact; `discount` is one code over all lines.

    `address`: "none" is a null shipping address, "absent" no key at all, "hollow" one without street and postcode, and
    "redacted" what an app without protected customer data gets. `shipping` None makes an order without shipping lines;
    `shipping_code` is the title unless given. `pickup_point` is the name of a point that a carrier takes the goods to:
    it stands as the company of the shipping address.
    """
    terms = Terms(
        shop=currency,
        presentment=presentment_currency or currency,
        exchange=presentment_rate,
        tax_rate=tax_rate,
        taxes_included=taxes_included,
    )
    items = _items(number, lines, discount, terms)
    carriage_id = _FIRST_CARRIAGE_ID + number
    carriage = [] if shipping is None else [carriage_line(carriage_id, shipping_title, shipping, terms, shipping_code)]
    amounts = totals(items, carriage, terms)
    body = {
        **dict.fromkeys(_NULL),
        **{name: [] for name in _EMPTY},
        **_identity(number, order_id or _FIRST_ORDER_ID + number, at),
        "buyer_accepts_marketing": False,
        "confirmed": True,
        "duties_included": False,
        "estimated_taxes": False,
        "financial_status": financial_status,
        "merchant_business_entity_id": "NjAwMDAwMDAwMDE",
        "note": note,
        "payment_gateway_names": [gateway] if gateway else [],
        "source_name": source_name,
        "tags": ", ".join(tags),
        "tax_exempt": False,
        "test": test,
        **amounts,
        "total_outstanding": amounts["total_price"] if financial_status in _UNPAID else "0.00",
        **_discounts(discount),
        **personal.buyer(buyer or person(number), number, address, guest=guest),
        "line_items": items,
        "shipping_lines": carriage,
    }
    if pickup_point:
        body["shipping_address"] = {**personal.address(buyer or person(number)), "company": pickup_point}
    return personal.redacted(body) if address == "redacted" else body


def _items(number: int, lines: Sequence[Article], discount: Decimal, terms: Terms) -> list[Json]:
    cuts = shares(discount, [article.total for article in lines])
    return [
        article_line(article, _FIRST_LINE_ID + number * 1000 + index, cut, terms)
        for index, (article, cut) in enumerate(zip(lines, cuts, strict=True))
    ]


def _identity(number: int, order_id: int, at: datetime) -> Json:
    token = hashlib.sha256(str(order_id).encode()).hexdigest()[:32]
    when = at.isoformat(timespec="seconds")
    return {
        "id": order_id,
        "admin_graphql_api_id": f"gid://shopify/Order/{order_id}",
        "name": f"#{number}",
        "number": number - 1000,
        "order_number": number,
        "confirmation_number": token[:9].upper(),
        "token": token,
        "checkout_token": token[::-1],
        "order_status_url": f"https://shop.example/60000000001/orders/{token}/authenticate?key={token[:16]}",
        "created_at": when,
        "processed_at": when,
        "updated_at": when,
    }


def _discounts(discount: Decimal) -> Json:
    if not discount:
        return {"discount_codes": [], "discount_applications": []}
    application = {
        "target_type": "line_item",
        "type": "discount_code",
        "value": str(discount),
        "value_type": "fixed_amount",
        "allocation_method": "across",
        "target_selection": "all",
        "code": "WELCOME",
    }
    code = {"code": "WELCOME", "amount": str(discount), "type": "fixed_amount"}
    return {"discount_codes": [code], "discount_applications": [application]}
