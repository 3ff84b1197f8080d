"""Shops that go on sending while something happens: new orders without end, each webhook until it is acknowledged."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

import httpx

from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.webhooks import Packet, signature
from bridge.sandbox.woocommerce import woo_order
from bridge.sandbox.woocommerce.api import php_json
from tests.journeys.site import Site, until

# What was answered: a status, a connection that was refused or broke (a shop sends again at once), or nothing in time.
Answer = int | Literal["reset", "silence"]

_SENDERS = 3
_PACE = 0.6  # seconds between two orders of a sender: faster, and Shopify has no points left to read them
_PAUSE = 0.1  # and until a webhook is sent again
_LIMIT = 120.0


@dataclass(kw_only=True)
class Traffic:
    """Senders in the background, from entering to leaving; even numbers are Shopify's where there are both."""

    site: Site
    first: int  # number of the first order
    both: bool = False  # WooCommerce's orders too
    repeats: bool = False  # each webhook again and again until the sender's next order
    router: list[str] = field(default_factory=list)  # addresses that take turns; empty: the site's
    answers: Counter[Answer] = field(default_factory=Counter)
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

    def wait_for_answer(self, answer: Answer, *, times: int = 1) -> None:
        """Until an answer like this comes so often."""
        wanted = self.answers[answer] + times
        until(lambda: self.answers[answer] >= wanted, seconds=_LIMIT, what=lambda: f"answers {self.answers}")

    def shop(self, number: int) -> Literal["shopify", "woocommerce"]:
        return "woocommerce" if self.both and number % 2 else "shopify"

    def references(self) -> list[str]:
        """Ours, of the acknowledged orders."""
        return [f"{self.shop(number)}-{number}" for number in self.acknowledged]

    def packet(self, number: int) -> Packet:
        """The webhook of an order that the shop has from now on."""
        world = self.site.world
        if self.shop(number) == "woocommerce":
            world.woocommerce.add_order(woo_order(number, home=world.woocommerce_url))
            body = php_json(world.woocommerce.order(number))
            made = signature(world.woocommerce.secret, body)
            headers = {"X-WC-Webhook-Signature": made, "X-WC-Webhook-Topic": "order.created"}
            return Packet(body=body, headers={"Content-Type": "application/json", **headers})
        order = shopify_order(number)
        world.shopify.add_order(order)
        body = json.dumps(order).encode()
        made = signature(world.shopify.webhook_secret, body)
        return Packet(body=body, headers={"X-Shopify-Hmac-Sha256": made, "X-Shopify-Topic": "orders/create"})

    def _send_on(self) -> None:
        with httpx.Client(timeout=10) as client:
            while not self._over.is_set():
                number = next(self._numbers)
                packet = self.packet(number)
                while not self._is_acknowledged(client, number, packet):
                    if self._over.wait(_PAUSE):
                        return
                self.acknowledged.append(number)
                self._rest(client, number, packet)

    def _rest(self, client: httpx.Client, number: int, packet: Packet) -> None:
        """Until the next order, with the same webhook again where that is wanted."""
        if not self.repeats:
            self._over.wait(_PACE)
            return
        for _ in range(int(_PACE / _PAUSE)):
            if self._over.wait(_PAUSE):
                return
            self._is_acknowledged(client, number, packet)

    def _url(self) -> str:
        urls = self.router or [self.site.url]
        return urls[sum(self.answers.values()) % len(urls)]

    def _is_acknowledged(self, client: httpx.Client, number: int, packet: Packet) -> bool:
        url = f"{self._url()}/webhooks/{self.shop(number)}"
        answer: Answer
        try:
            answer = client.post(url, content=packet.body, headers=dict(packet.headers)).status_code
        except httpx.TimeoutException:
            answer = "silence"
        except httpx.TransportError:
            answer = "reset"
        self.answers[answer] += 1
        return answer == httpx.codes.ACCEPTED
