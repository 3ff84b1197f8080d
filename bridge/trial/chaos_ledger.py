"""What the bridge's database says at the end of a soak or a rehearsal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, and_, func, or_, select

from bridge.store import queries
from bridge.store.database import transaction
from bridge.store.ledger import Order
from bridge.store.tables import attempts, history, inbox, orders
from bridge.trial.chaos_count import ON_THE_WAY
from bridge.trial.chaos_doubt import DIED, Attempt
from bridge.trial.chaos_plan import SORTEDPRO
from bridge.trial.chaos_world import Absence

_ALL = 1_000_000
_TOLD = timedelta(seconds=2)  # until a trouble is written down


@dataclass(frozen=True, kw_only=True)
class Said:
    """Ledger, attempts and inbox, read together."""

    ledger: list[Order]
    attempts: list[Attempt]
    stored: frozenset[tuple[str, bytes]]  # shop and hash of every body


def read_all(engine: Engine) -> Said:
    """Everything that is counted."""
    tried = select(*(attempts.c[name] for name in ("id", "order", "started_at", "ended_at", "outcome", "message")))
    with transaction(engine) as connection:
        return Said(
            ledger=queries.list_orders(connection, limit=_ALL),
            attempts=[Attempt(**row) for row in connection.execute(tried).mappings()],
            stored=frozenset((row.shop, row.hash) for row in connection.execute(select(inbox.c.shop, inbox.c.hash))),
        )


def is_under_way(connection: Connection, now: datetime) -> bool:
    """Whether any order is on its way, due, or in somebody's hands."""
    under_way = or_(orders.c.state.in_(ON_THE_WAY), orders.c.due_at <= now, orders.c.claimed_until > now)
    return bool(connection.execute(select(func.count()).where(under_way)).scalar_one())


def count_unreachable(engine: Engine, absences: Sequence[Absence]) -> Counter[str]:
    """Calls that found a place away, by place: of SortedPRO its attempts, of shops what the orders' stories tell.

    Nobody else can tell of them: what is not there sees no call. A story tells of a trouble once, so they are fewer.
    """
    met: Counter[str] = Counter()
    lost = and_(attempts.c.outcome == "unknown", attempts.c.message != DIED)
    to_sortedpro = select(func.count()).where(or_(attempts.c.outcome == "unreachable", lost))
    told = select(func.count()).select_from(history.join(orders)).where(history.c.code == "shop_unreachable")
    with transaction(engine) as connection:
        for one in absences:
            if one.place == SORTEDPRO:
                query = to_sortedpro.where(attempts.c.started_at <= one.until, attempts.c.ended_at >= one.since)
            else:
                during = history.c.at.between(one.since, one.until + _TOLD)
                query = told.where(orders.c.shop == one.place, during)
            met[f"{one.place}: unreachable"] += connection.execute(query).scalar_one()
    return met
