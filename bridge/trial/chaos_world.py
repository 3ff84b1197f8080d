"""The outside of a soak: four shops and SortedPRO, which act and misbehave as planned. Nobody kills it."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bridge.sandbox import faults
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import Answer, App, Later, Request, Server, serve
from bridge.sandbox.shopify import FakeShopify, shopify_order
from bridge.sandbox.shopify.book import FulfillmentOrder, Hold, route
from bridge.sandbox.sortedpro import FakeSortedPro
from bridge.sandbox.woocommerce import FakeWooCommerce, woo_order
from bridge.trial.chaos_courier import Courier, Letterbox
from bridge.trial.chaos_plan import SHOPIFY, SHOPS, SORTEDPRO, WOOCOMMERCE, Bout, Happening
from bridge.trial.playing import now_utc

_POINTS = 1000  # a second, those of the Plus plan
_LATENCY = timedelta(milliseconds=60)  # of Create Order, so that kills find calls on the way
_ENDLESS = 60.0  # seconds, beyond every limit of the bridge
_TOO_LATE = 25.0  # seconds until an answer that the bridge does not wait for

Shop = FakeShopify | FakeWooCommerce

_SORTEDPRO: dict[str, tuple[Fault, int | None]] = {
    "500": (faults.status(500), 2),
    "503 without Retry-After": (faults.status(503), 1),
    "a proxy's 502 page": (faults.html(502), 1),
    "cut off before it is made": (faults.drop_before(), 2),
    "cut off after it is made": (faults.drop_after(), 2),
    "made, answered after the limit": (faults.create_then_hang(_TOO_LATE), 2),
    "not made, no answer": (faults.hang(_ENDLESS), 1),
    "slow": (faults.delay(3.0), 4),
    "answer byte by byte": (faults.slow_drip(0.5), 1),
    "401": (faults.status(401), None),
}
_SHOP: dict[str, tuple[Fault, int | None]] = {
    "500": (faults.status(500), 3),
    "429": (faults.status(429, headers={"Retry-After": "2"}), 3),
    "cut off before it acts": (faults.drop_before(), 3),
    "cut off after it acted": (faults.drop_after(), 3),
    "no answer": (faults.hang(_ENDLESS), 1),
    "slow": (faults.delay(3.0), 4),
}


@dataclass(frozen=True, kw_only=True)
class ShopOrder:
    """An order as its shop has it in the end."""

    shop: str
    order_id: str
    name: str
    ships: bool
    reference: str | None  # that stands on it


class Place:
    """A server that can go away and come back at the same address."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._server: Server | None = serve(app)
        self.url = self._server.url

    def leave(self) -> None:
        """Refuse connections, and cut off those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def come_back(self) -> None:
        """Listen again."""
        if self._server is None:
            self._server = serve(self._app, int(self.url.rpartition(":")[2]))


class World:
    """Shops, SortedPRO, and where they listen."""

    def __init__(self, courier: Courier) -> None:
        self.sortedpro = FakeSortedPro(secrets.token_hex(16))
        self.shops: dict[str, Shop] = {name: open_shop(name, now_utc) for name in SHOPS}
        self.courier = courier
        self._ids: dict[tuple[str, int], str] = {}  # of Shopify's orders, by shop and number
        self._lock = threading.Lock()
        self._places = {
            SORTEDPRO: Place(_late(self.sortedpro)),
            **{name: Place(app) for name, app in self.shops.items()},
        }
        for name, shop in self.shops.items():
            shop.webhooks = Letterbox(courier, name)
            if isinstance(shop, FakeWooCommerce):
                shop.url = self._places[name].url

    def happen(self, one: Happening) -> None:
        """Let something happen to an order."""
        shop = self.shops[one.shop]
        if isinstance(shop, FakeShopify):
            self._in_shopify(shop, one)
        else:
            _in_woocommerce(shop, one)

    def begin(self, bout: Bout) -> None:
        """Misbehave."""
        if bout.kind == "unreachable":
            self._places[bout.place].leave()
        elif bout.place == SORTEDPRO:
            self._begin_in_sortedpro(bout.kind)
        else:
            _begin_in_shop(self.shops[bout.place], bout.kind)

    def end(self, place: str) -> None:
        """Behave again."""
        self._places[place].come_back()
        (self.sortedpro if place == SORTEDPRO else self.shops[place]).clear()

    def environment(self) -> dict[str, str]:
        """The variables of the mapping files."""
        return {
            "SORTED_API_URL": self._places[SORTEDPRO].url,
            "SORTED_API_KEY": self.sortedpro.api_key,
            "SORTED_ORIGIN": self.sortedpro.locations[0],
        }

    def write_mappings(self, folder: Path, shipped: Path) -> Path:
        """A mapping file for each shop; returns their folder."""
        return write_mappings(folder, shipped, self.shops, {name: place.url for name, place in self._places.items()})

    def close(self) -> None:
        """Stop listening."""
        for place in self._places.values():
            place.leave()

    def _in_shopify(self, shop: FakeShopify, one: Happening) -> None:
        key = (one.shop, one.number)
        if one.what.startswith("add"):
            unpaid = one.what == "add unpaid"
            body = shopify_order(one.number, at=datetime.now(UTC), financial_status="pending" if unpaid else "paid")
            held = _on_hold(body) if one.what == "add on hold" else None
            order_id = shop.add_order(body, fulfillment_orders=held)
            with self._lock:
                self._ids[key] = order_id
            return
        with self._lock:
            order_id = self._ids[key]
        match one.what:
            case "change":
                shop.change(order_id, note="please ring twice")
            case "cancel":
                shop.cancel(order_id)
            case "pay":
                shop.pay(order_id)
            case "release":
                shop.release(order_id)

    def _begin_in_sortedpro(self, kind: str) -> None:
        if kind in {"429", "503 with Retry-After"}:
            self.sortedpro.busy(2, code=int(kind[:3]))
        else:
            fault, count = _SORTEDPRO[kind]
            self.sortedpro.behave(fault, count=count)


@contextmanager
def open_world(courier: Courier) -> Iterator[World]:
    """The outside, listening on free ports of the loopback address."""
    world = World(courier)
    try:
        yield world
    finally:
        world.close()


def open_shop(name: str, clock: Callable[[], datetime], *, points: int = _POINTS) -> Shop:
    """A fake shop of its platform; `points` are what Shopify's Admin API gives a second."""
    if name in WOOCOMMERCE:
        return FakeWooCommerce(
            secret=secrets.token_hex(16),
            consumer_key=f"ck_{name}",
            consumer_secret=f"cs_{secrets.token_hex(20)}",
            clock=clock,
        )
    assert name in SHOPIFY
    return FakeShopify(
        domain=f"{name}-larkspur.myshopify.com",
        client_id=f"client-{name}",
        client_secret=secrets.token_hex(16),
        points_per_second=points,
        clock=clock,
    )


