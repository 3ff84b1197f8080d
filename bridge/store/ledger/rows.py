"""One row of the ledger, and the one function that changes its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select

from bridge.errors import ClaimLost
from bridge.store.database import Sql, as_jsonb, run, run_all
from bridge.store.sealed import seal_json
from bridge.store.tables import orders

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
    priority: int
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
COLUMN_NAMES = tuple(one.name for one in fields(Order))
COLUMNS = tuple(orders.c[name] for name in COLUMN_NAMES)


def as_order(row: Row[Any] | tuple[Any, ...]) -> Order:
    """The order of a row selected or returned by COLUMNS."""
    order = object.__new__(Order)  # past its frozen __init__, which takes four times as long (measured: 26 and 6 us)
    order.__dict__.update(zip(COLUMN_NAMES, row, strict=True))
    return order


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
    statement = f"{OF_ID} for update" if lock else OF_ID
    return [as_order(row) for row in run(connection, statement, {"shop": shop, "order_id": order_id})]


OF_ID = f"""
    select {", ".join(COLUMN_NAMES)} from orders
     where shop = %(shop)s and order_id = %(order_id)s and part = 1 order by id desc
"""


def match(found: Sequence[Order], order_key: str | None) -> Order | None:
    """Of orders of one id the one that a key means, as `find` says."""
    if order_key is None:
        return next((one for one in found if not is_foreign(one.order_key)), None)
    keyless = (one for one in found if not one.order_key and one.body_id is None)
    return next((one for one in found if one.order_key == order_key), None) or next(keyless, None)


NO_CLAIM: Mapping[str, Any] = {"claimed_until": None, "claim_id": None}
NEXT_REVISION = Sql(text="orders.revision + 1")
ALWAYS = Sql(text="true")


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
    only_if: Sql = ALWAYS,
    beside: Sql | None = None,
    remarks: Sequence[str] = (),
    first: Sql | None = None,
    **changes: Any,
) -> Order:
    """Change the state of an order, with its history row, in one statement.

    `reason` is what stands on the order, `event` what stands in its history; the reason is the event where it is None.
    `attempt` is the one that the history row tells of. `due_at` is when to look again; where something has come since
    the order was read, it is now. With `same_revision` the move fails instead. The claim ends unless it is kept.
    `only_if` is one more condition. `beside` is written in the same statement, from the row `moved`, and `remarks` are
    further events of it. `first` is run before, in the same round trip. Raises ClaimLost when the order is no longer as
    it was read (in another state, or with another claim) or the condition does not hold: then nothing was written.
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
        **({} if keep_claim else NO_CLAIM),
        **changes,
    }
    told = _told(to_state, actor=actor, code=code, detail=detail, attempt=attempt)
    assignments, parameters = _assigned(values)
    revision = " and revision = %(was_revision)s" if same_revision else ""
    statement = f"""
        with moved as (
            update orders set {assignments}
             where {_AS_READ} and state = %(was_state)s{revision} and {only_if.text}
            returning {_RETURNED}
        ), told as (
            insert into history ("order", at, event, from_state, {", ".join(told)})
            select id, %(told_at)s, words, case place when 1 then %(was_state)s else state end,
                   {", ".join(f"%(told_{name})s" for name in told)}
              from moved, unnest(%(told_events)s::text[]) with ordinality as events(words, place) order by place
        ){f", beside as ({beside.text})" if beside else ""}
        select * from moved
    """
    parameters |= {f"told_{name}": value for name, value in told.items()}
    parameters |= {"told_at": now, "told_events": [event, *remarks], "was_state": order.state, **_as_read(order)}
    parameters |= {**only_if.values, **(beside.values if beside else {})}
    if first is None:
        return _found(run(connection, statement, parameters).fetchone(), order)
    _, rows = run_all(connection, [first, Sql(text=statement, values=parameters)])
    return _found(rows[0] if rows else None, order)


def change(connection: Connection, order: Order, values: Mapping[str, Any], *, same_state: bool = False) -> Order:
    """Write columns of a row whose claim is still the one that `order` was read with; raises ClaimLost otherwise."""
    assignments, parameters = _assigned(values)
    state = " and state = %(was_state)s" if same_state else ""
    statement = f"update orders set {assignments} where {_AS_READ}{state} returning {_RETURNED}"
    row = run(connection, statement, {**parameters, "was_state": order.state, **_as_read(order)}).fetchone()
    return _found(row, order)


_RETURNED = ", ".join(COLUMN_NAMES)
_AS_READ = "id = %(was_id)s and claim_id is not distinct from %(was_claim)s"
_JSON = frozenset({"lines", "gone", "left_out"})


def _as_read(order: Order) -> dict[str, Any]:
    return {"was_id": order.id, "was_claim": order.claim_id, "was_revision": order.revision}


def _assigned(values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The assignments of an update, and their parameters."""
    texts: list[str] = []
    parameters: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Sql):
            texts.append(f"{name} = {value.text}")
            parameters |= value.values
        else:
            texts.append(f"{name} = %({name})s")
            parameters[name] = as_jsonb(value) if name in _JSON else value
    return ", ".join(texts), parameters


def _found(row: tuple[Any, ...] | None, order: Order) -> Order:
    if row is None:
        raise ClaimLost(f"{order.shop} {order.label} is no longer as it was read")
    return as_order(row)


def read_unless_newer(order: Order) -> Sql:
    """`must_read` after the order was read from the shop: still wanted where something came since."""
    return Sql(
        text="(case when orders.revision = %(read_revision)s then false else orders.must_read end)",
        values={"read_revision": order.revision},
    )


def unless_newer(order: Order, due_at: datetime | None, now: datetime) -> Sql:
    """`due_at`, but now where something came for the order since it was read."""
    return Sql(
        text="(case when orders.revision = %(due_revision)s then %(due_at)s::timestamptz else %(due_now)s end)",
        values={"due_revision": order.revision, "due_at": due_at, "due_now": now},
    )


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
    told = _told(to_state, actor=actor, code=code, detail=detail, attempt=attempt)
    run(connection, _TELL, {"order": order.id, "at": now, "from_state": order.state, "event": event, **told})


def _told(to_state: str, *, actor: str, code: str, detail: Detail | None, attempt: UUID | None) -> dict[str, Any]:
    """The columns of a history row beside its order, time, event and the state before."""
    return {
        "to_state": to_state,
        "code": code,
        "actor": actor,
        "attempt_id": attempt,
        "detail": seal_json(list(detail)) if detail else None,
    }


_TELL = """
    insert into history ("order", at, from_state, to_state, event, code, actor, attempt_id, detail)
    values (%(order)s, %(at)s, %(from_state)s, %(to_state)s, %(event)s, %(code)s, %(actor)s, %(attempt_id)s, %(detail)s)
"""
