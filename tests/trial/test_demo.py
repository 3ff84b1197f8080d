"""`bridge demo --once --json` as a person starts it: real processes, the whole story."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bridge.trial.story import STORY

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Played:
    status: int
    told: dict[str, Any]
    stderr: str

    def orders(self, state: str) -> list[dict[str, Any]]:
        return [order for order in self.told["orders"] if order["state"] == state]


@pytest.fixture(scope="module")
def played() -> Played:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("BRIDGE_", "DATABASE_URL"))}
    command = [sys.executable, "-m", "bridge", "demo", "--once", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=240, check=False)
    assert done.stdout, done.stderr
    return Played(status=done.returncode, told=json.loads(done.stdout), stderr=done.stderr)


def test_demo_ends_well(played: Played) -> None:
    assert played.status == 0, played.stderr


def test_demo_plays_at_least_twenty_orders_of_both_platforms(played: Played) -> None:
    orders = played.told["orders"]
    assert len(orders) >= 20
    assert {order["shop"] for order in orders} == {"shopify", "woocommerce"}


def test_demo_tells_each_order_in_the_same_shape(played: Played) -> None:
    assert set(played.told) == {"orders", "sortedpro_orders", "written_back"}
    assert all(set(order) == {"shop", "name", "state", "reference", "reason"} for order in played.told["orders"])


def test_demo_makes_one_sortedpro_order_for_each_scene_that_is_sent(played: Played) -> None:
    assert played.told["sortedpro_orders"] == sum(scene.sent for scene in STORY)


def test_demo_writes_every_reference_back(played: Played) -> None:
    references = [order["reference"] for order in played.orders("done")]
    assert None not in references
    assert len(set(references)) == played.told["written_back"] == len(references)


def test_demo_leaves_the_timed_out_order_to_a_person(played: Played) -> None:
    assert [(order["name"], order["reference"]) for order in played.orders("in_doubt")] == [("#1001", None)]


def test_demo_says_why_each_stopped_order_stopped(played: Played) -> None:
    stopped = [order for state in ("failed", "skipped", "waiting") for order in played.orders(state)]
    assert stopped
    assert all(order["reason"] for order in stopped)
