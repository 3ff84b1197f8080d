"""The orders that the bench works with: invented, distinct, of both platforms, and put into the fake shops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import islice, product
from typing import Any

from bridge.sandbox.shopify import Article, FakeShopify, shopify_order
from bridge.sandbox.trio import Trio
from bridge.sandbox.webhooks import Packet
from bridge.sandbox.woocommerce import FakeWooCommerce, Product, Purchase, woo_order

SHOPS = ("shopify", "woocommerce")
_FIRST_ORDER = 20_000  # their numbers
_FIRST_PRODUCT = 5000  # WooCommerce's product ids; the fake shop's own are lower
_QUANTITIES = 3


def put_in(trio: Trio, shop: str, number: int, lines: int, at: datetime) -> Packet:
    """Put an order with so many lines into a shop; returns the webhook that tells of it, which is not sent."""
    fake = trio.shopify if shop == "shopify" else trio.woocommerce
    fake.webhooks.hold()
    if isinstance(fake, FakeShopify):
        fake.add_order(_shopify(number, lines, at), topics=("orders/create",))
    else:
        fake.add_order(_woocommerce(fake, number, lines, at), topics=("order.created",))
    packet = fake.webhooks.held()[-1].build()
    fake.webhooks.release([])
    return packet


def shots(trio: Trio, count: int, lines: int, at: datetime) -> Iterator[str]:
    """Put `count` distinct orders into the shops, the platforms in turn; each is given as a line for `loadgen`."""
    for number, shop in islice(product(range(_FIRST_ORDER, _FIRST_ORDER + count), SHOPS), count):
        packet = put_in(trio, shop, number, lines, at)
        told: dict[str, Any] = {"path": f"/webhooks/{shop}", "headers": dict(packet.headers)}
        yield json.dumps({**told, "body": packet.body.decode()})


def _shopify(number: int, lines: int, at: datetime) -> dict[str, Any]:
    articles = [
        Article(
            sku=f"SKU-{index}",
            title=f"Stoneware mug, glaze {index}",
            quantity=1 + index % _QUANTITIES,
            price=Decimal("12.50") + index,
            grams=400 + index,
        )
        for index in range(lines)
    ]
    return shopify_order(number, lines=articles, at=at, discount=Decimal("5.00"))


def _woocommerce(fake: FakeWooCommerce, number: int, lines: int, at: datetime) -> dict[str, Any]:
    products = [_product(index) for index in range(lines)]
    fake.products.update({one.id: one for one in products})
    purchases = [Purchase(product=one, quantity=1 + index % _QUANTITIES) for index, one in enumerate(products)]
    return woo_order(number, lines=purchases, at=at, discount=Decimal("5.00"), home=fake.url)


def _product(index: int) -> Product:
    return Product(
        id=_FIRST_PRODUCT + index,
        sku=f"SKU-{index}",
        name=f"Mug &amp; saucer {index}",
        price=Decimal("12.50") + index,
        weight="0.41",
        length="12",
        width="9",
        height="10",
    )
