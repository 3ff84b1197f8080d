"""A shop's points: what its answers tell of them, and queries that wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.http import Budget
from bridge.platforms.shopify.points import Points

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def figures(requested: float, available: float, *, rate: float = 100, most: float = 2000) -> dict[str, Any]:
    status = {"maximumAvailable": most, "currentlyAvailable": available, "restoreRate": rate}
    return {"extensions": {"cost": {"requestedQueryCost": requested, "throttleStatus": status}}}


@pytest.fixture
def points() -> Points:
    return Points()


@pytest.fixture
def budget() -> Budget:
    return Budget(30)


@pytest.mark.parametrize(
    ("requested", "available", "most", "seconds"),
    [
        (100, 200, 2000, None),  # two more are paid for
        (100, 199, 2000, 3),  # until there are 400: 201 points at 100 a second
        (600, 999, 2000, 6),  # less than half of the bucket: until three quarters are there, 501 points
        (600, 1000, 2000, None),
        (600, 1199, 20000, 13),  # of a larger bucket: until there are 2400, 1201 points
        (1, 0, 2000, 1),  # never at once
        (1000, 0, 40000, 40),
        (1000, 0, 100000, 40),
    ],
)
def test_shop_rests_until_several_queries_are_paid_for(
    points: Points, requested: float, available: float, most: float, seconds: int | None
) -> None:
    points.note("query", figures(requested, available, most=most), NOON)
    assert points.rest_until() == (None if seconds is None else NOON + timedelta(seconds=seconds))


def test_the_dearest_query_counts_after_a_cheap_one(points: Points) -> None:
    points.note("read", figures(400, 1500), NOON)
    points.note("write", figures(10, 700), NOON)
    assert points.rest_until() == NOON + timedelta(seconds=8)  # 1500 - 700, at 100 a second


def test_points_that_are_back_end_the_rest(points: Points) -> None:
    points.note("read", figures(100, 0), NOON)
    points.note("read", figures(100, 1900), NOON)
    assert points.rest_until() is None


@pytest.mark.parametrize(
    "value",
    [{}, {"extensions": []}, {"extensions": {"cost": {"throttleStatus": 1}}}, figures(1e400, 0), figures(9, 0, rate=0)],
)
def test_answer_without_figures_tells_nothing(points: Points, value: dict[str, Any]) -> None:
    points.note("read", value, NOON)
    assert points.rest_until() is None


def test_points_held_for_queries_on_their_way_are_not_spent(points: Points, budget: Budget) -> None:
    points.note("read", figures(600, 2000), NOON)
    with points.reserved("read", budget):
        points.note("write", figures(10, 1300), NOON)  # 600 of the 700 that lack come back with the read
    assert points.rest_until() is None


def entering(points: Points, said: list[str], budget: Budget) -> threading.Thread:
    """A thread that is about to make a read."""
    begun = threading.Event()

    def enter() -> None:
        begun.set()
        with points.reserved("read", budget):
            said.append("second")

    thread = threading.Thread(target=enter)
    thread.start()
    begun.wait()
    return thread


@pytest.fixture
def said() -> list[str]:
    return []


def test_query_waits_for_one_on_its_way_that_holds_its_points(points: Points, said: list[str], budget: Budget) -> None:
    points.note("read", figures(600, 1000), NOON)
    with points.reserved("read", budget):
        second = entering(points, said, budget)
        said.append("first")
    second.join()
    assert said == ["first", "second"]


def test_query_that_both_can_pay_for_waits_for_none(points: Points, said: list[str], budget: Budget) -> None:
    points.note("read", figures(600, 1200), NOON)
    with points.reserved("read", budget):
        entering(points, said, budget).join()
        said.append("first")
    assert said == ["second", "first"]


def test_query_that_waited_long_enough_goes(points: Points, said: list[str], impatient: Callable[[], Budget]) -> None:
    points.note("read", figures(600, 1000), NOON)
    with points.reserved("read", Budget(30)):
        entering(points, said, impatient()).join()
        said.append("first")
    assert said == ["second", "first"]


@pytest.fixture
def impatient() -> Callable[[], Budget]:
    """A look that has hardly any time left."""
    return lambda: Budget(0.05)
