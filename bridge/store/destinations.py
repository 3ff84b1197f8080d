"""Destinations and shops as the store knows them: their limits, and whether a pause holds them back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from bridge.store.tables import destinations, orders, shops

_UNPAUSED = {"paused_at": None, "pause_reason": "", "pause_code": ""}


@dataclass(frozen=True, kw_only=True)
class Pause:
    """A shop or a destination, and what a pause of it holds back."""

    name: str
    paused_at: datetime | None
    reason: str
    code: str
    orders: int  # that wait to be worked on or sent
    oldest: datetime | None  # since when the oldest of them


def announce_destination(connection: Connection, name: str, *, url: str, credentials: str, concurrency: int) -> None:
    """Say how a destination is configured now. Another address or key lifts a pause for a wrong one."""
    values = {"url": url, "credentials": credentials, "concurrency": concurrency}
    _upsert(connection, destinations, name, values)
    other = (destinations.c.url != url) | (destinations.c.credentials != credentials)
    mended = other & (destinations.c.pause_code == "misconfigured")
    connection.execute(update(destinations).where(destinations.c.name == name, mended).values(**_UNPAUSED))
    connection.execute(update(destinations).where(destinations.c.name == name).values(**values))


def announce_shop(connection: Connection, name: str, *, credentials: str) -> None:
    """Say how a shop is configured now. Other credentials lift a pause that the shop's own trouble made."""
    row = connection.execute(select(shops).where(shops.c.name == name).with_for_update()).one_or_none()
    if row is None:
        _upsert(connection, shops, name, {"credentials": credentials})
        return
    lifted = _UNPAUSED if row.credentials != credentials and row.pause_code not in ("", "person") else {}
    connection.execute(update(shops).where(shops.c.name == name).values(credentials=credentials, **lifted))


def pause_destination(connection: Connection, name: str, *, reason: str, code: str, now: datetime) -> bool:
    """Stop sending to a destination; False where it was paused already (the first reason stays)."""
    return _pause(connection, destinations, name, reason, code, now)


def pause_shop(connection: Connection, name: str, *, reason: str, code: str, now: datetime) -> bool:
    """Leave a shop's orders alone; False where it was paused already (the first reason stays)."""
    return _pause(connection, shops, name, reason, code, now)


def resume_destination(connection: Connection, name: str) -> bool:
    """Send again; False where it was not paused."""
    return _resume(connection, destinations, name)


def resume_shop(connection: Connection, name: str) -> bool:
    """Work on a shop's orders again; False where it was not paused."""
    return _resume(connection, shops, name)


def shops_to_probe(connection: Connection, now: datetime, every: timedelta) -> Sequence[str]:
    """Shops that paused themselves and were not tried since `every`; marks them as tried now."""
    due = or_(shops.c.probed_at.is_(None), shops.c.probed_at <= now - every)
    statement = (
        update(shops)
        .where(shops.c.paused_at.is_not(None), shops.c.pause_code != "person", due)
        .values(probed_at=now)
        .returning(shops.c.name)
    )
    return list(connection.execute(statement).scalars())


def list_destinations(connection: Connection) -> list[Pause]:
    """All destinations, with the orders that are queued for each."""
    return _list(connection, destinations, orders.c.destination, ("queued",))


def list_shops(connection: Connection) -> list[Pause]:
    """All shops, with the orders that are to be worked on for each."""
    return _list(connection, shops, orders.c.shop, ("received", "waiting", "queued", "created"))


def _upsert(connection: Connection, table: Table, name: str, values: dict[str, object]) -> None:
    connection.execute(insert(table).values(name=name, **values).on_conflict_do_nothing())


def _pause(connection: Connection, table: Table, name: str, reason: str, code: str, now: datetime) -> bool:
    statement = (
        update(table)
        .where(table.c.name == name, table.c.paused_at.is_(None))
        .values(paused_at=now, pause_reason=reason, pause_code=code)
    )
    return connection.execute(statement).rowcount > 0


def _resume(connection: Connection, table: Table, name: str) -> bool:
    statement = update(table).where(table.c.name == name, table.c.paused_at.is_not(None)).values(**_UNPAUSED)
    return connection.execute(statement).rowcount > 0


def _list(connection: Connection, table: Table, column: object, states: Iterable[str]) -> list[Pause]:
    held = (
        select(column, func.count().label("count"), func.min(orders.c.state_since).label("oldest"))  # type: ignore[call-overload]
        .where(orders.c.state.in_(tuple(states)))
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
        )
        for row in connection.execute(query)
    ]
