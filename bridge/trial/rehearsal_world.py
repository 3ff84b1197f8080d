"""The outside of a rehearsal, in this process and by a clock that can be put forward: no sockets, for speed."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import httpx
import structlog

from bridge.sandbox.server import Answer, App, Reply, Request
from bridge.sandbox.shopify import FakeShopify, shopify_order
from bridge.sandbox.sortedpro import FakeSortedPro
from bridge.sandbox.webhooks import Packet, Post, Sender
from bridge.sandbox.woocommerce import woo_order
from bridge.trial.chaos_plan import SHOPIFY, SORTEDPRO, WOOCOMMERCE
from bridge.trial.chaos_shops import CountingBucket, Shop, open_shop
from bridge.trial.chaos_wire import Wire

SHOPS = (*SHOPIFY, *WOOCOMMERCE)
THROTTLED = SHOPIFY[-1]  # the shop on the plan with the fewest points
_POINTS, _FEW_POINTS = 1000, 100  # a second: Plus, and the standard plan
_TAKEN = 0.03  # share of the throttled shop's queries before which another client of the app took all its points
_BROKEN = 0.02  # share of Create Order answers that are 500; half of them made the order
_FIRST_NUMBER = 20_001


class Clock:
    """Runs as the real one does, and can be put forward."""

    def __init__(self) -> None:
        self._began = (datetime.now(UTC), time.monotonic())
        self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        """The time."""
        at, began = self._began
        return at + timedelta(seconds=time.monotonic() - began) + self._ahead

    def forward(self, by: timedelta) -> None:
        """Put it forward."""
        self._ahead += by


class Rests:
    """How often and how long shops were left alone, as the bridge tells its log: a processor, which drops all else."""

    def __init__(self, clock: Clock) -> None:
        self.times: Counter[str] = Counter()  # by shop
        self.long: defaultdict[str, timedelta] = defaultdict(timedelta)
        self._clock = clock
        self._until: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def __call__(self, _logger: object, _method: str, event: structlog.typing.EventDict) -> str:
        """Count, and let nothing be printed."""
        if event["event"] == "shop is left alone":
            self._count(event["shop"], datetime.fromisoformat(event["until"]))
        raise structlog.DropEvent

    def _count(self, shop: str, until: datetime) -> None:
        with self._lock:
            now = self._clock()
            since = max(now, self._until.get(shop, now))
            self.times[shop] += since == now
            self.long[shop] += max(timedelta(0), until - since)
            self._until[shop] = max(until, since)


class Mailbag(Sender):
    """A shop's sender that keeps everything until it is fetched."""

    def __init__(self) -> None:
        super().__init__()
        self._bag: deque[Post] = deque()

    def put(self, post: Post, *, after: timedelta = timedelta(0)) -> None:  # noqa: ARG002 - all go at once here
        """Keep a post."""
        self._bag.append(post)

    def fetch(self) -> Packet | None:
        """The oldest webhook, None where there is none."""
        try:
            return self._bag.popleft().build()
        except IndexError:
            return None


class World:
    """Four shops and SortedPRO behind one transport."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self.clock = clock
        self.sortedpro = FakeSortedPro(secrets.token_hex(16), clock=clock)
        self.shops: dict[str, Shop] = {name: open_shop(name, clock) for name in SHOPS}
        self.bags: dict[str, Mailbag] = {}
        self.buckets: dict[str, CountingBucket] = {}
        self.away = False  # SortedPRO's gateway answers 503 to everything
        self.broken = 0  # Create Order answers that were 500
        # Nobody listens there: the addresses only tell the fakes apart.
        self.urls = {name: f"http://127.0.0.1:{port}" for port, name in enumerate((*SHOPS, SORTEDPRO), start=1)}
        self._chance = Random(seed)  # noqa: S311 - no secret
        self.wire = Wire(self._sortedpro, clock)
        self._apps: dict[str, App] = {self.urls[SORTEDPRO]: self.wire}
        for name, shop in self.shops.items():
            bag = self.bags[name] = Mailbag()
            shop.webhooks = bag
            self._apps[self.urls[name]] = shop
            if isinstance(shop, FakeShopify):
                shop.bucket = self.buckets[name] = self._bucket(throttled=name == THROTTLED)
            else:
                shop.url = self.urls[name]

    def _bucket(self, *, throttled: bool) -> CountingBucket:
        points, share = (_FEW_POINTS, _TAKEN) if throttled else (_POINTS, 0.0)
        return CountingBucket(self.clock, per_second=points, taken=lambda: self._chance.random() < share)

    def transport(self) -> httpx.BaseTransport:
        """What carries the bridge's calls to the fakes."""
        return httpx.MockTransport(self._carry)

    def place_orders(self, first: int, count: int) -> None:
        """Orders from the first-th on, the shops in turn."""
        for place in range(first, first + count):
            name, number = SHOPS[place % len(SHOPS)], _FIRST_NUMBER + place // len(SHOPS)
            shop, at = self.shops[name], self.clock()
            if isinstance(shop, FakeShopify):
                shop.add_order(shopify_order(number, at=at))
            else:
                shop.add_order(woo_order(number, at=at, home=shop.url))

    def mail(self) -> Iterator[tuple[str, Packet]]:
        """The webhooks that wait, the shops in turn."""
        more = True
        while more:
            more = False
            for name, bag in self.bags.items():
                packet = bag.fetch()
                if packet is not None:
                    more = True
                    yield name, packet

    def _carry(self, request: httpx.Request) -> httpx.Response:
        asked = Request(
            method=request.method,
            path=request.url.path,
            query=dict(request.url.params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.read(),
        )
        answer = self._apps[f"http://127.0.0.1:{request.url.port}"](asked)
        assert isinstance(answer, Reply)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)

    def _sortedpro(self, request: Request) -> Answer:
        if self.away:
            return Reply(status=503)
        draw = self._chance.random()
        if request.method != "POST" or draw >= _BROKEN:
            return self.sortedpro(request)
        self.broken += 1
        if draw < _BROKEN / 2:
            self.sortedpro(request)
        return Reply(status=500)
