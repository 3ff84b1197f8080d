"""Another process plays a fake Shopify shop: commands over HTTP, in Shopify's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bridge.sandbox.control import controlled, shopify_commands
from bridge.sandbox.server import App
from bridge.sandbox.shopify import FakeShopify
from tests.sandbox.conftest import Receiver

Tell = Callable[..., Any]
AT = "2026-12-01T09:00:00+00:00"
MUG = {"sku": "MUG-BLUE", "title": "Stoneware mug, blue", "quantity": 2, "price": "12.50"}
VASE = {"sku": "VASE-TALL", "title": "Vase, tall", "price": "30.00"}


@pytest.fixture
def tell(shopify: FakeShopify, served: Callable[[App], str], client: httpx.Client) -> Tell:
    """Give a command; its result."""
    url = served(controlled(shopify, shopify_commands(shopify)))

    def told(command: str, **content: Any) -> Any:
        answer = client.post(f"{url}/_control/{command}", json=content)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    return told


def add(tell: Tell, *held: dict[str, Any], lines: tuple[dict[str, Any], ...] = (MUG, VASE), **options: Any) -> str:
    """Place an order; its id."""
    order = {"number": 1001, "at": AT, "lines": list(lines), **options.pop("order", {})}
    return str(tell("add", order=order, topics=[], **({"fulfillment_orders": list(held)} if held else {}), **options))


def shown(tell: Tell, order: str) -> list[tuple[str, str, list[int]]]:
    return [
        (held["location"], held["status"], list(held["remaining"].values()))
        for held in tell("fulfillment_orders", order_id=order)
    ]


def test_order_may_come_with_several_locations(tell):
    order = add(tell, {"skus": {"MUG-BLUE": 1}, "location": "Leeds"}, {"skus": ["VASE-TALL"], "location": "York"})
    assert shown(tell, order) == [("Leeds", "OPEN", [1]), ("York", "OPEN", [1]), ("Main warehouse", "OPEN", [1])]


def test_locations_have_an_id_each(tell):
    order = add(tell, {"skus": ["MUG-BLUE"], "location": "Leeds"})
    ids = [held["location_id"] for held in tell("fulfillment_orders", order_id=order)]
    assert (len(set(ids)), ids[1]) == (2, 70_000_000_001)


def test_pre_order_is_scheduled_until_it_is_ready(tell, shopify: FakeShopify, receiver: Receiver):
    order = add(tell, {"skus": ["VASE-TALL"], "fulfill_at": "2026-12-24T00:00:00Z"})
    assert shown(tell, order) == [("Main warehouse", "SCHEDULED", [1]), ("Main warehouse", "OPEN", [2])]
    tell("ready", order_id=order)
    assert shown(tell, order) == [("Main warehouse", "OPEN", [1]), ("Main warehouse", "OPEN", [2])]
    shopify.webhooks.flush()
    assert set(receiver.topics("x-shopify-topic")) == {"fulfillment_orders/scheduled_fulfillment_order_ready"}


def test_schedule_puts_off_what_is_open(tell):
    order = add(tell)
    tell("schedule", order_id=order, at="2026-12-24T00:00:00Z")
    assert shown(tell, order) == [("Main warehouse", "SCHEDULED", [2, 1])]


def test_pickup_point_is_the_company_of_the_address(tell, shopify: FakeShopify):
    point = {"method": "PICKUP_POINT", "source_reference": "GB-4711", "presented_name": "Locker near you"}
    order = shopify.order(add(tell, point, order={"pickup_point": "Kiln Road Locker"}))
    assert order.body["shipping_address"]["company"] == "Kiln Road Locker"
    held = order.fulfillment[0]
    assert (held.method, held.source_reference, held.presented_name) == ("PICKUP_POINT", "GB-4711", "Locker near you")


def test_shipping_method_stands_in_body_and_fulfilment_order(tell, shopify: FakeShopify):
    order = shopify.order(add(tell, order={"shipping_title": "Next day", "shipping_code": "UK_ND"}))
    line, held = order.body["shipping_lines"][0], order.fulfillment[0]
    assert (line["code"], line["title"]) == (held.service_code, held.presented_name) == ("UK_ND", "Next day")


def test_risk_is_pending_and_then_known(tell, shopify: FakeShopify, receiver: Receiver):
    order = add(tell, risk_levels=["PENDING"])
    assert shopify.order(order).risk_levels == ("PENDING",)
    tell("assess", order_id=order, recommendation="CANCEL", levels=["HIGH"])
    found = shopify.order(order)
    shopify.webhooks.flush()
    assert (found.recommendation, found.risk_levels) == ("CANCEL", ("HIGH",))
    assert receiver.topics("x-shopify-topic") == ["orders/risk_assessment_changed"]
    assert b'"risk_level":"high"' in receiver.got[0].body


def test_metafields_come_with_the_order_or_later(tell, shopify: FakeShopify):
    order = add(tell, metafields={"custom.legacy_reference": "EO-000-000-OLD"})
    tell("set_metafield", order_id=order, name="custom.channel", value="web")
    names = ("custom.legacy_reference", "custom.channel")
    assert [shopify.reference_of(order, name) for name in names] == ["EO-000-000-OLD", "web"]


def test_lines_are_named_by_sku(tell):
    order = add(tell)
    tell("edit", order_id=order, line_id="MUG-BLUE", quantity=3)
    tell("add_variant", order_id=order, line={"sku": "LAMP", "price": 20})
    tell("refund", order_id=order, line_id="VASE-TALL", quantity=1, restock_type="cancel")
    assert [(line["sku"], line["current_quantity"]) for line in tell("lines", order_id=order)] == [
        ("MUG-BLUE", 3),
        ("VASE-TALL", 0),
        ("LAMP", 1),
    ]


def test_exchange_move_and_fulfilment_of_one_part_are_told(tell):
    order = add(tell)
    tell("move", order_id=order, location="Leeds", quantities={"VASE-TALL": 1})
    moved = tell("fulfillment_orders", order_id=order)[1]["id"]
    tell("fulfil", order_id=order, fulfillment_order_id=moved)
    tell("exchange", order_id=order, line_id="VASE-TALL", quantity=1, line={"sku": "LAMP", "price": 20})
    assert shown(tell, order) == [
        ("Main warehouse", "OPEN", [2]),
        ("Leeds", "CLOSED", [0]),
        ("Main warehouse", "OPEN", [1]),
    ]


def test_fulfilment_orders_may_appear_later(tell, shopify: FakeShopify):
    order = shopify.order(add(tell, routed_after=30))
    assert (order.routed_at - shopify.book.clock()).total_seconds() == 30


def test_article_gets_its_customs_data_by_sku(tell, shopify: FakeShopify):
    tell("set_variant", sku="MUG-BLUE", hs_code="691200", origin="PT", weight="410.5")
    mug = shopify.order(add(tell)).body["line_items"][0]
    known = shopify.book.variants[mug["variant_id"]]
    assert (known.hs_code, known.origin, str(known.weight)) == ("691200", "PT", "410.5")
