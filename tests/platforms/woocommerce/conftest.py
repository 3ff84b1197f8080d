"""Bodies, looks and settings that the tests of the WooCommerce platform share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.platforms.base import Fetched, Look, OrderBody, ShopFacts
from bridge.platforms.woocommerce import PLATFORM

PAYLOADS = Path(__file__).parents[2] / "payloads" / "woocommerce"
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)

UNITS = {"weight": "kg", "dimension": "cm"}
SIMPLE = {"weight": "", "length": "", "width": "", "height": "", "shipping_required": True, "virtual": False}


@pytest.fixture
def payload() -> Callable[[str], bytes]:
    """The bytes of a recorded body by its name."""
    return lambda name: (PAYLOADS / f"{name}.json").read_bytes()


@pytest.fixture
def order(payload: Callable[[str], bytes]) -> Callable[..., OrderBody]:
    """An order of a recorded body, with top-level fields replaced."""

    def read(name: str = "order.created__guest_two_lines", **changes: Any) -> OrderBody:
        found = PLATFORM.read(payload(name), "order.updated")
        assert isinstance(found, OrderBody)
        found.order.update(changes)
        return found

    return read


@pytest.fixture
def look() -> Callable[..., Look]:
    """A look at an order; without `data` offline, where what was not read counts as missing."""

    def at(body: OrderBody, data: Mapping[str, Any] | None = None) -> Look:
        return Look(
            order=body.order,
            fetched=Fetched(data=data or {}, complete=data is None),
            now=NOON,
            shop=ShopFacts(name="woo", platform="woocommerce", domain="shop.example"),
        )

    return at


@pytest.fixture
def settings() -> Mapping[str, Any]:
    """A mapping's `shop`."""
    return {
        "name": "woo",
        "platform": "woocommerce",
        "url": "https://shop.example",
        "secrets": ["first", "second"],
        "consumer_key": "ck_1",
        "consumer_secret": "cs_1",
    }
