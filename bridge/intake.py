"""A body stored and rung: inbox row, order row and ring in one transaction, for a new order in one round trip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from bridge.errors import StoreAway
from bridge.platforms.base import NoOrder, OrderBody, Rung, Webhook, digest
from bridge.ranking import rank
from bridge.shops import Shop
from bridge.stops import Reach, nowhere
from bridge.store import inbox, ledger
from bridge.store.database import autocommit, storable, transaction
from bridge.store.doorbell import ring


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Takes in what platforms verified and clients read."""

    engine: Engine
    reach: Reach = nowhere

    def record_webhook(self, shop: Shop, webhook: Webhook, now: datetime) -> str:
        """Store a verified webhook and ring for its order; returns the outcome in words.

        When this returns, everything is committed. Raises StoreAway when nothing was stored for certain.
        """
        self.reach("verified")
        try:
            return self._record(shop, webhook, now)
        except StoreAway as error:
            if not error.dropped:
                raise
            return self._record(shop, webhook, now)  # where it was stored after all, this is a repeat of it

    def _record(self, shop: Shop, webhook: Webhook, now: datetime) -> str:
        content = shop.platform.read(webhook.body, webhook.topic)
        version = _version(shop, content, webhook.body, now, webhook) if isinstance(content, OrderBody) else None
        if version is None or not self._opened(version):
            with transaction(self.engine) as connection:
                match content:
                    case OrderBody():
                        assert version is not None
                        outcome = _record_version(connection, version)
                    case Rung():
                        outcome = _record_ring(connection, shop, content, webhook, now)
                    case NoOrder():
                        _store(connection, shop.name, webhook, content.outcome, now)
                        outcome = content.outcome
                self.reach("stored_written")
        else:
            outcome = _NEWEST
        self.reach("stored")
        return outcome

    def _opened(self, version: _Version) -> bool:
        """Store the first body of an order that nobody has heard of: one statement, one round trip."""
        with autocommit(self.engine) as connection:
            return ledger.open_with_body(
                connection, version.content, version.row, shop=version.shop.name, platform=version.shop.platform.name,
                priority=version.priority, now=version.now,
            )  # fmt: skip

    def record_read(self, shop: Shop, content: OrderBody, body: bytes, now: datetime) -> str:
        """Store a body that the bridge read from the shop itself; as `record_webhook`, without a ring.

        The caller holds the order's claim and goes on with what it read.
        """
        with transaction(self.engine) as connection:
            return _record_version(connection, _version(shop, content, body, now, None))


_NEWEST = "newest body of its order"


@dataclass(frozen=True, kw_only=True)
class _Version:
    """One version of an order, about to be stored."""

    shop: Shop
    content: OrderBody
    row: Mapping[str, Any]  # of the inbox
    priority: int
    by_webhook: bool
    now: datetime


def _version(shop: Shop, content: OrderBody, body: bytes, now: datetime, webhook: Webhook | None) -> _Version:
    content = replace(content, name=storable(content.name), order_key=_key(shop, content))
    row = inbox.row(
        shop=shop.name,
        via="webhook" if webhook else "read",
        body=body,
        body_hash=digest(body),
        received_at=now,
        outcome=_NEWEST,
        order_id=content.order_id,
        order_key=content.order_key,
        modified_at=content.modified_at,
        **(_told(webhook) if webhook else {}),
    )
    priority = rank(shop, content, now)
    return _Version(shop=shop, content=content, row=row, priority=priority, by_webhook=webhook is not None, now=now)


def _record_version(connection: Connection, version: _Version) -> str:
    """One version of an order. A repeat of its newest body is counted there instead of stored."""
    shop, content, now = version.shop, version.content, version.now
    # Made first where it is new, so that of two repeats at once the second waits for the first, and is counted there.
    order = ledger.find_or_open(
        connection, shop=shop.name, platform=shop.platform.name, order_id=content.order_id,
        order_key=content.order_key, hosts=shop.settings.hosts, now=now,
    )  # fmt: skip
    body_hash = version.row["hash"]
    if order.body_hash == body_hash and order.body_id is not None:
        return _repeat(connection, order, now, rings=version.by_webhook)
    inbox_id = inbox.store(connection, version.row)
    receipt = ledger.receive(
        connection, order, content, inbox_id=inbox_id, body_hash=body_hash, now=now,
        actor="intake" if version.by_webhook else "worker", priority=version.priority,
    )  # fmt: skip
    if receipt.looked_at and version.by_webhook:
        ring(connection)
    if receipt.newest and receipt.looked_at:
        return _NEWEST
    older = "older than the newest body of its order"
    outcome = "newest body of an order that a person took out" if receipt.newest else older
    inbox.set_outcome(connection, inbox_id, outcome)
    return outcome


def _repeat(connection: Connection, order: ledger.Order, now: datetime, *, rings: bool) -> str:
    """The newest body again; its order is looked at again only while it is not sent."""
    assert order.body_id is not None
    inbox.count_repeat(connection, order.body_id, now)
    if rings and ledger.look_now(connection, order, now):
        ring(connection)
    return "a repeat of the newest body"


def _key(shop: Shop, content: OrderBody) -> str:
    """The key by which the ledger knows the order: one that a copy of the shop sent never meets the shop's own."""
    key, hosts = storable(content.order_key), shop.settings.hosts
    foreign = hosts and content.host and content.host not in hosts
    return ledger.foreign_key(key, storable(content.host)) if foreign else key


def _record_ring(connection: Connection, shop: Shop, content: Rung, webhook: Webhook, now: datetime) -> str:
    _store(connection, shop.name, webhook, content.outcome, now, order_id=content.order_id)
    ledger.ring(
        connection, shop=shop.name, platform=shop.platform.name, order_id=content.order_id, event=content.outcome,
        deletion=content.deletion, now=now,
    )  # fmt: skip
    ring(connection)
    return content.outcome


def _store(
    connection: Connection, shop: str, webhook: Webhook, outcome: str, now: datetime, *, order_id: str | None = None
) -> None:
    row = inbox.row(
        shop=shop,
        via="webhook",
        body=webhook.body,
        body_hash=digest(webhook.body),
        received_at=now,
        outcome=outcome,
        order_id=order_id,
        **_told(webhook),
    )
    inbox.store(connection, row)


def _told(webhook: Webhook) -> dict[str, Any]:
    """What the request said beside its body."""
    return {
        "topic": webhook.topic,
        "webhook_id": webhook.webhook_id,
        "event_id": webhook.event_id,
        "api_version": webhook.api_version,
        "secret_position": webhook.secret_position,
        "headers": webhook.headers,
    }
