"""Lines of a Shopify order body: articles and carriage with their shares of discount and tax."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bridge.sandbox.money import pence

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Article:
    """One line of an order; `price` is of one unit, in the shop's currency, before discounts."""

    sku: str | None = "MUG-BLUE"
    title: str = "Stoneware mug, blue"
    quantity: int = 1
    price: Decimal = Decimal("12.50")
    grams: int = 410
    requires_shipping: bool = True
    gift_card: bool = False
    variant_id: int | None = None  # None: made from the sku
    properties: Sequence[tuple[str, str]] = ()

    @property
    def total(self) -> Decimal:
        """Price of the whole line before discounts."""
        return self.price * self.quantity

    @property
    def variant(self) -> int | None:
        """The variant: given, or made from the sku; None for a custom line without one."""
        if self.variant_id is not None or not self.sku:
            return self.variant_id
        return 44_000_000_000_000 + int(hashlib.sha256(self.sku.encode()).hexdigest()[:9], 16)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What an order's amounts are in, and how they are taxed; `exchange` is presentment for one of the shop's."""

    shop: str
    presentment: str
    exchange: Decimal
    tax_rate: Decimal
    taxes_included: bool

    def set_of(self, amount: Decimal) -> Json:
        """An amount as a `*_set`."""
        return {
            "shop_money": {"amount": str(amount), "currency_code": self.shop},
            "presentment_money": {"amount": str(pence(amount * self.exchange)), "currency_code": self.presentment},
        }

    def tax_of(self, paid: Decimal) -> Decimal:
        """The tax on what is paid, within it or on top."""
        tax = paid * self.tax_rate
        return pence(tax / (1 + self.tax_rate)) if self.taxes_included else pence(tax)

    def tax_lines(self, tax: Decimal) -> list[Json]:
        """An amount of tax as `tax_lines`, none where nothing is taxed."""
        if not self.tax_rate:
            return []
        rate = float(self.tax_rate)
        return [
            {"channel_liable": False, "price": str(tax), "price_set": self.set_of(tax), "rate": rate, "title": "GB VAT"}
        ]


def terms_of(body: Json) -> Terms:
    """The terms of an order that stands, by its lines."""
    lines = body["line_items"]
    sets = [line["price_set"] for line in lines if Decimal(line["price"])]
    rates = [Decimal(str(tax["rate"])) for line in lines for tax in line["tax_lines"]]
    exchange = Decimal(1)
    if sets:
        shown, own = (Decimal(sets[0][kind]["amount"]) for kind in ("presentment_money", "shop_money"))
        exchange = shown / own
    return Terms(
        shop=body["currency"],
        presentment=body["presentment_currency"],
        exchange=exchange,
        tax_rate=rates[0] if rates else Decimal(0),
        taxes_included=body["taxes_included"],
    )


def raised_line(line: Json, more: int, terms: Terms) -> Json:
    """A line of `line_items` with `more` units ordered, and their tax."""
    quantity = line["quantity"] + more
    cut = sum((Decimal(one["amount"]) for one in line["discount_allocations"]), Decimal(0))
    tax_lines = terms.tax_lines(terms.tax_of(Decimal(line["price"]) * quantity - cut))
    counts = {name: line[name] + more for name in ("quantity", "current_quantity", "fulfillable_quantity")}
    return {**line, **counts, "tax_lines": tax_lines}


def article_line(article: Article, line_id: int, cut: Decimal, terms: Terms) -> Json:
    """One of `line_items`; `cut` is its share of the discount."""
    variant = article.variant
    zero = Decimal("0.00")
    return {
        "id": line_id,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{line_id}",
        "attributed_staffs": [],
        "current_quantity": article.quantity,
        "fulfillable_quantity": article.quantity,
        "fulfillment_service": "gift_card" if article.gift_card else "manual",
        "fulfillment_status": None,
        "gift_card": article.gift_card,
        "grams": article.grams,
        "name": article.title,
        "price": str(article.price),
        "price_set": terms.set_of(article.price),
        "product_exists": variant is not None,
        "product_id": variant - 36_000_000_000_000 if variant else None,
        "properties": [{"name": name, "value": value} for name, value in article.properties],
        "quantity": article.quantity,
        "requires_shipping": article.requires_shipping,
        "sales_line_item_group_id": None,
        "sku": article.sku,
        "taxable": bool(terms.tax_rate),
        "title": article.title,
        "total_discount": str(zero),
        "total_discount_set": terms.set_of(zero),
        "variant_id": variant,
        "variant_inventory_management": "shopify" if variant else None,
        "variant_title": None,
        "vendor": "Larkspur Homeware",
        "tax_lines": terms.tax_lines(terms.tax_of(article.total - cut)),
        "duties": [],
        "discount_allocations": _allocations(cut, terms),
    }


def carriage_line(line_id: int, title: str, price: Decimal, terms: Terms, code: str | None = None) -> Json:
    """One of `shipping_lines`."""
    return {
        "id": line_id,
        "carrier_identifier": None,
        "code": code or title,
        "current_discounted_price_set": terms.set_of(price),
        "discounted_price": str(price),
        "discounted_price_set": terms.set_of(price),
        "is_removed": False,
        "phone": None,
        "price": str(price),
        "price_set": terms.set_of(price),
        "requested_fulfillment_service_id": None,
        "source": "shopify",
        "title": title,
        "tax_lines": terms.tax_lines(terms.tax_of(price)),
        "discount_allocations": [],
    }


def totals(items: Sequence[Json], carriage: Sequence[Json], terms: Terms) -> Json:
    """The order's amounts, from its lines as they stand in the body."""
    zero = Decimal("0.00")
    goods = sum((Decimal(item["price"]) * item["quantity"] for item in items), zero)
    discount = sum((Decimal(cut["amount"]) for item in items for cut in item["discount_allocations"]), zero)
    shipping = sum((Decimal(line["price"]) for line in carriage), zero)
    tax = sum((Decimal(line["price"]) for item in (*items, *carriage) for line in item["tax_lines"]), zero)
    total = goods - discount + shipping + (zero if terms.taxes_included else tax)
    amounts = {
        **_twice("subtotal_price", goods - discount),
        **_twice("total_discounts", discount),
        **_twice("total_price", total),
        **_twice("total_tax", tax),
        "total_line_items_price": goods,
    }
    only_sets = {
        "current_shipping_price_set": shipping,
        "total_shipping_price_set": shipping,
        "total_cash_rounding_payment_adjustment_set": zero,
        "total_cash_rounding_refund_adjustment_set": zero,
    }
    return {
        "currency": terms.shop,
        "presentment_currency": terms.presentment,
        "taxes_included": terms.taxes_included,
        "tax_lines": terms.tax_lines(tax),
        **{name: str(amount) for name, amount in amounts.items()},
        **{f"{name}_set": terms.set_of(amount) for name, amount in amounts.items()},
        **{name: terms.set_of(amount) for name, amount in only_sets.items()},
        "total_tip_received": "0.00",
        "total_weight": sum(item["grams"] * item["quantity"] for item in items),
    }


def _twice(name: str, amount: Decimal) -> dict[str, Decimal]:
    """An amount at the time of the order, and as it is now."""
    return {name: amount, f"current_{name}": amount}


def _allocations(cut: Decimal, terms: Terms) -> list[Json]:
    if not cut:
        return []
    return [{"amount": str(cut), "amount_set": terms.set_of(cut), "discount_application_index": 0}]
