"""The ledger around one Create Order call: written before it, and after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select, update
from sqlalchemy.exc import IntegrityError

from bridge.backoff import first_evidence
from bridge.errors import ClaimLost, ReferenceTaken
from bridge.store import pacing
from bridge.store.database import Sql, as_jsonb
from bridge.store.doorbell import ring
from bridge.store.ledger.parts import as_text, first_sent, is_open, marks, open_part, parts_of
from bridge.store.ledger.rows import ALWAYS, COLUMNS, Order, as_order, change, move
from bridge.store.pacing import NoRoom
from bridge.store.sealed import seal, seal_json, unseal, unseal_json
from bridge.store.tables import attempts, orders, shops

DEADLINE = timedelta(seconds=30)  # from begin_send; the call itself may last 20 s


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One Create Order call, with everything it was decided from."""

    id: UUID
    destination: str
    payload: bytes  # JSON, as sent but without what the client adds
    fetched: Mapping[str, Any]
    known: Mapping[str, Any]
    mapping_version: str
    body_id: int
    clock: datetime
    lines: Mapping[str, Decimal]  # the quantities in it, by line id
    route: Mapping[str, str]  # by which they ship: origin, service, pickup_point


def begin_send(
    connection: Connection,
    order: Order,
    attempt: Attempt,
    *,
    customer_reference: str | None,
    left_out: Sequence[Mapping[str, Any]],
    now: datetime,
    beside: frozenset[object],
    rest: bool,
    fulfilled: Mapping[str, Decimal],
    remarks: Sequence[str] = (),
    turn_taken: bool = False,
) -> Order | NoRoom:
    """Write down that the order is about to be sent, with `remarks`; the caller commits before it calls.

    The destination's row is locked first (`pacing.enter`), so that room, rate and breaker hold for all workers; without
    room the order is queued where it was in its shop's row, unless its turn comes within moments: then it comes again
    with `turn_taken`. `beside` are
    the marks of the other parts when it was decided, and `fulfilled` units that had left the shop then; where `rest`
    says that goods are left which no part has, the next part is opened for them. Raises ClaimLost when a newer body has
    come, the other parts have other goods now or the claim is another's, and ReferenceTaken when another order of the
    destination has the customer's reference: then the transaction is at its end, and nothing may be sent.
    """
    no_room = pacing.enter(connection, attempt.destination, order.shop, attempt.id, now, turn_taken=turn_taken)
    if no_room:
        if order.state != "queued" and no_room.turn is None:
            move(
                connection, order, "queued", event=no_room.words, now=now, due_at=order.due_at, code=no_room.code,
                same_revision=True, destination=attempt.destination, mapping_version=attempt.mapping_version,
            )  # fmt: skip
        return no_room
    order = reserve(connection, order, attempt.lines, beside=beside, rest=rest, fulfilled=fulfilled, now=now)
    return _sending(connection, order, attempt, customer_reference, left_out, remarks, now)


def begin_alone(
    connection: Connection,
    order: Order,
    attempt: Attempt,
    *,
    customer_reference: str | None,
    left_out: Sequence[Mapping[str, Any]],
    fulfilled: Mapping[str, Decimal],
    remarks: Sequence[str],
    now: datetime,
) -> Order:
    """`begin_send` in one round trip, for the only part of an order and a destination that takes it as things stand.

    Raises ReferenceTaken, and ClaimLost where `begin_send` may have more to say.
    """
    order = replace(order, gone=as_text(fulfilled))
    return _sending(
        connection, order, attempt, customer_reference, left_out, remarks, now,
        first=pacing.lock(attempt.destination), only_if=pacing.is_open(attempt.destination, now),
    )  # fmt: skip


