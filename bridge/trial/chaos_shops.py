"""The shops of soak and rehearsal: how they are opened, what happens to their orders, and how these stand then."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bridge.sandbox.shopify import FakeShopify, shopify_order
from bridge.sandbox.shopify.book import FulfillmentOrder
from bridge.sandbox.shopify.bucket import Bucket
from bridge.sandbox.shopify.commands import split
from bridge.sandbox.shopify.lines import Article
from bridge.sandbox.woocommerce import FakeWooCommerce, woo_order
from bridge.sandbox.woocommerce.products import SHIRT_L
from bridge.trial.chaos_plan import SEND_AGAIN, SEND_LATER, WOOCOMMERCE, Happening

POINTS = 1000  # a second, those of the Plus plan
_NOTE = "please ring twice"
_LATER = "CANDLE"  # sku of what is added to an order later
PLACE = "Leeds"  # from where some goods ship; the others ship from the main warehouse

Shop = FakeShopify | FakeWooCommerce


@dataclass(frozen=True, kw_only=True)
class ShopOrder:
    """An order as its shop has it in the end."""

    shop: str
    order_id: str
    name: str
    customer_reference: str  # that it has in SortedPRO; further parts end in -2, -3
    ships: bool
    lines: Mapping[str, int]  # units to ship, by line
    note: str
    references: Sequence[str]  # that stand on it
    sends_again: bool = False  # its destination sends again what had no answer
    sends_later: bool = False  # goods that are added or set free later are sent by themselves


class CountingBucket(Bucket):
    """A bucket that knows what was taken out of it, and what it refused; `taken` says whether another takes all."""

    def __init__(self, clock: Callable[[], datetime], *, per_second: int, taken: Callable[[], bool]) -> None:
        super().__init__(clock, per_second=per_second)
        self._taken = taken
        self.spent = 0.0
        self.refused = 0
        self._count = threading.Lock()

    def spend(self, points: float) -> bool:
        """Take points out, or give them back."""
        if points > 0 and self._taken():
            self.drain()
        taken = super().spend(points)
        with self._count:
            self.spent += points if taken else 0.0
            self.refused += not taken
        return taken


def open_shop(name: str, clock: Callable[[], datetime], *, points: int = POINTS) -> Shop:
    """A fake shop of its platform; `points` are what Shopify's Admin API gives a second."""
    if name in WOOCOMMERCE:
        return FakeWooCommerce(
            secret=secrets.token_hex(16),
            consumer_key=f"ck_{name}",
            consumer_secret=f"cs_{secrets.token_hex(20)}",
            clock=clock,
        )
    return FakeShopify(
        domain=f"{name}-larkspur.myshopify.com",
        client_id=f"client-{name}",
        client_secret=secrets.token_hex(16),
        points_per_second=points,
        clock=clock,
    )


