"""kill -9 of a worker in the middle of three orders, and what a new worker makes of them.

One crash for all tests here, because a claim lasts 40 s and a deadline 30 s.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bridge.config import Database
from bridge.sandbox.faults import create_then_hang, hang
from bridge.sandbox.server import Request
from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.trio import open_trio
from bridge.sandbox.woocommerce import woo_order
from tests.journeys.site import Site, database_on, site_on, until

RESUMED = 60.0  # seconds within which a new worker goes on with what the old one had
ON_THE_WAY = {"shopify-1201", "woocommerce-221", "woocommerce-222"}


@dataclass(frozen=True, kw_only=True)
class Crash:
    """A site whose first worker is gone and whose second has settled everything, and how long that took."""

    site: Site
    reading: float  # seconds from the kill to `done`, of the order whose shop was being read
    sending: float  # and to `in_doubt`, of the orders that were being sent


@pytest.fixture(scope="module")
def crash(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crash]:
    with (
        open_trio() as world,
        database_on(server) as database,
        site_on(database, world, tmp_path_factory.mktemp("crash")) as site,
    ):
        site.start_web()
        _kill_in_mid_job(site)
        start = time.monotonic()
        site.start_worker()
        for name in ("#221", "#222"):
            site.wait_for(name, "in_doubt", seconds=RESUMED)
        sending = time.monotonic() - start
        site.wait_for("#1201", "done", seconds=RESUMED)
        yield Crash(site=site, reading=time.monotonic() - start, sending=sending)


def _kill_in_mid_job(site: Site) -> None:
    """One order waits for its shop's answer, two for SortedPRO's, of which one is made; then the worker dies."""
    asked = threading.Event()

    def about_1201(request: Request) -> bool:
        if "graphql" in request.path:
            asked.set()
        return "graphql" in request.path

    site.world.shopify.behave(hang(), match=about_1201)
    site.world.sortedpro.behave(hang(), match="woocommerce-221")
    site.world.sortedpro.behave(create_then_hang(120), match="woocommerce-222")
    worker = site.start_worker()
    site.world.shopify.add_order(shopify_order(1201))
    for number in (221, 222):
        site.world.woocommerce.add_order(woo_order(number, home=site.world.woocommerce_url))
    assert asked.wait(30)
    until(lambda: len(site.world.sortedpro.calls()) == 2, seconds=30, what=lambda: str(site.world.sortedpro.calls()))
    worker.kill()


def test_order_that_was_being_read_is_resumed_in_time(crash: Crash) -> None:
    assert crash.reading < RESUMED


def test_order_that_was_being_read_is_made_once(crash: Crash) -> None:
    assert len(crash.site.sent("shopify-1201")) == 1


def test_order_that_was_being_read_gets_its_reference(crash: Crash) -> None:
    order = crash.site.find("#1201")
    assert order is not None
    assert crash.site.world.shopify.reference_of(order.order_id) == order.reference


def test_orders_that_were_being_sent_are_in_doubt_in_time(crash: Crash) -> None:
    assert crash.sending < RESUMED


def test_order_that_was_not_made_is_not_sent_again(crash: Crash) -> None:
    assert crash.site.sent("woocommerce-221") == []


def test_order_that_was_made_is_not_made_twice(crash: Crash) -> None:
    assert len(crash.site.sent("woocommerce-222")) == 1


def test_each_order_was_asked_for_once(crash: Crash) -> None:
    asked = [call.customer_reference for call in crash.site.world.sortedpro.calls()]
    assert sorted(asked) == sorted(ON_THE_WAY)


def test_story_says_that_the_bridge_stopped(crash: Crash) -> None:
    assert "in doubt: the bridge stopped while the order was being sent" in crash.site.story("#222")[-1]
