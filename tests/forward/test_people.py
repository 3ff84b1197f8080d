"""What a person may do to an order, and what the bridge leaves to a person."""

from __future__ import annotations

import json

import pytest

from bridge import actions
from bridge.errors import ActionRefused
from bridge.sandbox.faults import drop_after, drop_before, status
from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.woocommerce import woo_order
from bridge.store import queries
from bridge.store.database import transaction
from tests.forward.conftest import Rig, make_rig, write_mappings


def act(rig: Rig, name: str, action, *more):
    return action(rig.bridge.engine, rig.order(name), *more, who="kim", reason="seen", now=rig.clock())


@pytest.fixture
def doubtful(rig: Rig) -> Rig:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.world.sortedpro.behave(drop_after())
    rig.settle()
    return rig


def test_replay_sends_an_unchanged_request_again(rig: Rig) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.world.sortedpro.behave(status(400, body=b"{}"))
    rig.settle()
    act(rig, "#1001", actions.replay)
    rig.settle()
    assert rig.order("#1001").state == "done", rig.story("#1001")


def test_replay_of_a_sent_order_is_refused(rig: Rig) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.settle()
    with pytest.raises(ActionRefused, match="has been sent"):
        act(rig, "#1001", actions.replay)


def test_replay_of_a_doubt_is_refused(doubtful: Rig) -> None:
    with pytest.raises(ActionRefused, match="settle"):
        act(doubtful, "#1001", actions.replay)


def test_doubt_settled_by_its_reference_is_written_back(doubtful: Rig) -> None:
    reference = doubtful.world.sortedpro.orders()[0].reference
    act(doubtful, "#1001", actions.settle, actions.Settled(exists=reference))
    doubtful.settle()
    order = doubtful.order("#1001")
    assert (order.state, order.reference, len(doubtful.sent())) == ("done", reference, 1)


def test_doubt_settled_with_no_reference_of_theirs_is_refused(doubtful: Rig) -> None:
    with pytest.raises(ActionRefused, match="EO-000-002-0TS"):
        act(doubtful, "#1001", actions.settle, actions.Settled(exists="EC-000-000-001"))


def test_doubt_settled_by_sending_again_sends_once_more(rig: Rig) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.world.sortedpro.behave(drop_before())
    rig.settle()
    act(rig, "#1001", actions.settle, actions.Settled(send_again=True))
    rig.settle()
    assert (rig.order("#1001").state, len(rig.sent())) == ("done", 1)


def test_dropped_doubt_stays_out_whatever_comes(doubtful: Rig) -> None:
    act(doubtful, "#1001", actions.settle, actions.Settled())
    doubtful.later(minutes=1)
    doubtful.world.shopify.tag(doubtful.order("#1001").order_id, "vip")
    doubtful.settle()
    assert doubtful.order("#1001").state == "skipped"


def test_order_that_a_person_skipped_stays_out_after_a_deletion_that_is_denied(rig: Rig) -> None:
    number = rig.world.woocommerce.add_order(woo_order(21, status="on-hold", at=rig.clock()))
    rig.settle()
    act(rig, "#21", actions.skip)
    rig.world.woocommerce.pay(number)
    body = json.dumps({"id": number}).encode()
    rig.post("woocommerce", rig.signed_for_woocommerce(body, "order.deleted"))
    rig.settle()
    assert (rig.order("#21").state, rig.sent()) == ("skipped", [])


def test_observe_mode_holds_and_a_release_sends_the_one(database, world, clock, tmp_path) -> None:
    rig = make_rig(database, write_mappings(tmp_path / "m", world, "mode: observe\n"), world, clock)
    for number in (1001, 1002):
        rig.world.shopify.add_order(shopify_order(number, at=rig.clock()))
    rig.settle()
    assert {rig.order(name).state for name in ("#1001", "#1002")} == {"held"}
    act(rig, "#1001", actions.release)
    rig.settle()
    states = [rig.order(name).state for name in ("#1001", "#1002")]
    rig.bridge.close()
    assert states == ["done", "held"]


