"""Metafields and tags are written by Shopify's rules: compareDigest, all or none, an echo for tags."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.sandbox.shopify import FakeShopify, shopify_order
from bridge.sandbox.shopify.writes import metafields_set, tags_add
from tests.sandbox.conftest import START

REFERENCE = {"namespace": "custom", "key": "sorted_order_reference", "type": "single_line_text_field"}


@pytest.fixture
def order(shopify: FakeShopify) -> str:
    return shopify.add_order(shopify_order(1001, at=START), topics=())


def given(order: str, value: str = "EO-000-002-0TS", **changed: Any) -> dict[str, Any]:
    return {**REFERENCE, "ownerId": f"gid://shopify/Order/{order}", "value": value, **changed}


def codes(shop: FakeShopify, *inputs: dict[str, Any]) -> list[str]:
    return [error["code"] for error in metafields_set(shop.book, inputs)[1]]


def test_null_digest_writes_only_where_nothing_stands(shopify, order):
    assert codes(shopify, given(order, compareDigest=None)) == []
    assert codes(shopify, given(order, "EO-000-002-0TT", compareDigest=None)) == ["STALE_OBJECT"]
    assert shopify.reference_of(order) == "EO-000-002-0TS"


def test_digest_that_was_read_may_be_replaced_once(shopify, order):
    ((stored,), _) = metafields_set(shopify.book, [given(order)])
    assert codes(shopify, given(order, "EO-000-002-0TT", compareDigest=stored.digest)) == []
    assert codes(shopify, given(order, "EO-000-002-0TU", compareDigest=stored.digest)) == ["STALE_OBJECT"]
    assert shopify.reference_of(order) == "EO-000-002-0TT"


def test_without_digest_nothing_is_compared(shopify, order):
    metafields_set(shopify.book, [given(order)])
    assert codes(shopify, given(order, "EO-000-002-0TT")) == []


def test_one_wrong_metafield_stores_none(shopify, order):
    assert codes(shopify, given(order), given(order, "{", key="sorted_order", type="json")) == ["INVALID_VALUE"]
    assert shopify.reference_of(order) is None


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"value": " "}, "BLANK"),
        ({"value": "two\nlines"}, "INVALID_VALUE"),
        ({"key": "k"}, "INVALID"),
        ({"namespace": "ns"}, "TOO_SHORT"),
        ({"type": "text"}, "INVALID_TYPE"),
        ({"type": None}, "BLANK"),
        ({"ownerId": "gid://shopify/Order/1"}, "INVALID"),
    ],
)
def test_what_shopify_refuses_is_refused(shopify, order, changed, code):
    assert codes(shopify, {**given(order), **changed}) == [code]


def test_more_than_25_are_refused(shopify, order):
    inputs = [given(order, key=f"key_{number}") for number in range(26)]
    assert codes(shopify, *inputs) == ["LESS_THAN_OR_EQUAL_TO"]


def test_metafields_leave_the_modification_time_alone(shopify, order, clock):
    clock.forward(minutes=1)
    metafields_set(shopify.book, [given(order)])
    assert shopify.order(order).updated_at == START


def test_tags_are_added_once_and_split_at_commas(shopify, order):
    shopify.tag(order, "vip")
    tags_add(shopify.book, order, ["sent, urgent", "VIP"])
    assert shopify.order(order).body["tags"] == "sent, urgent, vip"


def test_tag_over_the_api_echoes_once(shopify, shopify_url, order, receiver, client):
    form = {"grant_type": "client_credentials", "client_id": shopify.client_id, "client_secret": shopify.client_secret}
    token = client.post(f"{shopify_url}/admin/oauth/access_token", data=form).json()["access_token"]
    query = 'mutation($id: ID!) { tagsAdd(id: $id, tags: ["sent"]) { node { id } userErrors { message } } }'
    asked = {"query": query, "variables": {"id": f"gid://shopify/Order/{order}"}}
    for _ in range(2):
        url = f"{shopify_url}/admin/api/2026-10/graphql.json"
        client.post(url, json=asked, headers={"X-Shopify-Access-Token": token})
    shopify.webhooks.flush()
    assert receiver.topics("x-shopify-topic") == ["orders/updated"]
