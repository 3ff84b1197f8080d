"""What happens to the lines of a fake Shopify order after it was placed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from bridge.sandbox.shopify import Article, FakeShopify, shopify_order
from tests.sandbox.conftest import START, Receiver

BODY = shopify_order(1001, at=START)  # two mugs at 12.50 and a blanket at 64.00, delivery 4.95
MUGS, BLANKET = (line["id"] for line in BODY["line_items"])
VASE = BLANKET + 1
VASE_ARTICLE = Article(sku="VASE-TALL", title="Vase, tall", price=Decimal("30.00"), grams=1200)


@pytest.fixture
def order(shopify: FakeShopify) -> str:
    return shopify.add_order(BODY, topics=())


def parts(shop: FakeShopify, order: str) -> list[tuple[str, str, dict[int, int]]]:
    """Location, status and remaining units by line of each fulfilment order."""
    return [
        (held.location, held.status, {line.line_id: line.remaining for line in held.lines})
        for held in shop.order(order).fulfillment
    ]


def counts(shop: FakeShopify, order: str) -> dict[int, tuple[int, int, int]]:
    """Ordered, current and fulfillable units of each line."""
    names = ("quantity", "current_quantity", "fulfillable_quantity")
    return {line["id"]: tuple(line[name] for name in names) for line in shop.order(order).body["line_items"]}


def test_raised_quantity_remains_in_the_open_fulfilment_order(shopify, order):
    shopify.edit(order, MUGS, 3)
    assert parts(shopify, order) == [("Main warehouse", "OPEN", {MUGS: 3, BLANKET: 1})]
    assert counts(shopify, order)[MUGS] == (3, 3, 3)


def test_edit_counts_in_the_totals(shopify, order):
    shopify.edit(order, MUGS, 3)
    shopify.add_variant(order, VASE_ARTICLE)
    # 3 x 12.50 + 64.00 + 30.00 + 4.95
    assert shopify.order(order).body["current_total_price"] == "136.45"


def test_lowered_quantity_stays_ordered(shopify, order):
    shopify.edit(order, MUGS, 1)
    assert counts(shopify, order)[MUGS] == (2, 1, 1)


def test_fulfilled_line_is_not_edited_upwards(shopify, order):
    shopify.fulfil(order)
    with pytest.raises(ValueError, match="unfulfilled lines only"):
        shopify.edit(order, MUGS, 3)


def test_added_line_joins_the_open_fulfilment_order_of_its_location(shopify, order):
    shopify.add_variant(order, VASE_ARTICLE)
    assert parts(shopify, order) == [("Main warehouse", "OPEN", {MUGS: 2, BLANKET: 1, VASE: 1})]


@pytest.mark.parametrize("location", ["Leeds", "Main warehouse"])
def test_added_line_gets_a_new_fulfilment_order_where_none_is_open(shopify, order, location):
    if location == "Main warehouse":
        shopify.fulfil(order)
    shopify.add_variant(order, VASE_ARTICLE, location)
    assert parts(shopify, order)[-1] == (location, "OPEN", {VASE: 1})


def test_edit_is_told_with_what_came_and_went(shopify, order, receiver: Receiver):
    shopify.edit(order, MUGS, 1)
    shopify.add_variant(order, VASE_ARTICLE)
    shopify.webhooks.flush()
    told = [json.loads(got.body) for got in receiver.got if got.headers["x-shopify-topic"] == "orders/edited"]
    assert [one["order_edit"]["line_items"] for one in told] == [
        {"additions": [], "removals": [{"id": MUGS, "delta": 1}]},
        {"additions": [{"id": VASE, "delta": 1}], "removals": []},
    ]


def test_exchange_takes_back_and_adds_a_line_with_a_fulfilment_order_of_its_own(shopify, order):
    shopify.fulfil(order)
    shopify.exchange(order, MUGS, 1, VASE_ARTICLE)
    body = shopify.order(order).body
    assert parts(shopify, order)[-1] == ("Main warehouse", "OPEN", {VASE: 1})
    assert (counts(shopify, order)[MUGS], counts(shopify, order)[VASE]) == ((2, 1, 0), (1, 1, 1))
    assert [item["restock_type"] for item in body["refunds"][0]["refund_line_items"]] == ["return"]
    assert (body["financial_status"], body["fulfillment_status"]) == ("paid", "partial")


def test_exchange_that_awaits_its_return_is_on_hold_until_released(shopify, order):
    shopify.fulfil(order)
    shopify.exchange(order, MUGS, 1, VASE_ARTICLE, awaited=True)
    held = shopify.order(order).fulfillment[-1]
    assert (held.status, held.holds[0].reason, counts(shopify, order)[MUGS]) == (
        "ON_HOLD",
        "AWAITING_RETURN_ITEMS",
        (2, 2, 0),
    )
    shopify.release(order)
    assert parts(shopify, order)[-1] == ("Main warehouse", "OPEN", {VASE: 1})


@pytest.mark.parametrize(("kind", "left"), [("no_restock", 1), ("cancel", 1), ("return", 2)])
def test_only_what_comes_back_leaves_the_fulfilment_order_alone(shopify, order, kind, left):
    shopify.refund(order, MUGS, 1, kind)
    assert (parts(shopify, order)[0][2][MUGS], counts(shopify, order)[MUGS]) == (left, (2, 1, left))


# ---------------------------------------------------------------------------------------------------------------------
# Moves: https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/fulfillmentOrderMove
# ---------------------------------------------------------------------------------------------------------------------
def test_whole_fulfilment_order_moves_with_its_id(shopify, order):
    before = shopify.order(order).fulfillment[0]
    shopify.move(order, "Leeds")
    assert shopify.order(order).fulfillment[0].id == before.id
    assert parts(shopify, order) == [("Leeds", "OPEN", {MUGS: 2, BLANKET: 1})]


def test_some_units_move_into_a_new_fulfilment_order(shopify, order):
    shopify.move(order, "Leeds", quantities={MUGS: 1})
    assert parts(shopify, order) == [
        ("Main warehouse", "OPEN", {MUGS: 1, BLANKET: 1}),
        ("Leeds", "OPEN", {MUGS: 1}),
    ]


def test_fulfilment_order_that_is_there_is_closed_into_the_new_one(shopify, order):
    shopify.move(order, "Leeds", quantities={MUGS: 1})
    shopify.move(order, "Leeds", quantities={BLANKET: 1})
    assert parts(shopify, order) == [
        ("Main warehouse", "OPEN", {MUGS: 1}),
        ("Leeds", "OPEN", {MUGS: 1, BLANKET: 1}),
        ("Leeds", "CLOSED", {}),
    ]


def test_last_units_that_move_close_what_they_left(shopify, order):
    first = shopify.order(order).fulfillment[0].id
    shopify.move(order, "Leeds", quantities={MUGS: 1, BLANKET: 1})
    shopify.move(order, "York", first, {MUGS: 1})
    assert [(place, status) for place, status, _ in parts(shopify, order)] == [("York", "OPEN"), ("Leeds", "OPEN")]


def test_closed_fulfilment_order_is_not_moved(shopify, order):
    held = shopify.order(order).fulfillment[0].id
    shopify.fulfil(order)
    with pytest.raises(ValueError, match="CLOSED"):
        shopify.move(order, "Leeds", held)


def test_move_is_told_with_both_places(shopify, order, receiver: Receiver):
    shopify.move(order, "Leeds", quantities={MUGS: 1})
    shopify.webhooks.flush()
    (got,) = receiver.got
    told: dict[str, Any] = json.loads(got.body)
    here, there = shopify.order(order).fulfillment
    assert (got.headers["x-shopify-topic"], told["original_fulfillment_order"]["id"], told["source_location"]) == (
        "fulfillment_orders/moved",
        f"gid://shopify/FulfillmentOrder/{here.id}",
        {"id": "gid://shopify/Location/70000000001"},
    )
    assert told["moved_fulfillment_order"]["id"] == f"gid://shopify/FulfillmentOrder/{there.id}"


def test_one_fulfilment_order_may_be_fulfilled_alone(shopify, order, receiver: Receiver):
    shopify.move(order, "Leeds", quantities={MUGS: 1})
    shopify.fulfil(order, shopify.order(order).fulfillment[1].id)
    shopify.webhooks.flush()
    assert counts(shopify, order) == {MUGS: (2, 2, 1), BLANKET: (1, 1, 1)}
    assert parts(shopify, order)[1] == ("Leeds", "CLOSED", {MUGS: 0})
    assert "orders/partially_fulfilled" in receiver.topics("x-shopify-topic")
