"""Who works on which order: due, unclaimed, of the shop served least recently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, update

from bridge.backoff import CLAIM
from bridge.store import pacing
from bridge.store.database import run
from bridge.store.ledger.rows import COLUMN_NAMES, NO_CLAIM, Order, as_order, change, unless_newer
from bridge.store.tables import PHASE, orders

_SOON = timedelta(seconds=1)  # a destination whose next turn by its rate is further off counts as full

_PATIENT_TURN = 4  # each so many turns of a shop begin with what was tried before, the others with what was not

_FREE = """
    ready_at is not null and ready_at <= %(now)s and (claimed_until is null or claimed_until <= %(now)s)
"""

# Shops that have something to do, the one that has waited longest first, and which phases of their orders may be
# worked on (see tables.PHASE). Of a paused or quiet shop only what died while it was being sent is taken up: it holds a
# place at its destination. Where the destination is full, its orders are left alone; where it is shut for longer, they
# are looked at, so that people see what is wrong with them, and wait as queued. What counts is checked under a lock by
# `pacing.enter`; so does the rule of `pacing.LOST`, by which a shop that has had its turn is not even read.
_SHOPS = f"""
    with lost as materialized ({pacing.LOST})
    select s.name, s.turns,
           case when s.paused_at is not null or s.quiet_until > %(now)s then '{{}}'::int[]
                when d.name is null or d.paused_at is not null or d.breaker = 'open' or d.quiet_until > %(now)s
                     or exists (select 1 from orders o where o.destination = d.name and o.state = 'sending'
                                   and o.attempt_id = d.trial_attempt) then '{{0,1}}'::int[]
                when d.next_at > %(soon)s
                     or (select count(*) from orders o
                          where o.destination = d.name and o.state = 'sending' and o.deadline > %(now)s)
                      + (select count(*) from lost where lost.destination = d.name and lost.shop <> s.name
                            and lost.begun_at < coalesce(s.begun_at, '-infinity')) >= d.concurrency then '{{0}}'::int[]
                else '{{0,1,2}}'::int[]
           end as phases
      from shops s left join destinations d on d.name = s.destination
     where s.name <> all(%(without)s::text[])
     order by s.served_at nulls first, s.name
"""

# The first order of each phase, untried and tried, the best of them first.
_HEADS = f"""
    select p.phase, a.again
      from unnest(%(phases)s::int[]) as p(phase)
     cross join (values (false), (true)) as a(again)
     cross join lateral (
           select priority, ready_at from orders
            where shop = %(shop)s and {PHASE} = p.phase and (tries > 0) = a.again and {_FREE}
            order by priority desc, ready_at limit 1) as head
     order by a.again = %(patient)s desc, head.priority desc, head.ready_at
"""

# A claim that is lost with the database costs nothing, so nobody waits for its disk.
_TAKE = f"""
    with taken as (
        update orders set claimed_until = %(until)s, claim_id = %(claim)s
         where id = (select id from orders where shop = %(shop)s and {_FREE} and {{which}}
                      order by {{by}} limit 1 for update skip locked)
        returning {", ".join(COLUMN_NAMES)}
    ), served as (
        update shops set served_at = %(now)s, turns = turns + 1
         where exists (select 1 from taken)
           and name in (select name from shops where name = %(shop)s for update skip locked)
    )
    select taken.* from taken, set_config('synchronous_commit', 'off', true)
"""
_TAKE_HEAD = _TAKE.format(which=f"{PHASE} = %(phase)s and (tries > 0) = %(again)s", by="priority desc, ready_at")
_TAKE_DEAD = _TAKE.format(which="state = 'sending'", by="ready_at")


def claim(connection: Connection, now: datetime, claim_id: UUID, *, without: Sequence[str] = ()) -> Order | None:
    """Take the next order for `CLAIM`, of no shop in `without`; None when nothing is due that may be worked on.

    Of the shop served least recently the order of the highest priority, of these the one that is due longest. What was
    tried before gives way to what was not, but for each fourth turn, so that neither starves the other.
    """
    times = {"now": now, "soon": now + _SOON, "until": now + CLAIM, "claim": claim_id, "without": list(without)}
    times["in_hand"] = pacing.in_hand(now)
    for shop, turns, phases in run(connection, _SHOPS, times).fetchall():
        about = {**times, "shop": shop}
        if not phases:
            statements = [(_TAKE_DEAD, about)]
        else:
            turn = {"phases": phases, "patient": turns % _PATIENT_TURN == _PATIENT_TURN - 1}
            heads = run(connection, _HEADS, about | turn).fetchall()
            statements = [(_TAKE_HEAD, about | {"phase": phase, "again": again}) for phase, again in heads]
        for statement, values in statements:
            row = run(connection, statement, values).fetchone()
            if row is not None:
                return as_order(row)
    return None


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
        **NO_CLAIM,
    }
    return change(connection, order, values)


def hurry(connection: Connection, *, shop: str = "", destination: str = "") -> None:
    """Let what waits for another try, of a shop or queued for a destination, be tried at once."""
    whose = (orders.c.shop == shop,) if shop else (orders.c.destination == destination, orders.c.state == "queued")
    waits = (orders.c.not_before.is_not(None), orders.c.due_at.is_not(None))
    connection.execute(update(orders).where(*whose, *waits).values(not_before=None))


def rest(connection: Connection, order: Order, *, due_at: datetime | None, now: datetime, **changes: Any) -> Order:
    """Let go of an order for which there is nothing to do before `due_at` (None: until something comes)."""
    values = {
        "due_at": unless_newer(order, due_at, now),
        "trouble": "",
        "trouble_code": "",
        **NO_CLAIM,
        **changes,
    }
    return change(connection, order, values, same_state=True)


def note(connection: Connection, order: Order, **changes: Any) -> Order:
    """Write columns of an order that one holds, which stays claimed and in its state."""
    return change(connection, order, changes)
