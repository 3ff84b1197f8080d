"""What comes for an order: a body, or a ring without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, text, update
from sqlalchemy.dialects.postgresql import insert

from bridge.platforms.base import OrderBody
from bridge.store.database import run
from bridge.store.doorbell import CHANNEL
from bridge.store.ledger.parts import parts_of
from bridge.store.ledger.rows import (
    COLUMNS,
    NEXT_REVISION,
    SENT,
    Order,
    as_order,
    change,
    find,
    foreign_key,
    is_foreign,
    match,
    move,
    of_id,
    write_history,
)
from bridge.store.tables import orders

_MOVED = frozenset({"waiting", "queued", "failed", "skipped"})  # what a newer body moves to received


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a body meant for its order."""

    order: Order
    newest: bool  # it is now the newest body
    looked_at: bool  # the order is due, so a ring is wanted


def receive(
    connection: Connection,
    order: Order,
    content: OrderBody,
    *,
    inbox_id: int,
    body_hash: bytes,
    now: datetime,
    priority: int,
    actor: str = "intake",
) -> Receipt:
    """Give a stored body to its order, as `find_or_open` locked it, and to all its parts; returns that of the first.

    The newest body wins by the order's own modification time; of equal times the one that came later.
    """
    others = [one for one in parts_of(connection, order, lock=True) if one.id != order.id] if order.parts > 1 else []
    receipt, *more = [
        _receive(
            connection, one, content, inbox_id=inbox_id, body_hash=body_hash, now=now, priority=priority, actor=actor
        )
        for one in (order, *others)
    ]
    return replace(receipt, looked_at=any(one.looked_at for one in (receipt, *more)))


def _receive(
    connection: Connection,
    order: Order,
    content: OrderBody,
    *,
    inbox_id: int,
    body_hash: bytes,
    now: datetime,
    priority: int,
    actor: str,
) -> Receipt:
    if order.body_modified_at is not None and content.modified_at < order.body_modified_at:
        return Receipt(order=order, newest=False, looked_at=False)
    body: dict[str, Any] = {
        "body_id": inbox_id,
        "body_hash": body_hash,
        "body_modified_at": content.modified_at,
        "ordered_at": content.created_at,
        "order_key": content.order_key if not order.order_key or is_foreign(order.order_key) else order.order_key,
        "name": content.name,
        "revision": NEXT_REVISION,
        "priority": priority,
        "looks": 0,
    }
    looked_at = not (order.state == "skipped" and order.by_person)
    if not looked_at:
        return Receipt(order=change(connection, order, body), newest=True, looked_at=False)
    body["due_at"] = now
    if order.state in _MOVED:
        body["not_before"] = order.not_before if order.state == "queued" else None
        moved = move(
            connection,
            order,
            "received",
            event="newer body",
            now=now,
            actor=actor,
            keep_claim=True,
            by_person=False,
            **body,
        )
        return Receipt(order=moved, newest=True, looked_at=True)
    return Receipt(order=change(connection, order, body), newest=True, looked_at=True)


def ring(
    connection: Connection, *, shop: str, platform: str, order_id: str, event: str, deletion: bool, now: datetime
) -> Order:
    """An id came without a body: the order is to be read from the shop, and made where nobody has heard of it."""
    order = find_or_open(connection, shop=shop, platform=platform, order_id=order_id, order_key=None, now=now)
    for one in parts_of(connection, order, lock=True) if order.parts > 1 else [order]:
        changes = {
            "must_read": True,
            "deletion": one.deletion or deletion,
            "revision": NEXT_REVISION,
            "due_at": now,
        }
        write_history(
            connection, one, one.state, event=event, now=now, actor="intake", code="", detail=None, attempt=None
        )
        change(connection, one, changes)
    return order


def look_now(connection: Connection, order: Order, now: datetime) -> bool:
    """Make the parts of an order due that are neither sent nor taken out by a person; whether there are any.

    Waits that a call asked for (`not_before`) stay.
    """
    parts = parts_of(connection, order, lock=True) if order.parts > 1 else [order]
    unsent = [one for one in parts if one.state not in SENT and not one.by_person]
    for one in unsent:
        change(connection, one, {"due_at": now})
    return bool(unsent)


