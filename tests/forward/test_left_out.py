"""Goods of a sent order that do not ship yet: named, kept in sight, and never forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.shopify.book import FulfillmentOrder, Hold, lines_of
from tests.forward.conftest import Rig


@pytest.fixture
def partly(rig: Rig) -> Rig:
    """Two lines; the second one is held back by Shopify."""
    body = shopify_order(1001, at=rig.clock())
    first, second = body["line_items"][:2]
    rig.held = FulfillmentOrder(
        lines=lines_of([second]), status="ON_HOLD", holds=(Hold(reason="INVENTORY_OUT_OF_STOCK"),)
    )
    rig.free = FulfillmentOrder(lines=lines_of([first]))
    rig.order_id = rig.world.shopify.add_order(body, fulfillment_orders=[rig.free, rig.held])
    rig.settle()
    return rig


def test_only_what_ships_now_is_sent(partly: Rig) -> None:
    items = partly.world.sortedpro.orders()[0].body["Packages"][0]["Items"]
    assert [item["ItemReferenceProvidedByCustomer"] for item in items] == [str(partly.free.lines[0].line_id)]


def test_the_story_names_what_was_left_out_and_why(partly: Rig) -> None:
    assert any(words.startswith("left out: ") and "hold" in words for words in partly.story("#1001"))


def test_the_sent_order_is_looked_at_hourly(partly: Rig) -> None:
    order = partly.order("#1001")
    assert order.state == "done"
    assert order.due_at is not None
    assert (order.due_at - partly.clock()).total_seconds() == 3600


def test_released_goods_are_said_to_be_in_no_order(partly: Rig) -> None:
    partly.world.shopify.reroute(partly.order_id, [partly.free, replace(partly.held, status="OPEN", holds=())])
    partly.take("shopify")
    partly.later(hours=1)
    partly.work()
    assert partly.order("#1001").unsent == "1 × BLANKET-L not sent"
    assert len(partly.sent()) == 1


def test_unsent_goods_are_not_forgotten_by_a_harmless_change(partly: Rig) -> None:
    partly.world.shopify.reroute(partly.order_id, [partly.free, replace(partly.held, status="OPEN", holds=())])
    partly.take("shopify")
    partly.later(hours=1)
    partly.work()
    partly.world.shopify.tag(partly.order_id, "vip")
    partly.settle()
    order = partly.order("#1001")
    assert order.unsent
    assert order.due_at is not None


def test_goods_that_are_cancelled_end_the_watch(partly: Rig) -> None:
    partly.world.shopify.reroute(partly.order_id, [partly.free, replace(partly.held, status="CANCELLED", holds=())])
    partly.take("shopify")
    partly.later(hours=1)
    partly.work()
    order = partly.order("#1001")
    assert (order.due_at, order.left_out, order.changed) == (None, [], False)


def test_watch_list_does_not_grow_by_being_looked_at(partly: Rig) -> None:
    for _ in range(4):
        partly.later(hours=1)
        partly.work()
    assert len(partly.order("#1001").left_out) == 1


def test_order_that_is_not_shown_stays_watched(partly: Rig) -> None:
    partly.world.shopify.book.delete(partly.order_id)
    partly.later(hours=1)
    partly.work()
    order = partly.order("#1001")
    assert len(order.left_out) == 1
    assert order.due_at is not None
