"""Whether a destination takes an order now: its room, its rate, what it asked for, and its breaker.

All workers on all machines share it: the destination's row is locked where it is asked, in the transaction that writes
`sending`. The breaker is closed (''), open (nothing is sent, a harmless read is tried) or on trial (one order may go).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, exists, select, update

from bridge.backoff import CLAIM, next_try
from bridge.store.database import Sql, run_all
from bridge.store.doorbell import ring
from bridge.store.tables import PHASE, attempts, destinations, orders, shops

MOST_FAILURES = 3  # unreachable or busy answers in a row that open the breaker; an unknown outcome does so at once
LONGEST_QUIET = timedelta(hours=1)  # of what a `Retry-After` asks for
PATIENCE = timedelta(seconds=3)  # for which a worker waits for its turn by the rate; longer waits are the queue's
CROWDED = timedelta(minutes=1)  # for which shops take turns after an order found no room; longer than any call
_IN_HAND = timedelta(seconds=2)  # from its claim, for which a place is left to an order; it may hang with its shop
PROBE_LIMIT = timedelta(seconds=10)  # of one harmless read

_ADVICE = "; look in SortedPRO"  # to whoever settles the one order; the destination's words go to all that wait
_FIRST_PROBE = timedelta(seconds=2)  # after the first one, which goes out as the breaker opens
_SLOWEST_PROBE = timedelta(minutes=1)

_CLOSED: dict[str, Any] = {
    "breaker": "",
    "breaker_since": None,
    "breaker_reason": "",
    "probe_at": None,
    "probes": 0,
    "trials": 0,
    "trial_attempt": None,
    "failures": 0,
}


@dataclass(frozen=True, kw_only=True)
class NoRoom:
    """The destination takes no order now; `turn` is when it would, where the rate alone is in the way.

    `lost` tells that others had all its places. Where neither is given, it is shut to everybody.
    """

    words: str
    turn: datetime | None = None
    lost: bool = False

    @property
    def code(self) -> str:
        """What the order is queued with."""
        return "no_room" if self.lost else "destination_shut"


def enter(
    connection: Connection, name: str, shop: str, attempt: UUID, now: datetime, *, turn_taken: bool
) -> NoRoom | None:
    """Let one order through (None), or say why not; the destination stays locked until the transaction ends.

    The orders on the way are counted in a statement of its own, after the lock: in one statement it would count what
    was there before. Where the rate makes it wait less than `PATIENCE`, the turn is kept for the caller, which comes
    again then with `turn_taken`.

    An order that lost its place has to be read and decided anew, and would find others there first again and again, of
    a shop whose orders are decided faster. So while such orders are in somebody's hands, of shops whose last place is
    longer ago, as many places are left to them.
    """
    about = {"name": name, "shop": shop, "now": now, "in_hand": in_hand(now)}
    statements = (Sql(text=one, values=about) for one in (_LOCK, _COUNT, _BEFORE))
    (found,), ((on_the_way, tried),), ((before,),) = run_all(connection, [*statements])
    row = _Gate(*found)
    words = _shut(name, row, now, tried=tried)
    if words:
        return NoRoom(words=words)
    free, turn = row.concurrency - on_the_way, now
    if free <= 0:
        _crowd(connection, name, row, now)
        return NoRoom(words=f"{name} has {row.concurrency} orders on the way, as many as it may", lost=True)
    if row.rate and not turn_taken:
        turn = max(row.next_at or now, now)
        if turn - now > PATIENCE:
            _crowd(connection, name, row, now)
            return NoRoom(words=f"{name} takes {row.rate:g} orders a second", lost=True)
        free = min(free, 1 + int((PATIENCE - (turn - now)).total_seconds() * row.rate))
    if before >= free and not turn_taken:
        return NoRoom(words=f"{name} takes an order of another shop first", lost=True)
    if row.rate and not turn_taken:
        _write(connection, name, next_at=turn + timedelta(seconds=1 / row.rate))
    if _is_crowded(row, now):
        connection.execute(update(shops).where(shops.c.name == shop).values(begun_at=now))
    if turn > now:
        return NoRoom(words="", turn=turn)
    if row.breaker == "trial":
        _write(connection, name, trial_attempt=attempt)
    return None


def in_hand(now: datetime) -> datetime:
    """The earliest `claimed_until` of an order whose claim is so fresh that a place is left to it (see `LOST`)."""
    return now + CLAIM - _IN_HAND


def _is_crowded(row: _Gate, now: datetime) -> bool:
    return row.crowded_until is not None and row.crowded_until > now


def _crowd(connection: Connection, name: str, row: _Gate, now: datetime) -> None:
    """From now on shops take turns; those that have orders on the way have had theirs."""
    if row.crowded_until is not None and row.crowded_until > now + CROWDED / 2:
        return
    _write(connection, name, crowded_until=now + CROWDED)
    if not _is_crowded(row, now):
        on_the_way = select(orders.c.shop).where(orders.c.destination == name, orders.c.state == "sending")
        locked = select(shops.c.name).where(shops.c.name.in_(on_the_way)).order_by(shops.c.name).with_for_update()
        names = connection.execute(locked).scalars().all()
        connection.execute(update(shops).where(shops.c.name.in_(names)).values(begun_at=now))


def lock(name: str) -> Sql:
    """The statement that locks a destination's row until the transaction ends."""
    return Sql(text=_LOCK, values={"name": name})


