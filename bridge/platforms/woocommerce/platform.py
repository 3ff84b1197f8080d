"""WooCommerce as a platform: its pure half, and the way to its client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bridge.errors import ConfigurationError, Problem
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
from bridge.platforms.woocommerce import fields, filters, orders, records, webhook
from bridge.platforms.woocommerce import settings as shop_settings
from bridge.platforms.woocommerce import shipping as goods
from bridge.platforms.woocommerce.client import WooCommerceClient


class WooCommerce:
    """One object for all WooCommerce shops; see `platforms.base.Platform` for what each part promises."""

    name: str = "woocommerce"
    fields: Fields = fields.ORDER
    fetched: Mapping[str, Callable[[Look], Json]] = filters.FETCHED
    filters: Mapping[str, Filter] = filters.FILTERS
    shop_keys: frozenset[str] = shop_settings.SHOP_KEYS
    write_back_keys: frozenset[str] = shop_settings.WRITE_BACK_KEYS
    keys: Sequence[str] = ("order", "refunds", "units", "product:<id>", "regions:<country>")
    gone_is_deleted: bool = True  # a key that may read orders reads every one of them

    def settings(self, shop: Mapping[str, Any], write_back: Mapping[str, Any]) -> tuple[Settings | None, list[Problem]]:
        """Check a mapping's `shop` and `write_back`."""
        return shop_settings.settings(shop, write_back)

    def receive(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Webhook | Ping:
        """Verify a request. Raises BadSignature."""
        return webhook.receive(secrets, headers, body)

    def read(self, body: bytes, topic: str) -> OrderBody | Rung | NoOrder:
        """Say what a verified body is."""
        return orders.read(body, topic)

    def fresh(self, look: Look, received_at: datetime) -> None:
        """Raise NotRead while the body is old and the order was not read since."""
        records.fresh(look, received_at)

    def records(self, look: Look) -> Sequence[Record]:
        """The records that stand on the order, by their parts."""
        return records.records(look)

    def stopped(self, look: Look) -> str | None:  # noqa: ARG002 - the protocol's signature
        """Nothing that only a read shows: an order that was read is the newest body, and the rules look at it."""
        return None

    def shipping(self, look: Look) -> Shipping:
        """What ships now, and what does not."""
        return goods.shipping_of(look)

    def personal_data_removed(self, order: Json) -> Problem | None:
        """A problem where the body has no addresses at all."""
        return orders.personal_data_removed(order)

    def comparable(self, order: Json, fetched: Mapping[str, Json]) -> tuple[Json, Mapping[str, Json]]:
        """Both without what changes by itself after sending."""
        return records.comparable(order, fetched)

    def reread(self, order: Json, fetched: Mapping[str, Json]) -> frozenset[str]:
        """The refunds, where the body names one that was not read at the sending: it tells only of their sums."""
        read, told = (_ids(refunds) for refunds in (fetched.get("refunds"), order.get("refunds")))
        return frozenset({"refunds"}) if told - read else frozenset()

    def ended(self, order: Json) -> str | None:
        """Why the order must not ship at all."""
        return orders.ended(order)

    def client(self, settings: Settings, http: Http, clock: Callable[[], datetime]) -> Client:
        """The half that talks. Raises ConfigurationError for settings made of placeholders."""
        if settings.offline or not isinstance(settings, shop_settings.WooCommerceSettings):
            problem = Problem(message="variables of the shop are unset; set them to talk to it", source="shop")
            raise ConfigurationError([problem])
        return WooCommerceClient(settings, http, clock)


def _ids(refunds: Json) -> set[str]:
    """The ids of refunds; what is none among them is passed over."""
    return {str(one["id"]) for one in refunds or () if isinstance(one, Mapping) and "id" in one}
