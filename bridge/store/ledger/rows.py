"""One row of the ledger, and the one function that changes its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, case, insert, select, update
from sqlalchemy.sql import ColumnElement

from bridge.errors import ClaimLost
from bridge.store.sealed import seal_json
from bridge.store.tables import history, orders

Detail = Sequence[Mapping[str, Any]]  # problems as JSON objects, with what was found


@dataclass(frozen=True, kw_only=True)
class Order:
    """One part of a shop order, as the ledger has it. Field for field a row of `tables.orders`."""

    id: int
    shop: str
    platform: str
    order_id: str
    order_key: str
    part: int
    parts: int
    name: str
    state: str
    reason: str
    code: str
    trouble: str
    trouble_code: str
    by_person: bool
    resend: bool
    released: Sequence[str]
    body_id: int | None
    body_hash: bytes | None
    body_modified_at: datetime | None
    ordered_at: datetime | None
    revision: int
    compared: int
    must_read: bool
    deletion: bool
    due_at: datetime | None
    not_before: datetime | None
    looks: int
    tries: int
    unreachable_since: datetime | None
    claimed_until: datetime | None
    claim_id: UUID | None
    destination: str | None
    customer_reference: str | None
    attempt_id: UUID | None
    deadline: datetime | None
    reference: str | None
    sent_attempt: UUID | None
    mapping_version: str | None
    lines: Mapping[str, str]
    gone: Mapping[str, str] | None
    left_out: Sequence[Mapping[str, Any]]
    warning: str
    warning_tries: int
    changed: bool
    change: str
    alarm: str
    unsent: str
    namesake: int | None
    eligible_at: datetime | None
    first_seen_at: datetime
    state_since: datetime

    @property
    def label(self) -> str:
        """What people call it: its name, or its id where no body has told the name yet."""
        name = self.name or f"id {self.order_id}"
        return name if self.part == 1 else f"{name} part {self.part}"


SENT = frozenset({"sending", "created", "done", "in_doubt"})  # states that a newer body does not move
_COPY = " @"  # between the key of an order and the host of the copied shop that sent it
COLUMNS = tuple(orders.c[one.name] for one in fields(Order))


def as_order(row: Row[Any]) -> Order:
    """The order of a row selected or returned by COLUMNS."""
    return Order(**row._asdict())


def foreign_key(order_key: str, host: str) -> str:
    """The key of an order that a copy of the shop sent, so that it meets no row of the shop."""
    return f"{order_key}{_COPY}{host}"


def is_foreign(order_key: str) -> bool:
    """Whether it is a key of `foreign_key`."""
    return _COPY in order_key


def get(connection: Connection, row_id: int) -> Order:
    """The order with the ledger's own id; it must exist."""
    return as_order(connection.execute(select(*COLUMNS).where(orders.c.id == row_id)).one())


def find(
    connection: Connection, shop: str, order_id: str, order_key: str | None, *, lock: bool = False
) -> Order | None:
    """Part 1 of a shop order; `order_key` None finds the newest row of the id, whatever its key.

    A row that was made by a deletion or an action has no key yet: it is found for any key. A row of a copy of the shop
    (see `foreign_key`) is found only by its key.
    """
    return match(of_id(connection, shop, order_id, lock=lock), order_key)


def of_id(connection: Connection, shop: str, order_id: str, *, lock: bool = False) -> list[Order]:
    """Part 1 of every order that a shop gave this id, the newest first: one, unless it was restored or copied."""
    query = select(*COLUMNS).where(orders.c.shop == shop, orders.c.order_id == order_id, orders.c.part == 1)
    query = query.order_by(orders.c.id.desc())
    return [as_order(row) for row in connection.execute(query.with_for_update() if lock else query)]


def match(found: Sequence[Order], order_key: str | None) -> Order | None:
    """Of orders of one id the one that a key means, as `find` says."""
    if order_key is None:
        return next((one for one in found if not is_foreign(one.order_key)), None)
    keyless = (one for one in found if not one.order_key and one.body_id is None)
    return next((one for one in found if one.order_key == order_key), None) or next(keyless, None)


def move(
    connection: Connection,
    order: Order,
    to_state: str,
    *,
    event: str,
    now: datetime,
    actor: str = "worker",
    code: str = "",
    reason: str | None = None,
    detail: Detail | None = None,
    attempt: UUID | None = None,
    due_at: datetime | None = None,
    same_revision: bool = False,
    keep_claim: bool = False,
    **changes: Any,
) -> Order:
    """Change the state of an order, with its history row.

    `reason` is what stands on the order, `event` what stands in its history; the reason is the event where it is None.
    `attempt` is the one that the history row tells of. `due_at` is when to look again; where something has come since
    the order was read, it is now. With `same_revision` the move fails instead. The claim ends unless it is kept. Raises
    ClaimLost when the order is no longer as it was read: in another state, or with another claim.
    """
    values = {
        "state": to_state,
        "reason": event if reason is None else reason,
        "code": code,
        "trouble": "",
        "trouble_code": "",
        "due_at": unless_newer(order, due_at, now),
        **({} if order.state == to_state else {"state_since": now}),
        **({"lines": {}} if to_state == "skipped" else {}),
        **({} if keep_claim else {"claimed_until": None, "claim_id": None}),
        **changes,
    }
    where: list[ColumnElement[bool]] = [orders.c.state == order.state]
    if same_revision:
        where.append(orders.c.revision == order.revision)
    moved = change(connection, order, values, *where)
    write_history(
        connection, order, to_state, event=event, now=now, actor=actor, code=code, detail=detail, attempt=attempt
    )
    return moved


def change(connection: Connection, order: Order, values: Mapping[str, Any], *where: ColumnElement[bool]) -> Order:
    """Write columns of a row whose claim is still the one that `order` was read with; raises ClaimLost otherwise."""
    same_claim = orders.c.claim_id.is_not_distinct_from(order.claim_id)
    statement = update(orders).where(orders.c.id == order.id, same_claim, *where).values(**values).returning(*COLUMNS)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise ClaimLost(f"{order.shop} {order.label} is no longer as it was read")
    return as_order(row)


def read_unless_newer(order: Order) -> ColumnElement[Any]:
    """`must_read` after the order was read from the shop: still wanted where something came since."""
    return case((orders.c.revision == order.revision, False), else_=orders.c.must_read)


def unless_newer(order: Order, due_at: datetime | None, now: datetime) -> ColumnElement[Any]:
    """`due_at`, but now where something came for the order since it was read."""
    return case((orders.c.revision == order.revision, due_at), else_=now)


def remark(
    connection: Connection,
    order: Order,
    event: str,
    *,
    now: datetime,
    actor: str = "worker",
    code: str = "",
    detail: Detail | None = None,
) -> None:
    """Write into the history that something happened which left the state as it was."""
    write_history(
        connection, order, order.state, event=event, now=now, actor=actor, code=code, detail=detail, attempt=None
    )


def write_history(
    connection: Connection,
    order: Order,
    to_state: str,
    *,
    event: str,
    now: datetime,
    actor: str,
    code: str,
    detail: Detail | None,
    attempt: UUID | None,
) -> None:
    """One row of an order's history."""
    connection.execute(
        insert(history).values(
            order=order.id,
            at=now,
            from_state=order.state,
            to_state=to_state,
            event=event,
            code=code,
            actor=actor,
            attempt_id=attempt,
            detail=seal_json(list(detail)) if detail else None,
        )
    )
