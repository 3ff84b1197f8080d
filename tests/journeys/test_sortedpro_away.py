"""SortedPRO does not take orders for a while, and shops go on: what was cancelled meanwhile is never sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from bridge.config import Database
from bridge.sandbox.server import serve
from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.trio import open_trio
from bridge.sandbox.woocommerce import woo_order
from tests.journeys.site import Site, database_on, free_port, site_on


@pytest.fixture(scope="module")
def unreachable(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two orders came while nothing listened at SortedPRO's address, one was cancelled; now it listens again."""
    port = free_port()
    with (
        open_trio() as world,
        database_on(server) as database,
        site_on(database, world, tmp_path_factory.mktemp("away"), SORTED_API_URL=f"http://127.0.0.1:{port}") as site,
    ):
        site.start_web()
        site.start_worker()
        for number in (321, 322):
            world.woocommerce.add_order(woo_order(number, home=world.woocommerce_url))
        for name in ("#321", "#322"):
            site.wait_for(name, "queued")
        world.woocommerce.set_status(321, "cancelled")
        world.woocommerce.webhooks.flush()
        with closing(serve(world.sortedpro, port=port)):
            site.wait_for("#321", "skipped")
            site.wait_for("#322", "done")
            yield site


@pytest.fixture(scope="module")
def busy(unreachable: Site) -> Site:
    """Three orders came while SortedPRO was busy, two were cancelled, one of them without a webhook; now it is free."""
    world = unreachable.world
    world.sortedpro.busy(seconds=3)
    for number in (1301, 1302, 1303):
        world.shopify.add_order(shopify_order(number, at=datetime.now(UTC)))
    ids = [unreachable.wait_for(name, "queued").order_id for name in ("#1301", "#1302", "#1303")]
    world.shopify.cancel(ids[0])
    world.shopify.webhooks.flush()
    world.shopify.webhooks.hold()
    world.shopify.cancel(ids[1])
    world.shopify.webhooks.release([])
    world.sortedpro.clear()
    for name, state in (("#1301", "skipped"), ("#1302", "skipped"), ("#1303", "done")):
        unreachable.wait_for(name, state)
    return unreachable


def test_order_cancelled_while_sortedpro_is_unreachable_is_never_sent(unreachable: Site) -> None:
    assert "woocommerce-321" not in _asked_for(unreachable)


def test_order_is_sent_once_when_sortedpro_is_reachable_again(unreachable: Site) -> None:
    assert _asked_for(unreachable).count("woocommerce-322") == 1


def test_order_cancelled_while_sortedpro_is_busy_is_never_sent(busy: Site) -> None:
    assert "shopify-1301" not in _asked_for(busy)


def test_cancellation_whose_webhook_was_lost_is_seen_before_sending(busy: Site) -> None:
    assert "shopify-1302" not in _asked_for(busy)


def test_order_is_sent_once_when_sortedpro_is_no_longer_busy(busy: Site) -> None:
    assert _asked_for(busy).count("shopify-1303") == 1


def _asked_for(site: Site) -> list[str]:
    """Our references of all Create Order requests that SortedPRO took."""
    return [call.customer_reference for call in site.world.sortedpro.calls()]
