"""What people and processes ask the ledger; nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, or_, select

from bridge.store.ledger.rows import COLUMNS, Order, as_order
from bridge.store.sealed import unseal, unseal_json
from bridge.store.tables import attempts, history, inbox, orders


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of an order's story."""

    at: datetime
    from_state: str
    to_state: str
    words: str
    code: str
    actor: str
    attempt_id: UUID | None
    detail: Sequence[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One Create Order call, for people."""

    id: UUID
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    status: int | None
    message: str
    reference: str | None
    payload: bytes
    fetched: dict[str, Any]  # what was read from the shop for it


@dataclass(frozen=True, kw_only=True)
class Came:
    """One body of an order, without the body."""

    received_at: datetime
    via: str
    topic: str
    outcome: str
    repeats: int
    modified_at: datetime | None


def list_orders(connection: Connection, *, states: Sequence[str] = (), shop: str = "", limit: int = 50) -> list[Order]:
    """The orders seen last, in some states or of one shop."""
    query = select(*COLUMNS).order_by(orders.c.id.desc()).limit(limit)
    if states:
        query = query.where(orders.c.state.in_(states))
    if shop:
        query = query.where(orders.c.shop == shop)
    return [as_order(row) for row in connection.execute(query)]


def count_states(connection: Connection) -> dict[str, int]:
    """How many orders are in each state."""
    query = select(orders.c.state, func.count().label("orders")).group_by(orders.c.state)
    return {row.state: int(row.orders) for row in connection.execute(query)}


def find_by_name(connection: Connection, name: str, *, shop: str = "") -> list[Order]:
    """Orders that people may mean: by name with or without #, by the platform's id, by SortedPRO's or our reference."""
    bare = name.strip().removeprefix("#")
    wanted = or_(
        orders.c.name.in_([name.strip(), bare, f"#{bare}"]),
        orders.c.order_id == bare,
        orders.c.reference == bare,
        orders.c.customer_reference == bare,
    )
    query = select(*COLUMNS).where(wanted).order_by(orders.c.shop, orders.c.id)
    if shop:
        query = query.where(orders.c.shop == shop)
    return [as_order(row) for row in connection.execute(query)]


def story(connection: Connection, order: Order) -> list[Event]:
    """An order's history, oldest first."""
    query = select(history).where(history.c.order == order.id).order_by(history.c.id)
    return [
        Event(
            at=row.at,
            from_state=row.from_state,
            to_state=row.to_state,
            words=row.event,
            code=row.code,
            actor=row.actor,
            attempt_id=row.attempt_id,
            detail=unseal_json(row.detail) if row.detail is not None else [],
        )
        for row in connection.execute(query)
    ]


def tried(connection: Connection, order: Order) -> list[Tried]:
    """An order's Create Order calls, oldest first."""
    query = select(attempts).where(attempts.c.order == order.id).order_by(attempts.c.started_at)
    return [
        Tried(
            id=row.id,
            started_at=row.started_at,
            ended_at=row.ended_at,
            outcome=row.outcome,
            status=row.status,
            message=row.message,
            reference=row.reference,
            payload=unseal(row.payload),
            fetched=unseal_json(row.fetched),
        )
        for row in connection.execute(query)
    ]


def came(connection: Connection, order: Order) -> list[Came]:
    """What came for an order, oldest first."""
    mine = or_(inbox.c.order_key == order.order_key, inbox.c.order_key == "")
    query = (
        select(inbox.c.received_at, inbox.c.via, inbox.c.topic, inbox.c.outcome, inbox.c.repeats, inbox.c.modified_at)
        .where(inbox.c.shop == order.shop, inbox.c.order_id == order.order_id, mine)
        .order_by(inbox.c.id)
    )
    return [Came(**row) for row in connection.execute(query).mappings()]


def received_without_order(connection: Connection, *, limit: int = 50) -> list[tuple[datetime, str, str, str]]:
    """Verified webhooks that named no order: when, shop, topic, outcome."""
    query = (
        select(inbox.c.received_at, inbox.c.shop, inbox.c.topic, inbox.c.outcome)
        .where(inbox.c.order_id.is_(None))
        .order_by(inbox.c.id.desc())
        .limit(limit)
    )
    return [(row.received_at, row.shop, row.topic, row.outcome) for row in connection.execute(query)]
