"""The fake WooCommerce shop sends webhooks as measured: built late, signed, never again, disabled after 7 failures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading

import pytest

from bridge.sandbox.server import Reply, Request
from bridge.sandbox.woocommerce import FakeWooCommerce, woo_order
from tests.sandbox.conftest import START, Receiver

TOPIC = "x-wc-webhook-topic"
UPDATED = 2  # the id of the webhook for order.updated


@pytest.fixture
def order(woocommerce: FakeWooCommerce) -> int:
    return woocommerce.add_order(woo_order(21, at=START), topics=())


def test_new_order_sends_created_and_updated_with_one_body(woocommerce: FakeWooCommerce, receiver: Receiver):
    woocommerce.add_order(woo_order(21, at=START))
    woocommerce.webhooks.flush()
    assert receiver.topics(TOPIC) == ["order.created", "order.updated"]
    assert len({got.body for got in receiver.got}) == 1


def test_exact_bytes_are_signed(woocommerce: FakeWooCommerce, receiver: Receiver, order):
    woocommerce.send("order.updated", order)
    woocommerce.webhooks.flush()
    (got,) = receiver.got
    digest = hmac.new(b"fake-webhook-secret", got.body, hashlib.sha256).digest()
    assert got.headers["x-wc-webhook-signature"] == base64.b64encode(digest).decode()
    assert b"\\/wp-json\\/wc\\/v3\\/orders\\/21" in got.body


def test_secret_is_unescaped_before_it_signs(woocommerce: FakeWooCommerce, receiver: Receiver, order):
    woocommerce.secret = "a&amp;b&lt;&#039;"
    woocommerce.send("order.updated", order)
    woocommerce.webhooks.flush()
    (got,) = receiver.got
    digest = hmac.new(b"a&b<'", got.body, hashlib.sha256).digest()
    assert got.headers["x-wc-webhook-signature"] == base64.b64encode(digest).decode()


def test_delivery_id_is_shared_within_a_second(woocommerce: FakeWooCommerce, receiver: Receiver):
    for number in (21, 22):
        woocommerce.add_order(woo_order(number, at=START), topics=["order.created"])
    woocommerce.webhooks.flush()
    assert len({got.headers["x-wc-webhook-delivery-id"] for got in receiver.got}) == 1
    assert len({got.body for got in receiver.got}) == 2


def test_body_is_that_of_the_delivery_and_not_of_the_event(woocommerce: FakeWooCommerce, served):
    free, got = threading.Event(), []

    def slow(request: Request) -> Reply:
        got.append(json.loads(request.body))
        free.wait(5)
        return Reply()

    woocommerce.webhooks.target = served(slow)
    for number in (20, 21):  # the first keeps the sender busy
        woocommerce.add_order(woo_order(number, status="pending", at=START), topics=["order.created"])
    woocommerce.store.change(21, status="processing")
    free.set()
    woocommerce.webhooks.flush()
    assert (got[1]["id"], got[1]["status"]) == (21, "processing")


def test_what_waits_already_is_not_queued_again(woocommerce: FakeWooCommerce, receiver: Receiver, served, order):
    free = threading.Event()
    woocommerce.webhooks.target = served(lambda request: (free.wait(5), receiver(request))[1])
    woocommerce.add_order(woo_order(20, at=START), topics=["order.created"])  # keeps the sender busy
    for _ in range(3):
        woocommerce.saved(order)
    free.set()
    woocommerce.webhooks.flush()
    assert receiver.topics(TOPIC) == ["order.created", "order.updated"]


def test_trash_sends_the_bare_id(woocommerce: FakeWooCommerce, receiver: Receiver, order):
    woocommerce.trash(order)
    woocommerce.webhooks.flush()
    assert receiver.topics(TOPIC) == ["order.deleted", "order.updated"]
    assert receiver.got[0].body == b'{"id":21}'


def test_forced_deletion_sends_nothing(woocommerce: FakeWooCommerce, receiver: Receiver, rest, order):
    rest.delete(f"/orders/{order}?force=true")
    woocommerce.webhooks.flush()
    assert receiver.got == []


def test_webhook_of_a_lost_order_carries_a_signed_error(woocommerce: FakeWooCommerce, receiver: Receiver, order):
    woocommerce.store.remove(order)
    woocommerce.saved(order)
    woocommerce.webhooks.flush()
    assert json.loads(receiver.got[0].body)["code"] == "woocommerce_rest_shop_order_invalid_id"


def test_owner_without_rights_sends_a_signed_error(woocommerce: FakeWooCommerce, receiver: Receiver, order):
    woocommerce.owner_has_rights = False
    woocommerce.saved(order)
    woocommerce.webhooks.flush()
    assert json.loads(receiver.got[0].body)["data"] == {"status": 403}


def test_action_topic_carries_the_id_alone(woocommerce: FakeWooCommerce, receiver: Receiver, order):
    receiver.status = 200
    woocommerce.subscribe("action.woocommerce_order_status_completed")
    woocommerce.set_status(order, "completed")
    woocommerce.webhooks.flush()
    assert receiver.got[-1].body == b'{"action":"woocommerce_order_status_completed","arg":21}'


def fail(shop: FakeWooCommerce, times: int) -> None:
    for number in range(100, 100 + times):
        shop.add_order(woo_order(number, at=START), topics=["order.updated"])
    shop.webhooks.flush()


def test_seventh_failure_in_a_row_disables(woocommerce: FakeWooCommerce, receiver: Receiver):
    receiver.status = 500
    fail(woocommerce, 6)
    assert woocommerce.subscription(UPDATED).status == "active"
    fail(woocommerce, 1)
    assert woocommerce.subscription(UPDATED).status == "disabled"
    assert len(receiver.got) == 7


def test_disabled_webhook_loses_what_happens(woocommerce: FakeWooCommerce, receiver: Receiver):
    receiver.status = 500
    fail(woocommerce, 7)
    fail(woocommerce, 1)
    assert len(receiver.got) == 7


def test_reactivated_webhook_falls_at_its_first_failure(woocommerce: FakeWooCommerce, receiver: Receiver):
    receiver.status = 500
    fail(woocommerce, 7)
    woocommerce.reactivate(UPDATED)
    fail(woocommerce, 1)
    assert woocommerce.subscription(UPDATED).status == "disabled"


def test_one_success_forgets_the_failures(woocommerce: FakeWooCommerce, receiver: Receiver):
    receiver.status = 500
    fail(woocommerce, 6)
    receiver.status = 302
    fail(woocommerce, 1)
    assert woocommerce.subscription(UPDATED).failures == 0


def test_ping_is_an_unsigned_form(woocommerce: FakeWooCommerce, receiver: Receiver):
    receiver.status = 200
    number = woocommerce.subscribe("order.updated")
    woocommerce.webhooks.flush()
    (got,) = receiver.got
    assert (got.body, got.headers["content-type"]) == (b"webhook_id=5", "application/x-www-form-urlencoded")
    assert not [name for name in got.headers if name.startswith("x-wc-")]
    assert woocommerce.subscription(number).pending is False


def test_ping_not_answered_with_200_follows_each_delivery(woocommerce: FakeWooCommerce, receiver: Receiver):
    receiver.status = 204
    woocommerce.subscribe("order.restored")
    order = woocommerce.add_order(woo_order(21, at=START), topics=["order.restored"])
    woocommerce.webhooks.flush()
    assert order == 21
    assert [got.body[:10] for got in receiver.got].count(b"webhook_id") == 2
