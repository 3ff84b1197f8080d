"""What a person may do to an order; command line, and later API and desk, call it. Each with reason and history."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from bridge.errors import ActionRefused, ClaimLost
from bridge.store import ledger, overwriting
from bridge.store.database import transaction
from bridge.store.doorbell import ring

NEVER_PASSED = frozenset({"other_host"})  # holds that no release passes over

_STOPPED = frozenset({"skipped", "failed", "held"})  # where nothing goes on without a person or a newer body
_REFERENCE = re.compile(r"EO-[A-Z0-9]{3}-[A-Z0-9]{3}-[A-Z0-9]{3}")
SENT_ELSEWHERE = "sent elsewhere"  # how the reason of what another connector sent begins


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What a person found out about an order in doubt: it exists, it is to be sent again, or (neither) dropped."""

    exists: str | None = None
    attempt: UUID | None = None  # by which it exists, where SortedPRO tells; else it is taken for the last one's
    send_again: bool = False


def is_reference(text: str) -> bool:
    """Whether a text looks like the reference of a SortedPRO order."""
    return _REFERENCE.fullmatch(text) is not None


def replay(
    engine: Engine, order: ledger.Order, *, who: str, reason: str, now: datetime, at_risk: bool = False
) -> ledger.Order:
    """Look at an order again; an unchanged request may be sent once more, for the cause may be mended in SortedPRO.

    Raises ActionRefused where the order is sent, or, without `at_risk`, where an attempt may have made it.
    """
    if order.state in {"sending", "created", "done"}:
        raise ActionRefused(f"{order.label} is {order.state}: it has been sent, and is not sent a second time")
    if order.state == "in_doubt":
        raise ActionRefused(f"{order.label} is in doubt: look for it in SortedPRO, then use `bridge order settle`")
    with transaction(engine) as connection:
        doubtful = ledger.was_in_doubt(connection, order)
    if doubtful and not at_risk:
        raise ActionRefused(
            f"{order.label} was sent once without an answer, so SortedPRO may have it: look there first. Where it has, "
            "`bridge order settle --exists EO-...` says so; --risk-a-second-order sends it all the same"
        )
    return _move(
        engine, order, "received", f"replayed: {reason}", who, now, resend=True, tries=0, unreachable_since=None
    )


def release(engine: Engine, order: ledger.Order, *, who: str, reason: str, now: datetime) -> ledger.Order:
    """Let a held order go on: `decide` passes over the hold it was held with. Raises ActionRefused for others.

    An open order from before send_from may be let go too.
    """
    if order.state != "held" and order.code != "before_send_from":
        raise ActionRefused(f"{order.label} is {order.state}, not held: there is nothing to release")
    if order.code in NEVER_PASSED:
        raise ActionRefused(f"{order.label} is not to be released: {order.reason}")
    released = sorted({*order.released, order.code})
    return _move(engine, order, "received", f"released: {reason}", who, now, released=released, resend=True)


def send_rest(engine: Engine, order: ledger.Order, *, who: str, reason: str, now: datetime) -> ledger.Order:
    """Open the next part of a sent order, for goods that may ship now and stand in no part; returns the new part.

    Raises ActionRefused where the order is not sent, or a part is open already that takes them.
    """
    with transaction(engine) as connection:
        parts = ledger.parts_of(connection, order, lock=True)
        first = ledger.first_sent(parts)
        if first is None or first.state not in {"created", "done"}:
            order = first or parts[0]
            raise ActionRefused(f"{order.label} is {order.state}: what is missing goes with it, or it is settled first")
        waiting = next((one for one in parts if ledger.is_open(one)), None)
        if waiting is not None:
            raise ActionRefused(f"{waiting.label} is open already ({waiting.state}): it takes what may ship")
        if not first.unsent and not first.left_out:
            raise ActionRefused(
                f"nothing of {first.label} is known to be missing; if the shop order has just changed, wait until its "
                "webhook has come: what is not sent is named by `bridge order show`"
            )
        event = f"opened for what {first.label} lacks: {reason}"
        made = ledger.open_part(connection, first, parts, event=event, actor=f"person: {who}", now=now)
        ring(connection)
        return made


def skip(engine: Engine, order: ledger.Order, *, who: str, reason: str, now: datetime) -> ledger.Order:
    """Take an order out, until a person replays it. Raises ActionRefused where it is sent, or may be."""
    if order.state in {"sending", "created", "done", "in_doubt"}:
        raise ActionRefused(f"{order.label} is {order.state}: SortedPRO has it or may have it; cancel it there")
    return _take_out(engine, order, f"skipped by a person: {reason}", who, now)


def settle(
    engine: Engine, order: ledger.Order, settled: Settled, *, who: str, reason: str, now: datetime
) -> ledger.Order:
    """End a doubt. Raises ActionRefused for an order that is not in doubt, or a reference that another one has.

    That an order exists may also be said of one that was in doubt before, and was taken out or stopped afterwards.
    """
    if order.state != "in_doubt" and not (settled.exists and _was_in_doubt(engine, order)):
        raise ActionRefused(f"{order.label} is {order.state}, not in doubt: there is nothing to settle")
    if settled.send_again:
        return _move(engine, order, "received", f"sent again: {reason}", who, now, resend=True)
    if settled.exists is None:
        return _take_out(engine, order, f"dropped: {reason}", who, now)
    if not is_reference(settled.exists):
        raise ActionRefused(f"{settled.exists} is no order reference: they look like EO-000-002-0TS")
    by_attempt: dict[str, Any] = {"sent_attempt": order.attempt_id}
    if settled.attempt not in {None, order.attempt_id}:
        with transaction(engine) as connection:
            earlier = ledger.sent_attempt(connection, replace(order, sent_attempt=settled.attempt))
        by_attempt = {"sent_attempt": settled.attempt, "lines": ledger.as_text(earlier.lines) if earlier else {}}
        if earlier and earlier.body_id != order.body_id:
            by_attempt["compared"] = 0
    try:
        return _move(
            engine, order, "created", f"exists as {settled.exists}: {reason}", who, now,
            reference=settled.exists, **by_attempt,
        )  # fmt: skip
    except IntegrityError as error:
        raise ActionRefused(f"{settled.exists} is the reference of another order already") from error