def test_send_again_policy_sends_and_the_story_says_so(database, world, clock, tmp_path) -> None:
    extra = "destination: { name: sorted, on_unknown_outcome: send_again }\n"
    rig = make_rig(database, write_mappings(tmp_path / "m", world, extra), world, clock)
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.world.sortedpro.behave(drop_after())
    rig.settle()
    rig.later(minutes=1)
    rig.settle()
    order, story, sent = rig.order("#1001"), rig.story("#1001"), rig.sent()
    rig.bridge.close()
    assert (order.state, len(sent)) == ("done", 2)
    assert any("at the risk of a second order" in words for words in story)


def test_who_and_why_stand_in_the_history(rig: Rig) -> None:
    rig.world.woocommerce.add_order(woo_order(21, status="on-hold", at=rig.clock()))
    rig.settle()
    act(rig, "#21", actions.skip)
    with transaction(rig.bridge.engine) as connection:
        last = queries.story(connection, rig.order("#21"))[-1]
    assert (last.actor, last.words) == ("person: kim", "skipped by a person: seen")


def test_mapping_changed_makes_waiting_orders_be_looked_at_again(database, world, clock, tmp_path) -> None:
    rig = make_rig(database, write_mappings(tmp_path / "a", world), world, clock)
    rig.world.woocommerce.add_order(woo_order(21, status="on-hold", at=rig.clock()))
    rig.settle()
    rig.bridge.close()
    relaxed = "let: { shipping_statuses: \"['processing', 'on-hold']\", pay_later_methods: \"['stripe']\" }\n"
    relaxed += "wait: { awaiting payment: }\n"
    again = make_rig(database, write_mappings(tmp_path / "b", world, relaxed), world, clock)
    again.settle()
    state = again.order("#21").state
    again.bridge.close()
    assert state == "done"


def test_new_key_lifts_the_pause_of_a_wrong_one(database, world, clock, tmp_path) -> None:
    mappings = write_mappings(tmp_path / "m", world)
    right = world.sortedpro.api_key
    world.sortedpro.api_key = "another"
    rig = make_rig(database, mappings, world, clock)
    world.sortedpro.api_key = right
    first = rig.bridge.shops.destinations["sorted"]
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.settle()
    paused = rig.order("#1001").state
    rig.bridge.close()
    again = make_rig(database, mappings, world, clock)
    again.settle()
    state = again.order("#1001").state
    again.bridge.close()
    assert (first.api_key, paused, state) == ("another", "queued", "done")


def test_tag_that_fails_is_a_warning_and_tried_again(rig: Rig) -> None:
    order_id = rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.world.shopify.behave(
        status(200, body=_tag_refused(), headers={"content-type": "application/json"}), match="tagsAdd"
    )
    rig.settle()
    assert (rig.order("#1001").state, bool(rig.order("#1001").warning)) == ("done", True), rig.story("#1001")
    rig.later(minutes=2)
    rig.settle()
    assert rig.order("#1001").warning == "", rig.story("#1001")
    assert "sent-to-sorted" in str(rig.world.shopify.order(order_id).body["tags"])


def _tag_refused() -> bytes:
    """The metafields are written, the tag is not."""
    data = {
        "metafieldsSet": {"metafields": [{"key": "a"}, {"key": "b"}], "userErrors": []},
        "tagsAdd": {"node": None, "userErrors": [{"field": ["tags"], "message": "too many tags"}]},
    }
    return json.dumps({"data": data, "extensions": {"cost": {}}}).encode()


def test_order_that_an_ending_worker_made_wait_by_its_old_mapping_is_taken_up(database, world, clock, tmp_path) -> None:
    old = make_rig(database, write_mappings(tmp_path / "a", world), world, clock)
    relaxed = "let: { shipping_statuses: \"['processing', 'on-hold']\", pay_later_methods: \"['stripe']\" }\n"
    relaxed += "wait: { awaiting payment: }\n"
    new = make_rig(database, write_mappings(tmp_path / "b", world, relaxed), world, clock)
    old.world.woocommerce.add_order(woo_order(21, status="on-hold", at=old.clock()))
    old.settle()
    waiting = old.order("#21").state
    new.bridge.take_up()
    new.settle()
    state = new.order("#21").state
    for rig in (old, new):
        rig.bridge.close()
    assert (waiting, state) == ("waiting", "done")
