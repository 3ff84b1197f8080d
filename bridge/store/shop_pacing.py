"""When a shop may be called again, for all workers: what it asked for, and what it did not answer.

While `quiet_until` lies ahead no order of the shop is claimed, but for those in `sending`, whose deadline passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, or_, select, update

from bridge.store.tables import shops

DOWN = 3  # failures in a row with which a shop counts as down: then one order tries it, and the others wait
LOW = "shop_low"  # the code of a quiet time that only spares the shop: what is on its way may go on

_TRIED = "shop_tried"  # the code of the quiet time in which that one order tries


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a shop stands."""

    failures: int  # of different orders in a row, each with a call that the shop did not answer
    quiet_until: datetime | None
    code: str  # why it is quiet

    def refuses(self, now: datetime) -> bool:
        """Whether no call may be made now."""
        return self.quiet_until is not None and self.quiet_until > now and self.code != LOW


def pace(connection: Connection, shop: str) -> Pace:
    """How a shop stands; one that was never announced as one that answers."""
    query = select(shops.c.failures, shops.c.quiet_until, shops.c.quiet_code).where(shops.c.name == shop)
    row = connection.execute(query).one_or_none()
    if row is None:
        return Pace(failures=0, quiet_until=None, code="")
    return Pace(failures=row.failures, quiet_until=row.quiet_until, code=row.quiet_code)


def quiet_shop(connection: Connection, shop: str, *, until: datetime, reason: str, code: str) -> None:
    """Leave the shop alone until then; of two such times the later counts, with its reason."""
    earlier = or_(shops.c.quiet_until.is_(None), shops.c.quiet_until < until)
    values = {"quiet_until": until, "quiet_reason": reason, "quiet_code": code}
    connection.execute(update(shops).where(shops.c.name == shop, earlier).values(**values))


def begin_trial(connection: Connection, shop: str, *, until: datetime, now: datetime) -> bool:
    """Let this worker alone try a shop that is down, until then; False where it is quiet or another tries it."""
    over = or_(shops.c.quiet_until.is_(None), shops.c.quiet_until <= now)
    statement = (
        update(shops)
        .where(shops.c.name == shop, shops.c.failures >= DOWN, over)
        .values(quiet_until=until, quiet_code=_TRIED)
    )
    return connection.execute(statement).rowcount > 0


def end_trial(connection: Connection, shop: str) -> None:
    """The trial is over: its quiet time ends with it, unless another one has begun meanwhile."""
    statement = update(shops).where(shops.c.name == shop, shops.c.quiet_code == _TRIED)
    connection.execute(statement.values(quiet_until=None, quiet_code=""))


def count_failure(connection: Connection, shop: str, now: datetime) -> int:
    """One more call without an answer; returns how many in a row, or 0 where the shop is quiet.

    Calls that began before it was are those of one trouble, and count once.
    """
    over = or_(shops.c.quiet_until.is_(None), shops.c.quiet_until <= now)
    statement = (
        update(shops)
        .where(shops.c.name == shop, over)
        .values(failures=shops.c.failures + 1)
        .returning(shops.c.failures)
    )
    return connection.execute(statement).scalar_one_or_none() or 0


def clear_failures(connection: Connection, shop: str) -> None:
    """The shop has answered: a trial is over, and failures are counted anew."""
    end_trial(connection, shop)
    connection.execute(update(shops).where(shops.c.name == shop, shops.c.failures > 0).values(failures=0))
