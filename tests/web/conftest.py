"""The endpoint in process: signed requests, and what the database has after them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, Row, select
from werkzeug.test import TestResponse

from bridge import config
from bridge.config import Database
from bridge.sandbox.webhooks import signature
from bridge.store.doorbell import CHANNEL
from bridge.store.tables import inbox, orders
from bridge.web.app import make_app
from bridge.wiring import Bridge, open_bridge
from tests.conftest import Clock
from tests.forward.conftest import Rig, mappings, rig, world

PAYLOADS = Path(__file__).parents[1] / "payloads"

__all__ = ["mappings", "rig", "world"]  # fixtures


class Shopfronts:
    """Both shops as senders: each request is signed with the shop's own secret, unless told otherwise."""

    def __init__(self, web: FlaskClient, secrets: Mapping[str, str]) -> None:
        self.web = web
        self.secrets = secrets

    def shopify(self, body: bytes, topic: str = "orders/create", *, secret: str = "", **headers: str) -> TestResponse:
        """POST a body as Shopify does; `headers` with underscores for hyphens."""
        told = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-Sha256": signature(secret or self.secrets["shopify"], body),
            "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
            "X-Shopify-Event-Id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
            "X-Shopify-API-Version": "2026-10",
        }
        return self._post("/webhooks/shopify", body, told, headers)

    def woocommerce(
        self, body: bytes, topic: str = "order.updated", *, secret: str = "", **headers: str
    ) -> TestResponse:
        """POST a body as WooCommerce does."""
        told = {
            "Content-Type": "application/json",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Signature": signature(secret or self.secrets["woocommerce"], body),
            "X-WC-Webhook-ID": "3",
            "X-WC-Webhook-Delivery-ID": "d41d8cd98f00b204e9800998ecf8427e",
        }
        return self._post("/webhooks/woocommerce", body, told, headers)

    def to(self, shop: str) -> Callable[..., TestResponse]:
        return {"shopify": self.shopify, "woocommerce": self.woocommerce}[shop]

    def _post(self, path: str, body: bytes, told: dict[str, str], headers: Mapping[str, str]) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.web.post(path, data=body, headers=told | named)


class Books:
    """What stands in the database."""

    def __init__(self, engine: Engine, listener: psycopg.Connection) -> None:
        self.engine = engine
        self.listener = listener
        self.listener.execute(f"listen {CHANNEL}")
        self._rung = 0

    def inbox(self) -> Sequence[Row[Any]]:
        """Every stored body, oldest first."""
        with self.engine.connect() as connection:
            return connection.execute(select(inbox).order_by(inbox.c.id)).all()

    def orders(self) -> Sequence[Row[Any]]:
        with self.engine.connect() as connection:
            return connection.execute(select(orders).order_by(orders.c.id)).all()

    def rings(self) -> int:
        """Rings so far: those that come before one that is rung now."""
        self.listener.execute(f"notify {CHANNEL}, 'now'")
        for notification in self.listener.notifies():
            if notification.payload == "now":
                break
            self._rung += 1
        return self._rung

    def outcome(self) -> str:
        """What became of the only stored body, in words."""
        (row,) = self.inbox()
        return str(row.outcome)


@pytest.fixture
def shops(rig: Rig) -> Shopfronts:
    secrets = {"shopify": rig.world.shopify.webhook_secret, "woocommerce": rig.world.woocommerce.secret}
    return Shopfronts(rig.web, secrets)


@pytest.fixture
def books(engine: Engine, database: Database) -> Iterator[Books]:
    with psycopg.connect(database.url, autocommit=True) as listener:
        yield Books(engine, listener)


@pytest.fixture
def payload() -> Callable[[str], bytes]:
    """The bytes of a payload file: "shopify/orders.delete__id_only"."""
    return lambda name: (PAYLOADS / f"{name}.json").read_bytes()


@pytest.fixture
def web_on(mappings: Path, rig: Rig, clock: Clock) -> Iterator[Callable[[Database], FlaskClient]]:
    """The endpoint of the same shops on another database."""
    opened: list[Bridge] = []

    def make(database: Database) -> FlaskClient:
        environ = {**rig.world.environment(), "DATABASE_URL": database.url, "BRIDGE_MAPPINGS": str(mappings)}
        environ |= {"SEND_FROM": "2026-01-01T00:00:00Z"}
        settings = config.load(environ, interactive=False)
        opened.append(open_bridge(settings, environ, pool=4, clock=clock))
        return make_app(opened[-1]).test_client()

    yield make
    for bridge in opened:
        bridge.close()


def sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
