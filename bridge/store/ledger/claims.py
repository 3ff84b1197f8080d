"""Who works on which order: due, unclaimed, of the shop served least recently."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, or_, select, text, update

from bridge.store.ledger.rows import COLUMNS, Order, as_order, change, unless_newer
from bridge.store.tables import destinations, orders, shops

CLAIM = timedelta(seconds=40)

# Of a paused shop only what died while it was being sent is taken up: it holds a place at its destination.
# Shops that have something to do, the one that has waited longest first, and the destinations with room. The room is
# looked at here only to leave full destinations' orders alone; what counts is checked under a lock in `begin_send`.
_CHOICE = text("""
    select s.name, s.paused_at is not null as paused,
           (select array_agg(d.name) from destinations d
             where d.paused_at is null
               and (select count(*) from orders o where o.destination = d.name and o.state = 'sending') < d.concurrency
           ) as open
      from shops s
     where exists (select 1 from orders o where o.shop = s.name and o.ready_at <= :now
                      and (s.paused_at is null or o.state = 'sending'))
     order by s.served_at nulls first, s.name
""")


def claim(connection: Connection, now: datetime, claim_id: UUID) -> Order | None:
    """Take the next order for `CLAIM`; None when nothing is due that may be worked on."""
    for shop, paused, open_destinations in connection.execute(_CHOICE, {"now": now}).all():
        order = _claim_of(connection, shop, open_destinations or [], now, claim_id, only_dead=paused)
        if order is not None:
            connection.execute(update(shops).where(shops.c.name == shop).values(served_at=now))
            return order
    return None


def due_now(connection: Connection, now: datetime, *, at_most: int) -> int:
    """How many orders could be worked on now, counted up to `at_most`; those of full destinations are among them."""
    free = or_(orders.c.claimed_until.is_(None), orders.c.claimed_until <= now)
    paused = select(shops.c.name).where(shops.c.paused_at.is_not(None))
    closed = select(destinations.c.name).where(destinations.c.paused_at.is_not(None))
    held_back = func.coalesce((orders.c.state == "queued") & orders.c.destination.in_(closed), False)
    some = (
        select(orders.c.id)
        .where(orders.c.ready_at <= now, free, orders.c.shop.not_in(paused) | (orders.c.state == "sending"), ~held_back)
        .limit(at_most)
        .subquery()
    )
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def extend(connection: Connection, order: Order, until: datetime) -> Order:
    """Keep the order until then; raises ClaimLost where another has it."""
    return change(connection, order, {"claimed_until": until})


def release(connection: Connection, order: Order, now: datetime) -> None:
    """Let go without having done anything: the order is due again. Nothing happens where the claim is lost already."""
    connection.execute(
        update(orders)
        .where(orders.c.id == order.id, orders.c.claim_id == order.claim_id)
        .values(claimed_until=None, claim_id=None, due_at=func.coalesce(orders.c.due_at, now))
    )


def postpone(
    connection: Connection, order: Order, *, not_before: datetime, trouble: str, code: str, now: datetime
) -> Order:
    """Let go of an order that keeps its state: something is in the way, so it is looked at again at `not_before`."""
    values: Mapping[str, Any] = {
        "not_before": not_before,
        "due_at": now,
        "trouble": trouble,
        "trouble_code": code,
        "tries": order.tries + 1,
        "claimed_until": None,
        "claim_id": None,
    }
    return change(connection, order, values)


def rest(connection: Connection, order: Order, *, due_at: datetime | None, now: datetime, **changes: Any) -> Order:
    """Let go of an order for which there is nothing to do before `due_at` (None: until something comes)."""
    values = {
        "due_at": unless_newer(order, due_at, now),
        "trouble": "",
        "trouble_code": "",
        "claimed_until": None,
        "claim_id": None,
        **changes,
    }
    return change(connection, order, values, orders.c.state == order.state)


def note(connection: Connection, order: Order, **changes: Any) -> Order:
    """Write columns of an order that one holds, which stays claimed and in its state."""
    return change(connection, order, changes)


def _claim_of(
    connection: Connection, shop: str, open_destinations: list[str], now: datetime, claim_id: UUID, *, only_dead: bool
) -> Order | None:
    free = or_(orders.c.claimed_until.is_(None), orders.c.claimed_until <= now)
    sendable = or_(orders.c.state != "queued", orders.c.destination.in_(open_destinations))
    wanted = orders.c.state == "sending" if only_dead else sendable
    pick = (
        select(orders.c.id)
        .where(orders.c.shop == shop, orders.c.ready_at <= now, free, wanted)
        .order_by(orders.c.ready_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = (
        update(orders)
        .where(orders.c.id == pick)
        .values(claimed_until=now + CLAIM, claim_id=claim_id)
        .returning(*COLUMNS)
    )
    row = connection.execute(statement).one_or_none()
    return as_order(row) if row else None