def write_mappings(folder: Path, shipped: Path, shops: Mapping[str, Shop], urls: Mapping[str, str]) -> Path:
    """A mapping file for each shop, which extends the shipped one of its platform; returns their folder."""
    folder.mkdir()
    for name, shop in shops.items():
        platform = "shopify" if isinstance(shop, FakeShopify) else "woocommerce"
        told = {
            "version": 1,
            "extends": str(shipped / f"{platform}.yaml"),
            "shop": {"name": name, **_settings(shop, urls[name])},
        }
        # JSON is YAML, whatever characters the path has.
        (folder / f"{name}.yaml").write_text(json.dumps(told), encoding="utf-8")
    return folder


def orders_of(shops: Mapping[str, Shop]) -> Iterator[ShopOrder]:
    """Every order of the shops as it is now."""
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


def _late(app: App) -> App:
    """The app with a latency before each order is made; one whose caller has died meanwhile is made all the same."""

    def answer(request: Request) -> Answer:
        if request.method != "POST":
            return app(request)
        return Later(wait=_LATENCY, then=lambda: app(request))

    return answer


def _begin_in_shop(shop: Shop, kind: str) -> None:
    if isinstance(shop, FakeShopify) and kind == "no points left":
        shop.bucket.drain()
    elif isinstance(shop, FakeShopify) and kind == "tokens revoked":
        shop.revoke_tokens()
    else:
        fault, count = _SHOP[kind]
        shop.behave(fault, count=count)


def _in_woocommerce(shop: FakeWooCommerce, one: Happening) -> None:
    match one.what:
        case "add" | "add on hold":
            shop.add_order(woo_order(one.number, at=datetime.now(UTC), home=shop.url))
        case "add unpaid":
            shop.add_order(woo_order(one.number, at=datetime.now(UTC), status="pending", home=shop.url))
        case "change":
            shop.change(one.number, customer_note="please ring twice")
        case "cancel":
            shop.set_status(one.number, "cancelled")
        case "pay":
            shop.pay(one.number)


def _on_hold(body: dict[str, object]) -> list[FulfillmentOrder]:
    return [replace(held, status="ON_HOLD", holds=(Hold(),)) for held in route(body)]


def _shopify_orders(name: str, shop: FakeShopify) -> Iterator[ShopOrder]:
    for order in shop.book.orders():
        yield ShopOrder(
            shop=name,
            order_id=order.id,
            name=order.body["name"],
            ships=order.body["cancelled_at"] is None,
            reference=shop.reference_of(order.id),
        )


def _woocommerce_orders(name: str, shop: FakeWooCommerce) -> Iterator[ShopOrder]:
    for body in shop.store.orders():
        found = shop.reference_of(body["id"])
        yield ShopOrder(
            shop=name,
            order_id=str(body["id"]),
            name=f"#{body['number']}",
            ships=body["status"] != "cancelled",
            reference=None if found is None else str(found),
        )
