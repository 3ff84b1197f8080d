"""What comes for an order: a body, or a ring without one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from bridge.platforms.base import OrderBody
from bridge.store.ledger.rows import COLUMNS, Order, as_order, change, find, move, write_history
from bridge.store.tables import orders

SENT = frozenset({"sending", "created", "done", "in_doubt"})  # states that a newer body does not move
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
    actor: str = "intake",
) -> Receipt:
    """Give a stored body to its order, as `find_or_open` locked it.

    The newest body wins by the order's own modification time; of equal times the one that came later.
    """
    if order.body_modified_at is not None and content.modified_at < order.body_modified_at:
        return Receipt(order=order, newest=False, looked_at=False)
    body: dict[str, Any] = {
        "body_id": inbox_id,
        "body_hash": body_hash,
        "body_modified_at": content.modified_at,
        "ordered_at": content.created_at,
        "order_key": content.order_key,
        "name": content.name,
        "revision": orders.c.revision + 1,
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
    changes = {
        "must_read": True,
        "deletion": order.deletion or deletion,
        "revision": orders.c.revision + 1,
        "due_at": now,
    }
    write_history(
        connection, order, order.state, event=event, now=now, actor="intake", code="", detail=None, attempt=None
    )
    return change(connection, order, changes)


def look_now(connection: Connection, order: Order, now: datetime) -> Order:
    """Make an order due at once; waits that a call asked for (`not_before`) stay."""
    return change(connection, order, {"due_at": now})


def find_or_open(
    connection: Connection, *, shop: str, platform: str, order_id: str, order_key: str | None, now: datetime
) -> Order:
    """The row of an order as `find` finds it, locked; made if need be, and of two at once only once."""
    found = find(connection, shop, order_id, order_key, lock=True)
    if found is not None:
        return found
    # One maker at a time for an id: a deletion without a key and a body with one must meet in one row.
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{shop} {order_id}", 0))))
    found = find(connection, shop, order_id, order_key, lock=True)
    if found is not None:
        return found
    statement = (
        insert(orders)
        .values(
            shop=shop,
            platform=platform,
            order_id=order_id,
            order_key=order_key or "",
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
