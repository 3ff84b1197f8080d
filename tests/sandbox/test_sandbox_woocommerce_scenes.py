"""What happens to real shops can be played: copies, backups, imports, renewals, edits, numbering plugins."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from bridge.platforms.woocommerce.hosts import host_of_order
from bridge.platforms.woocommerce.webhook import sign
from bridge.sandbox.server import serve
from bridge.sandbox.trio import open_trio
from bridge.sandbox.woocommerce import PRODUCTS, FakeWooCommerce, Purchase, woo_order
from tests.sandbox.conftest import START, Receiver

STAGING = "https://staging.shop.example"
MUG, LAMP = PRODUCTS[0], PRODUCTS[1]


@pytest.fixture
def order(woocommerce: FakeWooCommerce) -> int:
    mugs = Purchase(product=MUG, quantity=2)  # 25.00 with tax: 20.83 and 4.17; carriage 4.95: 4.13 and 0.82
    return woocommerce.add_order(woo_order(21, lines=[mugs], at=START), topics=())


def bodies(woocommerce: FakeWooCommerce, receiver: Receiver) -> list[dict]:
    woocommerce.webhooks.flush()
    return [json.loads(got.body) for got in receiver.got]


# --- Copies and backups ----------------------------------------------------------------------------------------------
def test_orders_are_shown_with_the_address_of_their_shop(woocommerce, order):
    woocommerce.url = "https://www.shop.example"
    body = woocommerce.order(order)
    assert host_of_order(body) == "shop.example"
    assert body["payment_url"].startswith("https://www.shop.example/checkout/")


def test_staging_copy_sends_the_same_order_with_its_own_address(woocommerce, receiver, order):
    copy = woocommerce.copy_at(STAGING)
    copy.set_status(order, "completed")
    (body,) = bodies(copy, receiver)
    assert (body["id"], body["order_key"]) == (21, woocommerce.order(order)["order_key"])
    assert host_of_order(body) == "staging.shop.example"
    assert receiver.got[0].headers["x-wc-webhook-source"] == f"{STAGING}/"
    assert receiver.got[0].headers["x-wc-webhook-signature"] == sign(woocommerce.secret, receiver.got[0].body)


def test_copy_and_shop_go_their_own_ways(woocommerce, order):
    copy = woocommerce.copy_at(STAGING)
    copy.set_status(order, "cancelled")
    copy.store.add_note(order, "tried out")
    assert woocommerce.order(order)["status"] == "processing"
    assert woocommerce.store.notes(order) == ()


def test_restored_shop_gives_a_number_to_another_order(woocommerce, receiver, order):
    woocommerce.add_order(woo_order(22, at=START), topics=())
    before = woocommerce.order(22)["order_key"]
    woocommerce.roll_back(order)
    assert woocommerce.store.order(22) is None
    woocommerce.add_order(woo_order(22, order_key="wc_order_after_restore", at=START), topics=["order.created"])
    (body,) = bodies(woocommerce, receiver)
    assert (body["id"], body["order_key"]) == (22, "wc_order_after_restore")
    assert before != "wc_order_after_restore"


# --- Many, and made of others ----------------------------------------------------------------------------------------
def test_500_old_orders_are_brought_in_at_their_own_times(woocommerce, rest):
    woocommerce.webhooks.target = None
    since = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)
    woocommerce.bring_in(5000, 500, since=since, every=timedelta(hours=1), status="processing")
    last = rest.get("/orders/5499").json()
    # 499 hours are 20 days and 19 hours after 6 January, 09:00
    assert (last["date_created_gmt"], last["date_paid_gmt"]) == ("2025-01-27T04:00:00", "2025-01-27T04:00:00")
    assert (last["date_modified_gmt"], last["created_via"]) == ("2026-12-01T09:00:00", "import")
    assert rest.get("/orders", params={"per_page": 1}).headers["X-WP-Total"] == "500"


def test_import_sends_its_webhooks(woocommerce, receiver):
    woocommerce.bring_in(5000, 3, since=START - timedelta(days=90), topics=["order.created"])
    assert [body["id"] for body in bodies(woocommerce, receiver)] == [5000, 5001, 5002]


def test_renewal_has_the_meta_data_of_its_first_order(woocommerce, rest, receiver, order, clock):
    rest.put(f"/orders/{order}", json={"meta_data": [{"key": "_sorted_order", "value": "{}"}]})
    clock.forward(days=30)
    woocommerce.renew(order, 31, subscription=30)
    body, first = bodies(woocommerce, receiver)[-1], woocommerce.order(order)
    assert {row["key"]: row["value"] for row in body["meta_data"]} == {
        "_sorted_order": "{}",
        "_subscription_renewal": "30",
    }
    assert (body["created_via"], body["status"]) == ("subscription", "processing")
    assert (body["date_created_gmt"], body["date_paid_gmt"]) == ("2026-12-31T09:00:00", "2026-12-31T09:00:00")
    assert body["order_key"] != first["order_key"]
    assert {line["id"] for line in body["line_items"]}.isdisjoint(line["id"] for line in first["line_items"])
    assert (body["number"], body["total"]) == ("31", first["total"])


def test_duplicate_is_unpaid_and_has_all_meta_data(woocommerce, order):
    woocommerce.change(order, meta_data=[{"id": 1, "key": "sorted_order_reference", "value": "EO-000-002-0TS"}])
    woocommerce.duplicate(order, 32)
    body = woocommerce.order(32)
    assert (body["status"], body["date_paid"]) == ("pending", None)
    assert woocommerce.reference_of(32) == "EO-000-002-0TS"


# --- Edits and refunds -----------------------------------------------------------------------------------------------
def test_line_that_is_added_raises_the_totals(rest, woocommerce, receiver, order):
    body = rest.put(f"/orders/{order}", json={"line_items": [{"product_id": 11, "quantity": 1}]}).json()
    assert [(line["sku"], line["quantity"]) for line in body["line_items"]] == [("MUG-BLUE", 2), ("LAMP-XL", 1)]
    # with tax: mugs 25.00, lamp 89.00 (74.17 and 14.83), carriage 4.95
    assert (body["total"], body["cart_tax"], body["total_tax"]) == ("118.95", "19.00", "19.82")
    assert [sent["total"] for sent in bodies(woocommerce, receiver)] == ["118.95"]


def test_new_quantity_alone_leaves_the_total(rest, woocommerce, order):
    (line,) = woocommerce.order(order)["line_items"]
    body = rest.put(f"/orders/{order}", json={"line_items": [{"id": line["id"], "quantity": 3}]}).json()
    (changed,) = body["line_items"]
    assert (changed["quantity"], changed["total"], body["total"]) == (3, "20.83", "29.95")


def test_new_total_is_taxed(rest, woocommerce, order):
    (line,) = woocommerce.order(order)["line_items"]
    given = {"id": line["id"], "quantity": 3, "total": "30.00", "subtotal": "30.00"}
    body = rest.put(f"/orders/{order}", json={"line_items": [given]}).json()
    # 30.00 and 20 % of it, carriage 4.95
    assert (body["line_items"][0]["total_tax"], body["total"], body["discount_total"]) == ("6.00", "40.95", "0.00")


@pytest.mark.parametrize("given", [{"quantity": 0}, {"product_id": None}])
def test_line_is_taken_off(rest, woocommerce, order, given):
    (line,) = woocommerce.order(order)["line_items"]
    rest.put(f"/orders/{order}", json={"line_items": [{"variation_id": 16}, {"id": line["id"], **given}]})
    assert [left["sku"] for left in woocommerce.order(order)["line_items"]] == ["TS-L-GREEN"]


def test_line_of_another_order_is_refused(rest, order):
    answer = rest.put(f"/orders/{order}", json={"line_items": [{"id": 999, "quantity": 3}]})
    assert (answer.status_code, answer.json()["code"]) == (400, "woocommerce_rest_invalid_item_id")


def test_refund_of_an_amount_names_no_line(rest, woocommerce, order):
    woocommerce.refund(order, {}, "late", Decimal("5.00"))
    (refund,) = rest.get(f"/orders/{order}/refunds").json()
    assert (refund["amount"], refund["line_items"]) == ("5.00", [])
    body = woocommerce.order(order)
    assert (body["status"], body["refunds"][0]["total"]) == ("processing", "-5.00")


def test_refund_of_all_the_money_ends_the_order(woocommerce, order):
    woocommerce.refund(order, {}, "", Decimal("29.95"))
    assert woocommerce.order(order)["status"] == "refunded"


# --- Plugins ---------------------------------------------------------------------------------------------------------
def test_custom_status_keeps_the_payment(woocommerce, receiver, order):
    woocommerce.set_status(order, "picking")
    (body,) = bodies(woocommerce, receiver)
    assert (body["status"], body["date_paid"] is None) == ("picking", False)
    assert woo_order(22, status="ready-to-ship")["date_paid"] is not None


def test_payment_may_lead_to_a_status_of_a_plugin(woocommerce):
    woocommerce.add_order(woo_order(22, status="pending"), topics=())
    woocommerce.pay(22, "completed")
    assert woocommerce.order(22)["status"] == "completed"


def test_numbering_plugin_shows_another_number():
    body = woo_order(21, shown_number="WEB-2026-0007")
    assert (body["id"], body["number"]) == (21, "WEB-2026-0007")


def test_shipping_method_is_named_by_method_instance_and_title():
    body = woo_order(shipping_method="table_rate", shipping_instance="5", shipping_title="Next day &amp; insured")
    (line,) = body["shipping_lines"]
    assert (line["method_id"], line["instance_id"], line["method_title"]) == (
        "table_rate",
        "5",
        "Next day &amp; insured",
    )


# --- From another process --------------------------------------------------------------------------------------------
def test_scenes_are_told_over_http(client: httpx.Client, receiver: Receiver):
    with open_trio() as trio:
        listener = serve(receiver)
        trio.woocommerce.webhooks.target = listener.url

        def told(command: str, **content: object) -> object:
            return client.post(f"{trio.woocommerce_url}/_control/{command}", json=content).json()["result"]

        buyer = {
            "first_name": "Ada",
            "last_name": "Quill",
            "address_1": "1 Elm Row",
            "city": "Bath",
            "postcode": "BA1 9ZZ",
            "email": "k2x9@marketplace.example.com",
        }
        told("add", order={"number": 7, "buyer": buyer, "at": "2026-11-30T08:00:00+00:00", "shown_number": "W-7"})
        told("edit", number=7, line_items=[{"product_id": 10, "quantity": 1}])
        told("refund", number=7, quantities={"70": 1}, amount="2.50")
        told("renew", number=7, new=8)
        told("bring_in", first=100, count=2, since="2025-01-06T09:00:00+00:00", minutes=1.5, topics=[])
        told("copy_at", url=STAGING)
        told("at_copy", url=STAGING, act="set_status", told={"number": 7, "status": "completed"})
        told("roll_back", last=7)
        trio.woocommerce.webhooks.flush()
        trio.woocommerce.copies[STAGING].webhooks.flush()
        shown = told("order", number=7)
        listener.close()
    assert (shown["number"], shown["billing"]["first_name"], shown["date_created_gmt"]) == (
        "W-7",
        "Ada",
        "2026-11-30T08:00:00",
    )
    # one of two mugs of 25.00, and 2.50
    assert (len(shown["line_items"]), shown["refunds"][0]["total"]) == (3, "-15.00")
    hosts = {host_of_order(json.loads(got.body)) for got in receiver.got}
    assert "staging.shop.example" in hosts
    assert trio.woocommerce.store.order(8) is None
