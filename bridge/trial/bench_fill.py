"""Received orders put into the ledger by COPY, as the web process would have left them: for many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from bridge import config
from bridge.config import Database
from bridge.platforms.base import OrderBody, Webhook, digest
from bridge.shops import Shop, Shops
from bridge.store.database import connect, transaction
from bridge.store.doorbell import ring
from bridge.store.sealed import seal, seal_json
from bridge.trial.bench_ground import Ground
from bridge.trial.loadgen import Shot
from bridge.wiring import load_shops

_INBOX = (
    "id, shop, via, order_id, order_key, topic, webhook_id, event_id, api_version, secret_position, headers, body, "
    "hash, outcome, modified_at, received_at"
)
_ORDERS = (
    "id, shop, platform, order_id, order_key, name, state, reason, body_id, body_hash, body_modified_at, ordered_at, "
    "revision, due_at, first_seen_at, state_since"
)
_HISTORY = '"order", at, from_state, to_state, event, actor'


@dataclass(frozen=True, kw_only=True)
class Received:
    """A verified webhook with the order in it."""

    shop: Shop
    webhook: Webhook
    content: OrderBody


def received(ground: Ground, shots: Sequence[Shot]) -> list[Received]:
    """Verify and read webhooks as the web process does."""
    environ = ground.environment(ground.server)
    return verified(load_shops(config.load(environ, interactive=False), environ), shots)


def verified(shops: Shops, shots: Sequence[Shot]) -> list[Received]:
    """The same for shops that are known already; each path ends with the name of one."""
    return [_received(shops.by_name[shot.path.rpartition("/")[2]], shot) for shot in shots]


def fill(database: Database, orders: Sequence[Received]) -> datetime:
    """Store orders and ring for them, all in one transaction; returns when they came to be seen.

    The workers must have announced the shops. Nobody else may store orders meanwhile: ids are given out here.
    """
    engine = connect(database, pool=1, statement_limit_ms=0)
    try:
        with transaction(engine) as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            first = {table: _ids(driver, table, len(orders)) for table in ("inbox", "orders")}
            now = datetime.now(UTC)
            _copy(driver, "inbox", _INBOX, _inbox_rows(orders, first["inbox"], now))
            _copy(driver, "orders", _ORDERS, _order_rows(orders, first, now))
            _copy(driver, "history", _HISTORY, _history_rows(orders, first["orders"], now))
            ring(connection)
            return datetime.now(UTC)
    finally:
        engine.dispose()


def _received(shop: Shop, shot: Shot) -> Received:
    headers = {name.lower(): value for name, value in shot.headers.items()}
    webhook = shop.platform.receive(shop.settings.secrets, headers, shot.body)
    assert isinstance(webhook, Webhook)
    content = shop.platform.read(webhook.body, webhook.topic)
    assert isinstance(content, OrderBody)
    return Received(shop=shop, webhook=webhook, content=content)


def _ids(driver: psycopg.Connection, table: str, count: int) -> int:
    """The first of so many ids of a table, which nobody else gets."""
    query = "select min(nextval(pg_get_serial_sequence(%s, 'id'))) from generate_series(1, %s)"
    row = driver.execute(query, [table, count]).fetchone()
    assert row is not None
    return int(row[0])


def _copy(driver: psycopg.Connection, table: str, columns: str, rows: Iterator[tuple[Any, ...]]) -> None:
    with driver.cursor() as cursor, cursor.copy(f"copy {table} ({columns}) from stdin") as copy:
        for row in rows:
            copy.write_row(row)


def _inbox_rows(orders: Sequence[Received], first: int, now: datetime) -> Iterator[tuple[Any, ...]]:
    for number, one in enumerate(orders, start=first):
        webhook, content = one.webhook, one.content
        yield (
            *(number, one.shop.name, "webhook", content.order_id, content.order_key, webhook.topic),
            *(webhook.webhook_id, webhook.event_id, webhook.api_version, webhook.secret_position),
            *(seal_json(dict(webhook.headers)), seal(webhook.body), digest(webhook.body)),
            *("newest body of its order", content.modified_at, now),
        )


def _order_rows(orders: Sequence[Received], first: dict[str, int], now: datetime) -> Iterator[tuple[Any, ...]]:
    for number, one in enumerate(orders):
        content = one.content
        yield (
            *(first["orders"] + number, one.shop.name, one.shop.platform.name, content.order_id, content.order_key),
            *(content.name, "received", "received", first["inbox"] + number, digest(one.webhook.body)),
            *(content.modified_at, content.created_at, 1, now, now, now),
        )


def _history_rows(orders: Sequence[Received], first: int, now: datetime) -> Iterator[tuple[Any, ...]]:
    for number in range(first, first + len(orders)):
        yield number, now, "received", "received", "received", "intake"