def find_or_open(
    connection: Connection,
    *,
    shop: str,
    platform: str,
    order_id: str,
    order_key: str | None,
    now: datetime,
    hosts: Sequence[str] = (),
) -> Order:
    """The row of an order as `find` finds it, locked; made if need be, and of two at once only once.

    A row that was kept apart before one of the shop's `hosts` was known is the order's too.
    """
    found = find(connection, shop, order_id, order_key, lock=True)
    if found is not None:
        return found
    run(connection, _ONE_MAKER, {"maker": f"{shop} {order_id}"})
    same_id = of_id(connection, shop, order_id, lock=True)
    keys = [order_key, *(foreign_key(order_key, host) for host in hosts if order_key)]
    found = next(filter(None, (match(same_id, key) for key in keys)), None)
    if found is not None:
        return found
    statement = (
        insert(orders)
        .values(
            shop=shop,
            platform=platform,
            order_id=order_id,
            order_key=order_key or "",
            namesake=_namesake(same_id, order_key),
            state="received",
            reason="received",
            due_at=now,
            first_seen_at=now,
            state_since=now,
        )
        .on_conflict_do_nothing()
        .returning(*COLUMNS)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        found = find(connection, shop, order_id, order_key, lock=True)
        assert found is not None, "a conflict without a row"
        return found
    order = as_order(row)
    write_history(
        connection, order, "received", event="received", now=now, actor="intake", code="", detail=None, attempt=None
    )
    return order


def open_with_body(
    connection: Connection,
    content: OrderBody,
    row: Mapping[str, Any],
    *,
    shop: str,
    platform: str,
    priority: int,
    now: datetime,
) -> bool:
    """Store a body (`inbox.row`) with its order and ring, all in one statement, where the shop never told of its id.

    False where it did: then nothing is written.
    """
    order = {
        "shop": shop,
        "platform": platform,
        "order_id": content.order_id,
        "order_key": content.order_key,
        "name": content.name,
        "state": "received",
        "reason": "received",
        "priority": priority,
        "revision": 1,
        "body_hash": row["hash"],
        "body_modified_at": content.modified_at,
        "ordered_at": content.created_at,
        "due_at": now,
        "first_seen_at": now,
        "state_since": now,
    }
    statement = f"""
        with body as (insert into inbox ({", ".join(row)}) select {_listed("body_", row)}
                       where bridge_is_new(%(order_shop)s, %(order_order_id)s) returning id),
             made as (insert into orders ({", ".join(order)}, body_id)
                      select {_listed("order_", order)}, body.id from body returning id),
             told as (insert into history ("order", at, from_state, to_state, event, actor)
                      select id, %(order_due_at)s, 'received', 'received', 'received', 'intake' from made)
        select id, pg_notify('{CHANNEL}', '') from made
    """
    values = {f"body_{name}": value for name, value in row.items()}
    values |= {f"order_{name}": value for name, value in order.items()}
    return run(connection, statement, values).fetchone() is not None


# One maker at a time for an id: a deletion without a key and a body with one must meet in one row. Until the
# transaction ends; `bridge_is_new` (revision 0003) takes the same lock.
_ONE_MAKER = "select pg_advisory_xact_lock(hashtextextended(%(maker)s, 0))"


def _listed(prefix: str, columns: Mapping[str, Any]) -> str:
    return ", ".join(f"%({prefix}{name})s" for name in columns)


def _namesake(same_id: Sequence[Order], order_key: str | None) -> int | None:
    """An order of the same id under another key: the shop was restored or copied."""
    if not order_key or is_foreign(order_key):
        return None
    return next((one.id for one in same_id if one.order_key and not is_foreign(one.order_key)), None)


def namesakes(connection: Connection, order: Order) -> list[Order]:
    """The earlier orders that the shop gave the same id, the oldest first."""
    if order.namesake is None:
        return []
    query = (
        select(*COLUMNS)
        .where(
            orders.c.shop == order.shop,
            orders.c.order_id == order.order_id,
            orders.c.part == 1,
            orders.c.id <= order.namesake,
        )
        .order_by(orders.c.id)
    )
    found = (as_order(row) for row in connection.execute(query))
    return [one for one in found if one.order_key and not is_foreign(one.order_key)]


def mapping_changed(connection: Connection, shop: str, version: str, now: datetime) -> int:
    """Make waiting orders due that another mapping made wait; returns how many."""
    connection.execute(text("set local statement_timeout = 0"))  # a shop may have very many
    statement = (
        update(orders)
        .where(orders.c.shop == shop, orders.c.state == "waiting", orders.c.mapping_version.is_distinct_from(version))
        .values(due_at=now)
    )
    return connection.execute(statement).rowcount


def redirect_queued(connection: Connection, shop: str, destination: str) -> int:
    """Give a shop's queued orders its present destination, where they wait for one that is no longer its own."""
    statement = (
        update(orders)
        .where(orders.c.shop == shop, orders.c.state == "queued", orders.c.destination != destination)
        .values(destination=destination, customer_reference=None)
    )
    return connection.execute(statement).rowcount