def _sending(
    connection: Connection,
    order: Order,
    attempt: Attempt,
    customer_reference: str | None,
    left_out: Sequence[Mapping[str, Any]],
    remarks: Sequence[str],
    now: datetime,
    *,
    first: Sql | None = None,
    only_if: Sql = ALWAYS,
) -> Order:
    deadline = now + DEADLINE
    columns = _columns(order, attempt, now, deadline)
    names, values = (", ".join(form.format(name) for name in columns) for form in ('"{}"', "%(begun_{})s"))
    begun = Sql(
        text=f"insert into attempts ({names}) select {values} from moved",
        values={f"begun_{name}": value for name, value in columns.items()},
    )
    try:
        return move(
            connection, order, "sending", event="sending", now=now, same_revision=True, keep_claim=True,
            attempt=attempt.id, attempt_id=attempt.id, due_at=deadline, deadline=deadline, claimed_until=deadline,
            destination=attempt.destination, customer_reference=customer_reference, resend=False,
            mapping_version=attempt.mapping_version, left_out=list(left_out), must_read=False, compared=order.revision,
            lines=as_text(attempt.lines), gone=order.gone, remarks=remarks, beside=begun, first=first, only_if=only_if,
        )  # fmt: skip
    except IntegrityError as error:
        raise ReferenceTaken(f"{customer_reference} is the reference of another order") from error


def reserve(
    connection: Connection,
    order: Order,
    lines: Mapping[str, Decimal],
    *,
    beside: frozenset[object],
    rest: bool,
    fulfilled: Mapping[str, Decimal],
    now: datetime,
) -> Order:
    """Make sure that no other part has what this one is to have, and open the next for what is left.

    The caller writes `lines` in the same transaction. Until a part is sent, `fulfilled` are units that no part has.
    Raises ClaimLost where the other parts have other goods by now than `beside` marks.
    """
    if order.parts == 1 and not rest:
        return replace(order, gone=as_text(fulfilled))
    parts = parts_of(connection, order, lock=True)
    if marks(parts, but=order) != beside:
        raise ClaimLost(f"{order.shop} {order.label}: another part has other goods by now")
    others = [one for one in parts if one.id != order.id]
    if first_sent(others) is None:
        order = replace(order, gone=as_text(fulfilled))
        connection.execute(update(orders).where(orders.c.id.in_([one.id for one in others])).values(gone=order.gone))
    if rest and lines and not any(is_open(one) for one in others):
        event = f"opened for goods that ship from another place or by another way than {order.label}"
        open_part(connection, order, parts, event=event, actor="worker", now=now)
        ring(connection)
    return order


def admit(connection: Connection, order: Order, limit: int, at: datetime) -> Order | None:
    """Count an order among those of its shop that became eligible in the hour before `at`; None where they are `limit`.

    The shop's row is locked meanwhile, so that two at once are not counted as one.
    """
    connection.execute(select(shops.c.name).where(shops.c.name == order.shop).with_for_update())
    lately = connection.execute(
        select(func.count())
        .select_from(orders)
        .where(orders.c.shop == order.shop, orders.c.eligible_at > at - timedelta(hours=1), orders.c.eligible_at <= at)
    ).scalar_one()
    return change(connection, order, {"eligible_at": at}) if lately < limit else None


def reference_owner(connection: Connection, destination: str, customer_reference: str | None) -> str:
    """Shop and name of the order that has a customer's reference."""
    query = select(orders.c.shop, orders.c.name).where(
        orders.c.destination == destination, orders.c.customer_reference == customer_reference
    )
    row = connection.execute(query).one()
    return f"{row.shop} {row.name}"


def create(
    connection: Connection,
    begun: Order,
    *,
    reference: str,
    status: int | None,
    message: str,
    answer: bytes,
    claim_id: UUID,
    claimed_until: datetime,
    now: datetime,
) -> Order:
    """Write down that an attempt has made its order, in one statement, and keep the order for the write-back.

    Raises ClaimLost where there is more to it: the order has gone on without us, or its destination had trouble and
    wants to hear that it is over. `end_send` is for that, in a transaction of its own.
    """
    ended = {"ended_at": now, "outcome": "created", "status": status, "message": message, "answer": seal(answer)}
    return move(
        connection, begun, "created", event=f"SortedPRO made {reference}", now=now, attempt=begun.attempt_id,
        due_at=now, keep_claim=True, claimed_until=claimed_until, claim_id=claim_id, reference=reference,
        sent_attempt=begun.attempt_id, tries=0, unreachable_since=None, not_before=None, only_if=_NO_TROUBLE,
        beside=Sql(
            text=f"""
                update attempts
                   set reference = moved.reference, {", ".join(f"{one} = %(ended_{one})s" for one in ended)}
                  from moved where attempts.id = moved.sent_attempt
            """,
            values={f"ended_{name}": value for name, value in ended.items()},
        ),
    )  # fmt: skip


