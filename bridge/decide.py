"""The only place where rules and mapping are applied to an order. Pure: same arguments, same answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from bridge.errors import NotRead, Problem
from bridge.mapping.compiler import Rule, RuleResult, Scope
from bridge.platforms.base import Fetched, LeftOut, Look, OrderBody, PartOf, Record, Shipping
from bridge.platforms.parting import quantities
from bridge.platforms.routing import Route
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
    taken: Mapping[str, Decimal] = field(default_factory=dict)  # quantities by line id that stand in other parts
    gone: Mapping[str, Decimal] = field(default_factory=dict)  # units that had left the shop before any part was sent
    unclear: str = ""  # a sent part of which nobody knows what stands in it
    namesake: str = ""  # another order that the shop gave the same id, in words
    namesakes: int = 0  # how many earlier orders have the same id
    surge: bool = False  # the shop's limit of newly eligible orders an hour is reached
    # Of an order that was sent and is compared: what was sent, and by which way.
    only: Mapping[str, Decimal] | None = None
    route: Route | None = None

    def as_json(self) -> dict[str, Any]:
        """For the attempt that is decided with it."""
        return {
            "part": self.part,
            "released": sorted(self.released),
            "taken": _texts(self.taken),
            "gone": _texts(self.gone),
            "unclear": self.unclear,
            "namesake": self.namesake,
            "namesakes": self.namesakes,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `as_json` gave; tests beside a mapping write it by hand."""
        return cls(
            part=value.get("part", 1),
            released=frozenset(value.get("released", ())),
            taken=_numbers(value.get("taken", {})),
            gone=_numbers(value.get("gone", {})),
            unclear=value.get("unclear", ""),
            namesake=value.get("namesake", ""),
            namesakes=value.get("namesakes", 0),
            surge=value.get("surge", False),
        )


def _texts(quantities: Mapping[str, Decimal]) -> dict[str, str]:
    return {line: str(quantity) for line, quantity in quantities.items()}


def _numbers(quantities: Mapping[str, Any]) -> dict[str, Decimal]:
    return {line: Decimal(quantity) for line, quantity in quantities.items()}


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
    until: datetime | None = None  # it ends at that time at the latest
    asks_shop: bool = False  # the shop may end it at any time, so it is looked at again and again


@dataclass(frozen=True, kw_only=True)
class Skip:
    """Never, by a rule or because of what the shop says."""

    reason: str
    code: str = ""


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
    lines: Mapping[str, Decimal] = field(default_factory=dict)  # as those of Send
    rest: bool = False


