"""A shop with a very long queue does not keep another shop's single order waiting, whatever they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge import config
from bridge.sandbox import faults
from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.sortedpro import Call
from bridge.sandbox.woocommerce import woo_order
from bridge.store import destinations
from bridge.store.database import transaction
from bridge.trial.bench_fill import Received, fill, verified
from bridge.trial.loadgen import Shot
from bridge.wiring import load_shops
from tests.forward.conftest import write_mappings
from tests.journeys.site import Site, until

BACKLOG = 50_000
REAL = 200  # of these stand in the shop and come first; the others are like the last of them, and are never reached
SLOTS = 2  # of the destination
SLOW = 1.0  # seconds that SortedPRO takes for an order
WITHIN_A_SECOND = SLOTS  # calls that may begin before an order is read and ready to be sent


@pytest.fixture
def crowded(fresh: Site, tmp_path: Path) -> Site:
    """WooCommerce has a long queue at a slow SortedPRO, and a worker is in the midst of it."""
    write_mappings(tmp_path / "mappings", fresh.world, f"destination: {{ concurrency: {SLOTS} }}\n")
    fresh.world.sortedpro.behave(faults.delay(SLOW), count=None)
    fresh.start_web()
    fresh.start_worker()
    until(lambda: _pause(fresh, "woocommerce"), seconds=30, what=lambda: "the worker has announced no shop")
    queue = _bought(fresh)
    fill(fresh.database, queue)
    fill(fresh.database, list(_like(queue[-1], BACKLOG - REAL)))
    with transaction(fresh.engine) as connection:
        destinations.resume_shop(connection, "woocommerce")
    until(lambda: len(_calls(fresh)) > SLOTS, seconds=30, what=lambda: f"no more calls than {_calls(fresh)}")
    return fresh


def test_single_order_waits_for_two_slots_and_a_second_at_most_behind_another_shops_long_queue(crowded: Site) -> None:
    for number in (1501, 1502, 1503):
        crowded.world.shopify.add_order(shopify_order(number))
        stored = crowded.wait_for(f"#{number}", "done").first_seen_at
        calls = [call for call in _calls(crowded) if call.at > stored]
        place = [call.customer_reference for call in calls].index(f"shopify-{number}")
        assert place <= SLOTS + WITHIN_A_SECOND, calls[: place + 1]
    assert len(_calls(crowded)) < REAL


def _pause(site: Site, shop: str) -> bool:
    """Whether there is such a shop; it is paused then."""
    with transaction(site.engine) as connection:
        now = datetime.now(UTC)
        return destinations.pause_shop(connection, shop, reason="its orders come at once", code="person", now=now)


def _bought(site: Site) -> list[Received]:
    """Orders that WooCommerce has, and whose webhooks were verified."""
    shop = site.world.woocommerce
    shop.webhooks.hold()
    for number in range(1, REAL + 1):
        shop.add_order(woo_order(number, home=shop.url), topics=("order.created",))
    packets = site.held("woocommerce")
    shops = load_shops(config.load(site.environ, interactive=False), site.environ)
    shots = [Shot(path="/webhooks/woocommerce", headers=dict(one.headers), body=one.body) for one in packets]
    return verified(shops, shots)


def _like(order: Received, count: int) -> Iterator[Received]:
    """Orders that differ from this one in nothing but their number."""
    for number in range(10_000, 10_000 + count):
        content = replace(order.content, order_id=str(number), order_key=f"wc_order_{number}", name=f"#{number}")
        yield replace(order, content=content)


def _calls(site: Site) -> Sequence[Call]:
    return site.world.sortedpro.calls()
