"""The pure half of Shopify, as `platforms.base.Platform` wants it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bridge.errors import Problem
from bridge.http import Http
from bridge.mapping.language import Fields, Filter
from bridge.platforms.base import (
    Client,
    Json,
    Look,
    NoOrder,
    OrderBody,
    Ping,
    Record,
    Rung,
    Settings,
    Shipping,
    Webhook,
)
from bridge.platforms.shopify import fetched, orders, personal_data, settings, shipping, webhook
from bridge.platforms.shopify.client import ShopifyClient
from bridge.platforms.shopify.fields import ORDER
from bridge.platforms.shopify.filters import FILTERS


class Shopify:
    """Shopify; one object for all shops of the kind."""

    name = "shopify"
    fields: Fields = ORDER
    fetched: Mapping[str, Callable[[Look], Json]] = fetched.NAMES
    filters: Mapping[str, Filter] = FILTERS
    shop_keys = settings.SHOP_KEYS
    write_back_keys = settings.WRITE_BACK_KEYS
    keys: Sequence[str] = ("order",)
    gone_is_deleted = False  # without read_all_orders an order older than 60 days reads like one that is not there

    def settings(self, shop: Mapping[str, Any], write_back: Mapping[str, Any]) -> tuple[Settings | None, list[Problem]]:
        """Check the sections `shop` and `write_back`."""
        return settings.read(shop, write_back)

    def receive(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Webhook | Ping:
        """Verify a request; raises BadSignature."""
        return webhook.receive(secrets, headers, body)

    def read(self, body: bytes, topic: str) -> OrderBody | Rung | NoOrder:
        """Say what a verified body is."""
        return orders.read(body, topic)

    def fresh(self, look: Look, received_at: datetime) -> None:  # noqa: ARG002
        """A Shopify order is always read before it is sent: fulfilment orders move without a webhook."""
        look.fetched.read("order")

    def records(self, look: Look) -> Sequence[Record]:
        """The records that stand on the shop order, by part; raises NotRead."""
        return fetched.records(look)

    def stopped(self, look: Look) -> str | None:
        """Cancelled or deleted, by what was read; raises NotRead."""
        return fetched.stopped(look)

    def shipping(self, look: Look) -> Shipping:
        """What ships now, and what does not; raises NotRead."""
        return shipping.shipping(look)

    def personal_data_removed(self, order: Json) -> Problem | None:
        """A problem where the app may not see what a parcel needs; see `personal_data.removed`."""
        return personal_data.removed(order)

    def comparable(self, order: Json, fetched_data: Mapping[str, Json]) -> tuple[Json, Mapping[str, Json]]:
        """Both without fulfilment progress, record, reference and tags of ours."""
        return fetched.comparable(order, fetched_data)

    def reread(self, order: Json, fetched_data: Mapping[str, Json]) -> frozenset[str]:  # noqa: ARG002
        """Nothing: a Shopify body tells of its own refunds and removals."""
        return frozenset()

    def ended(self, order: Json) -> str | None:
        """Cancelled, by the body."""
        return "cancelled in Shopify" if order.get("cancelled_at") else None

    def client(self, settings: Settings, http: Http, clock: Callable[[], datetime]) -> Client:
        """The half that talks; raises ConfigurationError for settings of an offline look."""
        return ShopifyClient.open(settings, http, clock)
