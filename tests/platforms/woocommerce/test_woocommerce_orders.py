"""What WooCommerce's bodies are: orders, deletions, actions, errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bridge.errors import NotRead
from bridge.platforms.base import Look, NoOrder, OrderBody, Record, Rung
from bridge.platforms.woocommerce import PLATFORM
from bridge.platforms.woocommerce.records import written

Payload = Callable[[str], bytes]
Order = Callable[..., OrderBody]
LookAt = Callable[..., Look]

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)  # when `look` looks

RECORD = Record(
    order_id="1501",
    order_key="wc_order_Qm4kT0pYbZ1aa",
    part=1,
    reference="EO-000-002-0TS",
    destination="api.example.com",
    written_at=datetime(2026, 11, 2, 11, 20, tzinfo=UTC),
)


def outcome(body: bytes, topic: str = "order.updated") -> str:
    found = PLATFORM.read(body, topic)
    assert isinstance(found, NoOrder)
    return found.outcome


def test_order_is_named_by_its_number_and_keyed_by_its_id(order: Order) -> None:
    body = order()
    assert (body.name, body.order_id, body.order_key) == ("#WEB-1501", "1501", "wc_order_Qm4kT0pYbZ1aa")


def test_times_are_the_gmt_ones_not_the_shops_local_ones(order: Order) -> None:
    body = order()  # date_created is 12:15:30 in the shop's zone
    assert body.created_at == datetime(2026, 11, 2, 11, 15, 30, tzinfo=UTC)
    assert body.modified_at == datetime(2026, 11, 2, 11, 16, 5, tzinfo=UTC)


def test_fractions_are_decimals(order: Order) -> None:
    body = order("order.created__cash_on_delivery_company_only")
    assert body.order["line_items"][0]["quantity"] == Decimal("2.5")


def test_api_version_1_without_gmt_times_is_an_order(order: Order) -> None:
    assert order("order.created__api_version_1").modified_at == datetime(2026, 11, 2, 11, 16, 5, tzinfo=UTC)


def test_list_that_php_wrote_as_an_object_is_a_list(order: Order) -> None:
    body = order("order.created__lists_with_gaps")
    assert [line["sku"] for line in body.order["line_items"]] == ["LAMP", "BULB"]


def test_order_without_times_is_read_from_the_shop() -> None:
    found = PLATFORM.read(b'{"id": 7, "line_items": []}', "order.created")
    assert isinstance(found, Rung)
    assert (found.order_id, found.deletion) == ("7", False)


def test_body_of_an_id_alone_is_a_deletion_whatever_its_topic(payload: Payload) -> None:
    found = PLATFORM.read(payload("order.deleted__trashed"), "product.created")
    assert isinstance(found, Rung)
    assert (found.order_id, found.deletion) == ("1501", True)


def test_action_names_its_order(payload: Payload) -> None:
    found = PLATFORM.read(payload("action.woocommerce_order_status_processing__id_only"), "")
    assert isinstance(found, Rung)
    assert (found.order_id, found.deletion) == ("1501", False)


@pytest.mark.parametrize(
    "body",
    [
        b'{"action": "woocommerce_new_product", "arg": 5}',
        b'{"action": "woocommerce_new_order", "arg": null}',
        b'{"action": "woocommerce_new_order", "arg": true}',
        b'{"action": "woocommerce_new_order", "arg": [1]}',
    ],
)
def test_action_without_an_order_is_none(body: bytes) -> None:
    assert "action" in outcome(body)


def test_error_for_want_of_rights_says_that_all_orders_are_lost_and_the_way_out(payload: Payload) -> None:
    words = outcome(payload("order.updated__error_owner_without_rights"))
    assert "woocommerce_rest_cannot_view" in words
    assert "every order is being lost" in words
    assert "set the webhook's user" in words


def test_error_of_an_order_that_is_gone_says_so(payload: Payload) -> None:
    assert "deleted before it could be sent" in outcome(payload("order.created__error_order_is_gone"))


def test_legacy_body_names_the_setting_to_change(payload: Payload) -> None:
    assert "WP REST API Integration v3" in outcome(payload("order.created__legacy_v3"))


def test_body_of_another_topic_names_it(payload: Payload) -> None:
    assert "product.updated" in outcome(payload("product.updated__lamp"), "product.updated")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"webhook_id=4", "ping"),
        (b"", "malformed JSON"),
        (b'{"id": 1, "line_items": [', "malformed JSON"),
        (b'{"id": 1, "total": NaN}', "malformed JSON"),
        (b"[" * 100_000, "malformed JSON"),
        (b'{"id": "\xff"}', "not UTF-8"),
        (b"[1]", "no object"),
        (b"null", "no object"),
        (b'<?xml version="1.0"?><order/>', "XML or HTML"),
        (b"\n<html>", "XML or HTML"),
        (b"{}", "no WooCommerce order"),
        (b'{"id": true}', "no WooCommerce order"),
        (b'{"id": -4, "line_items": []}', "no WooCommerce order"),
    ],
)
def test_what_is_no_order_is_told_in_words(body: bytes, words: str) -> None:
    assert words in outcome(body)


@pytest.mark.parametrize("status", ["cancelled", "refunded", "failed", "trash"])
def test_cancelled_refunded_failed_and_trashed_orders_must_not_ship(order: Order, status: str) -> None:
    assert PLATFORM.ended(order(status=status).order) is not None


@pytest.mark.parametrize("status", ["processing", "completed", "on-hold", "packing"])
def test_other_orders_have_not_ended(order: Order, status: str) -> None:
    assert PLATFORM.ended(order(status=status).order) is None


def test_body_without_any_address_is_a_missing_permission(order: Order) -> None:
    body = order()
    del body.order["billing"], body.order["shipping"]
    problem = PLATFORM.personal_data_removed(body.order)
    assert problem is not None
    assert problem.code == "personal_data_removed"


def test_empty_addresses_are_no_missing_permission(order: Order) -> None:
    assert PLATFORM.personal_data_removed(order(shipping={}, billing={}).order) is None


# --- Fresh, record ---------------------------------------------------------------------------------------------------
def test_body_of_four_minutes_is_fresh(order: Order, look: LookAt) -> None:
    PLATFORM.fresh(look(order(), {}), NOON - timedelta(minutes=4))


def test_body_of_six_minutes_must_be_read(order: Order, look: LookAt) -> None:
    with pytest.raises(NotRead) as caught:
        PLATFORM.fresh(look(order(), {}), NOON - timedelta(minutes=6))
    assert caught.value.keys == {"order"}


def test_order_that_was_read_is_fresh(order: Order, look: LookAt) -> None:
    PLATFORM.fresh(look(order(), {"order": {"read": True}}), NOON - timedelta(hours=6))


def meta(*values: Any, key: str = "_sorted_order") -> list[dict[str, Any]]:
    return [{"id": 9 + place, "key": key, "value": value} for place, value in enumerate(values)]


def test_record_is_read_from_its_json_text(order: Order, look: LookAt) -> None:
    assert PLATFORM.records(look(order(meta_data=meta(written(RECORD))), {})) == (RECORD,)


def test_record_that_is_an_object_is_read_too(order: Order, look: LookAt) -> None:
    value = {
        "order_id": "1501",
        "order_key": "wc_order_Qm4kT0pYbZ1aa",
        "part": 1,
        "reference": "EO-000-002-0TS",
        "destination": "api.example.com",
        "written_at": "2026-11-02T11:20:00+00:00",
    }
    assert PLATFORM.records(look(order(meta_data=meta(value)), {})) == (RECORD,)


def test_record_of_this_order_goes_before_a_copied_one(order: Order, look: LookAt) -> None:
    copied = written(RECORD).replace("1501", "1400").replace("EO-000-002-0TS", "EO-000-001-AAA")
    assert PLATFORM.records(look(order(meta_data=meta(copied, written(RECORD))), {})) == (RECORD,)


@pytest.mark.parametrize(
    ("rows", "also"),
    [
        (meta("EO-000-009-XYZ", key="sorted_order_reference"), ("EO-000-009-XYZ",)),
        (meta("EO-000-009-XYZ", "EO-000-002-0TS", key="sorted_order_reference"), ("EO-000-009-XYZ",)),
        (meta("EO-000-009-XYZ", key="carrier_ref"), ("EO-000-009-XYZ",)),  # `write_back.meta` may be any
        (meta(written(replace(RECORD, reference="EO-000-009-XYZ"))), ("EO-000-009-XYZ",)),
        (meta(written(replace(RECORD, destination="b.example"))), ("EO-000-002-0TS of b.example",)),
        (meta("EO-000-002-0TS", "", None, key="sorted_order_reference"), ()),
        (meta("EO-000-002-0TS, EO-000-009-XYZ", key="sorted_order_reference"), ("EO-000-009-XYZ",)),
        (meta("Tuesday, or later", key="sorted_order_reference"), ("Tuesday, or later",)),
    ],
)
def test_record_tells_of_other_references_beside_it(
    order: Order, look: LookAt, rows: list[dict[str, Any]], also: tuple[str, ...]
) -> None:
    found = PLATFORM.records(look(order(meta_data=meta(written(RECORD)) + rows), {}))
    assert found == (replace(RECORD, also=also),)


def test_reference_of_a_copied_record_is_no_other_one(order: Order, look: LookAt) -> None:
    copied = written(replace(RECORD, order_id="1400", reference="EO-000-001-AAA"))
    rows = meta(written(RECORD), copied) + meta("EO-000-001-AAA", key="sorted_order_reference")
    assert PLATFORM.records(look(order(meta_data=rows), {})) == (RECORD,)


@pytest.mark.parametrize(
    ("record", "names"),
    [
        (RECORD, True),
        (replace(RECORD, order_key=""), True),
        (replace(RECORD, order_key="wc_order_before_the_restore"), False),
        (replace(RECORD, order_id="1400"), False),
        (replace(RECORD, order_id="1400", order_key=""), False),
    ],
)
def test_record_names_an_order_by_id_and_key(record: Record, names: bool) -> None:
    assert record.names("1501", "wc_order_Qm4kT0pYbZ1aa") is names


def test_record_names_an_order_whose_key_is_not_told() -> None:
    assert RECORD.names("1501", "")


def test_copied_record_alone_is_told_as_it_is(order: Order, look: LookAt) -> None:
    copied = written(RECORD).replace("1501", "1400")
    found = PLATFORM.records(look(order(meta_data=meta(copied)), {}))
    assert [one.order_id for one in found] == ["1400"]


@pytest.mark.parametrize("value", ["", "EO-000-002-0TS", "{}", "[1]", None, 4, '{"order_id": "1501"}'])
def test_what_is_no_record_counts_as_none(order: Order, look: LookAt, value: Any) -> None:
    assert PLATFORM.records(look(order(meta_data=meta(value)), {})) == ()


def test_record_of_a_body_without_meta_data_must_be_read(order: Order, look: LookAt) -> None:
    with pytest.raises(NotRead):
        PLATFORM.records(look(order("order.created__api_version_1"), {}))


# --- Records of several parts ----------------------------------------------------------------------------------------
SECOND = replace(RECORD, part=2, reference="EO-000-002-0TT")


def test_records_of_several_parts_come_by_their_parts(order: Order, look: LookAt) -> None:
    rows = meta(written(RECORD, SECOND)) + meta("EO-000-002-0TS, EO-000-002-0TT", key="sorted_order_reference")
    assert PLATFORM.records(look(order(meta_data=rows), {})) == (RECORD, SECOND)


def test_older_reader_finds_the_first_part_where_it_always_was() -> None:
    document = json.loads(written(RECORD, SECOND))
    assert document.pop("parts") == [
        {
            "part": 2,
            "reference": "EO-000-002-0TT",
            "destination": "api.example.com",
            "written_at": "2026-11-02T11:20:00+00:00",
        }
    ]
    assert document == json.loads(written(RECORD))


def test_parts_in_rows_of_their_own_are_joined(order: Order, look: LookAt) -> None:
    rows = meta(written(SECOND), written(RECORD))
    assert PLATFORM.records(look(order(meta_data=rows), {})) == (RECORD, SECOND)


def test_second_record_of_a_later_part_is_told_with_the_first(order: Order, look: LookAt) -> None:
    twice = replace(SECOND, reference="EO-000-009-XYZ")
    rows = meta(written(RECORD, SECOND, twice))
    found = PLATFORM.records(look(order(meta_data=rows), {}))
    assert found == (replace(RECORD, also=("EO-000-009-XYZ",)), SECOND)


def test_reference_that_no_part_names_is_told_with_the_first(order: Order, look: LookAt) -> None:
    rows = meta(written(RECORD, SECOND)) + meta("EO-000-002-0TT, EO-000-009-XYZ", key="sorted_order_reference")
    found = PLATFORM.records(look(order(meta_data=rows), {}))
    assert [one.also for one in found] == [("EO-000-009-XYZ",), ()]


def test_parts_of_a_copied_record_are_copied_too(order: Order, look: LookAt) -> None:
    copied = written(replace(RECORD, order_id="1400"), replace(SECOND, order_id="1400"))
    found = PLATFORM.records(look(order(meta_data=meta(copied)), {}))
    assert [(one.part, one.names("1501", "wc_order_Qm4kT0pYbZ1aa")) for one in found] == [(1, False), (2, False)]


@pytest.mark.parametrize("part", [None, 4, "x", {}, {"part": 2}, {"part": "x", "written_at": "2026-11-02T11:20:00Z"}])
def test_part_that_is_none_is_passed_over(order: Order, look: LookAt, part: Any) -> None:
    document = json.loads(written(RECORD, SECOND))
    document["parts"].insert(0, part)
    assert PLATFORM.records(look(order(meta_data=meta(json.dumps(document))), {})) == (RECORD, SECOND)


@pytest.mark.parametrize("parts", [None, {}, "x", 2])
def test_parts_that_are_no_list_leave_the_first(order: Order, look: LookAt, parts: Any) -> None:
    document = {**json.loads(written(RECORD)), "parts": parts}
    assert PLATFORM.records(look(order(meta_data=meta(document)), {})) == (RECORD,)


# --- Comparing after sending -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("number", ["9" * 5000, "9" * 21, 10**30, "1e3", "-4", "0", "", True, 0, None])
def test_id_that_is_none_is_told(number: Any) -> None:
    body = json.dumps({"id": number, "line_items": [], "date_created_gmt": "2026-11-02T11:00:00"}).encode()
    assert "no WooCommerce order" in outcome(body)


def test_refunds_without_an_id_are_passed_over(order: Order) -> None:
    assert PLATFORM.reread(order(refunds=["x", {}, {"id": 7}]).order, {"refunds": [{"id": "7"}]}) == frozenset()


def test_our_own_echo_compares_equal(order: Order) -> None:
    echo = order(
        meta_data=order().order["meta_data"]
        + meta(written(RECORD))
        + meta("EO-000-002-0TS", key="sorted_order_reference")
        + meta("EO-000-002-0TS", "EO-000-002-0TS, EO-000-002-0TT", key="warehouse_ref"),
        date_modified="2026-11-02T12:20:00",
        date_modified_gmt="2026-11-02T11:20:00",
    )
    assert PLATFORM.comparable(echo.order, {"order": {"read": True}}) == PLATFORM.comparable(order().order, {})


def test_completion_compares_equal(order: Order) -> None:
    completed = order(status="completed", date_completed="2026-11-04T10:00:00", date_modified="2026-11-04T10:00:00")
    assert PLATFORM.comparable(completed.order, {})[0] == PLATFORM.comparable(order().order, {})[0]


def test_another_address_compares_unequal(order: Order) -> None:
    moved = order(shipping={**order().order["shipping"], "address_1": "1 New Street"})
    assert PLATFORM.comparable(moved.order, {})[0] != PLATFORM.comparable(order().order, {})[0]


def test_comparing_leaves_the_order_as_it_was(order: Order) -> None:
    body = order(status="completed")
    PLATFORM.comparable(body.order, {})
    assert body.order["status"] == "completed"
    assert "date_modified_gmt" in body.order
