"""The story's orders of the WooCommerce shop."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from bridge.sandbox.people import ABROAD
from bridge.sandbox.woocommerce import PRODUCTS, Purchase, woo_order
from bridge.store.ledger import Order
from bridge.trial.scene import Begin, Scene, Step
from bridge.trial.stage import Stage

_SHOP = "woocommerce"
_BY_SKU = {product.sku: product for product in PRODUCTS}
_MUG, _LAMP, _SHIRT_L, _GUIDE = (_BY_SKU[sku] for sku in ("MUG-BLUE", "LAMP-XL", "TS-L-GREEN", "GUIDE-PDF"))


def _buys(**order: Any) -> Begin:
    """A buyer orders; the arguments are those of woo_order."""

    def begin(stage: Stage, number: int, at: datetime) -> str:
        shop = stage.trio.woocommerce
        return str(shop.add_order(woo_order(number, at=at, home=shop.url, **order)))

    return begin


def _partly_refunded(stage: Stage, number: int, at: datetime) -> str:
    """One of three mugs is refunded before the first webhook leaves."""
    shop = stage.trio.woocommerce
    body = woo_order(number, at=at, home=shop.url, lines=[Purchase(product=_MUG, quantity=3)])
    shop.add_order(body, topics=())
    shop.refund(number, {body["line_items"][0]["id"]: 1}, "broken")
    return str(number)


def _comes_three_times(stage: Stage, number: int, at: datetime) -> str:
    order_id = _buys()(stage, number, at)
    stage.trio.woocommerce.send("order.updated", number, times=3)
    return order_id


def _pay(stage: Stage, order: Order) -> None:
    stage.trio.woocommerce.pay(int(order.order_id))


def _trash(stage: Stage, order: Order) -> None:
    stage.trio.woocommerce.trash(int(order.order_id))


def _move_away(stage: Stage, order: Order) -> None:
    """The buyer moves after the order was sent."""
    shop = stage.trio.woocommerce
    number = int(order.order_id)
    shop.change(number, shipping={**shop.order(number)["shipping"], "address_1": "12 Tannery Lane"})


def _scene(number: int, shows: str, begin: Begin, **expected: Any) -> Scene:
    return Scene(shop=_SHOP, number=number, shows=shows, begin=begin, **expected)


SCENES: Sequence[Scene] = (
    _scene(201, "a guest's order", _buys()),
    _scene(
        202, "a variation; its weight is its parent's", _buys(lines=[Purchase(product=_SHIRT_L)]), carries="TS-L-GREEN"
    ),
    _scene(
        203,
        "a heavy one: 12 lamps of 3.2 kg",
        _buys(lines=[Purchase(product=_LAMP, quantity=12)]),
        carries='"Value": 38.4',
    ),
    _scene(204, "a coupon", _buys(discount=Decimal("10.00")), carries='"Amount": 104.0'),
    _scene(205, "a company without a name", _buys(address="company only"), carries='"FirstName": "-"'),
    _scene(
        206,
        "abroad, without a code for customs",
        _buys(buyer=ABROAD, currency="EUR"),
        state="failed",
        reason="the HS code of",
        sent=False,
        look='recipes/woocommerce-customs-by-sku.yaml, then bridge order replay "{name}" --reason ...',
    ),
    _scene(
        207,
        "a bank transfer, on hold until paid",
        _buys(status="on-hold", payment_method="bacs"),
        steps=[Step(state="waiting", act=_pay)],
        history="awaiting payment",
    ),
    _scene(208, "cash on delivery", _buys(payment_method="cod")),
    _scene(209, "partly refunded: two of three mugs ship", _partly_refunded, carries='"Quantity": 2'),
    _scene(210, "the same webhook again and again", _comes_three_times),
    _scene(
        211,
        "virtual products only",
        _buys(lines=[Purchase(product=_GUIDE)], shipping=None),
        state="skipped",
        reason="downloads only",
        sent=False,
    ),
    _scene(
        212,
        "local pickup",
        _buys(shipping_method="local_pickup", shipping_title="Local pickup"),
        state="skipped",
        reason="picked up at the shop",
        sent=False,
    ),
    _scene(
        213,
        "unpaid, then put in the trash",
        _buys(status="on-hold", payment_method="bacs"),
        steps=[Step(state="waiting", act=_trash)],
        state="skipped",
        reason="in the",  # trash, or deleted in the shop: by which of the two webhooks comes last
        sent=False,
    ),
    _scene(
        214,
        "a checkout that was not finished",
        _buys(status="checkout-draft"),
        state="skipped",
        reason="draft",
        sent=False,
    ),
    _scene(
        215,
        "no address at all: unmappable",
        _buys(address="none"),
        state="failed",
        reason="AddressLine1",
        sent=False,
        look='complete the address in WooCommerce: it comes again (bridge order show "{name}")',
    ),
    _scene(
        216,
        "a new address after it was sent",
        _buys(),
        steps=[Step(state="done", act=_move_away)],
        reason="AddressLine1",
        look="change it in SortedPRO",
    ),
)
