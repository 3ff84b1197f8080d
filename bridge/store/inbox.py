"""The inbox: every body as it came, and what was made of it in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from bridge.store.database import run
from bridge.store.sealed import seal, seal_json, unseal
from bridge.store.tables import inbox


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A body out of the inbox."""

    id: int
    body: bytes
    topic: str
    received_at: datetime


def row(
    *,
    shop: str,
    via: str,
    body: bytes,
    body_hash: bytes,
    received_at: datetime,
    outcome: str,
    order_id: str | None = None,
    order_key: str = "",
    topic: str = "",
    webhook_id: str = "",
    event_id: str = "",
    api_version: str = "",
    secret_position: int | None = None,
    headers: Mapping[str, str] | None = None,
    modified_at: datetime | None = None,
) -> dict[str, Any]:
    """The columns of one body, of which every name is given."""
    return {
        "shop": shop,
        "via": via,
        "order_id": order_id,
        "order_key": order_key,
        "topic": topic[:200],
        "webhook_id": webhook_id[:200],
        "event_id": event_id[:200],
        "api_version": api_version[:50],
        "secret_position": secret_position,
        "headers": seal_json(dict(headers or {})),
        "body": seal(body),
        "hash": body_hash,
        "outcome": outcome,
        "modified_at": modified_at,
        "received_at": received_at,
    }


def store(connection: Connection, columns: Mapping[str, Any]) -> int:
    """Store one body, as `row` gives it; returns its id."""
    names = ", ".join(columns)
    statement = f"insert into inbox ({names}) values ({', '.join(f'%({name})s' for name in columns)}) returning id"  # noqa: S608 - our own names
    found = run(connection, statement, columns).fetchone()
    assert found is not None
    return int(found[0])


def count_repeat(connection: Connection, inbox_id: int, now: datetime) -> None:
    """The same body came again while it was the newest."""
    connection.execute(update(inbox).where(inbox.c.id == inbox_id).values(repeats=inbox.c.repeats + 1, repeated_at=now))


def set_outcome(connection: Connection, inbox_id: int, outcome: str) -> None:
    """Say in words what became of a body."""
    connection.execute(update(inbox).where(inbox.c.id == inbox_id).values(outcome=outcome))


def load(connection: Connection, inbox_id: int) -> Stored:
    """The body with this id; it must exist."""
    found = run(connection, "select body, topic, received_at from inbox where id = %(id)s", {"id": inbox_id}).fetchone()
    assert found is not None
    body, topic, received_at = found
    return Stored(id=inbox_id, body=unseal(body), topic=topic, received_at=received_at)
