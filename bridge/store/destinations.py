"""Destinations and shops as the store knows them: their limits, and whether a pause holds them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, false, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from bridge.store import pacing
from bridge.store.doorbell import ring
from bridge.store.ledger.claims import hurry
from bridge.store.tables import destinations, orders, shops

PERSON = "person"  # the code of a pause that only a person lifts

_UNPAUSED = {"paused_at": None, "pause_reason": "", "pause_code": ""}
# Columns that a Pause shows as they are; each table has some of them.
_SHOWN = (
    *("quiet_until", "quiet_reason", "concurrency", "rate"),
    *("breaker", "breaker_since", "breaker_reason", "probe_at"),
)


@dataclass(frozen=True, kw_only=True)
class Pause:
    """A shop or a destination: what keeps its orders back, and how many."""

    name: str
    paused_at: datetime | None
    reason: str
    code: str
    orders: int  # that wait to be worked on or sent
    oldest: datetime | None  # when the oldest of them came
    quiet_until: datetime | None = None  # it asked for it, or does not answer
    quiet_reason: str = ""  # of a shop
    # Of a destination:
    concurrency: int = 0
    rate: float | None = None  # Create Order calls a second
    breaker: str = ""  # closed (''), open, trial
    breaker_since: datetime | None = None
    breaker_reason: str = ""
    probe_at: datetime | None = None


def announce_destination(
    connection: Connection, name: str, *, url: str, credentials: str, concurrency: int, rate: float | None
) -> None:
    """Say how a destination is configured now. Another address or key lifts a pause for a wrong one."""
    values = {"url": url, "credentials": credentials, "concurrency": concurrency, "rate": rate}
    _upsert(connection, destinations, name, values)
    other = (destinations.c.url != url) | (destinations.c.credentials != credentials)
    mended = other & (destinations.c.pause_code == "misconfigured")
    connection.execute(update(destinations).where(destinations.c.name == name, mended).values(**_UNPAUSED))
    connection.execute(update(destinations).where(destinations.c.name == name).values(**values))


def announce_shop(connection: Connection, name: str, *, credentials: str, destination: str) -> None:
    """Say how a shop is configured now. Other credentials lift a pause that the shop's own trouble made."""
    values: dict[str, object] = {"credentials": credentials, "destination": destination}
    row = connection.execute(select(shops).where(shops.c.name == name).with_for_update()).one_or_none()
    if row is None:
        _upsert(connection, shops, name, values)
        return
    lifted = _UNPAUSED if row.credentials != credentials and row.pause_code not in ("", PERSON) else {}
    connection.execute(update(shops).where(shops.c.name == name).values(**values, **lifted))


def has_another_key(connection: Connection, name: str, credentials: str) -> bool:
    """Whether the key that was told last is another: a worker of the key before, which is to end, stops nobody."""
    other = (destinations.c.name == name, destinations.c.credentials != credentials)
    return connection.execute(select(destinations.c.name).where(*other).with_for_update()).first() is not None


def pause_destination(connection: Connection, name: str, *, reason: str, code: str, now: datetime) -> bool:
    """Stop sending to a destination; False where it was paused already (the first reason stays).

    A person's pause takes the place of one that the destination's own trouble made.
    """
    return _pause(connection, destinations, name, reason, code, now)


def pause_shop(connection: Connection, name: str, *, reason: str, code: str, now: datetime) -> bool:
    """Leave a shop's orders alone; False where it was paused already (the first reason stays).

    A person's pause takes the place of one that the shop's own trouble made.
    """
    return _pause(connection, shops, name, reason, code, now)


def resume_destination(connection: Connection, name: str) -> bool:
    """Send again, as a person wants it, whatever was in the way; False where there is no such destination."""
    pacing.close_breaker(connection, name)
    hurry(connection, destination=name)
    return _resume(connection, destinations, name)


def resume_shop(connection: Connection, name: str) -> bool:
    """Work on a shop's orders again, as a person wants it; False where there is no such shop."""
    found = _resume(connection, shops, name, quiet_until=None, quiet_reason="", quiet_code="", failures=0)
    hurry(connection, shop=name)  # afterwards: who begins to send locks the shop first, then the order
    return found


def lift_own_pause(connection: Connection, shop: str) -> None:
    """End a pause that the shop's own trouble made; one by a person stays."""
    own = (shops.c.name == shop, shops.c.pause_code != PERSON)
    connection.execute(update(shops).where(*own).values(**_UNPAUSED))


def shops_to_probe(connection: Connection, now: datetime, every: timedelta) -> Sequence[str]:
    """Shops that paused themselves and were not tried since `every`; marks them as tried now."""
    due = or_(shops.c.probed_at.is_(None), shops.c.probed_at <= now - every)
    statement = (
        update(shops)
        .where(shops.c.paused_at.is_not(None), shops.c.pause_code != PERSON, due)
        .values(probed_at=now)
        .returning(shops.c.name)
    )
    return list(connection.execute(statement).scalars())


def list_destinations(connection: Connection, now: datetime) -> list[Pause]:
    """All destinations, with the orders that are on their way to each."""
    of_shop = select(shops.c.destination).where(shops.c.name == orders.c.shop).scalar_subquery()
    return _list(connection, destinations, func.coalesce(orders.c.destination, of_shop), ("received", "queued"), now)


def list_shops(connection: Connection, now: datetime) -> list[Pause]:
    """All shops, with the orders that are to be worked on for each."""
    return _list(connection, shops, orders.c.shop, ("received", "queued", "created"), now)


def _upsert(connection: Connection, table: Table, name: str, values: dict[str, object]) -> None:
    connection.execute(insert(table).values(name=name, **values).on_conflict_do_nothing())


def _pause(connection: Connection, table: Table, name: str, reason: str, code: str, now: datetime) -> bool:
    free = or_(table.c.paused_at.is_(None), (table.c.pause_code != PERSON) if code == PERSON else false())
    since = now if code == PERSON else func.coalesce(table.c.paused_at, now)
    values = {"paused_at": since, "pause_reason": reason, "pause_code": code}
    return connection.execute(update(table).where(table.c.name == name, free).values(**values)).rowcount > 0


def _resume(connection: Connection, table: Table, name: str, **cleared: object) -> bool:
    statement = update(table).where(table.c.name == name).values(**_UNPAUSED, **cleared)
    found = connection.execute(statement).rowcount > 0
    if found:
        ring(connection)
    return found


def _list(connection: Connection, table: Table, column: object, states: Sequence[str], now: datetime) -> list[Pause]:
    """Those of a table with their orders in `states`, and those that waited for something until now."""
    is_held = or_(orders.c.state.in_(states), (orders.c.state == "waiting") & (orders.c.ready_at <= now))
    held = (
        select(column, func.count().label("count"), func.min(orders.c.first_seen_at).label("oldest"))  # type: ignore[call-overload]
        .where(is_held)
        .group_by(column)
        .subquery()
    )
    query = (
        select(table, func.coalesce(held.c.count, 0).label("orders"), held.c.oldest)
        .select_from(table.outerjoin(held, held.c[0] == table.c.name))
        .order_by(table.c.name)
    )
    return [
        Pause(
            name=row.name,
            paused_at=row.paused_at,
            reason=row.pause_reason,
            code=row.pause_code,
            orders=row.orders,
            oldest=row.oldest,
            **{name: getattr(row, name) for name in _SHOWN if name in table.c},
        )
        for row in connection.execute(query)
    ]
