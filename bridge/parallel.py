"""Going live beside another connector: the orders it made in SortedPRO against what the bridge would send. Only reads.

An order that the shop has fulfilled meanwhile is judged as it stood before, by what its body says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bridge import bulk
from bridge.comparison.differences import Difference, differences
from bridge.comparison.listing import Row
from bridge.decide import Adopt, Body, Decision, Hold, Known, Needs, Send, Skip, Unmappable, Wait, decide
from bridge.errors import BridgeError, CallFailed, NothingSent, Problem, ShopTrouble
from bridge.forward import Tools
from bridge.http import Budget
from bridge.platforms.base import Fetched, OrderBody
from bridge.shops import Shop
from bridge.sortedpro.contract import encode
from bridge.store import queries
from bridge.store.database import transaction
from bridge.store.ledger import Order

_READS = 30.0  # seconds that the reads of one order may take together
_ROUNDS = 6  # Needs in a row; each asks for something else, so this many is a fault
_CALL = timedelta(seconds=20)
_PAUSES = (5.0, 20.0)  # seconds before SortedPRO is asked again
# What would keep an order back on the parallel days only, by the codes of `decide`.
_PASSED_OVER = frozenset({"observe", "surge", "before_send_from", "sent_elsewhere", "send_after"})


@dataclass(frozen=True, kw_only=True)
class Compared:
    """An order that both would send, with what is different; nothing is where they are equal."""

    row: Row
    order: Order
    found: Sequence[Difference]


@dataclass(frozen=True, kw_only=True)
class NotSent:
    """An order that the other connector made, and the bridge would not send."""

    row: Row
    order: Order
    decision: str  # skip, wait, hold, error, sent
    reason: str


@dataclass(frozen=True, kw_only=True)
class Unmatched:
    """An order that only one side knows, or that could not be read."""

    shop: str
    order: str
    reference: str | None
    words: str


Finding = Compared | NotSent | Unmatched


def pairs(tools: Tools, rows: Sequence[Row]) -> tuple[list[tuple[Row, Order]], list[Unmatched]]:
    """The rows with the ledger's orders, and what has no counterpart on either side."""
    found: list[tuple[Row, Order]] = []
    lonely: list[Unmatched] = []
    with transaction(tools.engine) as connection:
        for row in rows:
            matching = bulk.matches(connection, row)
            if len(matching) == 1:
                found.append((row, matching[0]))
                continue
            words = "in the file, and its webhook has not come to the bridge"
            lonely.append(_lonely(row, bulk.ambiguous(row, matching) if matching else words))
    return found, [*lonely, *_only_ours(tools, found)]


def compare(tools: Tools, row: Row, order: Order) -> Finding:
    """Compare one order. Raises ConfigurationError, NothingSent or ShopTrouble where no other could be read either."""
    assert row.reference is not None, "an order that was sent elsewhere cannot be read"
    if order.reference not in {None, row.reference}:
        return NotSent(row=row, order=order, decision="sent", reason=f"the bridge has sent it as {order.reference}")
    try:
        theirs = _theirs(tools, row.reference, tools.shop(row.shop))
        if theirs is None:
            return _lonely(row, "SortedPRO has no order of this reference")
        decision = _Rendering(tools, order).decide()
    except NothingSent:
        raise
    except CallFailed as error:
        return _lonely(row, f"could not be read: {error}")
    except ShopTrouble as trouble:
        if trouble.pauses:
            raise
        return _lonely(row, f"the shop could not be asked: {trouble}")
    if not isinstance(decision, Send):
        word, reason = _told(decision)
        return NotSent(row=row, order=order, decision=word, reason=reason)
    ours = json.loads(encode(decision.payload), parse_float=Decimal)
    return Compared(row=row, order=order, found=differences(theirs, ours))


def _lonely(row: Row, words: str) -> Unmatched:
    return Unmatched(shop=row.shop, order=row.order, reference=row.reference, words=words)


def _only_ours(tools: Tools, found: Sequence[tuple[Row, Order]]) -> Iterator[Unmatched]:
    """Orders that the bridge sent, would send or observed, of the time that the file covers, and that it lacks."""
    listed = {order.id for _, order in found}
    for shop in sorted({order.shop for _, order in found}):
        times = [order.ordered_at for _, order in found if order.shop == shop and order.ordered_at is not None]
        if not times:
            continue
        with transaction(tools.engine) as connection:
            ours = queries.would_be_sent(connection, shop, min(times), max(times))
        for order in ours:
            if order.id not in listed:
                words = f"{order.state} in the bridge, and not in the file"
                yield Unmatched(shop=shop, order=order.label, reference=order.reference, words=words)


