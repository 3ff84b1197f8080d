"""Looking at an order: read what `decide` needs, then do as it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog

from bridge.backoff import next_look
from bridge.decide import Adopt, Body, Decision, Hold, Known, Needs, Send, Skip, Unmappable, Wait, decide
from bridge.errors import BridgeError, ClaimLost, Problem, ShopTrouble
from bridge.forward import sending, standing, writing_back
from bridge.forward.tools import Tools
from bridge.http import Budget
from bridge.platforms.base import Fetched, OrderBody, PartOf
from bridge.shops import Shop
from bridge.sortedpro.contract import encode
from bridge.store import ledger
from bridge.store.database import transaction

log = structlog.get_logger()

READS = 30.0  # seconds that the reads of one look may take together
_ROUNDS = 6  # Needs in a row; each asks for something else, so this many is a fault


class Looking:
    """One look at one order: the newest body, and what was read for it."""

    def __init__(self, tools: Tools, order: ledger.Order) -> None:
        self.tools = tools
        self.order = order
        self.shop: Shop = tools.shop(order.shop)
        self.known, self.beside = _known(tools, order)
        self.data: dict[str, Any] = {}
        self.body: Body | None = None if order.body_id is None else tools.body(self.shop, order.body_id)
        self._budget = Budget(READS)

    def decide(self) -> tuple[Decision, datetime]:
        """The decision and the time it was made for. Raises ShopTrouble, ClaimLost."""
        if self.body is None or self.order.must_read:
            gone = self.read(frozenset({"order"}))
            if gone:
                return gone, self.tools.clock()
        for _ in range(_ROUNDS):
            now = self.tools.clock()
            assert self.body is not None
            decision = decide(self.shop, self.body, Fetched(data=self.data), self.known, now)
            if isinstance(decision, Needs):
                gone = self.read(decision.keys)
                if gone:
                    return gone, now
            elif isinstance(decision, Send) and not self._is_admitted(now):
                self.known = replace(self.known, surge=True)
            else:
                return decision, now
        raise BridgeError("the order asks for more after every read")

    def _is_admitted(self, now: datetime) -> bool:
        """Whether a newly eligible order is within the shop's surge_limit; what a person has let go is not counted.

        An order that waited for the bridge counts for the time when it came, so that an outage makes no surge.
        """
        limit = self.shop.mapping.policy.surge_limit
        order = self.order
        if limit is None or self.known.surge or order.eligible_at or order.released or self.shop.mode == "observe":
            return True
        if order.state == "held":  # it stays so until a person lets it go
            return True
        assert self.body is not None
        at = self.body.received_at if order.looks == 0 else now
        with transaction(self.tools.engine) as connection:
            admitted = ledger.admit(connection, order, limit, at)
        self.order = admitted or order
        return admitted is not None

    def read(self, keys: frozenset[str]) -> Skip | Wait | None:
        """Read from the shop; a newer body is taken in first. A decision where the shop has no such order."""
        content = self.body.content if self.body else None
        read = self.tools.fetcher.read(self.order.shop, self.order.order_id, content, keys, self._budget)
        self.data.update(read.data)
        if read.gone:
            return self._gone()
        if read.body is not None:
            return self._take(read.body)
        return None

    def _gone(self) -> Skip | Wait:
        if self.shop.platform.gone_is_deleted or self.order.deletion:
            return Skip(reason="deleted in the shop")
        words = "the shop does not show this order: deleted, or too old for the bridge's permissions (read_all_orders)"
        return Wait(reason=words, asks_shop=True)

    def _take(self, raw: bytes) -> Skip | None:
        """A body that the shop itself gave."""
        content = self.shop.platform.read(raw, "")
        if not isinstance(content, OrderBody) or content.order_id != self.order.order_id:
            raise ShopTrouble("the shop answered with something that is not this order", code="shop_answer")
        self.tools.intake.record_read(self.shop, content, raw, self.tools.clock())
        if self.order.body_id is not None and content.order_key != self.order.order_key:
            return Skip(reason="the shop has another order under this number now")
        claim = self.order.claim_id
        with transaction(self.tools.engine) as connection:
            self.order = ledger.get(connection, self.order.id)
        if self.order.claim_id != claim:
            raise ClaimLost("claimed by another")
        if self.order.body_id is None:
            return Skip(reason="the order stands in a row of its own, under its key")
        self.body = self.tools.body(self.shop, self.order.body_id)
        return None


def look(tools: Tools, order: ledger.Order) -> None:
    """Decide about an order that is not sent, and do it; what a person took out stays so."""
    looking = Looking(tools, order)
    if order.state == "skipped" and order.by_person:
        _dismiss(looking, tools.clock())
        return
    decision, now = looking.decide()
    tools.reach("looked")
    log.info("decided", shop=order.shop, order=looking.order.label, decision=type(decision).__name__.lower())
    if looking.order.state == "held" and not isinstance(decision, Hold | Skip):
        _keep_held(looking, decision, now)
        return
    match decision:
        case Send():
            _send(looking, decision, now)
        case Wait():
            times = [decision.until] if decision.until else []
            times += [now + next_look(looking.order.looks)] if decision.asks_shop else []
            due_at = min(times, default=None)
            version = looking.shop.mapping.version
            looks = looking.order.looks + 1
            _settle(looking, "waiting", decision.reason, now, due_at=due_at, looks=looks, mapping_version=version)
        case Skip():
            # A further part is closed for good: goods that come later are named on the first one.
            closed = looking.order.part > 1
            alarm = _may_exist(looking)
            _settle(looking, "skipped", decision.reason, now, code=decision.code, by_person=closed, alarm=alarm)
        case Hold(problem=problem):
            _settle(looking, "held", problem.message, now, code=problem.code)
        case Unmappable(problems=problems, notes=notes):
            _note(looking, notes, now)
            lines = ledger.as_text(decision.lines)
            code = problems[0].code or "unmappable"
            _settle(looking, "failed", _first(problems), now, code=code, problems=problems, rest=decision, lines=lines)
        case Adopt(reference=reference):
            _adopt(looking, reference, now)


def _known(tools: Tools, order: ledger.Order) -> tuple[Known, frozenset[object]]:
    """What the ledger knows of an order, and the marks of its other parts; most stand alone."""
    known = Known(part=order.part, released=frozenset(order.released), gone=ledger.numbers(order.gone))
    if order.parts == 1 and order.namesake is None:
        return replace(known, gone={}), frozenset()  # of the only part nothing has left before it is sent
    with transaction(tools.engine) as connection:
        rows = ledger.parts_of(connection, order)
        others = ledger.namesakes(connection, order)
    beside = [one for one in rows if one.id != order.id]
    if ledger.first_sent(beside) is None:
        known = replace(known, gone={})
    found = standing.of_parts(tools, beside)
    told = _told_of(others[-1]) if others else ""
    known = replace(known, taken=found.taken, unclear=found.unclear, namesake=told, namesakes=len(others))
    return known, ledger.marks(rows, but=order)


def _told_of(other: ledger.Order) -> str:
    """An order of the same id in words; not its key, which opens its page in the shop."""
    since = f" of {other.ordered_at:%Y-%m-%d}" if other.ordered_at else ""
    return f"{other.label}{since} ({other.reference or other.state})"


def _may_exist(looking: Looking) -> str:
    """The alarm of an order that is not sent any more although a call without an answer may have made it."""
    order = looking.order
    if order.attempt_id is None or order.resend:  # a person has looked before it was sent again
        return order.alarm
    with transaction(looking.tools.engine) as connection:
        doubtful = ledger.was_in_doubt(connection, order)
    words = "a call without an answer may have made it in SortedPRO: look for it there, and do not ship it"
    return order.alarm or (words if doubtful else "")


def _first(problems: Sequence[Problem]) -> str:
    """What stands on the order: the first problem without its value, and how many more there are."""
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    place = first.target or first.source
    return f"{place}: {first.message}{more}" if place else f"{first.message}{more}"


def _settle(
    looking: Looking,
    state: str,
    reason: str,
    now: datetime,
    *,
    code: str = "",
    problems: Sequence[Problem] = (),
    rest: Unmappable | None = None,
    **changes: Any,
) -> None:
    """Move the order, or only let it go where nothing has changed (an hourly look is no event).

    `rest` may say that goods of the order ship another way: what is wrong with these does not stop those.
    """
    order = looking.order
    changes = {"due_at": None, "not_before": None, "tries": 0, "unreachable_since": None, **changes}
    with transaction(looking.tools.engine) as connection:
        if rest:
            ledger.reserve(connection, order, rest.lines, beside=looking.beside, rest=rest.rest, fulfilled={}, now=now)
        if (order.state, order.reason, order.code) == (state, reason, code):
            ledger.rest(connection, order, now=now, must_read=ledger.read_unless_newer(order), **changes)
            return
        ledger.move(
            connection, order, state, event=reason, now=now, code=code, same_revision=True,
            detail=[asdict(problem) for problem in problems], must_read=False, **changes,
        )  # fmt: skip


def _note(looking: Looking, notes: Sequence[str], now: datetime) -> None:
    """What an order's story needs beside its problems, told once."""
    if looking.order.state == "failed":
        return
    with transaction(looking.tools.engine) as connection:
        for words in notes:
            ledger.remark(connection, looking.order, words, now=now)


