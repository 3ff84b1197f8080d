"""WooCommerce bodies from the builder are whole, and their totals add up."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from bridge.sandbox.woocommerce import PRODUCTS, Purchase, woo_order
from bridge.sandbox.woocommerce.api import php_json

MUG, SHIRT_L = PRODUCTS[0], PRODUCTS[3]


def test_default_order_adds_up():
    body = woo_order()
    # with tax: two mugs 25.00, a lamp 89.00, carriage 4.95
    assert body["total"] == "118.95"
    # tax within: 25.00 - 20.83, 89.00 - 74.17, 4.95 - 4.13
    assert (body["cart_tax"], body["shipping_tax"], body["total_tax"]) == ("19.00", "0.82", "19.82")


def test_coupon_lowers_the_lines():
    body = woo_order(lines=[Purchase(product=MUG, quantity=2)], discount=Decimal("5.00"), shipping=None)
    (line,) = body["line_items"]
    # 25.00 - 5.00 = 20.00, of which 16.67 is not tax; before 20.83
    assert (line["subtotal"], line["total"], line["total_tax"]) == ("20.83", "16.67", "3.33")
    assert (body["discount_total"], body["discount_tax"], body["total"]) == ("4.16", "0.84", "20.00")
    assert line["price"] == 8.335


def test_variation_names_its_parent():
    (line,) = woo_order(lines=[Purchase(product=SHIRT_L)])["line_items"]
    assert (line["product_id"], line["variation_id"], line["parent_name"]) == (15, 16, "T-shirt")


def test_local_time_is_the_shop_s():
    body = woo_order(at=datetime(2026, 7, 1, 9, 0, tzinfo=UTC))  # British summer time
    assert (body["date_created"], body["date_created_gmt"]) == ("2026-07-01T10:00:00", "2026-07-01T09:00:00")


def test_unpaid_orders_have_no_payment_date():
    assert woo_order(status="pending")["date_paid"] is None
    assert woo_order(payment_method="cod")["date_paid"] is None


def test_addresses_are_empty_text_and_never_null():
    body = woo_order(address="billing only")
    assert set(body["shipping"].values()) == {""}
    assert body["billing"]["address_1"] != ""
    assert "email" not in body["shipping"]


def test_downloads_alone_need_no_processing():
    guide = Purchase(product=PRODUCTS[4])
    assert woo_order(lines=[guide])["needs_processing"] is False
    assert woo_order(lines=[guide, Purchase(product=MUG)])["needs_processing"] is True


def test_json_is_php_s():
    assert php_json({"url": "a/b", "name": "Zoë", "price": 9.0}) == b'{"url":"a\\/b","name":"Zo\\u00eb","price":9}'
