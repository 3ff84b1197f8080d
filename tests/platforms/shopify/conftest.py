"""Bodies, looks and a scripted shop that the tests of the Shopify platform share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import simplejson

from bridge.http import Budget, Http
from bridge.platforms.base import Fetched, Look, OrderBody, ShopFacts
from bridge.platforms.shopify import PLATFORM
from bridge.platforms.shopify.client import ShopifyClient
from bridge.platforms.shopify.settings import ShopifySettings

PAYLOADS = Path(__file__).parents[2] / "payloads" / "shopify"
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
SCOPES = (
    "write_orders,read_merchant_managed_fulfillment_orders,read_third_party_fulfillment_orders,"
    "read_products,read_locations,read_all_orders"
)


@pytest.fixture
def payload() -> Callable[[str], bytes]:
    """The bytes of a recorded body by its name."""
    return lambda name: (PAYLOADS / f"{name}.json").read_bytes()


@pytest.fixture
def order(payload: Callable[[str], bytes]) -> Callable[..., OrderBody]:
    """An order of a recorded body, with top-level fields replaced."""

    def read(case: str = "orders.create__two_lines_paid", **changes: Any) -> OrderBody:
        body = {**json.loads(payload(case)), **changes}
        found = PLATFORM.read(simplejson.dumps(body, use_decimal=True).encode(), "orders/updated")
        assert isinstance(found, OrderBody)
        return found

    return read


@pytest.fixture
def look() -> Callable[..., Look]:
    """A look at an order; without what was read it is offline, where that counts as missing."""

    def at(body: OrderBody, read: Mapping[str, Any] | None = None) -> Look:
        return Look(
            order=body.order,
            fetched=Fetched(data={"order": read} if read is not None else {}, complete=read is None),
            now=NOON,
            shop=ShopFacts(name="shopify", platform="shopify", domain="pottery.myshopify.com"),
        )

    return at


@pytest.fixture
def shop_section() -> dict[str, Any]:
    """A mapping's `shop`."""
    return {
        "name": "shopify",
        "platform": "shopify",
        "domain": "pottery.myshopify.com",
        "secrets": ["client-secret"],
        "client_id": "client-id",
        "client_secret": "client-secret",
    }


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, **amount: float) -> None:
        self.now += timedelta(**amount)


class Shop:
    """A scripted shop: answers by path in turn, and notes every request."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.scopes = SCOPES
        self.tokens = 0
        self._answers: list[httpx.Response | httpx.TransportError] = []

    def answer(self, *answers: dict[str, Any] | httpx.Response | httpx.TransportError) -> None:
        """What the next calls of the Admin API get; a dict is the `data` of a GraphQL answer."""
        for answer in answers:
            self._answers.append(httpx.Response(200, json={"data": answer}) if isinstance(answer, dict) else answer)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; tokens are granted unasked: token-1, token-2, ..."""
        if request.url.path == "/admin/oauth/access_token" and self.scopes:
            self.tokens += 1
            grant = {"access_token": f"token-{self.tokens}", "scope": self.scopes, "expires_in": 86399}
            return httpx.Response(200, json=grant)
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer

    def sent(self, position: int = -1) -> dict[str, Any]:
        """The GraphQL variables of one call."""
        variables: dict[str, Any] = json.loads(self.requests[position].content)["variables"]
        return variables


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def http(shop: Shop) -> Iterator[Http]:
    client = Http(transport=httpx.MockTransport(shop.handle))
    yield client
    client.close()


@pytest.fixture
def settings(shop_section: dict[str, Any]) -> ShopifySettings:
    """A shop with client credentials."""
    found, problems = PLATFORM.settings(shop_section, {"tags": ["sent-to-sorted"]})
    assert not problems
    assert isinstance(found, ShopifySettings)
    return found


@pytest.fixture
def client(settings: ShopifySettings, http: Http, clock: Clock) -> ShopifyClient:
    return ShopifyClient.open(settings, http, clock)


@pytest.fixture
def budget() -> Budget:
    return Budget(30, monotonic=lambda: 0.0)
