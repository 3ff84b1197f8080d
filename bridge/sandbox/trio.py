"""The three fakes together, served."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.sandbox.control import controlled, shopify_commands, sortedpro_commands, woocommerce_commands
from bridge.sandbox.server import Server, serve
from bridge.sandbox.shopify import FakeShopify
from bridge.sandbox.sortedpro import FakeSortedPro
from bridge.sandbox.woocommerce import FakeWooCommerce


@dataclass(frozen=True, kw_only=True)
class Trio:
    """The fakes and where they listen."""

    sortedpro: FakeSortedPro
    shopify: FakeShopify
    woocommerce: FakeWooCommerce
    sortedpro_url: str
    shopify_url: str
    woocommerce_url: str

    def send_webhooks_to(self, base: str) -> None:
        """Give both shops the address of the bridge's web process."""
        self.shopify.webhooks.target = f"{base}/webhooks/shopify"
        self.woocommerce.webhooks.target = f"{base}/webhooks/woocommerce"

    def environment(self) -> dict[str, str]:
        """The variables of the shipped mapping files; SHOPIFY_API_URL is where the fake shop listens."""
        return {
            "SHOPIFY_SHOP": self.shopify.domain,
            "SHOPIFY_API_URL": self.shopify_url,
            "SHOPIFY_CLIENT_ID": self.shopify.client_id,
            "SHOPIFY_CLIENT_SECRET": self.shopify.client_secret,
            "WOOCOMMERCE_URL": self.woocommerce_url,
            "WOOCOMMERCE_WEBHOOK_SECRET": self.woocommerce.secret,
            "WOOCOMMERCE_CONSUMER_KEY": self.woocommerce.consumer_key,
            "WOOCOMMERCE_CONSUMER_SECRET": self.woocommerce.consumer_secret,
            "SORTED_API_URL": self.sortedpro_url,
            "SORTED_API_KEY": self.sortedpro.api_key,
            "SORTED_ORIGIN": self.sortedpro.locations[0],
        }

    def addresses(self) -> dict[str, Any]:
        """Where each listens, and the variables that make a bridge talk to them."""
        urls = {"sortedpro": self.sortedpro_url, "shopify": self.shopify_url, "woocommerce": self.woocommerce_url}
        return {"urls": urls, "environment": self.environment()}


@contextmanager
def open_trio(
    *, clock: Callable[[], datetime] = lambda: datetime.now(UTC), retries: tuple[timedelta, ...] = ()
) -> Iterator[Trio]:
    """Serve all three on free ports of the loopback address, with fresh credentials."""
    sortedpro = FakeSortedPro(secrets.token_hex(16), clock=clock)
    shopify = FakeShopify(client_secret=secrets.token_hex(16), clock=clock, retries=retries)
    woocommerce = FakeWooCommerce(
        secret=secrets.token_hex(16), consumer_secret=f"cs_{secrets.token_hex(20)}", clock=clock
    )
    servers: list[Server] = []
    try:
        servers += [
            serve(controlled(sortedpro, sortedpro_commands(sortedpro))),
            serve(controlled(shopify, shopify_commands(shopify))),
            serve(controlled(woocommerce, woocommerce_commands(woocommerce))),
        ]
        woocommerce.url = servers[2].url
        yield Trio(
            sortedpro=sortedpro,
            shopify=shopify,
            woocommerce=woocommerce,
            sortedpro_url=servers[0].url,
            shopify_url=servers[1].url,
            woocommerce_url=servers[2].url,
        )
    finally:
        shopify.close()
        woocommerce.close()
        for server in servers:
            server.close()
