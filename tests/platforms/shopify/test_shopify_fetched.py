"""What mappings and decisions see of a shop that was read, and what is left of it for a comparison."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import NotRead
from bridge.platforms.base import Fetched, Look, OrderBody, PartOf, Record
from bridge.platforms.shopify import PLATFORM
from bridge.platforms.shopify.records import format_records, parse_records

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
        "metafields",
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


def test_metafields_are_as_they_were_read(order: Order, look: LookAt) -> None:
    found = {"custom.legacy_reference": "EO-000-001-AAA"}
    assert PLATFORM.fetched["metafields"](look(order(), {"metafields": found})) == found


# ---------------------------------------------------------------------------------------------------------------------
# Our records
# ---------------------------------------------------------------------------------------------------------------------
SECOND = replace(RECORD, part=2, reference="EO-000-002-0TT", written_at=datetime(2026, 11, 9, 12, 0, tzinfo=UTC))


def records(order: Order, look: LookAt, *written: Record, reference: str | None = None) -> Sequence[Record]:
    text = format_records(written) if written else None
    return PLATFORM.records(look(order(), {"record": text, "reference": reference}))


def test_records_that_were_written_are_read_again(order: Order, look: LookAt) -> None:
    assert records(order, look, SECOND, RECORD) == (RECORD, SECOND)


def test_order_without_a_record_has_none(order: Order, look: LookAt) -> None:
    assert records(order, look, reference="EO-000-009-XYZ") == ()


def test_one_record_is_written_as_it_always_was() -> None:
    assert json.loads(format_records([RECORD])) == {
        "order_id": "6111222333001",
        "part": 1,
        "reference": "EO-000-002-0TS",
        "destination": "api.electioapp.com",
        "written_at": "2026-11-02T12:00:00+00:00",
    }


def test_lowest_part_stands_where_older_readers_look_for_their_record() -> None:
    text = json.loads(format_records([SECOND, RECORD]))
    parts = text.pop("parts")
    assert text == json.loads(format_records([RECORD]))
    assert parts == [
        {
            "part": 2,
            "reference": "EO-000-002-0TT",
            "destination": "api.electioapp.com",
            "written_at": "2026-11-09T12:00:00+00:00",
        }
    ]


@pytest.mark.parametrize(
    ("reference", "also"),
    [
        (None, ()),
        ("", ()),
        (" EO-000-002-0TT , EO-000-002-0TS\n", ()),
        ("EO-000-002-0TS, EO-000-009-XYZ, EO-000-002-0TT", ("EO-000-009-XYZ",)),
    ],
)
def test_first_record_tells_of_references_that_no_record_names(
    order: Order, look: LookAt, reference: str | None, also: tuple[str, ...]
) -> None:
    first, second = records(order, look, RECORD, SECOND, reference=reference)
    assert (first, second) == (replace(RECORD, also=also), SECOND)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "not JSON",
        json.dumps({**json.loads(format_records([RECORD])), "part": "one"}),
        json.dumps({**json.loads(format_records([RECORD])), "part": True}),
        '{"order_id": 7}',
    ],
)
def test_record_that_cannot_be_read_is_none(text: str) -> None:
    assert parse_records(text) == ()


@pytest.mark.parametrize("parts", [None, {}, "2", [None], [{}], [{"part": 2}]])
def test_parts_that_cannot_be_read_leave_the_first(parts: object) -> None:
    text = {**json.loads(format_records([RECORD])), "parts": parts}
    assert parse_records(json.dumps(text)) == (RECORD,)


@given(
    st.sets(st.integers(min_value=1, max_value=10_000), min_size=1, max_size=20),
    st.datetimes(timezones=st.just(UTC)),
)
def test_any_parts_come_back_in_their_order(numbers: set[int], written_at: datetime) -> None:
    written = [replace(RECORD, part=part, reference=f"EO-{part}", written_at=written_at) for part in numbers]
    assert [found.part for found in parse_records(format_records(written))] == sorted(numbers)
    assert set(parse_records(format_records(written))) == set(written)


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
    "metafields": {"custom.legacy_reference": "EO-000-001-AAA"},
    "fulfillment_orders": [
        {
            "status": "OPEN",
            "method": "SHIPPING",
            "service_code": "express",
            "presented_name": "Next day",
            "location": "Wexcombe",
            "location_id": "77",
            "lines": [{"line_id": "501001", "sku": "MUG-BLUE", "remaining": 2, "total": 2}],
        },
        part("CLOSED", "SHIPPING"),
    ],
    "variants": {},
}
MUGS_WAY = {"location": "Wexcombe", "location_id": "77", "methods": ["express", "Next day"], "pickup_point": None}


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
    assert set(read["order"]) == {"risk", "variants", "metafields", "routes"}


def test_way_of_the_sending_stays_for_a_comparison(order: Order) -> None:
    _, read = comparable(order(), READ)
    assert read["order"]["routes"] == {"501001": MUGS_WAY}


def test_compared_lines_go_the_way_that_they_were_sent(order: Order, look: LookAt) -> None:
    body, read = comparable(order(), READ)
    at = look(order())
    sent = PartOf(only={"501001": Decimal(2), "501002": Decimal(1)})
    again = Look(order=body, fetched=Fetched(data=read, complete=True), now=at.now, shop=at.shop, part=sent)
    mugs, vase = PLATFORM.shipping(again).lines
    assert {key: mugs[key] for key in MUGS_WAY} == MUGS_WAY
    assert (vase["location"], vase["methods"]) == (None, ["standard", "Standard delivery"])


def test_returned_goods_are_no_change(order: Order) -> None:
    before = order()
    lines = [{**line, "current_quantity": line["current_quantity"] - 1} for line in before.order["line_items"]]
    items = [{"line_item_id": line["id"], "quantity": 1, "restock_type": "return"} for line in lines]
    kept, _ = comparable(order(line_items=lines, refunds=[{"refund_line_items": items}]), READ)
    assert kept["line_items"] == comparable(before, READ)[0]["line_items"]


@pytest.mark.parametrize("refunds", [None, 7, [7], [{"refund_line_items": 7}], [{"refund_line_items": [7, {}]}]])
def test_refunds_of_another_shape_stop_no_comparison(order: Order, refunds: object) -> None:
    kept, _ = comparable(order(refunds=refunds), READ)
    assert [line["current_quantity"] for line in kept["line_items"]] == [2, 1]


def test_comparison_changes_neither_argument(order: Order) -> None:
    before = order()
    comparable(before, READ)
    assert (before.order["updated_at"], "fulfillment_orders" in READ) == ("2026-11-02T09:30:05+00:00", True)


def test_body_alone_can_be_compared(order: Order) -> None:
    assert comparable(order()) == comparable(order(updated_at="2026-11-05T00:00:00Z"))