def is_open(name: str, now: datetime) -> Sql:
    """The condition under which `enter` lets an order through and writes nothing; for a statement after `lock`."""
    return Sql(text=_OPEN, values={"open_name": name, "open_at": now})


def note_outcome(
    connection: Connection,
    name: str,
    attempt: UUID,
    *,
    kind: str,
    words: str,
    retry_after: timedelta | None,
    now: datetime,
    chance: Callable[[], float],
) -> bool:
    """What one answer says about the destination; whether its breaker is open now, so that it is to be probed.

    `kind` is that of the outcome, or "none" where the call was not made after all. Each order that leaves a doubt on
    trial makes the distance to the next trial longer; one that was in doubt before does not, for it may be the order's
    own trouble, nor do answers that leave no doubt.

    To be called before the order's row is locked: whoever begins to send locks destination first, then order.
    """
    row = connection.execute(select(destinations).where(destinations.c.name == name).with_for_update()).one()
    on_trial = row.breaker == "trial" and row.trial_attempt == attempt
    if kind in {"created", "refused"}:
        if on_trial:
            _write(connection, name, **_CLOSED)
            ring(connection)
        elif row.breaker == "":
            _write(connection, name, failures=0)
        return False
    if kind in {"misconfigured", "none"}:  # a pause stops it, or it was never called: another order may be the trial
        if on_trial:
            _write(connection, name, trial_attempt=None)
        return False
    failures = row.failures + 1
    quiet = row.quiet_until
    if kind == "busy" and retry_after is not None:
        quiet = max(quiet or now, now + min(retry_after, LONGEST_QUIET))
    opens = on_trial or (row.breaker == "" and (kind == "unknown" or failures >= MOST_FAILURES))
    if not opens:
        _write(connection, name, failures=failures, quiet_until=quiet)
        return False
    trials = row.trials
    if on_trial and kind == "unknown" and not _failed_before(connection, attempt):
        trials += 1
    if on_trial and kind != "unknown":
        probe_at = now + _probe_wait(failures - MOST_FAILURES - 1, chance)
    else:
        probe_at = now + next_try(trials - 1, chance) if trials else now
    reason = words.partition(_ADVICE)[0]
    _write(
        connection, name, breaker="open", breaker_since=row.breaker_since or now, breaker_reason=reason,
        probe_at=max(probe_at, quiet or probe_at), probes=0, trials=trials, trial_attempt=None, failures=failures,
        quiet_until=quiet,
    )  # fmt: skip
    return True


def trial_died(connection: Connection, attempt: UUID, now: datetime, chance: Callable[[], float]) -> None:
    """The process that sent the one order on trial is gone: nobody knows how it ended, so that it counts as failed."""
    found = select(destinations.c.name, destinations.c.trials).where(
        destinations.c.breaker == "trial", destinations.c.trial_attempt == attempt
    )
    for row in connection.execute(found.with_for_update()).all():
        values = {"breaker": "open", "trials": row.trials + 1, "trial_attempt": None, "probes": 0}
        _write(connection, row.name, probe_at=now + next_try(row.trials, chance), **values)


def to_probe(connection: Connection, names: Sequence[str], now: datetime) -> list[str]:
    """Those of `names` whose harmless read is due; taken by the caller alone until it has ended."""
    statement = (
        update(destinations)
        .where(destinations.c.name.in_(names), destinations.c.paused_at.is_(None))
        .where(destinations.c.breaker == "open", destinations.c.probe_at <= now)
        .values(probe_at=now + 2 * PROBE_LIMIT)
        .returning(destinations.c.name)
    )
    return sorted(connection.execute(statement).scalars())