def _keep_held(looking: Looking, decision: Decision, now: datetime) -> None:
    """A held order stays so until a person releases it, with what would stop it afterwards told now."""
    order = looking.order
    if isinstance(decision, Unmappable):
        _settle(looking, "held", _first(decision.problems), now, code=order.code, problems=decision.problems)
        return
    with transaction(looking.tools.engine) as connection:
        ledger.rest(connection, order, due_at=None, now=now, must_read=ledger.read_unless_newer(order), not_before=None)


def _dismiss(looking: Looking, now: datetime) -> None:
    """What a person took out stays where it is; goods of a further part are then not to be sent at all."""
    lines: Mapping[str, str] = looking.order.lines
    if looking.order.code == ledger.DISMISSED and not lines:
        looking.read(frozenset({"order"}))
        known = looking.known
        part = PartOf(number=known.part, taken=known.taken, gone=known.gone)
        lines = ledger.as_text(_free(looking, part, now))
    with transaction(looking.tools.engine) as connection:
        ledger.rest(
            connection, looking.order, due_at=None, now=now, not_before=None, lines=lines,
            must_read=ledger.read_unless_newer(looking.order),
        )  # fmt: skip


def _free(looking: Looking, part: PartOf, now: datetime) -> dict[str, Decimal]:
    """What ships beside all other parts, by the newest body and what was read."""
    assert looking.body is not None
    order = looking.body.content.order
    return standing.by_the_body(looking.shop, order, looking.data, now, part)


