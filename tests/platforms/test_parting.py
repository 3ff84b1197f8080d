"""What ships is worked out once for each look."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.errors import NotRead
from bridge.platforms.base import Fetched, Look, Shipping, ShopFacts
from bridge.platforms.parting import parted

SHOP = ShopFacts(name="shop", platform="shopify", domain="larkspur.example")
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def look() -> Look:
    return Look(order={}, fetched=Fetched(), now=NOON, shop=SHOP)


def test_same_look_is_asked_once() -> None:
    asked: list[Look] = []
    shipping = parted(lambda one: asked.append(one) or Shipping(lines=()))
    one = look()
    assert shipping(one) is shipping(one)
    assert len(asked) == 1


def test_equal_look_of_another_time_is_asked_anew() -> None:
    shipping = parted(lambda _: Shipping(lines=()))
    assert shipping(look()) is not shipping(look())


def test_what_was_not_read_is_asked_for_again() -> None:
    def shipping(_: Look) -> Shipping:
        raise NotRead(["order"])

    one, asked = look(), parted(shipping)
    for _ in range(2):
        with pytest.raises(NotRead):
            asked(one)
