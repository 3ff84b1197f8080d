"""The fake Shopify shop sends what happens as signed webhooks, again, late or in another order."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta

from bridge.sandbox.shopify import FakeShopify, shopify_order
from tests.sandbox.conftest import START, Receiver


def test_new_paid_order_sends_its_topics(shopify: FakeShopify, receiver: Receiver):
    shopify.add_order(shopify_order(at=START))
    shopify.webhooks.flush()
    assert receiver.topics("x-shopify-topic") == [
        "orders/create",
        "orders/paid",
        "fulfillment_orders/order_routing_complete",
    ]


def test_exact_bytes_are_signed(shopify: FakeShopify, receiver: Receiver):
    shopify.add_order(shopify_order(1005, at=START), topics=["orders/create"])  # 1005: Zoë of Bryce & Daughters
    shopify.webhooks.flush()
    (got,) = receiver.got
    digest = hmac.new(shopify.client_secret.encode(), got.body, hashlib.sha256).digest()
    assert got.headers["x-shopify-hmac-sha256"] == base64.b64encode(digest).decode()
    assert b"Bryce \\u0026 Daughters" in got.body
    assert "Zoë".encode() in got.body


def test_body_is_the_bare_order(shopify: FakeShopify, receiver: Receiver):
    order = shopify.add_order(shopify_order(at=START), topics=["orders/create"])
    shopify.webhooks.flush()
    assert json.loads(receiver.got[0].body) == shopify.order(order).body


def test_repeated_delivery_keeps_id_and_bytes(shopify: FakeShopify, receiver: Receiver):
    order = shopify.add_order(shopify_order(at=START), topics=())
    shopify.send("orders/paid", order, times=2)
    shopify.webhooks.flush()
    assert len({(got.headers["x-shopify-webhook-id"], got.body) for got in receiver.got}) == 1
    assert len(receiver.got) == 2


def test_each_happening_has_its_topics(shopify: FakeShopify, receiver: Receiver):
    body = shopify_order(financial_status="pending", at=START)
    order = shopify.add_order(body, topics=())
    shopify.pay(order)
    shopify.edit(order, body["line_items"][0]["id"], 1)
    shopify.hold(order)
    shopify.release(order)
    shopify.fulfil(order)
    shopify.cancel(order)
    shopify.delete(order)
    shopify.webhooks.flush()
    assert receiver.topics("x-shopify-topic") == [
        *("orders/paid", "orders/updated"),
        *("orders/edited", "orders/updated"),
        "fulfillment_orders/placed_on_hold",
        "fulfillment_orders/hold_released",
        *("orders/fulfilled", "orders/updated"),
        *("orders/cancelled", "orders/updated"),
        "orders/delete",
    ]


def test_two_changes_in_a_second_differ_in_their_time(shopify: FakeShopify):
    order = shopify.add_order(shopify_order(at=START), topics=())
    shopify.tag(order, "a")
    shopify.tag(order, "b")
    assert shopify.order(order).updated_at == START + timedelta(seconds=2)


def test_edit_lowers_what_remains(shopify: FakeShopify):
    body = shopify_order(at=START)
    order = shopify.add_order(body, topics=())
    shopify.edit(order, body["line_items"][0]["id"], 1)
    assert shopify.order(order).body["line_items"][0]["current_quantity"] == 1
    assert [line.remaining for line in shopify.order(order).fulfillment[0].lines] == [1, 1]


def test_refund_lowers_what_remains_and_is_told(shopify: FakeShopify, receiver: Receiver):
    body = shopify_order(at=START)  # two mugs and a blanket
    mugs, blanket = (line["id"] for line in body["line_items"])
    order = shopify.add_order(body, topics=())
    shopify.refund(order, mugs, 1)
    assert shopify.order(order).body["financial_status"] == "partially_refunded"
    assert shopify.order(order).body["line_items"][0]["current_quantity"] == 1
    assert [line.remaining for line in shopify.order(order).fulfillment[0].lines] == [1, 1]
    shopify.refund(order, mugs, 1)
    shopify.refund(order, blanket, 1)
    shopify.webhooks.flush()
    assert shopify.order(order).body["financial_status"] == "refunded"
    assert receiver.topics("x-shopify-topic") == ["refunds/create", "orders/updated"] * 3


def test_held_back_webhooks_go_out_stale_and_in_any_order(shopify: FakeShopify, receiver: Receiver):
    shopify.webhooks.hold()
    order = shopify.add_order(shopify_order(at=START), topics=["orders/create"])
    shopify.tag(order, "vip")
    shopify.webhooks.release([1, 0])
    shopify.webhooks.flush()
    assert [json.loads(got.body)["tags"] for got in receiver.got] == ["vip", ""]


def test_failed_delivery_is_tried_again_with_the_same_id(served, receiver: Receiver):
    shop = FakeShopify(retries=[timedelta(0), timedelta(0)])
    shop.webhooks.target = served(receiver)
    receiver.status = 503
    shop.add_order(shopify_order(), topics=["orders/create"])
    shop.webhooks.flush()
    shop.close()
    assert len(receiver.got) == 3
    assert len({got.headers["x-shopify-webhook-id"] for got in receiver.got}) == 1


def test_receiver_that_is_away_stops_nothing(shopify: FakeShopify):
    shopify.webhooks.target = "http://127.0.0.1:1"  # tcpmux: nobody listens there
    shopify.add_order(shopify_order(at=START), topics=["orders/create"])
    shopify.webhooks.flush()
    assert [sent.status for sent in shopify.webhooks.sent()] == [None]
