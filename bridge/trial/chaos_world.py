"""The outside of a soak: five shops and SortedPRO, which act and misbehave as planned. Nobody kills it."""

from __future__ import annotations

import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bridge.sandbox import faults
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import Answer, App, Later, Reply, Request, Server, serve
from bridge.sandbox.shopify import FakeShopify, shopify_order
from bridge.sandbox.shopify.book import FulfillmentOrder
from bridge.sandbox.shopify.bucket import Bucket
from bridge.sandbox.shopify.commands import split
from bridge.sandbox.shopify.lines import Article
from bridge.sandbox.sortedpro import FakeSortedPro
from bridge.sandbox.woocommerce import FakeWooCommerce, woo_order
from bridge.sandbox.woocommerce.products import SHIRT_L
from bridge.trial.chaos_courier import Courier, Letterbox
from bridge.trial.chaos_doubt import Cut
from bridge.trial.chaos_plan import SEND_AGAIN, SEND_LATER, SHOPS, SORTEDPRO, WOOCOMMERCE, Bout, Happening
from bridge.trial.chaos_wire import Wire
from bridge.trial.playing import now_utc

_POINTS = 1000  # a second, those of the Plus plan
_LATENCY = timedelta(milliseconds=60)  # of Create Order, so that kills find calls on the way
_ENDLESS = 60.0  # seconds, beyond every limit of the bridge
_TOO_LATE = 25.0  # seconds until an answer that the bridge does not wait for

_NOTE = "please ring twice"
_LATER = "CANDLE"  # sku of what is added to an order later
_PLACE = "Leeds"  # from where some goods ship; the others ship from the main warehouse

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
_BUSY = {"429": 429, "503 with Retry-After": 503}  # SortedPRO's gateway, until the bout is over
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
    customer_reference: str  # that it has in SortedPRO; further parts end in -2, -3
    ships: bool
    lines: Mapping[str, int]  # units to ship, by line
    note: str
    references: Sequence[str]  # that stand on it
    sends_again: bool = False  # its destination sends again what had no answer
    sends_later: bool = False  # goods that are added or set free later are sent by themselves


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


@dataclass(frozen=True, kw_only=True)
class Absence:
    """A time in which a place could not be reached."""

    place: str
    since: datetime
    cut_off: datetime  # from then on connections were refused
    until: datetime


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