def _adopt(looking: Looking, reference: str, now: datetime) -> None:
    """The shop order carries our record: what it wants now stands in that SortedPRO order, what is added later not."""
    lines = _free(looking, PartOf(taken=looking.known.taken), now)
    with transaction(looking.tools.engine) as connection:
        ledger.move(
            connection, looking.order, "done", event=f"adopted: the shop order carries {reference} already", now=now,
            same_revision=True, reference=reference, compared=looking.order.revision, must_read=False, not_before=None,
            destination=looking.shop.destination.name, tries=0, lines=ledger.as_text(lines),
        )  # fmt: skip


def _send(looking: Looking, decision: Send, now: datetime) -> None:
    """Send, unless it is the very request that SortedPRO refused."""
    payload = encode(decision.payload)
    if _was_refused(looking, payload) and not looking.order.resend:
        words = "SortedPRO refused this very request before: change the order or the mapping, or replay it as it is"
        _settle(looking, "failed", words, now, code="refused_before")
        return
    created = sending.send(
        looking.tools,
        looking.order,
        looking.shop,
        decision,
        payload,
        known=looking.known,
        beside=looking.beside,
        fetched=looking.data,
        now=now,
    )
    if created is not None:
        writing_back.write_back(looking.tools, created, looking.body)


def _was_refused(looking: Looking, payload: bytes) -> bool:
    if looking.order.attempt_id is None:
        return False  # never tried
    with transaction(looking.tools.engine) as connection:
        return ledger.last_refused(connection, looking.order) == payload
