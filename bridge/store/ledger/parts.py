"""The parts of one shop order: rows that share shop, order id and key. A quantity stands in one of them at most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, insert, select, update

from bridge.store.ledger.rows import COLUMNS, SENT, Order, as_order, write_history
from bridge.store.tables import orders

DISMISSED = "dismissed"  # the code of a further part that a person took out: its goods are not to be named again


def parts_of(connection: Connection, order: Order, *, lock: bool = False) -> list[Order]:
    """All parts of an order, itself among them, by their number; locked in that order where asked for."""
    query = select(*COLUMNS).where(*_same_order(order)).order_by(orders.c.part)
    return [as_order(row) for row in connection.execute(query.with_for_update() if lock else query)]


def marks(parts: Iterable[Order], but: Order) -> frozenset[object]:
    """By what the other parts are known to have the same goods as before: their attempts and quantities."""
    return frozenset(
        (one.id, one.state in SENT, one.attempt_id, one.sent_attempt, tuple(sorted(one.lines.items())))
        for one in parts
        if one.id != but.id
    )


def is_open(part: Order) -> bool:
    """Whether a part may still take goods into it: it is neither sent nor taken out."""
    return part.state not in SENT and part.state != "skipped"


def first_sent(parts: Iterable[Order]) -> Order | None:
    """The part that keeps watch over the shop order for all: the first one that SortedPRO has or may have."""
    return next((one for one in parts if one.state in SENT), None)


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
            gone=order.gone,
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


def numbers(quantities: Mapping[str, str] | None) -> dict[str, Decimal]:
    """Quantities as the ledger keeps them, to count with."""
    return {line: Decimal(quantity) for line, quantity in (quantities or {}).items()}


def as_text(quantities: Mapping[str, Decimal]) -> dict[str, str]:
    """Quantities as the ledger keeps them."""
    return {line: str(quantity) for line, quantity in quantities.items()}


def _same_order(order: Order) -> tuple[ColumnElement[bool], ...]:
    return (
        orders.c.shop == order.shop,
        orders.c.order_id == order.order_id,
        orders.c.order_key == order.order_key,
    )
