"""An attempt that made its order although the ledger has gone on: its answer came late, or nobody heard it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, or_, select, update

from bridge.store.ledger.rows import COLUMNS, Order, as_order, move, write_history
from bridge.store.tables import attempts, orders


def was_in_doubt(connection: Connection, order: Order) -> bool:
    """Whether an attempt of this order may have made an order, or has made one, that the order does not know of."""
    made = attempts.c.outcome.in_(("unknown", "created"))
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
    reference = connection.execute(select(attempts.c.reference).where(attempts.c.id == attempt_id)).scalar_one()
    if order.reference == reference:
        return order
    words = f"{_two(reference)}, and another was made or is being made"
    write_history(
        connection, order, order.state, event=words, now=now, actor="worker", code="two_orders", detail=None,
        attempt=attempt_id,
    )  # fmt: skip
    statement = update(orders).where(orders.c.id == order.id).values(alarm=words).returning(*COLUMNS)
    return as_order(connection.execute(statement).one())


def made_earlier(connection: Connection, order: Order, now: datetime) -> Order | None:
    """Give an order without a reference, of which no attempt is under way, the one that SortedPRO told for an attempt.

    So it becomes `created`, with the goods of that attempt; None where no attempt has made it. Where the newest one may
    have made another, the order says so.
    """
    tried = connection.execute(
        select(attempts.c.id, attempts.c.reference, attempts.c.outcome, attempts.c.lines, attempts.c.body_id)
        .where(attempts.c.order == order.id, or_(attempts.c.reference.is_(None), ~_STANDS))
        .order_by(attempts.c.started_at)
    ).all()
    made = next((one for one in tried if one.outcome == "created"), None)
    if made is None:
        return None
    alarm = "" if order.alarm.startswith(_two(made.reference)) else order.alarm
    if any(one.id == order.attempt_id and one.outcome == "unknown" for one in tried):
        alarm = f"{_two(made.reference)}, and a later call without an answer may have made another: look for it there"
    return move(
        connection, order, "created", event=f"a late answer: SortedPRO has made the order, {made.reference}", now=now,
        attempt=made.id, due_at=now, not_before=None, tries=0, unreachable_since=None, alarm=alarm,
        reference=made.reference, sent_attempt=made.id, lines=made.lines,
        compared=order.compared if made.body_id == order.body_id else 0,
    )  # fmt: skip


_STANDS = select(orders.c.id).where(orders.c.reference == attempts.c.reference).exists()  # where a person put it


def _two(reference: str) -> str:
    return f"two orders in SortedPRO: {reference} came late"
