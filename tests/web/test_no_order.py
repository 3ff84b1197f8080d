"""Verified bodies that are no orders: stored with an outcome in words, and rung for where they name one."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from bridge.store.sealed import unseal
from tests.web.conftest import Books, Shopfronts

Payload = Callable[[str], bytes]

# Payload, topic, and words of the outcome.
NO_ORDERS = [
    ("shopify/customers.data_request__one_customer", "customers/data_request", "compliance request"),
    ("shopify/customers.redact__one_customer", "customers/redact", "compliance request"),
    ("shopify/shop.redact__after_uninstall", "shop/redact", "compliance request"),
    ("shopify/app.uninstalled__shop", "app/uninstalled", "app uninstalled"),
    ("shopify/fulfillment_orders.placed_on_hold__risk", "fulfillment_orders/placed_on_hold", "fulfilment order change"),
    ("shopify/refunds.create__one_mug", "refunds/create", "refund"),
    ("shopify/draft_orders.create__open", "draft_orders/create", "draft order"),
    ("shopify/fulfillments.create__one_parcel", "fulfillments/create", "fulfilment"),
    ("shopify/orders.create__test_notification", "orders/create", "test notification received"),
    ("woocommerce/order.updated__error_owner_without_rights", "order.updated", "may no longer see orders"),
    ("woocommerce/order.created__error_order_is_gone", "order.created", "deleted before it could be sent"),
    ("woocommerce/product.updated__lamp", "product.updated", "not about orders"),
    ("woocommerce/order.created__legacy_v3", "order.created", "legacy format"),
]
UNREADABLE = {
    "malformed": (b'{"id": 1', "JSON"),
    "XML": (b"<?xml version='1.0'?><order/>", "XML"),
    "a list": (b"[1]", "not an object|no object"),
    "a number": (b"12", "not an object|no object"),
    "no UTF-8": (b'{"id": "\xff"}', "UTF-8"),
    "deep": (b"[" * 100_000, "JSON"),
}
TEST_IDS = {"as it is": "820982911946154508", "by JavaScript": "820982911946154500", "by PHP": "8.209829119461545e+17"}


@pytest.mark.parametrize(("name", "topic", "words"), NO_ORDERS)
def test_body_without_an_order_is_named(
    shops: Shopfronts, books: Books, payload: Payload, name: str, topic: str, words: str
) -> None:
    shops.to(name.partition("/")[0])(payload(name), topic)
    assert words in books.outcome()


@pytest.mark.parametrize(("name", "topic"), [entry[:2] for entry in NO_ORDERS])
def test_body_without_an_order_is_202(shops: Shopfronts, payload: Payload, name: str, topic: str) -> None:
    assert shops.to(name.partition("/")[0])(payload(name), topic).status_code == 202


@pytest.mark.parametrize(("name", "topic"), [entry[:2] for entry in NO_ORDERS])
def test_body_without_an_order_makes_none(
    shops: Shopfronts, books: Books, payload: Payload, name: str, topic: str
) -> None:
    shops.to(name.partition("/")[0])(payload(name), topic)
    assert (books.orders(), books.rings()) == ([], 0)


@pytest.mark.parametrize(("body", "words"), UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("shop", ["shopify", "woocommerce"])
def test_unreadable_body_is_stored_with_the_reason(
    shops: Shopfronts, books: Books, shop: str, body: bytes, words: str
) -> None:
    assert shops.to(shop)(body).status_code == 202
    assert any(word in books.outcome() for word in words.split("|")), books.outcome()


@pytest.mark.parametrize("shop", ["shopify", "woocommerce"])
def test_malformed_body_is_stored_byte_for_byte(shops: Shopfronts, books: Books, shop: str) -> None:
    shops.to(shop)(b'{"id": 1')
    (row,) = books.inbox()
    assert unseal(row.body) == b'{"id": 1'


@pytest.mark.parametrize("identity", TEST_IDS.values(), ids=TEST_IDS)
def test_test_notification_is_known_however_its_id_was_rounded(
    shops: Shopfronts, books: Books, payload: Payload, identity: str
) -> None:
    sample = json.loads(payload("shopify/orders.create__test_notification"))
    body = json.dumps({**sample, "id": 0, "admin_graphql_api_id": None}).replace('"id": 0,', f'"id": {identity},', 1)
    shops.shopify(body.encode())
    assert books.outcome().startswith("test notification received")


@pytest.mark.parametrize(
    ("shop", "body"),
    [
        ("shopify", b'{"id":6104000001001}'),
        ("woocommerce", b'{"id":21}'),
        ("woocommerce", b'{"action":"woocommerce_order_status_processing","arg":21}'),
    ],
    ids=["Shopify deletion", "WooCommerce deletion", "WooCommerce action"],
)
class TestNamedOrder:
    """Deletions and actions recur byte for byte, so none is taken for a repeat."""

    def test_each_is_stored(self, shops: Shopfronts, books: Books, shop: str, body: bytes) -> None:
        for _ in range(3):
            shops.to(shop)(body)
        assert [(unseal(row.body), row.repeats) for row in books.inbox()] == [(body, 0)] * 3

    def test_each_rings(self, shops: Shopfronts, books: Books, shop: str, body: bytes) -> None:
        for _ in range(3):
            shops.to(shop)(body)
        assert books.rings() == 3

    def test_order_is_to_be_read_from_the_shop(self, shops: Shopfronts, books: Books, shop: str, body: bytes) -> None:
        shops.to(shop)(body)
        assert [order.must_read for order in books.orders()] == [True]

    def test_outcome_is_in_words(self, shops: Shopfronts, books: Books, shop: str, body: bytes) -> None:
        shops.to(shop)(body)
        assert "order" in books.outcome()


def test_edited_order_is_rung_for(shops: Shopfronts, books: Books, payload: Payload) -> None:
    shops.shopify(payload("shopify/orders.edited__line_added"), "orders/edited")
    assert [order.must_read for order in books.orders()] == [True]


def test_deletion_rings_the_order_that_it_names(shops: Shopfronts, books: Books, payload: Payload) -> None:
    shops.woocommerce(payload("woocommerce/order.created__guest_two_lines"))
    shops.woocommerce(b'{"id":1501}', "order.deleted")
    assert [(order.order_id, order.deletion) for order in books.orders()] == [("1501", True)]
