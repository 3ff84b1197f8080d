"""The outside of a soak: five shops and SortedPRO, which act and misbehave as planned. Nobody kills it."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from bridge.sandbox import faults
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import Answer, App, Later, Reply, Request, Server, serve
from bridge.sandbox.shopify import FakeShopify
from bridge.sandbox.sortedpro import FakeSortedPro
from bridge.sandbox.woocommerce import FakeWooCommerce
from bridge.trial.chaos_courier import Courier, Letterbox
from bridge.trial.chaos_doubt import Cut
from bridge.trial.chaos_plan import SEND_AGAIN, SEND_LATER, SHOPS, SORTEDPRO, WOOCOMMERCE, Bout, Happening
from bridge.trial.chaos_shops import (
    PLACE,
    POINTS,
    CountingBucket,
    Shop,
    happen_in_shopify,
    happen_in_woocommerce,
    open_shop,
    placed_in_shopify,
    write_mappings,
)
from bridge.trial.chaos_wire import Wire
from bridge.trial.playing import now_utc

_LATENCY = timedelta(milliseconds=60)  # of Create Order, so that kills find calls on the way
_ENDLESS = 60.0  # seconds, beyond every limit of the bridge
_TOO_LATE = 25.0  # seconds until an answer that the bridge does not wait for

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
                shop.bucket = CountingBucket(now_utc, per_second=POINTS, taken=partial(self._is_dry, name))

    def happen(self, one: Happening) -> None:
        """Let something happen to an order."""
        shop = self.shops[one.shop]
        if isinstance(shop, FakeShopify):
            self._in_shopify(shop, one)
        else:
            happen_in_woocommerce(shop, one)

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
                special[name]["locations"] = {PLACE: self.sortedpro.locations[1]}
        special[SEND_AGAIN]["destination"] = {"name": "again", "on_unknown_outcome": "send_again"}
        return special

    def _in_shopify(self, shop: FakeShopify, one: Happening) -> None:
        key = (one.shop, one.number)
        with self._lock:
            order_id = self._ids.get(key)
        if order_id is None:
            order_id = placed_in_shopify(shop, one)
            with self._lock:
                self._ids[key] = order_id
        else:
            happen_in_shopify(shop, order_id, one)

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


def _late(app: App) -> App:
    """The app with a latency before each order is made; one whose caller has died meanwhile is made all the same."""

    def answer(request: Request) -> Answer:
        if request.method != "POST":
            return app(request)
        return Later(wait=_LATENCY, then=lambda: app(request))

    return answer
