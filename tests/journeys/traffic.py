"""Shops that go on sending while something happens: new orders without end, each webhook until it is acknowledged."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.webhooks import signature
from tests.journeys.site import Site, until

_SENDERS = 3
_PACE = 0.6  # seconds between two orders of a sender: faster, and Shopify has no points left to read them
_PAUSE = 0.1  # and until a webhook is sent again
_LIMIT = 120.0


@dataclass(kw_only=True)
class Traffic:
    """Senders in the background, from entering to leaving."""

    site: Site
    first: int  # number of the first order
    router: list[str] = field(default_factory=list)  # addresses that take turns; empty: the site's
    answers: Counter[int | None] = field(default_factory=Counter)  # by status, None for a broken connection
    acknowledged: list[int] = field(default_factory=list)  # numbers of orders

    def __enter__(self) -> Self:
        self._numbers = itertools.count(self.first)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send_on) for _ in range(_SENDERS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self, orders: int) -> None:
        """Until so many more are acknowledged."""
        wanted = len(self.acknowledged) + orders
        until(lambda: len(self.acknowledged) >= wanted, seconds=_LIMIT, what=lambda: f"answers {self.answers}")

    def wait_for_answer(self, status: int | None) -> None:
        """Until an answer like this comes once more."""
        before = self.answers[status]
        until(lambda: self.answers[status] > before, seconds=_LIMIT, what=lambda: f"answers {self.answers}")

    def _send_on(self) -> None:
        with httpx.Client(timeout=10) as client:
            while not self._over.is_set():
                number = next(self._numbers)
                body = self._order(number)
                while not self._is_acknowledged(client, body):
                    if self._over.wait(_PAUSE):
                        return
                self.acknowledged.append(number)
                self._over.wait(_PACE)

    def _url(self) -> str:
        urls = self.router or [self.site.url]
        return urls[sum(self.answers.values()) % len(urls)]

    def _order(self, number: int) -> bytes:
        order = shopify_order(number)
        self.site.world.shopify.add_order(order)
        return json.dumps(order).encode()

    def _is_acknowledged(self, client: httpx.Client, body: bytes) -> bool:
        made = signature(self.site.world.shopify.webhook_secret, body)
        headers = {"X-Shopify-Hmac-Sha256": made, "X-Shopify-Topic": "orders/create"}
        try:
            status = client.post(f"{self._url()}/webhooks/shopify", content=body, headers=headers).status_code
        except httpx.TransportError:
            self.answers[None] += 1
            return False
        self.answers[status] += 1
        return status == httpx.codes.ACCEPTED
