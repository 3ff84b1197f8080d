"""The only place where rules and mapping are applied to an order. Pure: same arguments, same answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from bridge.errors import NotRead, Problem
from bridge.mapping.compiler import RuleResult, Scope
from bridge.platforms.base import Fetched, LeftOut, Look, OrderBody, Record, Shipping
from bridge.shops import Shop


@dataclass(frozen=True, kw_only=True)
class Body:
    """The version of a shop order that is decided about."""

    content: OrderBody
    received_at: datetime


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the ledger knows of the order that bears on the decision."""

    part: int = 1
    released: frozenset[str] = frozenset()  # codes of holds that a person released

    def as_json(self) -> dict[str, Any]:
        """For the attempt that is decided with it."""
        return {"part": self.part, "released": sorted(self.released)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        return cls(part=value.get("part", 1), released=frozenset(value.get("released", ())))


# ---------------------------------------------------------------------------------------------------------------------
# Decisions
# ---------------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Needs:
    """Something must be read from the shop first; decide again with it."""

    keys: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Not yet."""

    reason: str
    until: datetime | None = None  # a rule's own time
    asks_shop: bool = False  # only the shop knows when it ends, so it is looked at again and again


@dataclass(frozen=True, kw_only=True)
class Skip:
    """Never, by a rule or because of what the shop says."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A person must see this first."""

    problem: Problem


@dataclass(frozen=True, kw_only=True)
class Adopt:
    """The shop order carries our record already."""

    reference: str


@dataclass(frozen=True, kw_only=True)
class Unmappable:
    """No valid Create Order request comes of it; all problems at once."""

    problems: Sequence[Problem]
    notes: Sequence[str] = field(default=())  # as those of Send


@dataclass(frozen=True, kw_only=True)
class Send:
    """A valid Create Order request."""

    payload: Mapping[str, Any]  # as the contract's load returned it
    left_out: Sequence[LeftOut] = ()
    notes: Sequence[str] = field(default=())  # for the story: defaults taken, a foreign record ignored

    @property
    def customer_reference(self) -> str | None:
        """The reference that we give the order."""
        return self.payload.get("OrderReferenceProvidedByCustomer")


Decision = Needs | Wait | Skip | Hold | Adopt | Unmappable | Send


# ---------------------------------------------------------------------------------------------------------------------
# Deciding
# ---------------------------------------------------------------------------------------------------------------------
def decide(shop: Shop, body: Body, fetched: Fetched, known: Known, now: datetime) -> Decision:
    """Say what is to happen to an order.

    Looks at our record, send_from, the skip rules, what the shop has stopped, the wait rules, and the values, in this
    order. What only the shop can tell is set aside; a rule that asked for nothing and holds decides at once, and
    otherwise everything asked for ends the look as one Needs.
    """
    look = Look(order=body.content.order, fetched=fetched, now=now, shop=shop.facts)
    deciding = _Deciding(shop=shop, body=body, known=known, look=look, scope=shop.mapping.scope(look))
    return deciding.run()


class _Deciding:
    """One look, with what it asked for on the way."""

    def __init__(self, *, shop: Shop, body: Body, known: Known, look: Look, scope: Scope) -> None:
        self._shop = shop
        self._platform = shop.platform
        self._body = body
        self._known = known
        self._look = look
        self._scope = scope
        self._asked: set[str] = set()
        self._notes: list[str] = []

    def run(self) -> Decision:
        """The first step that decides, in the order of a look."""
        for step in (self._record, self._send_from, self._skips, self._stopped, self._waits, self._fresh):
            decision = step()
            if decision is not None:
                return decision
        shipping = self._ask(self._platform.shipping)
        if self._asked or shipping is None:
            return Needs(keys=frozenset(self._asked))
        return self._routed(shipping) or self._send(shipping)

    def _ask(self, question: Any) -> Any:
        """The answer of a platform's function, or None with its keys noted where only the shop can tell."""
        try:
            return question(self._look)
        except NotRead as error:
            self._asked |= error.keys
            return None

    def _record(self) -> Decision | None:
        record: Record | None = self._ask(self._platform.record)
        if record is None:
            return None
        content = self._body.content
        if not record.names(content.order_id, content.order_key):
            self._notes.append(
                f"a record of order {record.order_id} stands on it, copied from there: it counts as none"
            )
            return None
        if record.part != self._known.part:
            return None
        if record.destination != self._shop.destination.host:
            # Not to be passed over by a release: the write-back would meet the same record.
            message = (
                f"the shop order carries {record.reference} of another SortedPRO address ({record.destination}): skip "
                "it, or take record and reference off the shop order to have it sent here as well, then release it"
            )
            return Hold(problem=Problem(message=message, code="other_destination"))
        return self._other_reference(record) or Adopt(reference=record.reference)

    def _other_reference(self, record: Record) -> Decision | None:
        """A hold where a second reference stands beside the record: one of the two may be of a parcel that ships."""
        if not record.also:
            return None
        return self._hold(
            f"the shop order carries {record.reference} in the bridge's record and {', '.join(record.also)} beside it; "
            "find out in SortedPRO which one ships, take the other off the shop order and replay this order; or "
            f"release it to go by {record.reference}",
            "other_reference",
        )

    def _send_from(self) -> Decision | None:
        if self._body.content.created_at >= self._shop.send_from:
            return None
        return Skip(reason=f"ordered before send_from ({self._shop.send_from:%Y-%m-%d %H:%M} UTC)")

    def _skips(self) -> Decision | None:
        for rule in self._shop.mapping.skip:
            result = self._scope.rule(rule)
            if decision := self._failed(rule.name, result):
                return decision
            if result.held:
                return Skip(reason=rule.name)
        return None

    def _stopped(self) -> Decision | None:
        reason = self._ask(self._platform.stopped)
        return Skip(reason=reason) if reason else None

    def _waits(self) -> Decision | None:
        for rule in self._shop.mapping.wait:
            result = self._scope.rule(rule)
            if decision := self._failed(rule.name, result):
                return decision
            if result.held:
                asks_shop = result.used_fetched and result.until is None
                return Wait(reason=self._told(rule.name), until=result.until, asks_shop=asks_shop)
        return None

    def _told(self, reason: str) -> str:
        """A reason to wait, and beside it what will stop the order afterwards: mending that early saves a day."""
        removed = self._platform.personal_data_removed(self._look.order)
        return f"{reason}; beside that: {removed.message}" if removed else reason

    def _failed(self, name: str, result: RuleResult) -> Decision | None:
        """A rule that raised; one that only the shop can answer is set aside, or passed over where nothing is read."""
        self._asked |= result.asked
        if result.passed_over:
            self._notes.append(f"rule not applied, it needs the shop: {name}")
        return Unmappable(problems=[result.problem]) if result.problem else None

    def _fresh(self) -> Decision | None:
        self._ask(lambda look: self._platform.fresh(look, self._body.received_at))
        return None

    def _routed(self, shipping: Shipping) -> Decision | None:
        """Goods that would ship, but not now or not from here."""
        if shipping.lines or not shipping.left_out:
            return None
        reasons = "; ".join(dict.fromkeys(one.reason for one in shipping.left_out))
        if any(one.may_ship for one in shipping.left_out):
            return Wait(reason=reasons, asks_shop=True)
        return Skip(reason=reasons)

    def _send(self, shipping: Shipping) -> Decision:
        removed = self._platform.personal_data_removed(self._look.order)
        if removed:
            return Unmappable(problems=[removed])
        mapped = self._shop.mapping.map(self._scope)
        if mapped.asked:
            return Needs(keys=mapped.asked)
        if mapped.payload is None:
            return Unmappable(problems=mapped.problems, notes=[*self._notes, *shipping.notes])
        if self._shop.mode == "observe":
            held = self._hold("observe mode: it would be sent; release it to send it all the same", "observe")
            if held is not None:
                return held
        return Send(payload=mapped.payload, left_out=shipping.left_out, notes=[*self._notes, *shipping.notes])

    def _hold(self, message: str, code: str) -> Decision | None:
        """A hold, unless a person has released an order of it."""
        if code in self._known.released:
            return None
        return Hold(problem=Problem(message=message, code=code))
