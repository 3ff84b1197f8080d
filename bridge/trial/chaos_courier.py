"""Carries the shops' webhooks of a soak to the bridge: late, twice, out of order, and again until acknowledged."""

from __future__ import annotations

import hashlib
import heapq
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from random import Random

import httpx

from bridge.sandbox.webhooks import Packet, Post, Sender

_THREADS = 8
_TIME_LIMIT = 5.0  # seconds for one answer: https://shopify.dev/docs/apps/build/webhooks/subscribe/https
# Shopify sends 8 times in 4 hours. Here that is pressed into minutes, and goes on until the end.
_SHOPIFY_AGAIN = (1.0, 2.0, 4.0, 8.0)
# A real WooCommerce never sends again; see `Courier`.
_WOOCOMMERCE_AGAIN = (8.0,)
_DOUBLED = 0.15  # share of webhooks that are sent twice
_LATE = 0.2  # share that is late, and so comes after newer ones
_LATEST = 6.0  # seconds
_ORDER_TOPICS = ("orders/", "order.")


@dataclass(kw_only=True, eq=False)
class Letter:
    """One webhook on its way, perhaps in two copies."""

    shop: str
    post: Post
    packet: Packet | None = None  # made when it first goes out
    tries: int = 0
    acknowledged: bool = False


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A webhook as its sender knows it in the end."""

    shop: str
    order_id: str  # "" where its body names none, or was never made
    topic: str
    hash: bytes  # SHA-256 of its body
    acknowledged: bool


@dataclass(kw_only=True)
class Carried:
    """What became of the webhooks."""

    webhooks: int = 0  # without copies and repetitions
    requests: int = 0
    acknowledged: int = 0  # webhooks, each once
    lost_by_woocommerce: int = 0  # not acknowledged at first: a real WooCommerce would not have sent them again
    statuses: Counter[str] = field(default_factory=Counter)  # of the requests; "none" for no answer


class Courier:
    """Sends letters from some threads; whatever is not acknowledged goes again.

    WooCommerce's are repeated too, so that what the bridge does with them can be judged; how many a real WooCommerce
    would have lost is counted.
    """

    def __init__(self, seed: int) -> None:
        self.target = ""  # the address of the web process
        self.carried = Carried()
        self._chance = Random(seed)  # noqa: S311 - no secret
        self._waiting: list[tuple[float, int, Letter]] = []  # due (monotonic), number, letter
        self._letters: list[Letter] = []
        self._numbers = count()
        self._busy = 0
        self._closed = False
        self._changed = threading.Condition()
        self._client = httpx.Client(timeout=_TIME_LIMIT, trust_env=False)
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(_THREADS)]
        for thread in self._threads:
            thread.start()

    def put(self, shop: str, post: Post, after: timedelta) -> None:
        """Take a webhook."""
        letter = Letter(shop=shop, post=post)
        with self._changed:
            self.carried.webhooks += 1
            self._letters.append(letter)
            wait = after.total_seconds()
            late = self._chance.uniform(0.0, _LATEST) if self._chance.random() < _LATE else 0.0
            self._queue(letter, wait + late)
            if self._chance.random() < _DOUBLED:
                self._queue(letter, wait + self._chance.choice((0.0, self._chance.uniform(0.0, _LATEST))))

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is on its way."""
        with self._changed:
            return not self._waiting and not self._busy

    def webhooks(self) -> list[Webhook]:
        """Every webhook that was given to it, as it stands now."""
        with self._changed:
            return [
                as_webhook(one.shop, one.post.topic, one.packet, acknowledged=one.acknowledged) for one in self._letters
            ]

    def close(self) -> None:
        """Send nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._client.close()

    def _queue(self, letter: Letter, wait: float) -> None:
        heapq.heappush(self._waiting, (time.monotonic() + wait, next(self._numbers), letter))
        self._changed.notify()

    def _run(self) -> None:
        while (letter := self._take()) is not None:
            packet = letter.packet = letter.packet or letter.post.build()
            self._sent(letter, self._send(letter.shop, packet))

    def _take(self) -> Letter | None:
        with self._changed:
            while not self._closed and not (self._waiting and self._waiting[0][0] <= time.monotonic()):
                self._changed.wait(self._waiting[0][0] - time.monotonic() if self._waiting else None)
            if self._closed:
                return None
            self._busy += 1
            return heapq.heappop(self._waiting)[2]

    def _send(self, shop: str, packet: Packet) -> int | None:
        try:
            answer = self._client.post(
                f"{self.target}/webhooks/{shop}", content=packet.body, headers=dict(packet.headers)
            )
        except httpx.HTTPError:
            return None
        return answer.status_code

    def _sent(self, letter: Letter, status: int | None) -> None:
        carried = self.carried
        with self._changed:
            self._busy -= 1
            carried.requests += 1
            carried.statuses["none" if status is None else str(status)] += 1
            if status is not None and httpx.codes.is_success(status):
                carried.acknowledged += not letter.acknowledged
                letter.acknowledged = True
            elif not letter.acknowledged:
                self._queue(letter, self._wait(letter))
            letter.tries += 1

    def _wait(self, letter: Letter) -> float:
        waits: Sequence[float] = _SHOPIFY_AGAIN
        if letter.shop.startswith("woocommerce"):
            waits = _WOOCOMMERCE_AGAIN
            self.carried.lost_by_woocommerce += letter.tries == 0
        return waits[min(letter.tries, len(waits) - 1)]


def as_webhook(shop: str, topic: str, packet: Packet | None, *, acknowledged: bool) -> Webhook:
    """What the count wants to know of a webhook; `packet` is None where it never went out."""
    body = b"" if packet is None else packet.body
    order_id = _order_id(body) if body and topic.startswith(_ORDER_TOPICS) else ""
    hashed = hashlib.sha256(body).digest()
    return Webhook(shop=shop, order_id=order_id, topic=topic, hash=hashed, acknowledged=acknowledged)


def _order_id(body: bytes) -> str:
    told = json.loads(body)
    return str(told["order_edit"]["order_id"] if "order_edit" in told else told["id"])


class Letterbox(Sender):
    """A shop's sender that gives everything to the courier."""

    def __init__(self, courier: Courier, shop: str) -> None:
        super().__init__()
        self._courier = courier
        self._shop = shop

    def put(self, post: Post, *, after: timedelta = timedelta(0)) -> None:
        """Give a post to the courier."""
        self._courier.put(self._shop, post, after)