def probed(connection: Connection, name: str, words: str, now: datetime, chance: Callable[[], float]) -> None:
    """How the harmless read went: with `words` for what is wrong it is tried again later, without one order may go."""
    row = connection.execute(select(destinations).where(destinations.c.name == name).with_for_update()).one()
    if row.breaker != "open":
        return  # a person has closed it meanwhile
    if not words:
        _write(connection, name, breaker="trial", trial_attempt=None, probe_at=None, probes=0)
        ring(connection)
        return
    _write(
        connection, name, probe_at=now + _probe_wait(row.probes, chance), probes=row.probes + 1, breaker_reason=words
    )


def close_breaker(connection: Connection, name: str) -> None:
    """Let orders go again at once, as a person wants it."""
    _write(connection, name, quiet_until=None, **_CLOSED)


class _Gate(NamedTuple):
    """What of a destination's row decides whether an order may go."""

    concurrency: int
    rate: float | None
    next_at: datetime | None
    crowded_until: datetime | None
    quiet_until: datetime | None
    paused_at: datetime | None
    pause_reason: str
    breaker: str
    breaker_reason: str


_LOCK = f"select {', '.join(_Gate._fields)} from destinations where name = %(name)s for update"  # noqa: S608 - columns
# Orders on the way, and whether the one on trial is among those that nobody has heard of yet: a trial that nobody is
# making any more, whoever ended it, keeps nothing back.
_COUNT = """
    select count(*) filter (where deadline > %(now)s),
           count(*) filter (where attempt_id = (select trial_attempt from destinations where name = %(name)s)) > 0
      from orders where destination = %(name)s and state = 'sending'
"""

# Orders that lost their place at a crowded destination and are being decided anew, with when their shop had its last
# one: of each shop the first of what is queued, untried and tried, where somebody has just claimed it.
LOST = f"""
    select s.destination, s.name as shop, coalesce(s.begun_at, '-infinity') as begun_at
      from destinations d join shops s on s.destination = d.name
     cross join (values (false), (true)) as a(again)
     cross join lateral (
           select code, claimed_until from orders
            where shop = s.name and {PHASE} = 2 and (tries > 0) = a.again
              and ready_at is not null and ready_at <= %(now)s
            order by priority desc, ready_at limit 1) as head
     where d.crowded_until > %(now)s and head.code = 'no_room' and head.claimed_until > %(in_hand)s
"""  # noqa: S608 - an expression of ours

# Those that go before an order of a shop.
_BEFORE = f"""
    select count(*) from ({LOST}) as lost
     where destination = %(name)s and shop <> %(shop)s
       and begun_at < coalesce((select begun_at from shops where name = %(shop)s), '-infinity')
"""  # noqa: S608 - as above

# Where neither `_shut` nor `enter` finds anything, and no rate has to be kept.
_OPEN = """
    exists (select 1 from destinations d
             where d.name = %(open_name)s and d.paused_at is null and d.breaker = '' and d.rate is null
               and (d.crowded_until is null or d.crowded_until <= %(open_at)s)
               and (d.quiet_until is null or d.quiet_until <= %(open_at)s)
               and d.concurrency > (select count(*) from orders o where o.destination = d.name
                                       and o.state = 'sending' and o.deadline > %(open_at)s))
"""


def _shut(name: str, row: _Gate, now: datetime, *, tried: bool) -> str:
    """Why nothing goes to a destination for the time being, in words; "" where nothing stands in the way."""
    if row.paused_at is not None:
        return f"{name} is paused: {row.pause_reason}"
    if row.breaker == "open":
        return f"{name} is tried by a harmless read first: {row.breaker_reason}"
    if row.breaker == "trial" and tried:
        return f"one order is tried on {name} first: {row.breaker_reason}"
    if row.quiet_until is not None and row.quiet_until > now:
        return f"{name} asked for quiet until {row.quiet_until:%H:%M:%S} UTC"
    return ""


def _probe_wait(before: int, chance: Callable[[], float]) -> timedelta:
    """The time to the next probe after so many in vain before this one."""
    doubled: timedelta = _FIRST_PROBE * 2 ** min(max(before, 0), 6)
    return min(doubled, _SLOWEST_PROBE) * (0.8 + 0.4 * chance())


def _failed_before(connection: Connection, attempt: UUID) -> bool:
    """Whether an earlier attempt of the same order had no answer either."""
    order = select(attempts.c.order).where(attempts.c.id == attempt).scalar_subquery()
    earlier = (attempts.c.order == order, attempts.c.id != attempt, attempts.c.outcome == "unknown")
    return bool(connection.execute(select(exists().where(*earlier))).scalar_one())


def _write(connection: Connection, name: str, **values: Any) -> None:
    connection.execute(update(destinations).where(destinations.c.name == name).values(**values))
