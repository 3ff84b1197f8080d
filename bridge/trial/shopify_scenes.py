"""The story's orders of the Shopify shop."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bridge import actions
from bridge.sandbox.faults import Fault, create_then_hang, drop_after, status
from bridge.sandbox.people import ABROAD
from bridge.sandbox.shopify import Article, Hold, Variant, route, shopify_order
from bridge.sandbox.sortedpro import throttled
from bridge.store.ledger import Order
from bridge.trial.scene import Begin, Scene, Step
from bridge.trial.stage import Stage

_SHOP = "shopify"
# What Settings > Notifications > Send test notification sends: always this id.
_TEST_NOTIFICATION = 820982911946154508
_HANG = 26.0  # seconds; the bridge waits 20 s for Create Order
_NEW_STREET = "3 Ropewalk Mews"
_GRANT = 'grant protected customer data in the Dev Dashboard, then bridge order replay "{name}" --reason ...'
_MUG = Article(quantity=2)
_GIFT_CARD = Article(
    sku="GIFT-25", title="Gift card", price=Decimal("25.00"), grams=0, requires_shipping=False, gift_card=True
)
_GUIDE = Article(sku="GUIDE-PDF", title="Care guide (PDF)", price=Decimal("5.00"), grams=0, requires_shipping=False)


def _buys(delivery: Mapping[str, Any] | None = None, **order: Any) -> Begin:
    """A buyer orders; `delivery` are arguments of FakeShopify.add_order, the others of shopify_order."""

    def begin(stage: Stage, number: int, at: datetime) -> str:
        return stage.trio.shopify.add_order(shopify_order(number, at=at, **order), **(delivery or {}))

    return begin


def _meets(*faults: Fault) -> Begin:
    """A plain order whose Create Order calls meet these faults, one after the other."""

    def begin(stage: Stage, number: int, at: datetime) -> str:
        stage.trio.sortedpro.behave(*faults, match=f"{_SHOP}-{number}")
        return _buys()(stage, number, at)

    return begin


def _buys_abroad(stage: Stage, number: int, at: datetime) -> str:
    """Someone abroad pays in another currency than the shop's; the products have what customs want to know."""
    bought = _buys(buyer=ABROAD, presentment_currency="EUR", presentment_rate=Decimal("1.17"))(stage, number, at)
    for line in stage.trio.shopify.order(bought).body["line_items"]:
        stage.trio.shopify.set_variant(line["variant_id"], Variant(hs_code="691200", origin="GB"))
    return bought


def _partly_refunded(stage: Stage, number: int, at: datetime) -> str:
    """One of two mugs was refunded before the order came to the bridge."""
    body = shopify_order(number, at=at, lines=[_MUG], financial_status="partially_refunded")
    lines = [{**line, "current_quantity": 1, "fulfillable_quantity": 1} for line in body["line_items"]]
    return stage.trio.shopify.add_order({**body, "line_items": lines})


def _comes_three_times(stage: Stage, number: int, at: datetime) -> str:
    order_id = _buys()(stage, number, at)
    stage.trio.shopify.send("orders/create", order_id, times=3)
    return order_id


def _comes_newer_first(stage: Stage, number: int, at: datetime) -> str:
    """The buyer's correction of the address arrives before the order itself."""
    shop = stage.trio.shopify
    order_id = _buys({"topics": ()})(stage, number, at)
    older = shop.order(order_id).body
    shop.change(order_id, shipping_address={**older["shipping_address"], "address1": _NEW_STREET})
    shop.send("orders/create", order_id, body=older)
    return order_id


def _on_hold(stage: Stage, number: int, at: datetime) -> str:
    body = shopify_order(number, at=at)
    hold = Hold(reason="HIGH_RISK_OF_FRAUD", notes="call the customer")
    held = [replace(found, status="ON_HOLD", holds=(hold,)) for found in route(body)]
    return stage.trio.shopify.add_order(body, fulfillment_orders=held)


def _release_hold(stage: Stage, order: Order) -> None:
    """Staff take the hold off, and tag the order; the tag is what sends orders/updated."""
    stage.trio.shopify.release(order.order_id)
    stage.trio.shopify.tag(order.order_id, "checked")


def _pre_ordered(stage: Stage, number: int, at: datetime) -> str:
    body = shopify_order(number, at=at)
    late = [replace(found, status="SCHEDULED", fulfill_at=at + timedelta(days=30)) for found in route(body)]
    return stage.trio.shopify.add_order(body, fulfillment_orders=late)


def _route(stage: Stage, order: Order) -> None:
    """Shopify has made the fulfilment orders meanwhile; an app's tag sends the order again."""
    shop = stage.trio.shopify
    shop.book.change(order.order_id, lambda found: replace(found, fulfillment=route(found.body)), touch=False)
    shop.tag(order.order_id, "routed")


def _settle(stage: Stage, order: Order) -> None:
    """A person finds the order in SortedPRO and says so, as `bridge order settle --exists` does."""
    found = next(one for one in stage.trio.sortedpro.orders() if one.metadata["ShopOrderId"] == order.order_id)
    told = actions.Settled(exists=found.reference)
    actions.settle(stage.engine, order, told, who="demo", reason="found in SortedPRO", now=datetime.now(UTC))