@dataclass(frozen=True, kw_only=True)
class Send:
    """A valid Create Order request."""

    payload: Mapping[str, Any]  # as the contract's load returned it
    lines: Mapping[str, Decimal] = field(default_factory=dict)  # the quantities in it, by line id
    route: Route = field(default_factory=Route)
    rest: bool = False  # goods that ship now stand in no part yet: from another place, or by another way
    fulfilled: Mapping[str, Decimal] = field(default_factory=dict)  # units by line id that have left the shop already
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

    Looks at where the body comes from, our record, what another connector has sent, send_from, the skip rules, what the
    shop has stopped, the hold rules, the wait rules, and the values, in this order. What only the shop can tell is set
    aside; a rule that asked for nothing and holds decides at once, and otherwise everything asked for ends the look as
    one Needs.
    """
    part = PartOf(number=known.part, taken=known.taken, gone=known.gone, only=known.only, route=known.route)
    routing = shop.mapping.routing
    look = Look(order=body.content.order, fetched=fetched, now=now, shop=shop.facts, routing=routing, part=part)
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
        steps = (
            self._foreign,
            self._record,
            self._sent_elsewhere,
            self._send_from,
            self._skips,
            self._stopped,
            self._namesake,
            self._unclear,
            self._holds,
            self._waits,
            self._grace,
            self._fresh,
        )
        for step in steps:
            decision = step()
            if decision is not None:
                return decision
        try:
            shipping = self._ask(self._platform.shipping)
        except ValueError as error:
            message = f"the order's goods cannot be read: {error}"
            return Unmappable(problems=[Problem(message=message, source="order", code="goods")], notes=self._notes)
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

    def _foreign(self) -> Decision | None:
        """A staging copy with the live shop's secret: its orders must not ship, whoever releases them."""
        hosts, host = self._shop.settings.hosts, self._body.content.host
        if not hosts or not host or host in hosts:
            return None
        message = (
            f"the order says that it lives at {host}, and this shop is {hosts[0]}: a copy of the shop sends its "
            "webhooks here. It is never sent; switch the copy's webhooks off, or if the shop has moved there, add that "
            "host to `shop.hosts` and replay the order"
        )
        return Hold(problem=Problem(message=message, source="shop.hosts", code="other_host"))

    def _record(self) -> Decision | None:
        records: Sequence[Record] = self._ask(self._platform.records) or ()
        content = self._body.content
        own = [record for record in records if record.names(content.order_id, content.order_key)]
        for record in records:
            if record not in own:
                self._notes.append(
                    f"a record of order {record.order_id} stands on it, copied from there: it counts as none"
                )
        return next((self._adopt(record) for record in own if record.part == self._known.part), None)

    def _adopt(self, record: Record) -> Decision:
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

    def _sent_elsewhere(self) -> Decision | None:
        if "sent_elsewhere" in self._known.released:
            return None
        for rule, result in self._rules(self._shop.mapping.sent_elsewhere):
            if result.problem:
                return Unmappable(problems=[result.problem])
            if result.held:
                return Skip(reason=f"sent elsewhere: {rule.name}", code="sent_elsewhere")
        return None

    def _send_from(self) -> Decision | None:
        """Orders from before the bridge's time; one that no skip rule takes out is told apart, because it is open."""
        if self._body.content.created_at >= self._shop.send_from or "before_send_from" in self._known.released:
            return None
        for rule in self._shop.mapping.skip:
            result = self._scope.rule(rule)
            if result.held:
                return Skip(reason=rule.name)
        when = f"{self._shop.send_from:%Y-%m-%d %H:%M} UTC"
        return Skip(reason=f"ordered before send_from ({when})", code="before_send_from")

    def _skips(self) -> Decision | None:
        for rule, result in self._rules(self._shop.mapping.skip):
            if result.problem:
                return Unmappable(problems=[result.problem])
            if result.held:
                return Skip(reason=rule.name)
        return None

    def _stopped(self) -> Decision | None:
        reason = self._ask(self._platform.stopped)
        return Skip(reason=reason) if reason else None

    def _namesake(self) -> Decision | None:
        """A restored or copied shop gives old ids to new orders; which of the two is meant only people know."""
        if not self._known.namesake:
            return None
        return self._hold(
            f"the shop gave the id {self._body.content.order_id} to two orders: {self._known.namesake}, and this one. "
            "That happens where a shop was restored or copied: if this one is real, release it",
            "same_id",
        )

    def _unclear(self) -> Decision | None:
        """A part beside one whose goods nobody knows would send them twice."""
        if not self._known.unclear:
            return None
        return self._hold(
            f"what stands in {self._known.unclear} is not known, so this part might send it a second time: look into "
            "SortedPRO; release it to send everything that is open, or skip it",
            "unclear_part",
        )

    def _holds(self) -> Decision | None:
        for rule, result in self._rules(self._shop.mapping.hold):
            if result.problem:
                return Unmappable(problems=[result.problem])
            held = self._hold(f"{rule.name}: a person must look at it first", f"hold: {rule.name}")
            if result.held and held is not None:
                return held
        return None

    def _waits(self) -> Decision | None:
        for rule, result in self._rules(self._shop.mapping.wait):
            if result.problem:
                return Unmappable(problems=[result.problem])
            if result.held:
                return Wait(reason=self._told(rule.name), until=result.until, asks_shop=result.used_fetched)
        return None

    def _grace(self) -> Decision | None:
        """`send_after`: for so long the customer may still change or cancel, and the newest body counts."""
        ends = self._body.content.created_at + self._shop.mapping.policy.send_after
        if ends <= self._look.now or "send_after" in self._known.released:
            return None
        return Wait(reason=self._told(f"sent after {ends:%Y-%m-%d %H:%M} UTC (send_after)"), until=ends)

    def _told(self, reason: str) -> str:
        """A reason to wait, and beside it what will stop the order afterwards: mending that early saves a day."""
        removed = self._platform.personal_data_removed(self._look.order)
        return f"{reason}; beside that: {removed.message}" if removed else reason

    def _rules(self, rules: Sequence[Rule]) -> Iterator[tuple[Rule, RuleResult]]:
        """What each rule says; one that only the shop can answer is set aside, or passed over where nothing is read."""
        for rule in rules:
            result = self._scope.rule(rule)
            self._asked |= result.asked
            if result.passed_over:
                self._notes.append(f"rule not applied, it needs the shop: {rule.name}")
            yield rule, result

    def _fresh(self) -> Decision | None:
        self._ask(lambda look: self._platform.fresh(look, self._body.received_at))
        return None

    def _routed(self, shipping: Shipping) -> Decision | None:
        """Goods that would ship, but not now or not from here; or all of them in other parts."""
        if shipping.problems:
            return Unmappable(problems=shipping.problems, notes=self._notes)
        if shipping.lines:
            return None
        if not shipping.left_out:
            return self._nothing()
        reasons = "; ".join(dict.fromkeys(one.reason for one in shipping.left_out))
        coming = [one for one in shipping.left_out if one.may_ship]
        if not coming:
            return Skip(reason=reasons)
        times = [one.until for one in coming if one.until is not None]
        return Wait(reason=reasons, until=min(times, default=None), asks_shop=True)

    def _nothing(self) -> Decision | None:
        """Why no goods are there at all; None leaves it to the contract: a mapping may want an order without any."""
        if self._known.only is not None:
            return Skip(reason="nothing of what was sent is wanted any more")
        return Skip(reason="everything in it stands in another part") if self._known.taken else None

    def _send(self, shipping: Shipping) -> Decision:
        removed = self._platform.personal_data_removed(self._look.order)
        if removed:
            return Unmappable(problems=[removed])
        mapped = self._shop.mapping.map(self._scope)
        if mapped.asked:
            return Needs(keys=mapped.asked)
        lines, rest = quantities(shipping.lines), bool(shipping.rest)
        notes = [*self._notes, *shipping.notes, *self._look.kept.get("notes", ())]
        if mapped.payload is None:
            return Unmappable(problems=mapped.problems, notes=notes, lines=lines, rest=rest)
        held = self._before_sending()
        if held is not None:
            return held
        return Send(
            payload=self._numbered(mapped.payload),
            lines=lines,
            route=shipping.route,
            rest=rest,
            fulfilled={line: units for line, units in shipping.fulfilled.items() if units},
            left_out=shipping.left_out,
            notes=notes,
        )

    def _before_sending(self) -> Decision | None:
        """What holds an order back that could be sent."""
        if self._known.surge:
            limit = self._shop.mapping.policy.surge_limit
            words = f"more than {limit} orders became ready within an hour (surge_limit): look whether they are real"
            held = self._hold(f"{words}, then release them with `bridge orders release --code surge`", "surge")
            if held is not None:
                return held
        if self._shop.mode == "observe":
            return self._hold("observe mode: it would be sent; release it to send it all the same", "observe")
        return None

    def _numbered(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """A further part has a reference of its own, and so has another order of the same id."""
        name = "OrderReferenceProvidedByCustomer"
        again = f"-R{self._known.namesakes + 1}" if self._known.namesakes else ""
        part = f"-{self._known.part}" if self._known.part > 1 else ""
        return {**payload, name: f"{payload[name]}{again}{part}"} if payload.get(name) and again + part else payload

    def _hold(self, message: str, code: str) -> Decision | None:
        """A hold, unless a person has released an order of it."""
        if code in self._known.released:
            return None
        return Hold(problem=Problem(message=message, code=code))