def may_be_made(order: ledger.Order) -> bool:
    """Whether an order has no reference although a call may have made one: in doubt, or taken out or stopped since."""
    return order.state == "in_doubt" or (order.state in _STOPPED and order.attempt_id is not None)


def _was_in_doubt(engine: Engine, order: ledger.Order) -> bool:
    if not may_be_made(order):
        return False
    with transaction(engine) as connection:
        return ledger.was_in_doubt(connection, order)


def end_write_back(engine: Engine, order: ledger.Order, *, who: str, reason: str, now: datetime) -> ledger.Order:
    """End a write-back that the shop will not take (deleted, or another reference stands there): it stays as it is.

    Raises ActionRefused for an order that waits for no write-back.
    """
    if order.state != "created":
        raise ActionRefused(f"{order.label} is {order.state}: there is no write-back to settle")
    event = f"the shop order is left as it is, {order.reference} not written: {reason}"
    # Rung for: a later body is compared, left-out goods are watched.
    return _move(engine, order, "done", event, who, now, released=overwriting.used(order))


def overwrite(engine: Engine, order: ledger.Order, *, who: str, reason: str, now: datetime) -> ledger.Order:
    """Let the next write-back, and no other, replace the reference of no part that stands on the shop order.

    Raises ActionRefused where none is known to stand there, and where the shop order is gone.
    """
    if order.state == "created" and order.trouble_code == "order_gone":
        raise ActionRefused(f"the shop has no order {order.label} to write on any more: `--write-back keep` ends it")
    if order.state != "created" or order.trouble_code != "write_back_conflict":
        raise ActionRefused(f"no other reference is known to stand on {order.label}: there is nothing to overwrite")
    event = f"the other reference on the shop order is to be replaced with {order.reference}: {reason}"
    allowed = overwriting.allowed(order)
    return _move(engine, order, "created", event, who, now, reason=order.reason, released=allowed)


def _take_out(
    engine: Engine, order: ledger.Order, event: str, who: str, now: datetime, *, code: str = ""
) -> ledger.Order:
    """Skip an order until a person replays it, without giving its goods to another part of the shop order.

    What was in doubt keeps the goods that were asked for: SortedPRO may have them. So does the first of several parts,
    whose goods are known. Those of another further part are looked up once more, so that they are not named as missing
    again.
    """
    further = order.part > 1
    keeps = order.state == "in_doubt" or (order.parts > 1 and not further)
    lines = {"lines": order.lines} if keeps else {}
    return _move(
        engine, order, "skipped", event, who, now, ring_for_it=further, by_person=True,
        code=ledger.DISMISSED if further else code, **lines,
    )  # fmt: skip


def _move(
    engine: Engine,
    order: ledger.Order,
    state: str,
    event: str,
    who: str,
    now: datetime,
    *,
    ring_for_it: bool = True,
    **changes: Any,
) -> ledger.Order:
    """Move an order as a person; refused where a worker has it at this moment."""
    if order.claimed_until is not None and order.claimed_until > now:
        raise ActionRefused(f"{order.label} is being worked on: try again in a few seconds")
    values = {"by_person": not ring_for_it, "not_before": None, "looks": 0, **changes}
    try:
        with transaction(engine) as connection:
            due_at = now if ring_for_it else None
            moved = ledger.move(
                connection, order, state, event=event, now=now, actor=f"person: {who}", due_at=due_at, **values
            )
            if ring_for_it:
                ring(connection)
    except ClaimLost as error:
        raise ActionRefused(f"{order.label} has just changed: look at it again") from error
    return moved


def adopt(
    engine: Engine, order: ledger.Order, reference: str | None, *, by: str, destination: str, who: str, now: datetime
) -> ledger.Order:
    """Take an order as made by another connector: with its reference, which is then written back, or sent elsewhere.

    It is never sent by the bridge. Raises ActionRefused where the bridge has sent it or is sending it, and for a
    reference that another order has.
    """
    if order.state in {"sending", "created", "done"}:
        raise ActionRefused(f"{order.label} is {order.state}: the bridge sends or sent it; look for two orders of it")
    if reference is None:
        words = f"{SENT_ELSEWHERE}: by {by}"
        return _take_out(engine, order, words, who, now, code="sent_elsewhere")
    if order.state == "in_doubt":
        return settle(engine, order, Settled(exists=reference), who=who, reason=f"made by {by}", now=now)
    try:
        return _move(
            engine, order, "created", f"adopted: {by} made it as {reference}", who, now,
            reference=reference, destination=destination, sent_attempt=None, attempt_id=None, left_out=[], unsent="",
            lines={}, tries=0, unreachable_since=None, resend=False,
        )  # fmt: skip
    except IntegrityError as error:
        raise ActionRefused(f"{reference} is the reference of another order already") from error
