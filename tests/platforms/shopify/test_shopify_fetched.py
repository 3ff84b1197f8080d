"""What mappings and decisions see of a shop that was read, and what is left of it for a comparison."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.errors import NotRead
from bridge.platforms.base import Fetched, Look, OrderBody, Record
from bridge.platforms.shopify import PLATFORM
from bridge.platforms.shopify.fetched import format_record, parse_record

Order = Callable[..., OrderBody]
LookAt = Callable[..., Look]

RECORD = Record(
    order_id="6111222333001",
    order_key="",
    part=1,
    reference="EO-000-002-0TS",
    destination="api.electioapp.com",
    written_at=datetime(2026, 11, 2, 12, 0, tzinfo=UTC),
)


def part(status: str, method: str | None) -> dict[str, Any]:
    return {"status": status, "method": method, "lines": []}


def test_order_must_be_read_before_it_is_sent(order: Order, look: LookAt) -> None:
    at = look(order())
    unread = Look(order=at.order, fetched=Fetched(), now=at.now, shop=at.shop)
    with pytest.raises(NotRead):
        PLATFORM.fresh(unread, at.now)


def test_read_order_is_fresh(order: Order, look: LookAt) -> None:
    at = look(order(), {"cancelled_at": None})
    PLATFORM.fresh(at, at.now)


def test_names_are_a_closed_list() -> None:
    assert set(PLATFORM.fetched) == {
        "cancelled_at",
        "updated_at",
        "risk",
        "fulfillment_orders",
        "delivery_methods",
        "variants",
    }


@pytest.mark.parametrize("name", sorted(PLATFORM.fetched))
def test_name_asks_for_the_order(order: Order, look: LookAt, name: str) -> None:
    at = look(order())
    with pytest.raises(NotRead) as caught:
        PLATFORM.fetched[name](Look(order=at.order, fetched=Fetched(), now=at.now, shop=at.shop))
    assert caught.value.keys == {"order"}


@pytest.mark.parametrize("name", sorted(PLATFORM.fetched))
def test_name_is_missing_offline(order: Order, look: LookAt, name: str) -> None:
    assert PLATFORM.fetched[name](look(order())) is None


def test_risk_is_as_it_was_read(order: Order, look: LookAt) -> None:
    risk = {"recommendation": "CANCEL", "levels": ["HIGH"]}
    assert PLATFORM.fetched["risk"](look(order(), {"risk": risk})) == risk


def test_delivery_methods_are_those_of_what_is_not_ended(order: Order, look: LookAt) -> None:
    parts = [part("OPEN", "SHIPPING"), part("ON_HOLD", "SHIPPING"), part("CLOSED", "PICK_UP"), part("OPEN", None)]
    assert PLATFORM.fetched["delivery_methods"](look(order(), {"fulfillment_orders": parts})) == ["SHIPPING"]


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        ({"cancelled_at": "2026-11-02T10:00:00Z"}, "cancelled in Shopify meanwhile"),
        ({"gone": True}, "deleted in Shopify"),
        ({"cancelled_at": None}, None),
    ],
)
def test_what_stopped_meanwhile_is_told(order: Order, look: LookAt, read: dict[str, Any], reason: str | None) -> None:
    assert PLATFORM.stopped(look(order(), read)) == reason


def test_record_that_was_written_is_read_again(order: Order, look: LookAt) -> None:
    assert PLATFORM.record(look(order(), {"record": format_record(RECORD)})) == RECORD


def test_record_tells_of_another_reference_beside_it(order: Order, look: LookAt) -> None:
    found = PLATFORM.record(look(order(), {"record": format_record(RECORD), "reference": "EO-000-009-XYZ"}))
    assert found is not None
    assert found.also == ("EO-000-009-XYZ",)


@pytest.mark.parametrize("reference", [None, "", "EO-000-002-0TS", " EO-000-002-0TS\n"])
def test_its_own_reference_beside_a_record_is_no_other(order: Order, look: LookAt, reference: str | None) -> None:
    assert PLATFORM.record(look(order(), {"record": format_record(RECORD), "reference": reference})) == RECORD


def test_order_without_a_record_has_none(order: Order, look: LookAt) -> None:
    assert PLATFORM.record(look(order(), {"record": None})) is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "not JSON", json.dumps({**json.loads(format_record(RECORD)), "part": "one"}), '{"order_id": 7}'],
)
def test_record_that_cannot_be_read_is_none(text: str) -> None:
    assert parse_record(text) is None


# ---------------------------------------------------------------------------------------------------------------------
# Comparing
# ---------------------------------------------------------------------------------------------------------------------
READ = {
    "updated_at": "2026-11-02T09:30:05Z",
    "cancelled_at": None,
    "reference": None,
    "record": None,
    "our_tags": ["sent-to-sorted"],
    "risk": {"recommendation": "ACCEPT", "levels": []},
    "fulfillment_orders": [part("OPEN", "SHIPPING")],
    "variants": {},
}


def comparable(body: OrderBody, read: dict[str, Any] | None = None) -> Any:
    return PLATFORM.comparable(body.order, {} if read is None else {"order": read})


def test_our_own_tag_is_no_change(order: Order) -> None:
    before, after = order(), order(tags="gift, Sent-To-Sorted, vip", updated_at="2026-11-02T12:00:01Z")
    assert comparable(before, READ) == comparable(after, READ)


def test_tag_of_somebody_else_is_a_change(order: Order) -> None:
    assert comparable(order(), READ) != comparable(order(tags="gift, vip, stop"), READ)


def test_fulfilment_is_no_change(order: Order) -> None:
    before = order()
    lines = [
        {**line, "fulfillable_quantity": 0, "fulfillment_status": "fulfilled"} for line in before.order["line_items"]
    ]
    after = order(
        fulfillment_status="fulfilled", closed_at="2026-11-03T10:00:00Z", fulfillments=[{"id": 1}], line_items=lines
    )
    assert comparable(before, READ) == comparable(after, READ)


def test_fulfilled_line_still_counts_in_a_comparison(order: Order, look: LookAt) -> None:
    before = order()
    lines = [{**line, "fulfillable_quantity": 0} for line in before.order["line_items"]]
    body, read = comparable(order(line_items=lines), READ)
    at = Look(order=body, fetched=Fetched(data=read, complete=True), now=look(before).now, shop=look(before).shop)
    assert [line["quantity"] for line in PLATFORM.shipping(at).lines] == [2, 1]


def test_removed_line_is_a_change(order: Order) -> None:
    before = order()
    lines = [{**line, "current_quantity": 0} for line in before.order["line_items"]]
    assert comparable(before, READ) != comparable(order(line_items=lines), READ)


def test_new_address_is_a_change(order: Order) -> None:
    before = order()
    moved = {**before.order["shipping_address"], "address1": "15 Kiln Road"}
    assert comparable(before, READ) != comparable(order(shipping_address=moved), READ)


def test_cancellation_is_a_change(order: Order) -> None:
    assert comparable(order(), READ) != comparable(order(cancelled_at="2026-11-02T13:00:00Z"), READ)


def test_fulfilment_orders_and_our_marks_are_taken_out_of_what_was_read(order: Order) -> None:
    _, read = comparable(order(), READ)
    assert set(read["order"]) == {"risk", "variants"}


def test_comparison_changes_neither_argument(order: Order) -> None:
    before = order()
    comparable(before, READ)
    assert (before.order["updated_at"], "fulfillment_orders" in READ) == ("2026-11-02T09:30:05+00:00", True)


def test_body_alone_can_be_compared(order: Order) -> None:
    assert comparable(order()) == comparable(order(updated_at="2026-11-05T00:00:00Z"))
