"""The demo's judge finds each way in which an order can come out wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from bridge.trial.scene import Scene
from bridge.trial.stage import Stage
from bridge.trial.story import STORY
from bridge.trial.verdict import Made, Outcome, Verdict, judge


def never_begins(_stage: Stage, _number: int, _at: datetime) -> str:
    raise AssertionError("a judged scene is over")


SENT = Scene(shop="shopify", number=1002, shows="a plain paid order", begin=never_begins)
FAILED = replace(SENT, state="failed", reason="AddressLine1", sent=False)
MADE = Made(reference="EO-000-002-0TS", request='{"Sku": "MUG-BLUE"}')
DONE = Outcome(scene=SENT, state="done", reference="EO-000-002-0TS", reason="", made=[MADE], written="EO-000-002-0TS")
STOPPED = Outcome(scene=FAILED, state="failed", reference=None, reason="Addresses[1].AddressLine1: is missing")


@pytest.mark.parametrize("outcome", [DONE, STOPPED], ids=["done", "failed"])
def test_what_came_out_as_told_has_nothing_wrong(outcome: Outcome) -> None:
    assert judge(outcome) == []


def test_another_state_is_told_with_its_reason() -> None:
    outcome = replace(STOPPED, state="skipped", reason="test order")
    assert judge(outcome) == ["expected failed, came skipped (test order)"]


def test_an_order_that_never_came_is_told() -> None:
    outcome = replace(STOPPED, state="", reason="")
    assert judge(outcome) == ["expected failed, came no order (no reason)"]


def test_another_reason_is_told() -> None:
    outcome = replace(STOPPED, reason="Addresses[1].Postcode: is missing")
    assert judge(outcome) == ['expected the reason "AddressLine1", came the reason "Addresses[1].Postcode: is missing"']


def test_a_reason_where_none_was_expected_is_told() -> None:
    outcome = replace(DONE, reason="do not ship: cancelled")
    assert judge(outcome) == ['expected no reason, came the reason "do not ship: cancelled"']


def test_two_orders_in_sortedpro_are_told() -> None:
    outcome = replace(DONE, made=[MADE, replace(MADE, reference="EO-000-002-0TT")])
    assert judge(outcome) == ["expected exactly one order in SortedPRO, came EO-000-002-0TS, EO-000-002-0TT"]


def test_a_done_order_that_sortedpro_lacks_is_told() -> None:
    assert judge(replace(DONE, made=[])) == ["expected exactly one order in SortedPRO, came none"]


def test_an_order_that_should_not_be_in_sortedpro_is_told() -> None:
    assert judge(replace(STOPPED, made=[MADE])) == ["expected no order in SortedPRO, came EO-000-002-0TS"]


def test_a_reference_that_does_not_stand_on_the_shop_order_is_told() -> None:
    assert judge(replace(DONE, written=None)) == ["expected EO-000-002-0TS on the shop order, came none"]


def test_another_orders_reference_is_told() -> None:
    outcome = replace(DONE, reference="EO-000-002-0ZZ", written="EO-000-002-0ZZ")
    assert judge(outcome) == ["expected the reference EO-000-002-0TS, came EO-000-002-0ZZ"]


def test_a_story_without_the_expected_event_is_told() -> None:
    outcome = replace(DONE, scene=replace(SENT, history="not paid"), history=["received", "sending"])
    assert judge(outcome) == ['expected "not paid" in its story, came received; sending']


def test_a_request_without_what_it_must_carry_is_told() -> None:
    outcome = replace(DONE, scene=replace(SENT, carries='"Sku": "LAMP-XL"'))
    assert judge(outcome) == ['expected "Sku": "LAMP-XL" in the request of EO-000-002-0TS, came {"Sku": "MUG-BLUE"}']


def test_an_order_of_no_scene_in_sortedpro_is_a_mismatch() -> None:
    verdict = Verdict(outcomes=[DONE], strays=["EO-000-002-0ZZ"])
    assert verdict.mismatches == ["SortedPRO has EO-000-002-0ZZ, which no scene expects"]


def test_counts_tell_orders_references_and_doubles() -> None:
    doubled = replace(DONE, made=[MADE, replace(MADE, reference="EO-000-002-0TT")], written=None)
    verdict = Verdict(outcomes=[DONE, doubled, STOPPED], strays=[])
    # One order of the first, two of the second; only the first one's reference stands on its shop order.
    assert (verdict.in_sortedpro, verdict.written_back, verdict.doubles) == (3, 1, 1)


def test_no_order_plays_twice_in_the_story() -> None:
    played = [(scene.shop, scene.number) for scene in STORY]
    assert len(set(played)) == len(played)
