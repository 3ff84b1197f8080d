"""What may go wrong between SortedPRO's answer and the reference on the shop order, and what nobody may forget."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from bridge import actions
from bridge.errors import ActionRefused
from bridge.sandbox.faults import drop_after, status
from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.woocommerce import woo_order
from bridge.store import destinations, ledger, products
from bridge.store.database import transaction
from bridge.store.ledger.sending import DEADLINE
from tests.forward.conftest import Rig, make_rig, write_mappings


def act(rig: Rig, name: str, action, **more):
    return action(rig.bridge.engine, rig.order(name), who="kim", reason="seen", now=rig.clock(), **more)


def killed_while_sending(rig: Rig, name: str) -> ledger.Order:
    """The order as a worker leaves it that dies during Create Order."""
    with transaction(rig.bridge.engine) as connection:
        order = ledger.claim(connection, rig.clock(), uuid.uuid4())
        assert order is not None
        assert order.name == name
        attempt = ledger.Attempt(
            id=uuid.uuid4(), destination="sorted", payload=b"{}", fetched={}, known={}, mapping_version="x",
            body_id=order.body_id or 0, clock=rig.clock(), lines={}, route={},
        )  # fmt: skip
        begun = ledger.begin_send(
            connection, order, attempt, customer_reference=name, left_out=(), now=rig.clock(), beside=frozenset(),
            rest=False, fulfilled={},
        )  # fmt: skip
    assert isinstance(begun, ledger.Order)
    return begun


# --- created, not yet written back -----------------------------------------------------------------------------------
def test_cancelled_while_the_write_back_fails_says_do_not_ship(rig: Rig) -> None:
    number = rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.world.woocommerce.behave(status(503), match="meta_data", count=None)
    rig.settle()
    rig.later(minutes=1)
    rig.world.woocommerce.set_status(number, "cancelled")
    rig.settle()
    rig.later(hours=1)
    rig.settle()
    assert (rig.order("#21").state, rig.order("#21").change[:11]) == ("created", "do not ship")


def test_write_back_to_a_deleted_order_is_ended_by_a_person(rig: Rig) -> None:
    number = rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.world.woocommerce.behave(status(503), match="meta_data", count=1)
    rig.settle()
    rig.world.woocommerce.trash(number)
    rig.settle()
    rig.later(hours=1)
    rig.settle()
    assert rig.order("#21").trouble_code == "order_gone"
    act(rig, "#21", actions.end_write_back)
    order = rig.order("#21")
    assert (order.state, order.changed) == ("done", True)


# --- what a harmless body may not erase ------------------------------------------------------------------------------
def test_mapping_of_a_send_that_a_newer_body_stopped_is_stored(rig: Rig) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.deliver()
    tools = rig.bridge.forwarder.tools
    with pytest.raises(RuntimeError), transaction(rig.bridge.engine):
        tools.keep_mapping("v", "{}", rig.clock())
        raise RuntimeError
    with transaction(rig.bridge.engine) as connection:
        assert products.mapping_text(connection, "v") == "{}"


def test_order_that_the_shop_only_does_not_show_keeps_its_flag(rig: Rig) -> None:
    order_id = rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.settle()
    rig.later(minutes=1)
    rig.world.shopify.cancel(order_id)
    rig.settle()
    rig.world.shopify.book.delete(order_id)
    edit = json.dumps({"order_edit": {"order_id": int(order_id)}}).encode()
    rig.post("shopify", rig.signed_for_shopify(edit, "orders/edited"))
    rig.settle()
    assert rig.order("#1001").change.startswith("do not ship")


# --- doubts ----------------------------------------------------------------------------------------------------------
def test_cancelled_before_the_doubt_was_found_says_do_not_ship(rig: Rig) -> None:
    order_id = rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.deliver()
    killed_while_sending(rig, "#1001")
    rig.later(seconds=1)
    rig.world.shopify.cancel(order_id)
    rig.deliver()
    rig.clock.now += DEADLINE
    rig.work()
    order = rig.order("#1001")
    assert (order.state, order.change[:11]) == ("in_doubt", "do not ship")


def test_dead_order_of_a_paused_shop_frees_its_place(rig: Rig) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.deliver()
    killed_while_sending(rig, "#1001")
    with transaction(rig.bridge.engine) as connection:
        destinations.pause_shop(connection, "shopify", reason="scope", code="missing_scope", now=rig.clock())
    rig.clock.now += DEADLINE
    rig.work()
    assert rig.order("#1001").state == "in_doubt"


def test_replay_of_a_dropped_doubt_must_be_meant(rig: Rig) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.world.sortedpro.behave(drop_after())
    rig.settle()
    actions.settle(rig.bridge.engine, rig.order("#1001"), actions.Settled(), who="kim", reason="lost", now=rig.clock())
    with pytest.raises(ActionRefused, match="--risk-a-second-order"):
        act(rig, "#1001", actions.replay)
    act(rig, "#1001", actions.replay, at_risk=True)
    rig.settle()
    assert len(rig.sent()) == 2


def test_late_word_that_nothing_was_sent_ends_the_doubt(rig: Rig) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.deliver()
    begun = killed_while_sending(rig, "#1001")
    rig.clock.now += DEADLINE
    rig.work()
    from bridge.forward import sending
    from bridge.sortedpro.client import Outcome

    outcome = Outcome(kind="unreachable", message="SortedPRO cannot be reached, nothing was sent")
    sending._end(rig.bridge.forwarder.tools, begun, rig.bridge.shops.by_name["shopify"], outcome)
    assert rig.order("#1001").state == "queued"


# --- trouble keeps to itself -----------------------------------------------------------------------------------------
def test_trouble_with_the_shop_leaves_the_hold_as_it_is(database, world, clock, tmp_path) -> None:
    rig = make_rig(database, write_mappings(tmp_path / "m", world, "mode: observe\n"), world, clock)
    number = rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.settle()
    rig.later(minutes=6)
    rig.world.woocommerce.behave(status(500), count=None)
    rig.world.woocommerce.change(number, customer_note="ring twice")
    rig.later(minutes=6)
    rig.settle()
    held = rig.order("#21")
    rig.world.woocommerce.clear()
    rig.later(hours=1)
    rig.settle()
    act(rig, "#21", actions.release)
    rig.settle()
    after = rig.order("#21")
    rig.bridge.close()
    assert (held.state, held.code, after.state) == ("held", "observe", "done")


def test_process_that_is_about_to_end_begins_no_call(rig: Rig) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.deliver()
    rig.bridge.stop.set()
    rig.bridge.forwarder.forward_next()
    assert (rig.order("#1001").state, rig.sent()) == ("received", [])
    assert rig.order("#1001").claim_id is None


def test_order_queued_for_a_renamed_destination_goes_to_the_new_one(database, world, clock, tmp_path) -> None:
    rig = make_rig(database, write_mappings(tmp_path / "a", world), world, clock)
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.world.sortedpro.behave(status(401))
    rig.settle()
    rig.bridge.close()
    extra = "destination: { name: other }\n"
    again = make_rig(database, write_mappings(tmp_path / "b", world, extra), world, clock)
    again.settle()
    state = again.order("#1001").state
    again.bridge.close()
    assert state == "done"


def test_a_pause_ends_a_row_of_unreachable_answers(rig: Rig) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.deliver()
    tools = rig.bridge.forwarder.tools
    order = ledger.Order(**{**vars(rig.order("#1001")), "unreachable_since": rig.clock(), "not_before": rig.clock()})
    from bridge.forward.sending import _unreachable_since

    eight_days_later = rig.clock() + timedelta(days=8)
    assert tools is not None
    assert _unreachable_since(order, eight_days_later) == eight_days_later


def test_nul_in_a_title_is_no_endless_error(rig: Rig) -> None:
    body = shopify_order(1001, at=rig.clock())
    body["note"] = "bell\0"
    body["line_items"][0]["title"] = body["line_items"][0]["name"] = "mug\0"
    rig.world.shopify.add_order(body)
    rig.settle()
    assert rig.order("#1001").trouble_code == ""


def test_half_a_character_is_a_named_problem(rig: Rig) -> None:
    order = woo_order(21, at=rig.clock(), home=rig.world.woocommerce_url)
    body = json.dumps(order).replace('"city": "', '"city": "\\ud800 ').encode()
    rig.post("woocommerce", rig.signed_for_woocommerce(body, "order.created"))
    rig.work()
    assert (rig.order("#21").state, "Town" in rig.order("#21").reason) == ("failed", True), rig.story("#21")


def test_two_rows_never_come_of_a_ring_beside_a_body(rig: Rig) -> None:
    number = rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    packets = rig.take("woocommerce")
    ring = rig.signed_for_woocommerce(json.dumps({"id": number}).encode(), "order.deleted")
    rig.post("woocommerce", ring)
    for packet in packets:
        rig.post("woocommerce", packet)
    rig.settle()
    assert rig.order("#21").state == "done", rig.story("#21")


def test_answer_to_options_is_405(rig: Rig) -> None:
    assert rig.web.options("/webhooks/shopify").status_code == 405


# --- nobody forgets --------------------------------------------------------------------------------------------------
def test_write_back_ended_by_a_person_is_still_compared(rig: Rig) -> None:
    number = rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.world.woocommerce.behave(status(503), match="meta_data", count=None)
    rig.settle()
    rig.later(minutes=1)
    rig.world.woocommerce.set_status(number, "cancelled")
    rig.deliver()
    act(rig, "#21", actions.end_write_back)
    rig.settle()
    assert (rig.order("#21").state, rig.order("#21").change[:11]) == ("done", "do not ship")


def test_comparison_that_fails_does_not_stop_the_write_back(rig: Rig) -> None:
    number = rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.world.woocommerce.behave(status(503), match="meta_data", count=1)
    rig.settle()
    with transaction(rig.bridge.engine) as connection:
        connection.execute(text("delete from mappings"))
    rig.later(minutes=10)
    rig.world.woocommerce.change(number, customer_note="ring twice")
    rig.settle()
    rig.later(hours=1)
    rig.settle()
    assert rig.world.woocommerce.reference_of(number) == rig.order("#21").reference


def test_cancellation_counts_although_the_shop_shows_the_order_no_more(rig: Rig) -> None:
    order_id = rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.settle()
    rig.later(minutes=1)
    rig.world.shopify.cancel(order_id)
    rig.deliver()
    rig.world.shopify.book.delete(order_id)
    edit = json.dumps({"order_edit": {"order_id": int(order_id)}}).encode()
    rig.post("shopify", rig.signed_for_shopify(edit, "orders/edited"))
    rig.settle()
    assert rig.order("#1001").change.startswith("do not ship")


def test_tag_is_tried_again_after_a_long_outage_of_the_shop(rig: Rig) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    refused = {
        "metafieldsSet": {"metafields": [{"key": "a"}, {"key": "b"}], "userErrors": []},
        "tagsAdd": {"node": None, "userErrors": [{"field": ["tags"], "message": "too many tags"}]},
    }
    body = json.dumps({"data": refused, "extensions": {"cost": {}}}).encode()
    down = [status(500)] * 12
    said = status(200, body=body, headers={"content-type": "application/json"})
    rig.world.shopify.behave(*down, said, match="tagsAdd")
    rig.settle()
    for _ in range(14):
        rig.later(hours=1)
        rig.settle()
    assert (rig.order("#1001").state, rig.order("#1001").warning) == ("done", ""), rig.story("#1001")


def test_order_queued_while_its_destination_was_renamed_is_sent(rig: Rig) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.deliver()
    with transaction(rig.bridge.engine) as connection:
        destinations.announce_destination(connection, "old", url="x", credentials="x", concurrency=1, rate=None)
        destinations.pause_destination(connection, "old", reason="key", code="misconfigured", now=rig.clock())
        order = ledger.claim(connection, rig.clock(), uuid.uuid4())
        assert order is not None
        ledger.move(connection, order, "queued", event="test", now=rig.clock(), destination="old", due_at=rig.clock())
    rig.bridge.take_up()
    rig.settle()
    assert rig.order("#1001").state == "done"