_NO_TROUBLE = Sql(
    text="""
        not exists (select 1 from destinations d
                     where d.name = orders.destination and (d.failures > 0 or d.breaker <> ''))
    """
)


def end_send(
    connection: Connection,
    attempt_id: UUID,
    *,
    outcome: str,
    status: int | None,
    message: str,
    reference: str | None,
    answer: bytes,
    now: datetime,
) -> Order | None:
    """Write down how an attempt ended; returns its order, locked, while it still hangs on this attempt.

    That is: in `sending`, or in doubt about this attempt because its deadline passed before the answer came. None
    means that the order has gone on without us: see `late_reference`.
    """
    connection.execute(
        update(attempts)
        .where(attempts.c.id == attempt_id)
        .values(ended_at=now, outcome=outcome, status=status, message=message, reference=reference, answer=seal(answer))
    )
    query = select(*COLUMNS).where(orders.c.attempt_id == attempt_id, orders.c.state.in_(("sending", "in_doubt")))
    query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    return as_order(row) if row else None


def expire(connection: Connection, order: Order, now: datetime) -> Order:
    """An order whose deadline passed in `sending`: nobody knows whether SortedPRO has it."""
    connection.execute(
        update(attempts)
        .where(attempts.c.id == order.attempt_id, attempts.c.outcome == "")
        .values(outcome="unknown", message="the process ended before an answer was written down", ended_at=now)
    )
    return move(
        connection, order, "in_doubt", event="in doubt: the bridge stopped while the order was being sent", now=now,
        code="in_doubt", attempt=order.attempt_id,
        due_at=now if order.revision != order.compared else first_evidence(now),
    )  # fmt: skip


def last_refused(connection: Connection, order: Order) -> bytes | None:
    """The payload (JSON) that SortedPRO refused last for this order, None where it refused none."""
    query = (
        select(attempts.c.payload)
        .where(attempts.c.order == order.id, attempts.c.outcome == "refused")
        .order_by(attempts.c.started_at.desc())
        .limit(1)
    )
    payload = connection.execute(query).scalar_one_or_none()
    return None if payload is None else unseal(payload)


def sent_attempt(connection: Connection, order: Order) -> Attempt | None:
    """The attempt that a sent order is compared with: the one that made it, else the last one."""
    wanted = order.sent_attempt or order.attempt_id
    row = connection.execute(select(attempts).where(attempts.c.id == wanted)).one_or_none()
    if row is None:
        return None
    return Attempt(
        id=row.id,
        destination=row.destination,
        payload=unseal(row.payload),
        fetched=unseal_json(row.fetched),
        known=unseal_json(row.known),
        mapping_version=row.mapping_version,
        body_id=row.body_id,
        clock=row.clock,
        lines={line: Decimal(quantity) for line, quantity in row.lines.items()},
        route=row.route,
    )


def _columns(order: Order, attempt: Attempt, now: datetime, deadline: datetime) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "order": order.id,
        "destination": attempt.destination,
        "started_at": now,
        "deadline": deadline,
        "mapping_version": attempt.mapping_version,
        "body_id": attempt.body_id,
        "clock": attempt.clock,
        "payload": seal(attempt.payload),
        "fetched": seal_json(attempt.fetched),
        "known": seal_json(attempt.known),
        "lines": as_jsonb(as_text(attempt.lines)),
        "route": as_jsonb(dict(attempt.route)),
    }
