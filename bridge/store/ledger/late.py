"""An attempt that made its order although the ledger has gone on: its answer came late, or nobody heard it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select, update

from bridge.store.ledger.rows import COLUMNS, Order, as_order, move, write_history
from bridge.store.tables import attempts, orders


def was_in_doubt(connection: Connection, order: Order) -> bool:
    """Whether an attempt of this order may have made an order, or has made one, that the order does not know of."""
    made = attempts.c.outcome.in_(_MADE)
    query = select(attempts.c.id).where(attempts.c.order == order.id, made).limit(1)
    return connection.execute(query).first() is not None


def late_reference(connection: Connection, attempt_id: UUID, now: datetime) -> Order:
    """A `created` answer that came after its order had gone on, and was written down with its attempt.

    Without another reference and without a newer attempt under way the order becomes `created`. Otherwise it says that
    there are two, until the newer attempt ends and has made nothing: see `made_earlier`.
    """
    query = (
        select(*COLUMNS)
        .join(attempts, attempts.c.order == orders.c.id)
        .where(attempts.c.id == attempt_id)
        .with_for_update(of=orders)
    )
    order = as_order(connection.execute(query).one())
    if order.reference is None and order.state != "sending":
        return made_earlier(connection, order, now) or order
    made = [one.reference for one in _tried(connection, order) if one.outcome == "created"]
    late = [one for one in made if one != order.reference]
    if not late:
        return order
    words = f"{_TWO}: {' and '.join(late)} came late, and another was made or is being made"
    write_history(
        connection, order, order.state, event=words, now=now, actor="worker", code="two_orders", detail=None,
        attempt=attempt_id,
    )  # fmt: skip
    statement = update(orders).where(orders.c.id == order.id).values(alarm=words).returning(*COLUMNS)
    return as_order(connection.execute(statement).one())


def made_earlier(connection: Connection, order: Order, now: datetime) -> Order | None:
    """Give an order without a reference, of which no attempt is under way, the one that SortedPRO told for an attempt.

    So it becomes `created`, with the goods of that attempt; None where no attempt has made it. Where another attempt
    has made one too, or may have, the order says so.
    """
    tried = _tried(connection, order)
    made = next((one for one in tried if one.outcome == "created"), None)
    if made is None:
        return None
    others = [one for one in tried if one is not made and one.outcome in _MADE]
    alarm = "" if order.alarm.startswith(_TWO) else order.alarm
    if others:
        known = " and ".join([made.reference, *(one.reference for one in others if one.reference)])
        alarm = f"{_TWO}: {known} came late"
    if any(one.outcome == "unknown" for one in others):
        alarm += ", and another call, without an answer, may have made another: look for it there"
    return move(
        connection, order, "created", event=f"a late answer: SortedPRO has made the order, {made.reference}", now=now,
        attempt=made.id, due_at=now, not_before=None, tries=0, unreachable_since=None, alarm=alarm,
        destination=made.destination, reference=made.reference, sent_attempt=made.id, lines=made.lines,
        compared=order.compared if made.body_id == order.body_id else 0,
    )  # fmt: skip


_TWO = "two orders in SortedPRO"
_MADE = frozenset({"created", "unknown"})


def _tried(connection: Connection, order: Order) -> Sequence[Row[Any]]:
    """The order's attempts, the oldest first; none whose reference stands on an order other than this one."""
    columns = (attempts.c[name] for name in ("id", "destination", "reference", "outcome", "lines", "body_id"))
    other = select(orders.c.id).where(orders.c.reference == attempts.c.reference, orders.c.id != order.id)
    query = select(*columns).where(attempts.c.order == order.id, ~other.exists()).order_by(attempts.c.started_at)
    return connection.execute(query).all()
