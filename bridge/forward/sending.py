"""Create Order: written down before and after, and every outcome to its place."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError

from bridge.backoff import CLAIM, GIVE_UP, first_evidence, next_try
from bridge.decide import Known, Send
from bridge.errors import ClaimLost, ReferenceTaken, StoreAway
from bridge.forward import probing
from bridge.forward.tools import Tools
from bridge.platforms.base import LeftOut
from bridge.shops import Shop
from bridge.sortedpro.client import ATTEMPT_MARK, Outcome, SortedPro
from bridge.sortedpro.contract import encode
from bridge.store import ledger, pacing
from bridge.store.database import autocommit, transaction
from bridge.store.pacing import NoRoom

log = structlog.get_logger()

# Seconds between tries to write an outcome down while the database is away: as long as the process lives, and of one
# that is to end as long as it may take.
_PATIENCE = (0.1, 0.2, 0.5, *[1.0] * 10)
_WHILE_IT_LIVES = 5.0
_ENDING = 20.0

# An order that was due for longer than this was held back by a pause, not by SortedPRO.
_ROW = timedelta(hours=2)

LIMIT = timedelta(seconds=20)  # of a Create Order call, from connecting to the last byte


def send(
    tools: Tools,
    order: ledger.Order,
    shop: Shop,
    decision: Send,
    payload: bytes,
    *,
    known: Known,
    beside: frozenset[object],
    fetched: Mapping[str, Any],
    now: datetime,
) -> ledger.Order | None:
    """Send one order; returns it when SortedPRO has made it, still claimed, for the write-back.

    `payload` is `decision.payload` encoded. Raises ClaimLost when a newer body has come meanwhile: nothing is sent.
    """
    assert order.body_id is not None
    attempt = ledger.Attempt(
        id=tools.new_id(),
        destination=shop.destination.name,
        payload=payload,
        fetched=fetched,
        known=known.as_json(),
        mapping_version=shop.mapping.version,
        body_id=order.body_id,
        clock=now,
        lines=decision.lines,
        route=decision.route.as_json(),
    )
    content = encode(with_attempt(decision.payload, str(attempt.id)))
    _go_on(tools)
    tools.keep_mapping(shop.mapping.version, shop.mapping.text, now)
    try:
        begun = _begin(tools, order, decision, attempt, beside, now)
    except ReferenceTaken:
        _taken(tools, order, attempt.destination, decision.customer_reference, now)
        return None
    if begun is None:
        return None
    outcome = _call(tools, tools.destinations[shop.destination.name], begun, content)
    tools.reach("answered")
    return _written(tools, begun, shop, outcome)


def _begin(
    tools: Tools,
    order: ledger.Order,
    decision: Send,
    attempt: ledger.Attempt,
    beside: frozenset[object],
    now: datetime,
) -> ledger.Order | None:
    """Write down that the order is being sent, with what was used for it; None where the destination has no room."""
    about: dict[str, Any] = {
        "customer_reference": decision.customer_reference,
        "left_out": [as_json(one) for one in decision.left_out if one.may_ship],
        "fulfilled": decision.fulfilled,
        "remarks": _remarks(order, decision),
        "now": tools.clock(),
    }
    begun = None
    if order.parts == 1 and not decision.rest:
        with suppress(ClaimLost), autocommit(tools.engine) as connection:
            begun = ledger.begin_alone(connection, order, attempt, **about)
    if begun is None:
        begun = _begin_in_turn(tools, order, attempt, now, {**about, "beside": beside, "rest": decision.rest})
    if begun is not None:
        tools.reach("begun")
    return begun


def _begin_in_turn(
    tools: Tools,
    order: ledger.Order,
    attempt: ledger.Attempt,
    decided_at: datetime,
    about: Mapping[str, Any],
    *,
    turn_taken: bool = False,
) -> ledger.Order | None:
    """`_begin` where there is more to it than one round trip.

    Where the destination's rate lets it wait for moments only, it waits, without a connection to the database.
    """
    with transaction(tools.engine) as connection:
        found = ledger.begin_send(connection, order, attempt, turn_taken=turn_taken, **about)
        if not isinstance(found, NoRoom):
            tools.reach("begin_written")
            return found
        if found.turn is None and order.state == "queued":
            redirected = _redirected(order, attempt.destination)
            why = {"code": found.code, "reason": found.words, **redirected}
            ledger.rest(connection, order, due_at=order.due_at, now=decided_at, **why)
    if found.turn is None:
        return None
    tools.pause(max(0.0, (found.turn - tools.clock()).total_seconds()))
    _go_on(tools)
    return _begin_in_turn(tools, order, attempt, decided_at, {**about, "now": tools.clock()}, turn_taken=True)


def _go_on(tools: Tools) -> None:
    if tools.stopping():
        raise ClaimLost("the process is about to end: the order is left to the next one")


def _remarks(order: ledger.Order, decision: Send) -> list[str]:
    """What the history tells beside the sending: once, not at each try."""
    if order.attempt_id is not None:
        return []
    left = [f"left out: {one.quantity} x {one.name}: {one.reason}" for one in decision.left_out]
    return [*decision.notes, *left]


def as_json(one: LeftOut) -> dict[str, Any]:
    """Goods left out, as the ledger keeps them."""
    return {**asdict(one), "until": one.until.isoformat() if one.until else None}


def _redirected(order: ledger.Order, destination: str) -> dict[str, Any]:
    """Of an order that was queued for another destination: the one that its shop has now."""
    return {} if order.destination == destination else {"destination": destination, "customer_reference": None}


def _taken(tools: Tools, order: ledger.Order, destination: str, reference: str | None, now: datetime) -> None:
    with transaction(tools.engine) as connection:
        other = ledger.reference_owner(connection, destination, reference)
        words = f"OrderReferenceProvidedByCustomer is that of {other}: references must differ between orders"
        ledger.move(connection, order, "failed", event=words, now=now, code="reference_taken")


def expire(tools: Tools, order: ledger.Order) -> None:
    """An order found in `sending` after its deadline: the process that sent it is gone."""
    now = tools.clock()
    assert order.attempt_id is not None
    with transaction(tools.engine) as connection:
        pacing.trial_died(connection, order.attempt_id, now, tools.chance)
        doubtful = ledger.expire(connection, order, now)
        if ledger.made_earlier(connection, doubtful, now) is None:
            _doubt_policy(tools, connection, doubtful, now)
    log.error("in doubt", shop=order.shop, order=order.label, attempt=str(order.attempt_id))


def with_attempt(payload: Mapping[str, Any], attempt: str) -> dict[str, Any]:
    """The request with the attempt in its metadata, so that a person can tell two orders apart in SortedPRO."""
    mark = {"KeyValue": ATTEMPT_MARK, "StringValue": attempt}
    return {**payload, "MetaData": [*(payload.get("MetaData") or ()), mark]}


def _call(tools: Tools, sortedpro: SortedPro, order: ledger.Order, content: bytes) -> Outcome:
    """The call itself, unless so much time has gone by that it might outlast the deadline."""
    assert order.deadline is not None
    if tools.clock() + LIMIT > order.deadline:
        words = "not sent: too little time was left before the deadline"
        return Outcome(kind="unreachable", message=words, told=False)
    return sortedpro.create_order(content, limit=LIMIT)


def _written(tools: Tools, begun: ledger.Order, shop: Shop, outcome: Outcome) -> ledger.Order | None:
    """Write the outcome down, however long the database is away: what is known must not become a doubt."""
    created, is_open = _patiently(tools, begun, shop, outcome)
    tools.reach("ended")
    log.info(
        "create order", shop=begun.shop, order=begun.label, attempt=str(begun.attempt_id), outcome=outcome.kind,
        status=outcome.status, reference=outcome.reference,
    )  # fmt: skip
    if is_open:
        probing.probe(tools, tools.clock())
    return created


def _patiently(tools: Tools, begun: ledger.Order, shop: Shop, outcome: Outcome) -> tuple[ledger.Order | None, bool]:
    waits, ending = chain(_PATIENCE, repeat(_WHILE_IT_LIVES)), 0.0
    while True:
        try:
            return _end(tools, begun, shop, outcome)
        except StoreAway as error:
            log.error(  # with the reference, by which a person can settle the order if this process ends now
                "outcome not written down yet", shop=begun.shop, order=begun.label, outcome=outcome.kind,
                reference=outcome.reference, reason=str(error),
            )  # fmt: skip
            wait = next(waits)
            ending += wait if tools.stopping() else 0
            if ending > _ENDING:
                raise
        tools.pause(wait)


def _end(tools: Tools, begun: ledger.Order, shop: Shop, outcome: Outcome) -> tuple[ledger.Order | None, bool]:
    """The outcome onto the attempt, the order and the destination.

    Returns the order where it was created, and whether the destination's breaker is open now.
    """
    now = tools.clock()
    try:
        created = _created(tools, begun, outcome, now) if outcome.reference else None
        return (created, False) if created else _ended(tools, begun, shop, outcome, now)
    except IntegrityError:
        if outcome.reference is None:  # that of an earlier attempt was given to another order at this moment
            return _ended(tools, begun, shop, outcome, now)
        words = f"SortedPRO answered {outcome.reference}, which is the reference of another order: find out whose it is"
        log.error("reference taken", shop=begun.shop, order=begun.label, reference=outcome.reference)
        doubtful = replace(outcome, kind="unknown", reference=None, message=words, told=False)
        return _ended(tools, begun, shop, doubtful, now)


def _created(tools: Tools, begun: ledger.Order, outcome: Outcome, now: datetime) -> ledger.Order | None:
    """The usual end, in one statement; None where the order is not as it was when its sending began."""
    assert outcome.reference is not None
    try:
        with autocommit(tools.engine) as connection:
            return ledger.create(
                connection, begun, reference=outcome.reference, status=outcome.status, answer=outcome.answer,
                message=outcome.message, claim_id=tools.new_id(), claimed_until=now + CLAIM, now=now,
            )  # fmt: skip
    except ClaimLost:
        return None


def _ended(
    tools: Tools, begun: ledger.Order, shop: Shop, outcome: Outcome, now: datetime
) -> tuple[ledger.Order | None, bool]:
    """Any other end; the order where it was created, and whether the destination's breaker is to be probed."""
    assert begun.attempt_id is not None
    with transaction(tools.engine) as connection:
        is_open = pacing.note_outcome(
            connection, shop.destination.name, begun.attempt_id, kind=outcome.kind if outcome.told else "none",
            words=outcome.message, retry_after=outcome.retry_after, now=now, chance=tools.chance,
        )  # fmt: skip
        order = ledger.end_send(
            connection, begun.attempt_id, outcome=outcome.kind, status=outcome.status, message=outcome.message,
            reference=outcome.reference, answer=outcome.answer, now=now,
        )  # fmt: skip
        created = None
        if order is not None:
            newer = order.revision != begun.revision
            created = _settle(tools, connection, order, shop, outcome, newer=newer, now=now)
        elif outcome.reference:
            ledger.late_reference(connection, begun.attempt_id, now)
        tools.reach("end_written")
    return created, is_open


