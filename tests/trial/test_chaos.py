"""`bridge chaos`: a plan that a seed repeats, a count that sees each kind of wrong, a short soak and rehearsal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.sandbox.sortedpro import CreatedOrder
from bridge.store.ledger import Order
from bridge.trial.chaos_count import Count, make_count
from bridge.trial.chaos_plan import SHOPS, SORTEDPRO_FAULTS, make_plan
from bridge.trial.chaos_world import ShopOrder

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


# --- The plan --------------------------------------------------------------------------------------------------------
def test_same_seed_gives_the_same_plan() -> None:
    first, second = (make_plan(seed=7, orders=50, seconds=60, kills=8) for _ in range(2))
    assert first == second


def test_another_seed_gives_another_plan() -> None:
    assert make_plan(seed=7, orders=50, seconds=60, kills=8) != make_plan(seed=8, orders=50, seconds=60, kills=8)


def test_plan_places_every_order_once_and_before_anything_else_happens_to_it() -> None:
    placed: set[tuple[str, int]] = set()
    for one in make_plan(seed=7, orders=400, seconds=60, kills=8).happenings:
        key = (one.shop, one.number)
        assert one.what.startswith("add") != (key in placed), one
        placed.add(key)
    assert len(placed) == 400
    assert {shop for shop, _ in placed} == set(SHOPS)


def test_plan_of_three_minutes_has_every_fault_of_sortedpro_and_kills_every_kind_of_process() -> None:
    plan = make_plan(seed=7, orders=1, seconds=180, kills=24)
    assert {one.kind for one in plan.sortedpro} == set(SORTEDPRO_FAULTS)
    assert len(plan.kills) == 24
    assert {one.victim for one in plan.kills} == {"worker", "web", "web process", "database", "database process"}


# --- The count -------------------------------------------------------------------------------------------------------
def row(**values: Any) -> Order:
    fields: dict[str, Any] = dict.fromkeys(Order.__dataclass_fields__)
    usual = {"shop": "shopify", "order_id": "1", "part": 1, "state": "done", "reference": "EO-000-000-001"}
    told = {"customer_reference": "shopify-1", "reason": "", "trouble": "", "changed": False}
    return Order(**{**fields, **usual, **told, **values})


def made(reference: str = "EO-000-000-001", customer_reference: str = "shopify-1") -> CreatedOrder:
    return CreatedOrder(
        reference=reference, customer_reference=customer_reference, body={}, headers={}, at=NOW, metadata={}
    )


SOLD = ShopOrder(shop="shopify", order_id="1", name="#1", ships=True, reference="EO-000-000-001")


def count(
    ledger: list[Order], orders: list[CreatedOrder], sold: ShopOrder = SOLD, *, acknowledged: bool = True
) -> Count:
    return make_count([sold], {("shopify", "1")} if acknowledged else set(), ledger, orders)


def kinds(counted: Count) -> list[str]:
    return [one.what for one in counted.wrong]


def test_order_made_once_with_its_reference_is_right() -> None:
    assert kinds(count([row()], [made()])) == []


def test_two_sortedpro_orders_of_one_reference_are_a_double() -> None:
    assert kinds(count([row()], [made(), made("EO-000-000-002")])) == ["double"]


def test_sortedpro_order_that_no_row_owns_is_a_stray() -> None:
    skipped = row(state="skipped", reference=None)
    assert kinds(count([skipped], [made()], replace(SOLD, ships=False))) == ["stray"]


def test_acknowledged_order_without_a_row_is_lost() -> None:
    assert kinds(count([], [])) == ["lost"]


def test_order_of_which_nothing_was_acknowledged_is_not_received_and_not_lost() -> None:
    counted = count([], [], acknowledged=False)
    assert (counted.not_received, kinds(counted)) == (1, [])


def test_order_on_its_way_at_the_end_is_stuck() -> None:
    assert kinds(count([row(state="queued", reference=None)], [])) == ["stuck"]


def test_order_that_should_ship_and_is_skipped_was_wrongly_stopped() -> None:
    assert kinds(count([row(state="skipped", reference=None)], [])) == ["stopped"]


def test_done_order_whose_shop_order_lacks_the_reference_is_named() -> None:
    assert kinds(count([row()], [made()], replace(SOLD, reference=None))) == ["without reference"]


def test_cancelled_order_that_was_sent_must_be_flagged() -> None:
    cancelled = replace(SOLD, ships=False)
    assert kinds(count([row()], [made()], cancelled)) == ["not told"]
    assert kinds(count([row(changed=True)], [made()], cancelled)) == []


def test_order_in_doubt_is_right_with_and_without_an_order_in_sortedpro() -> None:
    doubtful, sold = row(state="in_doubt", reference=None), replace(SOLD, reference=None)
    with_one, without = count([doubtful], [made()], sold), count([doubtful], [], sold)
    assert (with_one.in_doubt_made, with_one.in_doubt_not_made, kinds(with_one)) == (1, 0, [])
    assert (without.in_doubt_made, without.in_doubt_not_made, kinds(without)) == (0, 1, [])


# --- A run -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Ran:
    status: int
    told: dict[str, Any]
    stderr: str


def run(*arguments: str) -> Ran:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("BRIDGE_", "DATABASE_URL"))}
    command = [sys.executable, "-m", "bridge", "chaos", "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=280, check=False)
    assert done.stdout, done.stderr
    return Ran(status=done.returncode, told=json.loads(done.stdout), stderr=done.stderr)


@pytest.fixture(scope="module")
def soaked() -> Ran:
    return run(
        "--orders", "60", "--minutes", "0.15", "--kills", "4", "--seed", "5", "--workers", "1", "--patience", "2"
    )


def test_short_soak_loses_and_doubles_nothing(soaked: Ran) -> None:
    assert soaked.status == 0, soaked.stderr
    assert soaked.told["wrong"] == []


def test_short_soak_kills_worker_web_and_database(soaked: Ran) -> None:
    assert {"worker", "web", "database"} <= {what for what, number in soaked.told["kills"].items() if number}


def test_short_soak_counts_every_order(soaked: Ran) -> None:
    told = soaked.told
    assert (told["orders"], told["not_received"]) == (60, 0)
    assert told["acknowledged"] == told["webhooks"]


@pytest.fixture(scope="module")
def rehearsed() -> Ran:
    return run("--rehearse", "--orders", "60", "--seed", "1")


def test_rehearsal_loses_and_doubles_nothing(rehearsed: Ran) -> None:
    assert rehearsed.status == 0, rehearsed.stderr
    assert (rehearsed.told["orders"], rehearsed.told["wrong"]) == (60, 0)


def test_rehearsal_sends_what_came_while_sortedpro_was_away(rehearsed: Ran) -> None:
    # burst 1 is 24 orders, of which the second half comes while it is away, as do bursts 2 and 3 of 18 each
    assert rehearsed.told["drained"] >= 40
    assert rehearsed.told["oldest_age_seconds"] >= 3 * 3600
