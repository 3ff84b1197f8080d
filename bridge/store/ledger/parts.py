"""The parts of one shop order: rows that share shop, order id and key. A quantity stands in one of them at most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, insert, select, update

from bridge.store.ledger.rows import COLUMNS, SENT, Order, as_order, write_history
from bridge.store.tables import orders


def parts_of(connection: Connection, order: Order, *, lock: bool = False) -> list[Order]:
    """All parts of an order, itself among them, by their number; locked in that order where asked for."""
    query = select(*COLUMNS).where(*_same_order(order)).order_by(orders.c.part)
    return [as_order(row) for row in connection.execute(query.with_for_update() if lock else query)]


def quantities_of(parts: Iterable[Order]) -> dict[str, Decimal]:
    """What some parts stand for together, by line id."""
    found: dict[str, Decimal] = {}
    for part in parts:
        for line, quantity in part.lines.items():
            found[line] = found.get(line, Decimal(0)) + Decimal(quantity)
    return found


def taken(connection: Connection, order: Order) -> dict[str, Decimal]:
    """What the other parts of an order stand for, by line id."""
    if order.parts == 1:
        return {}
    return quantities_of(one for one in parts_of(connection, order) if one.id != order.id)


def is_open(part: Order) -> bool:
    """Whether a part may still take goods into it: it is neither sent nor taken out by a rule."""
    return part.state not in SENT and (part.state != "skipped" or part.by_person)


def open_part(
    connection: Connection,
    order: Order,
    parts: list[Order],
    *,
    event: str,
    actor: str,
    now: datetime,
) -> Order:
    """Make the next part of an order, due now; `parts` are all there are, locked. What they lack it will have."""
    newest = parts[-1]
    row = connection.execute(
        insert(orders)
        .values(
            shop=order.shop,
            platform=order.platform,
            order_id=order.order_id,
            order_key=order.order_key,
            part=newest.part + 1,
            parts=len(parts) + 1,
            name=order.name,
            state="received",
            reason=event,
            released=list(order.released),
            body_id=order.body_id,
            body_hash=order.body_hash,
            body_modified_at=order.body_modified_at,
            ordered_at=order.ordered_at,
            namesake=order.namesake,
            eligible_at=order.eligible_at,
            due_at=now,
            first_seen_at=now,
            state_since=now,
        )
        .returning(*COLUMNS)
    ).one()
    made = as_order(row)
    # Beside any claim: neither column is one that a worker decides by.
    connection.execute(update(orders).where(*_same_order(order)).values(parts=made.parts, unsent=""))
    for one, words in ((made, event), (parts[0], f"part {made.part} is {event}")):
        write_history(connection, one, one.state, event=words, now=now, actor=actor, code="", detail=None, attempt=None)
    return made


def another_writes(connection: Connection, order: Order, now: datetime) -> bool:
    """Whether another part of the order is being written back at this moment; of two at once both see the other.

    The rows are locked while it is asked, so of two parts that were claimed at once never both hear no.
    """
    if order.parts == 1:
        return False
    others = (one for one in parts_of(connection, order, lock=True) if one.id != order.id)
    return any(one.state == "created" and one.claimed_until is not None and one.claimed_until > now for one in others)


def as_text(quantities: Mapping[str, Decimal]) -> dict[str, str]:
    """Quantities as the ledger keeps them."""
    return {line: str(quantity) for line, quantity in quantities.items()}


def _same_order(order: Order) -> tuple[ColumnElement[bool], ...]:
    return (
        orders.c.shop == order.shop,
        orders.c.order_id == order.order_id,
        orders.c.order_key == order.order_key,
    )
