"""Fakes that listen, and clients that talk to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bridge.sandbox.server import App, Reply, Request, serve
from bridge.sandbox.shopify import FakeShopify
from bridge.sandbox.sortedpro import FakeSortedPro
from bridge.sandbox.woocommerce import FakeWooCommerce

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)

Post = Callable[[Any], httpx.Response]


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **parts: float) -> None:
        self.now += timedelta(**parts)


class Receiver:
    """What a bridge would be: notes each request, and answers with `status`."""

    def __init__(self) -> None:
        self.got: list[Request] = []
        self.status = 202

    def __call__(self, request: Request) -> Reply:
        self.got.append(request)
        return Reply(status=self.status)

    def topics(self, header: str) -> list[str]:
        return [request.headers.get(header, "") for request in self.got]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def served() -> Iterator[Callable[[App], str]]:
    """Serves an app until the test ends; gives its address."""
    with ExitStack() as stack:

        def listen(app: App) -> str:
            server = serve(app)
            stack.callback(server.close)
            return server.url

        yield listen


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=5, trust_env=False) as made:
        yield made


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def sorted_pro(clock: Clock) -> FakeSortedPro:
    return FakeSortedPro("right-key", locations=("WAREHOUSE-1",), clock=clock)


@pytest.fixture
def post_order(sorted_pro: FakeSortedPro, served: Callable[[App], str], client: httpx.Client) -> Post:
    url = served(sorted_pro)
    headers = {"ocp-apim-subscription-key": "right-key", "electio-api-version": "1.1"}
    return lambda order: client.post(f"{url}/orders", json=order, headers=headers)


@pytest.fixture
def shopify(clock: Clock, receiver: Receiver, served: Callable[[App], str]) -> Iterator[FakeShopify]:
    fake = FakeShopify(clock=clock)
    fake.webhooks.target = served(receiver)
    yield fake
    fake.close()


@pytest.fixture
def shopify_url(shopify: FakeShopify, served: Callable[[App], str]) -> str:
    return served(shopify)


@pytest.fixture
def woocommerce(clock: Clock, receiver: Receiver, served: Callable[[App], str]) -> Iterator[FakeWooCommerce]:
    fake = FakeWooCommerce(clock=clock)
    fake.webhooks.target = served(receiver)
    yield fake
    fake.close()


@pytest.fixture
def rest(woocommerce: FakeWooCommerce, served: Callable[[App], str]) -> Iterator[httpx.Client]:
    """A client of wc/v3 with the shop's key."""
    url = served(woocommerce)
    woocommerce.url = url
    with httpx.Client(base_url=f"{url}/wp-json/wc/v3", auth=("ck_fake", "cs_fake"), trust_env=False) as made:
        yield made
