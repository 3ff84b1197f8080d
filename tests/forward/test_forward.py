"""From a webhook to the reference on the shop order, and out of every trouble on the way."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from bridge.sandbox.faults import drop_after, drop_before, html, status
from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.woocommerce import woo_order
from tests.forward.conftest import Rig


def shopify(rig: Rig, number: int = 1001, **options) -> str:
    return rig.world.shopify.add_order(shopify_order(number, at=rig.clock(), **options))


def woo(rig: Rig, number: int = 21, **options) -> int:
    return rig.world.woocommerce.add_order(woo_order(number, at=rig.clock(), **options))


# --- the journey -----------------------------------------------------------------------------------------------------
def test_shopify_order_gets_its_reference(rig: Rig) -> None:
    order_id = shopify(rig)
    rig.settle()
    order = rig.order("#1001")
    assert order.state == "done", rig.story("#1001")
    assert rig.world.shopify.reference_of(order_id) == order.reference
    assert len(rig.sent()) == 1


def test_woocommerce_order_gets_its_reference(rig: Rig) -> None:
    number = woo(rig)
    rig.settle()
    order = rig.order("#21")
    assert order.state == "done", rig.story("#21")
    assert rig.world.woocommerce.reference_of(number) == order.reference
    assert len(rig.sent()) == 1


def test_our_own_echo_changes_nothing(rig: Rig) -> None:
    shopify(rig)
    woo(rig)
    rig.settle()
    assert [rig.order(name).changed for name in ("#1001", "#21")] == [False, False], rig.story("#21")


def test_fulfilment_after_sending_is_no_change(rig: Rig) -> None:
    order_id = shopify(rig)
    number = woo(rig)
    rig.settle()
    rig.later(minutes=1)
    rig.world.shopify.fulfil(order_id)
    rig.world.woocommerce.set_status(number, "completed")
    rig.settle()
    assert [rig.order(name).change for name in ("#1001", "#21")] == ["", ""]


def test_the_request_carries_the_attempt(rig: Rig) -> None:
    shopify(rig)
    rig.settle()
    metadata = rig.world.sortedpro.orders()[0].body["MetaData"]
    marks = [entry["StringValue"] for entry in metadata if entry["KeyValue"] == "BridgeAttempt"]
    assert marks == [str(rig.order("#1001").sent_attempt)]


# --- order of arrival ------------------------------------------------------------------------------------------------
def test_webhooks_in_any_order_end_with_the_newest_body(rig: Rig) -> None:
    order_id = shopify(rig, financial_status="pending")
    rig.later(minutes=1)
    rig.world.shopify.pay(order_id)
    for packet in reversed(rig.take("shopify")):
        assert rig.post("shopify", packet) == 202
    rig.settle()
    assert rig.order("#1001").state == "done", rig.story("#1001")


def test_the_same_webhooks_three_times_make_one_order(rig: Rig) -> None:
    shopify(rig)
    packets = rig.take("shopify")
    for packet in packets * 3:
        rig.post("shopify", packet)
        rig.work()
    rig.settle()
    assert len(rig.sent()) == 1


def test_unpaid_order_waits_and_goes_when_it_is_paid(rig: Rig) -> None:
    number = woo(rig, status="on-hold", payment_method="bacs")
    rig.settle()
    assert rig.order("#21").state == "waiting"
    rig.later(minutes=1)
    rig.world.woocommerce.pay(number)
    rig.settle()
    assert rig.order("#21").state == "done", rig.story("#21")


# --- what the shop says meanwhile ------------------------------------------------------------------------------------
def test_cancelled_while_the_webhook_is_on_its_way_is_not_sent(rig: Rig) -> None:
    order_id = shopify(rig)
    packets = rig.take("shopify")
    rig.later(minutes=1)
    rig.world.shopify.cancel(order_id)
    rig.take("shopify")  # the cancellation's webhook is lost
    for packet in packets:
        rig.post("shopify", packet)
    rig.work()
    assert (rig.order("#1001").state, rig.sent()) == ("skipped", []), rig.story("#1001")


def test_old_woocommerce_body_is_read_anew_before_it_is_sent(rig: Rig) -> None:
    number = woo(rig)
    rig.deliver()
    rig.later(minutes=6)
    rig.world.woocommerce.set_status(number, "cancelled")
    rig.take("woocommerce")
    rig.work()
    assert (rig.order("#21").state, rig.sent()) == ("skipped", []), rig.story("#21")


def test_trashed_order_is_read_and_skipped(rig: Rig) -> None:
    number = woo(rig, status="on-hold")
    rig.settle()
    rig.world.woocommerce.trash(number)
    deletion = rig.take("woocommerce")[0]
    rig.post("woocommerce", deletion)
    rig.work()
    assert (rig.order("#21").state, rig.order("#21").reason) == ("skipped", "deleted in the shop")


def test_a_restored_order_is_looked_at_again(rig: Rig) -> None:
    number = woo(rig, status="on-hold")
    rig.settle()
    rig.world.woocommerce.trash(number)
    rig.settle()
    rig.later(minutes=1)
    rig.world.woocommerce.restore(number, "on-hold")
    rig.settle()
    rig.later(minutes=1)
    rig.world.woocommerce.pay(number)
    rig.settle()
    assert rig.order("#21").state == "done", rig.story("#21")


def test_deletion_that_the_shop_denies_stops_nothing(rig: Rig) -> None:
    number = woo(rig)
    rig.take("woocommerce")
    body = json.dumps({"id": number}).encode()
    rig.post("woocommerce", rig.signed_for_woocommerce(body, "order.deleted"))
    rig.settle()
    assert rig.order("#21").state == "done", rig.story("#21")


def test_goods_on_hold_wait_and_go_when_released(rig: Rig) -> None:
    order_id = shopify(rig)
    rig.world.shopify.hold(order_id, reason="HIGH_RISK_OF_FRAUD")
    rig.settle()
    held = rig.order("#1001")
    assert held.state == "waiting"
    assert "hold" in held.reason
    rig.world.shopify.release(order_id)
    rig.take("shopify")  # nobody tells: a hold does not move updated_at
    rig.later(minutes=1)
    rig.settle()
    assert rig.order("#1001").state == "done", rig.story("#1001")


def test_fulfilment_orders_that_appear_late_are_waited_for(rig: Rig) -> None:
    from datetime import timedelta

    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()), routed_after=timedelta(seconds=30))
    rig.settle()
    assert rig.order("#1001").state == "waiting", rig.story("#1001")
    rig.later(minutes=1)
    rig.settle()
    assert rig.order("#1001").state == "done", rig.story("#1001")


def test_waiting_looks_grow_apart(rig: Rig) -> None:
    order_id = shopify(rig)
    rig.world.shopify.hold(order_id)
    rig.settle()
    waits = []
    for _ in range(6):
        due = rig.order("#1001").due_at
        assert due is not None
        waits.append((due - rig.clock()).total_seconds() / 60)
        rig.clock.now = due
        rig.work()
    assert waits == [1, 2, 5, 15, 60, 60]


# --- after sending ---------------------------------------------------------------------------------------------------
def test_cancelled_after_sending_says_do_not_ship(rig: Rig) -> None:
    order_id = shopify(rig)
    rig.settle()
    rig.later(minutes=1)
    rig.world.shopify.cancel(order_id)
    rig.settle()
    order = rig.order("#1001")
    assert (order.state, order.changed) == ("done", True)
    assert order.change.startswith("do not ship")


def test_removed_line_after_sending_is_named(rig: Rig) -> None:
    order_id = shopify(rig)
    rig.settle()
    rig.later(minutes=1)
    line = rig.world.shopify.order(order_id).body["line_items"][0]
    rig.world.shopify.edit(order_id, line["id"], 0)
    rig.settle()
    assert rig.order("#1001").changed
    assert "Packages[0].Items" in rig.order("#1001").change


def test_partial_refund_after_sending_is_flagged(rig: Rig) -> None:
    number = woo(rig)
    rig.settle()
    rig.later(minutes=1)
    line = rig.world.woocommerce.order(number)["line_items"][0]
    rig.world.woocommerce.refund(number, {line["id"]: 1})
    rig.settle()
    assert rig.order("#21").changed, rig.story("#21")


def test_deleted_after_sending_says_do_not_ship(rig: Rig) -> None:
    number = woo(rig)
    rig.settle()
    rig.world.woocommerce.trash(number)
    rig.settle()
    assert rig.order("#21").change.startswith("do not ship"), rig.story("#21")


# --- outcomes of Create Order ----------------------------------------------------------------------------------------
def test_refused_order_is_failed_with_the_details(rig: Rig) -> None:
    shopify(rig)
    details = [{"Code": "Bad", "Target": "Packages[0].Weight.Value", "Message": "too heavy"}]
    body = json.dumps({"Code": "ValidationError", "Message": "bad", "CorrelationId": "x", "Details": details}).encode()
    rig.world.sortedpro.behave(status(400, headers={"content-type": "application/json"}, body=body))
    rig.settle()
    assert (rig.order("#1001").state, rig.order("#1001").code) == ("failed", "refused")


def test_refused_request_is_not_sent_again_by_itself(rig: Rig) -> None:
    order_id = shopify(rig)
    rig.world.sortedpro.behave(status(400, body=b"{}"))
    rig.settle()
    rig.later(minutes=1)
    rig.world.shopify.tag(order_id, "vip")  # a newer body that makes the same request
    rig.settle()
    assert (rig.order("#1001").state, rig.order("#1001").code, rig.sent()) == ("failed", "refused_before", [])


def test_busy_order_goes_after_the_time_that_was_asked_for(rig: Rig) -> None:
    shopify(rig)
    rig.world.sortedpro.behave(status(429, headers={"retry-after": "7"}))
    rig.settle()
    order = rig.order("#1001")
    assert order.state == "queued"
    assert order.not_before is not None
    assert (order.not_before - rig.clock()).total_seconds() == 7
    rig.later(seconds=7)
    rig.settle()
    assert rig.order("#1001").state == "done"


def test_wrong_key_pauses_the_destination(rig: Rig) -> None:
    shopify(rig)
    woo(rig)
    rig.world.sortedpro.behave(status(401, body=b'{"statusCode":401,"message":"Access denied"}'), count=None)
    rig.settle()
    assert {rig.order("#1001").state, rig.order("#21").state} == {"queued"}
    assert len(rig.world.sortedpro.calls()) == 1  # the second order was not even tried


def test_unknown_outcome_is_in_doubt_and_never_sent_again(rig: Rig) -> None:
    shopify(rig)
    rig.world.sortedpro.behave(drop_after())
    rig.settle()
    rig.later(days=2)
    rig.settle()
    assert (rig.order("#1001").state, len(rig.sent())) == ("in_doubt", 1)


@pytest.mark.parametrize("fault", [html(502), status(500), status(503), drop_before()])
def test_answers_that_tell_nothing_are_in_doubt(rig: Rig, fault) -> None:
    shopify(rig)
    rig.world.sortedpro.behave(fault)
    rig.settle()
    assert rig.order("#1001").state == "in_doubt"


def test_created_without_reference_is_in_doubt(rig: Rig) -> None:
    shopify(rig)
    rig.world.sortedpro.behave(status(201, body=b"[]"))
    rig.settle()
    assert rig.order("#1001").state == "in_doubt"


# --- write-back ------------------------------------------------------------------------------------------------------
def test_trouble_with_the_write_back_never_creates_again(rig: Rig) -> None:
    number = woo(rig)
    rig.world.woocommerce.behave(status(503), match="meta_data", count=3)
    rig.settle()
    assert rig.order("#21").state == "created"
    for _ in range(4):
        rig.later(hours=1)
        rig.settle()
    assert (rig.order("#21").state, len(rig.sent())) == ("done", 1), rig.story("#21")
    assert rig.world.woocommerce.reference_of(number) == rig.order("#21").reference


def test_another_reference_on_the_shop_order_is_a_conflict(rig: Rig) -> None:
    number = woo(rig, meta={"sorted_order_reference": "EO-999-999-999"})
    rig.settle()
    order = rig.order("#21")
    assert (order.state, order.trouble_code) == ("created", "write_back_conflict"), rig.story("#21")
    assert rig.world.woocommerce.reference_of(number) == "EO-999-999-999"


def test_order_with_our_record_is_adopted(rig: Rig) -> None:
    body = woo_order(21, at=rig.clock())
    host = rig.world.sortedpro_url.removeprefix("http://")
    record = {
        "order_id": "21", "order_key": body["order_key"], "part": 1, "reference": "EO-123-456-789",
        "destination": host, "written_at": "2026-11-01T00:00:00+00:00",
    }  # fmt: skip
    body["meta_data"] = [{"id": 1, "key": "_sorted_order", "value": json.dumps(record)}]
    rig.world.woocommerce.add_order(body)
    rig.settle()
    assert (rig.order("#21").state, rig.order("#21").reference, rig.sent()) == ("done", "EO-123-456-789", [])


def test_copied_record_counts_as_none(rig: Rig) -> None:
    body = woo_order(21, at=rig.clock())
    record = {
        "order_id": "20", "order_key": "wc_order_other", "part": 1, "reference": "EO-123-456-789",
        "destination": "api.electioapp.com", "written_at": "2026-11-01T00:00:00+00:00",
    }  # fmt: skip
    body["meta_data"] = [
        {"id": 1, "key": "_sorted_order", "value": json.dumps(record)},
        {"id": 2, "key": "sorted_order_reference", "value": "EO-123-456-789"},
    ]
    number = rig.world.woocommerce.add_order(body)
    rig.settle()
    order = rig.order("#21")
    assert order.state == "done", rig.story("#21")
    assert rig.world.woocommerce.reference_of(number) == order.reference != "EO-123-456-789"


# --- trouble with shops ----------------------------------------------------------------------------------------------
def test_shop_that_is_down_keeps_the_order_where_it_is(rig: Rig) -> None:
    woo(rig)
    rig.world.woocommerce.behave(status(500), count=None)
    rig.settle()
    order = rig.order("#21")
    assert (order.state, rig.sent()) == ("received", [])
    assert order.not_before is not None
    rig.world.woocommerce.clear()
    rig.later(hours=1)
    rig.settle()
    assert rig.order("#21").state == "done"


def test_missing_scope_pauses_the_shop_and_is_named(rig: Rig) -> None:
    rig.world.shopify.scopes = rig.world.shopify.scopes - {"read_products"}
    shopify(rig)
    woo(rig)
    rig.settle()
    assert "read_products" in rig.order("#1001").trouble
    assert rig.order("#21").state == "done"  # another shop is not held back


def test_granted_scope_resumes_the_shop(rig: Rig) -> None:
    scopes = rig.world.shopify.scopes
    rig.world.shopify.scopes = scopes - {"read_products"}
    shopify(rig)
    rig.settle()
    rig.world.shopify.scopes = scopes
    rig.later(minutes=2)
    assert rig.bridge.probe_paused_shops() == ["shopify"]
    rig.settle()
    assert rig.order("#1001").state == "done", rig.story("#1001")


def test_product_that_is_gone_takes_the_defaults_and_says_so(rig: Rig) -> None:
    number = woo(rig)
    for product in {line["product_id"] for line in rig.world.woocommerce.order(number)["line_items"]}:
        del rig.world.woocommerce.products[product]
    rig.settle()
    assert rig.order("#21").state == "done", rig.story("#21")
    assert any("no longer exists" in words for words in rig.story("#21")), rig.story("#21")


def test_redacted_order_names_the_permission(rig: Rig) -> None:
    shopify(rig, address="redacted")
    rig.settle()
    assert (rig.order("#1001").state, rig.order("#1001").code) == ("failed", "personal_data_removed")


def test_discounted_lines_add_up_to_the_package(rig: Rig) -> None:
    shopify(rig, discount=Decimal("5.00"))
    rig.settle()
    package = rig.world.sortedpro.orders()[0].body["Packages"][0]
    goods = sum(Decimal(str(line["price"])) * line["quantity"] for line in _lines(rig)) - Decimal("5.00")
    assert Decimal(str(package["Value"]["Amount"])) == goods


def _lines(rig: Rig):
    return shopify_order(1001, at=rig.clock())["line_items"]