def _settle(
    tools: Tools, connection: Any, order: ledger.Order, shop: Shop, outcome: Outcome, *, newer: bool, now: datetime
) -> ledger.Order | None:
    """Move the order to where the outcome takes it; returns it when this attempt created it.

    Where the answer to an earlier attempt came meanwhile, and told of an order, that is the one.
    """
    about: dict[str, Any] = {"now": now, "attempt": order.attempt_id}
    if outcome.kind != "created" and ledger.made_earlier(connection, order, now):
        if outcome.kind == "misconfigured":
            probing.refuse(tools, connection, shop.destination, outcome.message, now)
        return None
    match outcome.kind:
        case "created":
            return ledger.move(
                connection, order, "created", event=f"SortedPRO made {outcome.reference}", due_at=now,
                keep_claim=True, claimed_until=now + CLAIM, claim_id=tools.new_id(), reference=outcome.reference,
                sent_attempt=order.attempt_id, tries=0, unreachable_since=None, not_before=None, **about,
            )  # fmt: skip
        case "refused":
            state, due_at = ("received", now) if newer else ("failed", None)
            detail = [asdict(one) for one in outcome.details]
            words = f"SortedPRO refused it: {outcome.message}"
            ledger.move(
                connection, order, state, event=words, code="refused", detail=detail, due_at=due_at,
                unreachable_since=None, tries=0, **about,
            )  # fmt: skip
        case "misconfigured":
            _misconfigured(tools, connection, order, shop, outcome.message, about)
        case "busy":
            asked = outcome.retry_after
            wait = min(asked, pacing.LONGEST_QUIET) if asked else next_try(order.tries, tools.chance)
            _again(connection, order, f"SortedPRO is busy: {outcome.message}", "busy", now + wait, None, about)
        case "unreachable":
            since = _unreachable_since(order, now)
            wait = next_try(order.tries, tools.chance)
            if now - since > GIVE_UP:
                words = f"{outcome.message}; so for {GIVE_UP.days} days now: replay it when SortedPRO is there again"
                ledger.move(connection, order, "failed", event=words, code="unreachable", **about)
            else:
                _again(connection, order, outcome.message, "unreachable", now + wait, since, about)
        case "unknown" if order.state == "sending":
            words = f"in doubt: {outcome.message}"
            doubtful = ledger.move(
                connection,
                order,
                "in_doubt",
                event=words,
                code="in_doubt",
                due_at=now if newer else first_evidence(now),
                **about,
            )
            _doubt_policy(tools, connection, doubtful, now)
    return None