def write_mappings(
    folder: Path,
    shipped: Path,
    shops: Mapping[str, Shop],
    urls: Mapping[str, str],
    special: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> Path:
    """A mapping file for each shop, which extends the shipped one of its platform; returns their folder."""
    folder.mkdir()
    for name, shop in shops.items():
        platform = "shopify" if isinstance(shop, FakeShopify) else "woocommerce"
        told = {
            "version": 1,
            "extends": str(shipped / f"{platform}.yaml"),
            "shop": {"name": name, **_settings(shop, urls[name])},
            **special.get(name, {}),
        }
        # JSON is YAML, whatever characters the path has.
        (folder / f"{name}.yaml").write_text(json.dumps(told), encoding="utf-8")
    return folder


def orders_of(shops: Mapping[str, Shop]) -> Iterator[ShopOrder]:
    """Every order of the shops as it is now; their policies are those of the soak."""
    for name, shop in shops.items():
        yield from _shopify_orders(name, shop) if isinstance(shop, FakeShopify) else _woocommerce_orders(name, shop)


def _settings(shop: Shop, url: str) -> dict[str, str | list[str]]:
    if isinstance(shop, FakeShopify):
        return {
            "domain": shop.domain,
            "secrets": [shop.client_secret],
            "client_id": shop.client_id,
            "client_secret": shop.client_secret,
            "access_token": "",  # else the only variable left is unset, and the file would count as not configured
            "api_url": url,
        }
    return {
        "url": url,
        "secrets": [shop.secret],
        "consumer_key": shop.consumer_key,
        "consumer_secret": shop.consumer_secret,
    }


def placed_in_shopify(shop: FakeShopify, one: Happening) -> str:
    """Place an order; its id."""
    unpaid = one.what == "add unpaid"
    body = shopify_order(one.number, at=datetime.now(UTC), financial_status="pending" if unpaid else "paid")
    return shop.add_order(body, fulfillment_orders=_apart(body, one.what))


def happen_in_shopify(shop: FakeShopify, order_id: str, one: Happening) -> None:
    """Let something happen to an order that was placed."""
    match one.what:
        case "change":
            shop.change(order_id, note=_NOTE)
        case "more":
            shop.add_variant(order_id, Article(sku=_LATER, title="Candle", price=Decimal("9.00"), grams=300))
        case "fewer":
            shop.edit(order_id, shop.order(order_id).body["line_items"][0]["id"], 1)
        case "cancel":
            shop.cancel(order_id)
        case "pay":
            shop.pay(order_id)
        case "release":
            shop.release(order_id)
        case "release and tag":  # only the tag sends a webhook that names the order
            shop.release(order_id)
            shop.tag(order_id, "free")


def happen_in_woocommerce(shop: FakeWooCommerce, one: Happening) -> None:
    """Place an order, or let something happen to it."""
    match one.what:
        case "add":
            shop.add_order(woo_order(one.number, at=datetime.now(UTC), home=shop.url))
        case "add unpaid":
            shop.add_order(woo_order(one.number, at=datetime.now(UTC), status="pending", home=shop.url))
        case "change":
            shop.change(one.number, customer_note=_NOTE)
        case "more":
            shop.edit(one.number, [{"product_id": SHIRT_L.parent_id, "variation_id": SHIRT_L.id, "quantity": 1}])
        case "fewer":
            line = shop.order(one.number)["line_items"][0]["id"]
            shop.edit(one.number, [{"id": line, "quantity": 1}])
        case "cancel":
            shop.set_status(one.number, "cancelled")
        case "pay":
            shop.pay(one.number)


def _apart(body: dict[str, Any], what: str) -> Sequence[FulfillmentOrder] | None:
    """The fulfilment orders of an order that Shopify does not simply ship from its main warehouse."""
    first = body["line_items"][0]["sku"]
    match what:
        case "add on hold":
            return split(body, [{"hold": "OTHER"}])
        case "add partly on hold":
            return split(body, [{"skus": [first], "hold": "OTHER"}, {}])
        case "add from two places":
            return split(body, [{"skus": [first], "location": PLACE}, {}])
    return None


def _shopify_orders(name: str, shop: FakeShopify) -> Iterator[ShopOrder]:
    for order in shop.book.orders():
        body = order.body
        goods = {str(line["id"]): line["current_quantity"] for line in body["line_items"] if line["requires_shipping"]}
        yield _shop_order(
            name,
            order_id=order.id,
            name=body["name"],
            ships=body["cancelled_at"] is None,
            lines=goods,
            note=body["note"] or "",
            references=shop.reference_of(order.id) or "",
        )


def _woocommerce_orders(name: str, shop: FakeWooCommerce) -> Iterator[ShopOrder]:
    for body in shop.store.orders():
        yield _shop_order(
            name,
            order_id=str(body["id"]),
            name=f"#{body['number']}",
            ships=body["status"] != "cancelled",
            lines={str(line["id"]): line["quantity"] for line in body["line_items"]},
            note=body["customer_note"],
            references=shop.reference_of(body["id"]) or "",
        )


def _shop_order(shop: str, *, name: str, lines: Mapping[str, int], references: str, **values: Any) -> ShopOrder:
    return ShopOrder(
        shop=shop,
        name=name,
        customer_reference=f"{shop}-{name.removeprefix('#')}",
        lines={line: units for line, units in lines.items() if units},
        references=[one for one in references.split(", ") if one],
        sends_again=shop == SEND_AGAIN,
        sends_later=shop in SEND_LATER,
        **values,
    )