def _theirs(tools: Tools, reference: str, shop: Shop) -> Any:
    """SortedPRO's order, asked for again where it is busy. Raises CallFailed, ConfigurationError."""
    account = tools.destinations[shop.destination.name]
    for seconds in _PAUSES:
        try:
            return account.get_order(reference, limit=_CALL)
        except NothingSent:
            raise
        except CallFailed:
            tools.pause(seconds)
    return account.get_order(reference, limit=_CALL)


class _Rendering:
    """What the bridge would send of an order: its newest body and what its shop says now, with nothing written."""

    def __init__(self, tools: Tools, order: Order) -> None:
        self._tools = tools
        self._order = order
        self._shop = replace(tools.shop(order.shop), mode="live")
        self._known = Known(released=_PASSED_OVER | frozenset(order.released))
        self._data: dict[str, Any] = {}
        self._budget = Budget(_READS)
        self._body = None if order.body_id is None else tools.body(self._shop, order.body_id)

    def decide(self) -> Decision:
        """The decision as if live. Raises ShopTrouble."""
        if self._body is None:
            gone = self._read(frozenset({"order"}))
            if gone:
                return gone
        for _ in range(_ROUNDS):
            assert self._body is not None
            decision = decide(self._shop, self._body, Fetched(data=self._data), self._known, self._tools.clock())
            if not isinstance(decision, Needs):
                return self._before_fulfilment(decision) if self._was_ended(decision) else decision
            gone = self._read(decision.keys)
            if gone:
                return gone
        raise BridgeError("the order asks for more after every read")

    def _was_ended(self, decision: Decision) -> bool:
        """Whether a rule or our own record may speak of what happened after the other connector had sent it."""
        mapping = self._shop.mapping
        match decision:
            case Adopt():
                return True
            case Skip(reason=reason):
                return reason in {rule.name for rule in mapping.skip}
            case Wait(reason=reason, asks_shop=False):
                return reason in {rule.name for rule in mapping.wait}
        return False

    def _before_fulfilment(self, decision: Decision) -> Decision:
        """The decision without fulfilment progress and our record, where that makes it one to send."""
        for _ in range(_ROUNDS):
            assert self._body is not None
            content, now = self._body.content, self._tools.clock()
            order, data = self._shop.platform.comparable(content.order, self._data)
            plain = Body(content=replace(content, order=order), received_at=now)
            before = decide(self._shop, plain, Fetched(data=data), self._known, now)
            if not isinstance(before, Needs):
                return before if isinstance(before, Send) else decision
            if before.keys <= self._data.keys() or self._read(before.keys):
                break
        return decision

    def _read(self, keys: frozenset[str]) -> Skip | None:
        """Read from the shop; a newer body counts here, and is not stored."""
        content = self._body.content if self._body else None
        read = self._tools.fetcher.read(self._order.shop, self._order.order_id, content, keys, self._budget)
        self._data.update(read.data)
        if read.gone:
            return Skip(reason="the shop does not show this order any more")
        if read.body is not None:
            self._take(read.body, self._tools.clock())
        return None

    def _take(self, raw: bytes, now: datetime) -> None:
        content = self._shop.platform.read(raw, "")
        if not isinstance(content, OrderBody) or content.order_id != self._order.order_id:
            raise ShopTrouble("the shop answered with something that is not this order", code="shop_answer")
        self._body = Body(content=content, received_at=now)


def _told(decision: Decision) -> tuple[str, str]:
    """A decision that is not to send, as a word and its reason."""
    match decision:
        case Wait(reason=reason):
            return "wait", reason
        case Skip(reason=reason):
            return "skip", reason
        case Hold(problem=problem):
            return "hold", problem.message
        case Adopt(reference=reference):
            return "sent", f"the shop order carries {reference} already"
        case Unmappable(problems=problems):
            return "error", "; ".join(_without_value(problem) for problem in problems)
    raise BridgeError("the order asks for more after every read")


def _without_value(problem: Problem) -> str:
    place = problem.target or problem.source
    return f"{place}: {problem.message}" if place else problem.message
