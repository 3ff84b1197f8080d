"""The outside of a soak and of a rehearsal: what misbehaves there is met by those it is meant for, and counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import structlog

from bridge.trial.chaos_courier import Courier
from bridge.trial.chaos_plan import SHOPIFY, SORTEDPRO, Bout, Happening, What
from bridge.trial.chaos_shops import CountingBucket, orders_of
from bridge.trial.chaos_world import World, open_world
from bridge.trial.rehearsal_world import Clock, Rests

SHOP = SHOPIFY[0]


@pytest.fixture
def world() -> Iterator[World]:
    courier = Courier(1)
    try:
        with open_world(courier) as opened:
            yield opened
    finally:
        courier.close()


def bout(place: str, kind: str) -> Bout:
    return Bout(at=0, seconds=1, place=place, kind=kind)


def call(world: World, method: str) -> int:
    told = world.environment()
    headers = {"ocp-apim-subscription-key": told["SORTED_API_KEY"], "electio-api-version": "1.1"}
    path = "orders" if method == "POST" else "shippinglocations"
    content = json.dumps({}) if method == "POST" else None
    return httpx.request(method, f"{told['SORTED_API_URL']}/{path}", headers=headers, content=content).status_code


def test_fault_of_create_order_is_not_used_up_by_other_calls(world: World) -> None:
    world.begin(bout(SORTEDPRO, "503 without Retry-After"))
    assert (call(world, "GET"), world.met.total()) == (200, 0)
    assert (call(world, "POST"), dict(world.met)) == (503, {"sortedpro: 503 without Retry-After": 1})


def test_bout_that_no_call_met_is_not_counted(world: World) -> None:
    world.begin(bout(SORTEDPRO, "500"))
    world.end(SORTEDPRO)
    assert call(world, "POST") != 500
    assert world.met.total() == 0


def test_every_call_that_a_busy_sortedpro_turns_away_is_counted(world: World) -> None:
    world.begin(bout(SORTEDPRO, "429"))
    assert [call(world, method) for method in ("GET", "POST")] == [429, 429]
    assert dict(world.met) == {"sortedpro: 429": 2}


def test_shop_without_points_refuses_until_the_bout_is_over(world: World) -> None:
    shop = world.shops[SHOP]
    assert isinstance(shop.bucket, CountingBucket)
    world.begin(bout(SHOP, "no points left"))
    assert not shop.bucket.spend(10)
    assert dict(world.met) == {f"{SHOP}: no points left": 1}
    world.end(SHOP)
    assert (world.met.total(), shop.bucket.refused) == (1, 1)


def test_absence_of_sortedpro_is_a_cut(world: World) -> None:
    world.begin(bout(SORTEDPRO, "unreachable"))
    with pytest.raises(httpx.ConnectError):
        call(world, "GET")
    world.end(SORTEDPRO)
    assert call(world, "GET") == 200
    assert [(one.what, one.most) for one in world.cuts(5)] == [("sortedpro", 5)]


@pytest.mark.parametrize(
    ("first", "then", "lines", "note"),
    [
        ("add", None, [2, 1], ""),
        ("add", "change", [2, 1], "please ring twice"),
        ("add", "more", [2, 1, 1], ""),
        ("add", "fewer", [1, 1], ""),
    ],
)
@pytest.mark.parametrize("shop", ["shopify", "woocommerce"])
def test_orders_of_the_shops_show_what_happened_to_them(
    world: World, shop: str, first: What, then: What | None, lines: list[int], note: str
) -> None:
    for what in filter(None, (first, then)):
        world.happen(Happening(at=0, shop=shop, number=20_001, what=what))
    (order,) = orders_of(world.shops)
    assert (sorted(order.lines.values(), reverse=True), order.note) == (sorted(lines, reverse=True), note)
    assert (order.customer_reference, order.ships, order.references) == (f"{shop}-20001", True, [])


class Standing(Clock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 27, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def test_times_in_which_a_shop_is_left_alone_are_counted_once_where_they_overlap() -> None:
    clock, seconds = Standing(), timedelta(seconds=1)
    rests = Rests(clock)
    begins_and_lasts = [(0, 10), (5, 10), (20, 2)]
    began = clock.at
    for begins, lasts in begins_and_lasts:
        clock.at = began + begins * seconds
        with pytest.raises(structlog.DropEvent):
            rests(
                None, "warning", {"event": "shop is left alone", "shop": SHOP, "until": str(clock.at + lasts * seconds)}
            )
    # From 0 to 15, then from 20 to 22.
    assert (rests.times[SHOP], rests.long[SHOP]) == (2, 17 * seconds)
