"""A whole bridge in one process: the real Flask application, store and forwarder, against the served sandbox."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from bridge import config
from bridge.config import Database
from bridge.sandbox.trio import Trio, open_trio
from bridge.sandbox.webhooks import Packet, signature
from bridge.store import queries
from bridge.store.database import transaction
from bridge.store.ledger import Order
from bridge.web.app import make_app
from bridge.wiring import Bridge, open_bridge
from tests.conftest import Clock

MAPPINGS = Path(__file__).parents[2] / "mappings"


@dataclass
class Rig:
    """The bridge under test, its web client, and the outside world."""

    bridge: Bridge
    web: FlaskClient
    world: Trio
    clock: Clock

    def deliver(self) -> None:
        """Hand every webhook that the shops hold back to the web half, in their order."""
        for name in ("shopify", "woocommerce"):
            for packet in self.take(name):
                assert self.post(name, packet) == 202

    def take(self, shop: str) -> list[Packet]:
        """The webhooks that a shop holds back; it then has none."""
        sender = getattr(self.world, shop).webhooks
        packets = [post.build() for post in sender.held()]
        sender.release([])
        sender.hold()
        return packets

    def post(self, shop: str, packet: Packet) -> int:
        return self.web.post(f"/webhooks/{shop}", data=packet.body, headers=dict(packet.headers)).status_code

    def signed_for_woocommerce(self, body: bytes, topic: str) -> Packet:
        headers = {"Content-Type": "application/json", "X-WC-Webhook-Topic": topic}
        headers["X-WC-Webhook-Signature"] = signature(self.world.woocommerce.secret, body)
        return Packet(body=body, headers=headers)

    def signed_for_shopify(self, body: bytes, topic: str) -> Packet:
        headers = {"Content-Type": "application/json", "X-Shopify-Topic": topic}
        headers["X-Shopify-Hmac-Sha256"] = signature(self.world.shopify.webhook_secret, body)
        return Packet(body=body, headers=headers)

    def work(self) -> int:
        """Forward until nothing is due; the number of claims."""
        for count in itertools.count():
            if not self.bridge.forwarder.forward_next():
                return count
            assert count < 200, "the worker turns in circles"
        raise AssertionError

    def settle(self) -> None:
        """Deliver and forward until no webhook is held and nothing is due."""
        while True:
            self.deliver()
            if (
                not self.work()
                and not self.world.shopify.webhooks.held()
                and not self.world.woocommerce.webhooks.held()
            ):
                return

    def later(self, **parts: float) -> None:
        self.clock.forward(**parts)

    def order(self, name: str, shop: str = "") -> Order:
        with transaction(self.bridge.engine) as connection:
            found = queries.find_by_name(connection, name, shop=shop)
        assert len(found) == 1, [one.label for one in found]
        return found[0]

    def story(self, name: str) -> list[str]:
        order = self.order(name)
        with transaction(self.bridge.engine) as connection:
            return [event.words for event in queries.story(connection, order)]

    def sent(self) -> list[str]:
        """Our references of the orders in SortedPRO."""
        return [one.customer_reference for one in self.world.sortedpro.orders()]


@pytest.fixture
def world(clock: Clock) -> Iterator[Trio]:
    with open_trio(clock=clock) as trio:
        trio.send_webhooks_to("http://bridge.example")
        trio.shopify.webhooks.hold()
        trio.woocommerce.webhooks.hold()
        yield trio


@pytest.fixture
def mappings(tmp_path: Path, world: Trio) -> Path:
    """The shipped mappings, with Shopify's address turned to the sandbox."""
    return write_mappings(tmp_path / "mappings", world)


def write_mappings(folder: Path, world: Trio, extra: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "shopify.yaml").write_text(
        f"version: 1\nextends: {MAPPINGS}/shopify.yaml\nshop:\n  api_url: {world.shopify_url}\n{extra}"
    )
    (folder / "woocommerce.yaml").write_text(
        f"version: 1\nextends: {MAPPINGS}/woocommerce.yaml\nshop:\n  hosts: [ shop.example ]\n{extra}"
    )
    return folder


@pytest.fixture
def rig(database: Database, mappings: Path, world: Trio, clock: Clock) -> Iterator[Rig]:
    made = make_rig(database, mappings, world, clock)
    yield made
    made.bridge.close()


def make_rig(database: Database, mappings: Path, world: Trio, clock: Clock, **entering) -> Rig:
    environ = {**world.environment(), "DATABASE_URL": database.url, "BRIDGE_MAPPINGS": str(mappings)}
    environ |= {"SEND_FROM": "2026-01-01T00:00:00Z"}
    settings = config.load(environ, interactive=False)
    bridge = open_bridge(
        settings, environ, pool=4, pool_wait=10, clock=clock, new_id=uuid.uuid4, chance=lambda: 0.5, **entering
    )
    bridge.announce()
    return Rig(bridge=bridge, web=make_app(bridge).test_client(), world=world, clock=clock)


__all__ = ["Rig", "make_rig", "timedelta", "write_mappings"]