def _test_notification(stage: Stage, number: int, at: datetime) -> str:
    body = shopify_order(number, order_id=_TEST_NOTIFICATION, at=at, test=True)
    return stage.trio.shopify.add_order({**body, "cancelled_at": body["created_at"]}, topics=["orders/cancelled"])


def _pay(stage: Stage, order: Order) -> None:
    stage.trio.shopify.pay(order.order_id)


def _cancel(stage: Stage, order: Order) -> None:
    stage.trio.shopify.cancel(order.order_id)


def _refusal() -> Fault:
    """SortedPRO's error body: electioapp.com/dev-docs, "Error responses"."""
    body = {
        "Code": "ShippingLocationNotFoundException",
        "Message": "Shipping location (WAREHOUSE-1) not found or no longer exists for customer.",
        "CorrelationId": "5f0c2c2e-6d3f-4f5e-9a51-0d6f4b8f2f10",
    }
    return status(400, headers={"Content-Type": "application/json"}, body=json.dumps(body).encode())


def _scene(number: int, shows: str, begin: Begin, **expected: Any) -> Scene:
    return Scene(shop=_SHOP, number=number, shows=shows, begin=begin, **expected)


SCENES: Sequence[Scene] = (
    # First, because the bridge waits 20 s for it while the rest plays.
    _scene(
        1001,
        "SortedPRO makes the order, then never answers",
        _meets(create_then_hang(_HANG)),
        state="in_doubt",
        reason="in doubt",
        look='find it in SortedPRO, then bridge order settle "{name}" --exists EO-... --reason ...',
    ),
    _scene(1002, "a plain paid order", _buys()),
    _scene(1003, "a guest without an account", _buys(guest=True)),
    _scene(1004, "abroad, paid in euro: with customs papers", _buys_abroad, carries='"HarmonisationCode": "691200"'),
    _scene(1005, "partly refunded: one of two mugs", _partly_refunded, carries='"Quantity": 1'),
    _scene(1006, "a discount over all lines", _buys(discount=Decimal("7.00")), carries='"Amount": 82.0'),
    _scene(1007, "digital goods only", _buys(lines=[_GUIDE]), state="skipped", reason="nothing to ship", sent=False),
    _scene(1008, "a mug and a gift card: the mug ships", _buys(lines=[_MUG, _GIFT_CARD]), carries="MUG-BLUE"),
    _scene(
        1009,
        "unpaid, then paid",
        _buys(financial_status="pending", gateway="bank_deposit"),
        steps=[Step(state="waiting", act=_pay)],
        history="not paid",
    ),
    _scene(
        1010,
        "cash on delivery: ships unpaid",
        _buys(financial_status="pending", gateway="Cash on Delivery (COD)"),
    ),
    _scene(1011, "the same webhook four times", _comes_three_times),
    _scene(1012, "webhooks out of order, newer first", _comes_newer_first, carries=_NEW_STREET),
    _scene(
        1013,
        "personal data removed by Shopify",
        _buys(address="redacted"),
        state="failed",
        reason="protected customer data",
        sent=False,
        look=_GRANT,
    ),
    _scene(
        1014,
        "a fulfilment hold, then released",
        _on_hold,
        steps=[Step(state="waiting", act=_release_hold)],
        history="on hold",
    ),
    _scene(
        1015, "a pre-order, scheduled in Shopify", _pre_ordered, state="waiting", reason="scheduled for", sent=False
    ),
    _scene(
        1016,
        "fulfilment orders appear late",
        _buys({"fulfillment_orders": ()}),
        steps=[Step(state="waiting", act=_route)],
        history="not routed yet",
    ),
    _scene(1017, "SortedPRO busy: 429, then accepted", _meets(throttled(2), throttled(3)), history="SortedPRO is busy"),
    _scene(
        1018,
        "connection lost after creating; a person settles it",
        _meets(drop_after()),
        steps=[Step(state="in_doubt", act=_settle)],
        history="in doubt",
    ),
    _scene(
        1019,
        "no address: unmappable",
        _buys(address="none"),
        state="failed",
        reason="AddressLine1",
        sent=False,
        look='complete the address in Shopify: it comes again (bridge order show "{name}")',
    ),
    _scene(
        1020,
        "refused by SortedPRO",
        _meets(_refusal()),
        state="failed",
        reason="SortedPRO refused it",
        sent=False,
        look='mend the cause, then bridge order replay "{name}" --reason ...',
    ),
    _scene(
        1021,
        "cancelled before it was paid",
        _buys(financial_status="pending", gateway="bank_deposit"),
        steps=[Step(state="waiting", act=_cancel)],
        state="skipped",
        reason="cancelled",
        sent=False,
    ),
    _scene(
        1022,
        "cancelled after it was sent",
        _buys(),
        steps=[Step(state="done", act=_cancel)],
        reason="do not ship",
        look="cancel it in SortedPRO",
    ),
    _scene(
        1023,
        "picked up at the shop",
        _buys({"method": "PICK_UP"}, shipping_title="Pick up in store"),
        state="skipped",
        reason="picked up",
        sent=False,
    ),
    _scene(1024, "a test order", _buys(test=True), state="skipped", reason="test order", sent=False),
    _scene(
        9999,
        "Shopify's test notification",
        _test_notification,
        state="",
        reason="test notification received",
        sent=False,
        look="nothing to do",
    ),
)