class World:
    """Shops, SortedPRO, and where they listen."""

    def __init__(self, courier: Courier) -> None:
        self.sortedpro = FakeSortedPro(secrets.token_hex(16))
        self.shops: dict[str, Shop] = {name: open_shop(name, now_utc) for name in SHOPS}
        self.courier = courier
        self.met: Counter[str] = Counter()  # calls that met a fault, by place and kind
        self.absences: list[Absence] = []
        self.wire = Wire(_late(self._counted(SORTEDPRO, self.sortedpro)), now_utc)
        self._ids: dict[tuple[str, int], str] = {}  # of Shopify's orders, by shop and number
        self._dry: set[str] = set()  # shops whose points another client takes
        self._left: dict[str, tuple[datetime, datetime]] = {}
        self._lock = threading.Lock()
        self._places = {
            SORTEDPRO: Place(self.wire),
            **{name: Place(self._counted(name, app)) for name, app in self.shops.items()},
        }
        for name, shop in self.shops.items():
            shop.webhooks = Letterbox(courier, name)
            if isinstance(shop, FakeWooCommerce):
                shop.url = self._places[name].url
            else:
                shop.bucket = CountingBucket(now_utc, per_second=_POINTS, taken=partial(self._is_dry, name))

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
            since = now_utc()
            self._places[bout.place].leave()
            self._left[bout.place] = (since, now_utc())
        elif bout.place == SORTEDPRO:
            self._begin_in_sortedpro(bout)
        else:
            self._begin_in_shop(bout)

    def end(self, place: str) -> None:
        """Behave again."""
        if place in self._left:
            since, cut_off = self._left.pop(place)
            self.absences.append(Absence(place=place, since=since, cut_off=cut_off, until=now_utc()))
        self._places[place].come_back()
        self._dry.discard(place)
        (self.sortedpro if place == SORTEDPRO else self.shops[place]).clear()

    def cuts(self, most: int) -> list[Cut]:
        """When SortedPRO cut off the calls on their way to it, `most` at a time."""
        return [
            Cut(what="sortedpro", since=one.since, until=one.cut_off, most=most)
            for one in self.absences
            if one.place == SORTEDPRO
        ]

    def environment(self) -> dict[str, str]:
        """The variables of the mapping files."""
        return {
            "SORTED_API_URL": self._places[SORTEDPRO].url,
            "SORTED_API_KEY": self.sortedpro.api_key,
            "SORTED_ORIGIN": self.sortedpro.locations[0],
        }

    def write_mappings(self, folder: Path, shipped: Path) -> Path:
        """A mapping file for each shop; returns their folder."""
        urls = {name: place.url for name, place in self._places.items()}
        return write_mappings(folder, shipped, self.shops, urls, self._special())

    def close(self) -> None:
        """Stop listening."""
        for place in self._places.values():
            place.leave()

    def _special(self) -> dict[str, dict[str, Any]]:
        """What the mapping files of the soak say beside the shipped ones."""
        special: dict[str, dict[str, Any]] = {name: {} for name in self.shops}
        for name in self.shops:
            if name in SEND_LATER:
                special[name]["later_items"] = "send"
            if name not in WOOCOMMERCE:
                special[name]["locations"] = {_PLACE: self.sortedpro.locations[1]}
        special[SEND_AGAIN]["destination"] = {"name": "again", "on_unknown_outcome": "send_again"}
        return special

    def _in_shopify(self, shop: FakeShopify, one: Happening) -> None:
        key = (one.shop, one.number)
        if one.what.startswith("add"):
            unpaid = one.what == "add unpaid"
            body = shopify_order(one.number, at=datetime.now(UTC), financial_status="pending" if unpaid else "paid")
            order_id = shop.add_order(body, fulfillment_orders=_apart(body, one.what))
            with self._lock:
                self._ids[key] = order_id
            return
        with self._lock:
            order_id = self._ids[key]
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

    def _begin_in_sortedpro(self, bout: Bout) -> None:
        if bout.kind in _BUSY:
            self.sortedpro.busy(2, code=_BUSY[bout.kind])
        else:
            fault, count = _SORTEDPRO[bout.kind]
            self.sortedpro.behave(fault, match=lambda _: self._meets(bout), count=count)

    def _begin_in_shop(self, bout: Bout) -> None:
        shop = self.shops[bout.place]
        if isinstance(shop, FakeShopify) and bout.kind == "no points left":
            self._dry.add(bout.place)
        elif isinstance(shop, FakeShopify) and bout.kind == "tokens revoked":
            shop.revoke_tokens()
        else:
            fault, count = _SHOP[bout.kind]
            shop.behave(fault, match=lambda _: self._meets(bout), count=count)

    def _meets(self, bout: Bout) -> bool:
        """A call is about to meet a fault that was meant for it: it is counted."""
        self._note(bout.place, bout.kind)
        return True

    def _is_dry(self, name: str) -> bool:
        if name not in self._dry:
            return False
        self._note(name, "no points left")
        return True

    def _counted(self, place: str, app: App) -> App:
        """The app; calls that it turns away because it is busy, or revoked their token, are counted."""

        def answer(request: Request) -> Answer:
            found = app(request)
            if isinstance(found, Reply):
                if place != SORTEDPRO and found.status == HTTPStatus.UNAUTHORIZED:
                    self._note(place, "tokens revoked")
                elif place == SORTEDPRO and "Retry-After" in found.headers:
                    self._note(place, next(kind for kind, code in _BUSY.items() if code == found.status))
            return found

        return answer

    def _note(self, place: str, kind: str) -> None:
        with self._lock:
            self.met[f"{place}: {kind}"] += 1


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


def _late(app: App) -> App:
    """The app with a latency before each order is made; one whose caller has died meanwhile is made all the same."""

    def answer(request: Request) -> Answer:
        if request.method != "POST":
            return app(request)
        return Later(wait=_LATENCY, then=lambda: app(request))

    return answer


def _in_woocommerce(shop: FakeWooCommerce, one: Happening) -> None:
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
            return split(body, [{"skus": [first], "location": _PLACE}, {}])
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
