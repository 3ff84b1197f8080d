"""What a verified Shopify body is taken for."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.platforms.base import NoOrder, OrderBody, Rung
from bridge.platforms.shopify import PLATFORM

Payload = Callable[[str], bytes]
Order = Callable[..., OrderBody]


def outcome(body: bytes, topic: str = "") -> str:
    found = PLATFORM.read(body, topic)
    assert isinstance(found, NoOrder), found
    return found.outcome


def changed(payload: Payload, **changes: Any) -> bytes:
    """The usual body with fields replaced; None of them removed where the value is `...`."""
    body = {**json.loads(payload("orders.create__two_lines_paid")), **changes}
    return json.dumps({key: value for key, value in body.items() if value is not ...}).encode()


def test_order_body_is_an_order_with_its_name_and_id(order: Order) -> None:
    found = order()
    assert (found.order_id, found.order_key, found.name) == ("6111222333001", "", "#1001")


def test_created_at_is_the_earlier_of_created_and_processed(order: Order) -> None:
    assert order().created_at == datetime(2026, 11, 2, 9, 29, 58, tzinfo=UTC)


def test_modified_at_is_the_orders_own_time_in_utc(order: Order) -> None:
    found = order(updated_at="2026-11-02T09:30:05+01:00")
    assert found.modified_at == datetime(2026, 11, 2, 8, 30, 5, tzinfo=UTC)


def test_time_without_a_zone_is_utc(order: Order) -> None:
    assert order(updated_at="2026-11-02 09:30:05").modified_at == datetime(2026, 11, 2, 9, 30, 5, tzinfo=UTC)


def test_order_without_updated_at_counts_by_its_latest_other_time(order: Order) -> None:
    assert order(updated_at=None).modified_at == datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def test_order_without_any_time_is_named_as_such(payload: Payload) -> None:
    body = changed(payload, updated_at=..., created_at=None, processed_at="yesterday")
    assert "without any time" in outcome(body)


def test_exact_id_of_the_graphql_id_wins_over_a_rounded_one(order: Order) -> None:
    rounded = order(id=9007199254740992, admin_graphql_api_id="gid://shopify/Order/9007199254740993")
    assert rounded.order_id == "9007199254740993"


def test_id_is_taken_where_the_graphql_id_is_none(order: Order) -> None:
    assert order(admin_graphql_api_id="https://www.example.com/").order_id == "6111222333001"


def test_wrapped_body_is_the_order_in_it(payload: Payload) -> None:
    body = json.dumps({"order": json.loads(payload("orders.create__two_lines_paid"))}).encode()
    found = PLATFORM.read(body, "")
    assert isinstance(found, OrderBody)
    assert found.order["name"] == "#1001"


def test_amounts_are_never_binary_fractions(order: Order) -> None:
    assert repr(order().order["shipping_address"]["latitude"]) == "Decimal('51.25')"


def test_body_of_2013_is_an_order(order: Order) -> None:
    assert order("orders.create__shape_of_2013").order_id == "169170001"


def test_order_without_a_name_is_called_by_its_number(order: Order) -> None:
    assert order(name=None).name == "#1001"


@pytest.mark.parametrize(
    "identity",
    [
        "820982911946154508",
        "820982911946154500",
        "820982911946154496",
        "8.20982911946154508e17",
        "8.209829119461545e+17",
    ],
)
def test_test_notification_is_recognised_however_its_id_was_rounded(payload: Payload, identity: str) -> None:
    body = payload("orders.create__test_notification").replace(
        b'"id": 820982911946154500', f'"id": {identity}'.encode()
    )
    without_gid = body.replace(b"gid://shopify/Order/820982911946154508", b"")
    assert "test notification received" in outcome(without_gid)


def test_test_notification_is_recognised_by_its_exact_id(payload: Payload) -> None:
    assert "test notification received" in outcome(payload("orders.create__test_notification"))


def test_test_notification_of_a_deletion_is_recognised() -> None:
    assert "test notification received" in outcome(b'{"id":820982911946154508}', "orders/delete")


def test_deletion_rings_its_order(payload: Payload) -> None:
    found = PLATFORM.read(payload("orders.delete__id_only"), "orders/delete")
    assert isinstance(found, Rung)
    assert (found.order_id, found.deletion) == ("6111222333001", True)


def test_deletion_is_one_whatever_the_unsigned_topic_says(payload: Payload) -> None:
    found = PLATFORM.read(payload("orders.delete__id_only"), "orders/create")
    assert isinstance(found, Rung)
    assert found.deletion


def test_edit_rings_its_order(payload: Payload) -> None:
    found = PLATFORM.read(payload("orders.edited__line_added"), "orders/edited")
    assert isinstance(found, Rung)
    assert (found.order_id, found.deletion) == ("6111222333001", False)


def test_order_trimmed_by_include_fields_is_read_from_the_shop() -> None:
    found = PLATFORM.read(b'{"id":5,"admin_graphql_api_id":"gid://shopify/Order/5","updated_at":"x"}', "orders/paid")
    assert isinstance(found, Rung)
    assert found.order_id == "5"


@pytest.mark.parametrize(
    ("name", "topic", "words"),
    [
        ("customers.data_request__one_customer", "customers/data_request", "customers/data_request"),
        ("customers.redact__one_customer", "customers/redact", "customers/redact"),
        ("shop.redact__after_uninstall", "shop/redact", "shop/redact"),
        ("app.uninstalled__shop", "app/uninstalled", "app uninstalled"),
        ("fulfillment_orders.placed_on_hold__risk", "fulfillment_orders/placed_on_hold", "fulfilment order"),
        ("refunds.create__one_mug", "refunds/create", "refund"),
        ("fulfillments.create__one_parcel", "fulfillments/create", "fulfilment"),
        ("draft_orders.create__open", "draft_orders/create", "draft order"),
    ],
)
def test_other_topics_are_named_in_words(payload: Payload, name: str, topic: str, words: str) -> None:
    assert words in outcome(payload(name), topic)


def test_compliance_request_is_named_without_its_topic(payload: Payload) -> None:
    assert "customers/redact" in outcome(payload("customers.redact__one_customer"))


def test_outcome_shows_nothing_of_the_body(payload: Payload) -> None:
    assert "marta" not in outcome(payload("customers.redact__one_customer"), "customers/redact").lower()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"<?xml version='1.0'?><order/>", "XML"),
        (b'{"id": 1, "line_items": [', "JSON"),
        (b'{"id": NaN, "line_items": []}', "JSON"),
        (b'{"name": "\xe9"}', "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"[1]", "not an object"),
        (b"7", "not an object"),
        (b"{}", "not an order"),
        (b'{"id": "abc", "line_items": []}', "without a usable id"),
        (b'{"id": 1.5, "line_items": []}', "without a usable id"),
        (b'{"id": true, "line_items": []}', "without a usable id"),
    ],
)
def test_what_is_no_order_is_told_in_words(body: bytes, words: str) -> None:
    assert words in outcome(body)


def test_topic_in_an_outcome_is_short_and_printable() -> None:
    assert outcome(b"{}", "<b>" + "x" * 500 + "\n").startswith("topic b" + "x" * 59 + ":")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "line_items", "order", "order_edit", "order_id", "test", "updated_at", "name", "refunds"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=8,
)


@given(_json, st.text(max_size=20))
def test_any_json_is_an_order_a_ring_or_no_order(value: Any, topic: str) -> None:
    assert isinstance(PLATFORM.read(json.dumps(value).encode(), topic), OrderBody | Rung | NoOrder)


@given(st.binary(max_size=60))
def test_any_bytes_are_an_order_a_ring_or_no_order(body: bytes) -> None:
    assert isinstance(PLATFORM.read(body, ""), OrderBody | Rung | NoOrder)


def test_cancelled_order_has_ended(order: Order) -> None:
    assert PLATFORM.ended(order("orders.cancelled__by_customer").order) == "cancelled in Shopify"


def test_paid_order_has_not_ended(order: Order) -> None:
    assert PLATFORM.ended(order().order) is None


def test_removed_personal_data_is_a_missing_permission(order: Order) -> None:
    problem = PLATFORM.personal_data_removed(order("orders.create__personal_data_removed").order)
    assert problem is not None
    assert "protected customer data" in problem.message


REDACTED = {"country": "United Kingdom", "country_code": "GB", "province": None, "province_code": None}


@pytest.mark.parametrize("shipping", [None, {}])
def test_removed_billing_address_is_told_where_it_would_be_used(order: Order, shipping: Any) -> None:
    problem = PLATFORM.personal_data_removed(order(shipping_address=shipping, billing_address=REDACTED).order)
    assert problem is not None
    assert (problem.code, problem.source) == ("personal_data_removed", "order.billing_address.address1")


def test_removed_billing_address_is_no_matter_beside_a_shipping_address(order: Order) -> None:
    assert PLATFORM.personal_data_removed(order(billing_address=REDACTED).order) is None


def without(body: OrderBody, *keys: str) -> Any:
    """An order without some keys, and without some of its shipping address."""
    address = {key: value for key, value in body.order["shipping_address"].items() if key not in keys}
    return {**{key: value for key, value in body.order.items() if key not in keys}, "shipping_address": address}


@pytest.mark.parametrize(
    ("keys", "words", "source"),
    [
        (("first_name", "last_name", "name"), "withholds the name:", "order.shipping_address.first_name"),
        (("email", "contact_email"), "withholds the email:", "order.email"),
        (
            ("address1", "first_name", "last_name", "name", "email", "contact_email"),
            "withholds the address and the name and the email:",
            "order.shipping_address.address1",
        ),
    ],
)
def test_removed_name_or_email_is_a_missing_permission(
    order: Order, keys: tuple[str, ...], words: str, source: str
) -> None:
    problem = PLATFORM.personal_data_removed({**without(order(), *keys), "name": "#1001"})
    assert problem is not None
    assert words in problem.message
    assert (problem.code, problem.source) == ("personal_data_removed", source)


@pytest.mark.parametrize("keys", [("first_name", "last_name"), ("name",), ("email",), ("contact_email",), ("phone",)])
def test_what_is_still_told_elsewhere_is_no_missing_permission(order: Order, keys: tuple[str, ...]) -> None:
    assert PLATFORM.personal_data_removed({**without(order(), *keys), "name": "#1001"}) is None


def test_keys_that_old_bodies_lack_are_no_missing_permission(order: Order) -> None:
    old = without(order(), "admin_graphql_api_id", "first_name", "last_name", "name", "email", "contact_email")
    assert PLATFORM.personal_data_removed(old) is None


def test_empty_name_and_email_are_no_missing_permission(order: Order) -> None:
    nobody = {**order().order["shipping_address"], "first_name": None, "last_name": None, "name": ""}
    assert PLATFORM.personal_data_removed(order(shipping_address=nobody, email="", contact_email=None).order) is None


@pytest.mark.parametrize("name", ["orders.create__hollow_address", "orders.create__api_order_without_people"])
def test_empty_or_null_address_is_no_missing_permission(order: Order, name: str) -> None:
    assert PLATFORM.personal_data_removed(order(name).order) is None


def _unknown(value: Any, known: Any, path: str = "order") -> list[str]:
    """Keys of a body that the names of orders lack."""
    if known is None or value is None:
        return []
    if isinstance(value, list):
        return [found for entry in value for found in _unknown(entry, known, path)]
    if not isinstance(value, dict):
        return []
    missing = [f"{path}.{key}" for key in value if key not in known]
    return missing + [f for key, below in value.items() for f in _unknown(below, known.get(key), f"{path}.{key}")]


def test_every_field_of_a_body_is_known_to_mappings(order: Order) -> None:
    assert _unknown(order().order, PLATFORM.fields) == []