def _misconfigured(
    tools: Tools, connection: Any, order: ledger.Order, shop: Shop, words: str, about: dict[str, Any]
) -> None:
    """The destination is paused, unless only this process has the wrong key, because another came with a new one."""
    if probing.refuse(tools, connection, shop.destination, words, about["now"]):
        event = f"the destination {shop.destination.name} is paused: {words}"
    else:
        event = f"{shop.destination.name} has another key by now than the worker that tried: {words}"
    ledger.move(
        connection, order, "queued", event=event, code="misconfigured", due_at=about["now"], unreachable_since=None,
        **about,
    )  # fmt: skip


def _unreachable_since(order: ledger.Order, now: datetime) -> datetime:
    """When the row of unreachable answers began; a pause in between, when nothing was tried, ends a row."""
    if order.unreachable_since is None or order.not_before is None or now - order.not_before > _ROW:
        return now
    return order.unreachable_since


def _again(
    connection: Any,
    order: ledger.Order,
    words: str,
    code: str,
    when: datetime,
    since: datetime | None,
    about: dict[str, Any],
) -> None:
    """Nothing was made: queued, to be tried again at `when`."""
    ledger.move(
        connection, order, "queued", event=f"{words}; next try {when:%H:%M:%S} UTC", reason=words, code=code,
        due_at=about["now"], not_before=when, tries=order.tries + 1, unreachable_since=since, **about,
    )  # fmt: skip


def _doubt_policy(tools: Tools, connection: Any, order: ledger.Order, now: datetime) -> None:
    """`on_unknown_outcome: send_again` lets the policy do what otherwise only a person does."""
    shop = tools.shops.get(order.shop)
    if shop is None or shop.destination.on_unknown_outcome != "send_again":
        return
    ledger.move(
        connection, order, "received", now=now, actor="policy",
        event="sent again by the destination's policy, at the risk of a second order",
        due_at=now, not_before=now + next_try(order.tries, tools.chance), tries=order.tries + 1,
    )  # fmt: skip
