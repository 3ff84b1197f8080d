"""What people and processes ask the ledger; nothing here writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, false, func, or_, select
from sqlalchemy.sql import ColumnElement

from bridge.store.ledger.rows import COLUMNS, Order, as_order, is_foreign
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


BEFORE_SEND_FROM = "before_send_from"  # the code of skipped orders that nothing but send_from stopped
_ROW = re.compile(r"row ([0-9]{1,18})")
IN_FLIGHT_OR_SENT = ("queued", "sending", "in_doubt", "created", "done")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which orders are meant; what is empty narrows nothing."""

    states: Sequence[str] = ()
    shop: str = ""
    code: str = ""  # why an order is where it is, as a slug: observe, surge, before_send_from
    since: datetime | None = None  # ordered then or later
    until: datetime | None = None  # ordered earlier

    @property
    def narrows(self) -> bool:
        """Whether it leaves any order out."""
        return self != Filter()


def list_orders(connection: Connection, wanted: Filter | None = None, *, limit: int = 50) -> list[Order]:
    """The orders seen last, of those that are wanted."""
    query = select(*COLUMNS).where(*_meant(wanted or Filter())).order_by(orders.c.id.desc()).limit(limit)
    return [as_order(row) for row in connection.execute(query)]


def releasable(connection: Connection, wanted: Filter) -> list[Order]:
    """The wanted orders that a release lets go on (held, or stopped by send_from alone), ordered first first."""
    query = select(*COLUMNS).where(*_meant(wanted), _releasable())
    query = query.order_by(orders.c.ordered_at.nulls_first(), orders.c.id)
    return [as_order(row) for row in connection.execute(query)]


def is_releasable(order: Order) -> bool:
    """Whether a release lets an order go on, by the same rule as `releasable`."""
    return order.state == "held" or (order.state, order.code) == ("skipped", BEFORE_SEND_FROM)


def count_states(connection: Connection, wanted: Filter | None = None) -> dict[str, int]:
    """How many of the wanted orders are in each state."""
    query = select(orders.c.state, func.count().label("orders")).where(*_meant(wanted or Filter()))
    return {row.state: int(row.orders) for row in connection.execute(query.group_by(orders.c.state))}


def _meant(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.states:
        conditions.append(orders.c.state.in_(wanted.states))
    if wanted.shop:
        conditions.append(orders.c.shop == wanted.shop)
    if wanted.code:
        conditions.append(orders.c.code == wanted.code)
    if wanted.since is not None:
        conditions.append(orders.c.ordered_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(orders.c.ordered_at < wanted.until)
    return conditions


def _releasable() -> ColumnElement[bool]:
    return or_(orders.c.state == "held", and_(orders.c.state == "skipped", orders.c.code == BEFORE_SEND_FROM))


def find_by_name(connection: Connection, name: str, *, shop: str = "") -> list[Order]:
    """Orders that people may mean: by name with or without #, by the platform's id, by SortedPRO's or our reference.

    Where those mean several, "row 23" is one of them for certain.
    """
    bare = name.strip().removeprefix("#")
    row = _ROW.fullmatch(name.strip())
    wanted = or_(
        orders.c.name.in_([name.strip(), bare, f"#{bare}"]),
        orders.c.order_id == bare,
        orders.c.reference == bare,
        orders.c.customer_reference == bare,
        orders.c.id == int(row[1]) if row else false(),
    )
    query = select(*COLUMNS).where(wanted).order_by(orders.c.shop, orders.c.id)
    if shop:
        query = query.where(orders.c.shop == shop)
    return [as_order(row) for row in connection.execute(query)]


def find_in_shop(connection: Connection, shop: str, *, name: str = "", order_id: str = "") -> list[Order]:
    """Whole orders (part 1) of one shop by exactly this name, with or without #, or this id in the shop, or either.

    Those that a copy of the shop sent are not among them.
    """
    bare = name.removeprefix("#")
    called = orders.c.name.in_([bare, f"#{bare}"]) if bare else false()
    numbered = orders.c.order_id == order_id if order_id else false()
    query = select(*COLUMNS).where(orders.c.shop == shop, orders.c.part == 1, or_(called, numbered))
    found = [as_order(row) for row in connection.execute(query.order_by(orders.c.id))]
    return [order for order in found if not is_foreign(order.order_key)]


def would_be_sent(connection: Connection, shop: str, since: datetime, until: datetime) -> list[Order]:
    """Whole orders of a shop, ordered between two moments, that are sent, on the way, or held by observe mode alone."""
    observed = and_(orders.c.state == "held", orders.c.code == "observe")
    query = select(*COLUMNS).where(
        *(orders.c.shop == shop, orders.c.part == 1, orders.c.ordered_at >= since, orders.c.ordered_at <= until),
        or_(orders.c.state.in_(IN_FLIGHT_OR_SENT), observed),
    )
    return [as_order(row) for row in connection.execute(query.order_by(orders.c.ordered_at, orders.c.id))]


def export(connection: Connection, wanted: Filter) -> Iterator[tuple[Order, str]]:
    """The wanted orders, first seen first, each with the outcome of its last Create Order call ("" for none).

    Without states in `wanted` it is what was sent, what is on the way, and what a call without an answer may have made.
    """
    of_order = attempts.c.order == orders.c.id
    last = (
        select(attempts.c.outcome)
        .where(of_order)
        .order_by(attempts.c.started_at.desc(), attempts.c.id)
        .limit(1)
        .scalar_subquery()
        .label("last_outcome")
    )
    query = select(*COLUMNS, last).where(*_meant(wanted)).order_by(orders.c.id)
    if not wanted.states:
        doubtful = select(attempts.c.id).where(of_order, attempts.c.outcome.in_(("unknown", ""))).exists()
        query = query.where(or_(orders.c.state.in_(IN_FLIGHT_OR_SENT), doubtful))
    streamed = connection.execution_options(stream_results=True, yield_per=500)
    for row in streamed.execute(query):
        values = row._asdict()
        outcome = values.pop("last_outcome")
        yield Order(**values), outcome or ""


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


def said_last(connection: Connection, order: Order, code: str) -> str:
    """What the history said last under this code since the order is in its state; "" for nothing."""
    query = (
        select(history.c.event)
        .where(history.c.order == order.id, history.c.code == code, history.c.at >= order.state_since)
        .order_by(history.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none() or ""


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


def newest_bodies(connection: Connection, shop: str, *, limit: int) -> list[tuple[bytes, str]]:
    """Body and topic of the newest version of a shop's newest orders."""
    query = (
        select(inbox.c.body, inbox.c.topic)
        .join(orders, orders.c.body_id == inbox.c.id)
        .where(orders.c.shop == shop, orders.c.part == 1)
        .order_by(orders.c.id.desc())
        .limit(limit)
    )
    return [(unseal(row.body), row.topic) for row in connection.execute(query)]


def received_without_order(connection: Connection, *, limit: int = 50) -> list[tuple[datetime, str, str, str]]:
    """Verified webhooks that named no order: when, shop, topic, outcome."""
    query = (
        select(inbox.c.received_at, inbox.c.shop, inbox.c.topic, inbox.c.outcome)
        .where(inbox.c.order_id.is_(None))
        .order_by(inbox.c.id.desc())
        .limit(limit)
    )
    return [(row.received_at, row.shop, row.topic, row.outcome) for row in connection.execute(query)]
