"""`bridge chaos`: a plan that a seed repeats, a short soak and rehearsal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from bridge.trial.chaos_plan import SHOPS, SORTEDPRO_FAULTS, WOOCOMMERCE, What, make_plan

ROOT = Path(__file__).parents[2]


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


def test_plan_has_every_life_of_an_order() -> None:
    happenings = make_plan(seed=7, orders=1000, seconds=60, kills=0).happenings
    assert {one.what for one in happenings} == set(get_args(What))
    # Only Shopify knows of holds and of places to ship from.
    assert not any("hold" in one.what or "place" in one.what for one in happenings if one.shop in WOOCOMMERCE)


def test_plan_of_three_minutes_has_every_fault_of_sortedpro_and_kills_every_kind_of_process() -> None:
    plan = make_plan(seed=7, orders=1, seconds=180, kills=24)
    assert {one.kind for one in plan.sortedpro} == set(SORTEDPRO_FAULTS)
    assert len(plan.kills) == 24
    assert {one.victim for one in plan.kills} == {"worker", "web", "web process", "database", "database process"}


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
    assert told["orders"] == 60
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
