"""Shopify bodies from the builder are whole, and their totals add up."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bridge.sandbox.shopify import Article, shopify_order

LINES = (
    Article(sku="A", price=Decimal("10.00"), quantity=3, grams=100),
    Article(sku="B", price=Decimal("0.01"), grams=5),
)


def test_default_order_adds_up():
    body = shopify_order(1001)
    # two mugs at 12.50, a blanket at 64.00, carriage 4.95; VAT within: 25/6 + 64/6 + 4.95/6 = 4.17 + 10.67 + 0.83
    assert body["total_price"] == "93.95"
    assert (body["subtotal_price"], body["total_tax"], body["total_weight"]) == ("89.00", "15.67", 2670)


def test_tax_on_top_is_part_of_the_total():
    body = shopify_order(lines=LINES, shipping=None, taxes_included=False)
    # 30.01 and 20 % of 30.00, as a penny's fifth rounds to nothing
    assert (body["total_tax"], body["total_price"]) == ("6.00", "36.01")


def test_discount_is_shared_to_the_penny():
    three = [Article(sku=sku, price=Decimal("10.00")) for sku in "ABC"]
    body = shopify_order(lines=three, discount=Decimal("10.00"), shipping=None)
    cuts = [line["discount_allocations"][0]["amount"] for line in body["line_items"]]
    # up to each line 3.33, 6.67, 10.00
    assert (cuts, body["total_price"]) == (["3.33", "3.34", "3.33"], "20.00")


def test_line_without_a_share_has_no_allocation():
    body = shopify_order(lines=LINES)
    assert [line["discount_allocations"] for line in body["line_items"]] == [[], []]


def test_presentment_money_is_the_buyer_s():
    body = shopify_order(lines=LINES, shipping=None, presentment_currency="EUR", presentment_rate=Decimal("1.15"))
    # 30.01 x 1.15 = 34.5115
    assert body["total_price_set"] == {
        "shop_money": {"amount": "30.01", "currency_code": "GBP"},
        "presentment_money": {"amount": "34.51", "currency_code": "EUR"},
    }


@pytest.mark.parametrize(("status", "outstanding"), [("paid", "0.00"), ("pending", "93.95"), ("authorized", "93.95")])
def test_what_is_unpaid_is_outstanding(status, outstanding):
    assert shopify_order(financial_status=status)["total_outstanding"] == outstanding


def test_redacted_keys_are_missing_and_not_null():
    body = shopify_order(address="redacted")
    assert not {"email", "phone", "customer", "contact_email", "order_status_url"} & set(body)
    assert set(body["shipping_address"]) == {"country", "country_code", "province", "province_code"}


def test_address_can_be_null_absent_or_hollow():
    assert shopify_order(address="none")["shipping_address"] is None
    assert "shipping_address" not in shopify_order(address="absent")
    hollow = shopify_order(address="hollow")["shipping_address"]
    assert (hollow["address1"], hollow["zip"], hollow["country_code"]) == ("", None, "GB")


def test_ids_are_exact_and_of_one_order():
    body = shopify_order(order_id=820_982_911_946_154_508)
    assert body["admin_graphql_api_id"] == "gid://shopify/Order/820982911946154508"
    assert len({line["id"] for line in body["line_items"]}) == 2


def test_numbers_and_addresses_are_of_nobody():
    for number in range(1001, 1013):
        who = shopify_order(number)
        assert who["shipping_address"]["phone"].startswith("01632 960")
        assert who["email"].endswith("example.com")
