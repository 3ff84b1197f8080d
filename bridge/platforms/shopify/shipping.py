"""Which goods ship now: Shopify decides it per fulfilment order, not per order.

https://shopify.dev/docs/apps/build/orders-fulfillment/order-management-apps/build-fulfillment-solutions
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bridge.platforms.base import Json, LeftOut, Look, Shipping
from bridge.platforms.goods import decimal
from bridge.platforms.parting import line_id as part_line_id
from bridge.platforms.parting import parted
from bridge.platforms.routing import SKIP, Routing
from bridge.platforms.shopify.goods import as_shipped, body_lines, is_shipped, line_id, shippable, still_ordered, whole
from bridge.platforms.shopify.orders import moment
from bridge.platforms.shopify.ways import way_by_body, way_of

ENDED = frozenset({"CLOSED", "CANCELLED"})  # their lines may have moved to another fulfilment order
_CARRIED = frozenset({"SHIPPING", "PICKUP_POINT"})  # a carrier takes it: to the door, or to a locker or shop
_NOT_CARRIED = {
    "PICK_UP": "picked up at the shop",
    "LOCAL": "delivered locally by the shop",
    "RETAIL": "sold over the counter",
    "NONE": "needs no delivery",
}
_GIVEN_UP = "INCOMPLETE"
_SCHEDULED = "SCHEDULED"
_CANCELLED = "CANCELLED"
# https://shopify.dev/docs/api/admin-graphql/2026-10/enums/RefundLineItemRestockType : goods that had been fulfilled;
# what had not is "cancel", and "no_restock" says nothing of where it is.
_CAME_BACK = "return"
NOT_ROUTED = "not routed yet: Shopify has made no fulfilment order"


@dataclass(frozen=True, kw_only=True)
class _Verdict:
    """Why a fulfilment order does not ship now."""

    reason: str
    may_ship: bool
    until: datetime | None = None


@parted
def shipping(look: Look) -> Shipping:
    """What ships now: the remaining quantities of OPEN fulfilment orders that a carrier takes; raises NotRead.

    A line has an entry for each fulfilment order that it ships by. Where fulfilment orders are not known (offline, and
    when bodies are compared) it is what the body says is shippable, by the ways of the sending.
    """
    found = look.fetched.read("order")[0]
    read: Mapping[str, Json] = found if isinstance(found, dict) else {}
    if read.get("fulfillment_orders") is None:
        return _by_body(look.order, read.get("routes") or {})
    return _Sorting(look.order, read, look.routing).shipping()


def ways(order: Json, fulfillment_orders: Sequence[Json]) -> dict[str, Json]:
    """By which way each line ships now, by line id: that of its first fulfilment order which does."""
    found: dict[str, Json] = {}
    for fulfillment_order in fulfillment_orders:
        if _verdict(fulfillment_order) is None:
            for entry in fulfillment_order["lines"]:
                found.setdefault(entry["line_id"], way_of(fulfillment_order, order))
    return found


def returned(order: Json) -> dict[str, int]:
    """Units that came back after they had left, by the line's `id`: bodies count them like removed ones."""
    counts: Counter[str] = Counter()
    for refund in _objects(order.get("refunds")):
        for entry in _objects(refund.get("refund_line_items")):
            quantity = entry.get("quantity")
            if entry.get("restock_type") == _CAME_BACK and isinstance(quantity, int):
                counts[str(entry.get("line_item_id"))] += quantity
    return dict(counts)


def _by_body(order: Json, routes: Mapping[str, Json]) -> Shipping:
    """What ships by the body alone."""
    counts = _Counts(order, {})
    unknown = way_by_body(order)
    lines = [{**line, **routes.get(line_id(line), unknown)} for line in shippable(order)]
    return Shipping(lines=lines, wanted=counts.wanted, fulfilled=counts.fulfilled)


class _Counts:
    """Units by line id that the customer wants or has got from this shop, and those of them that have left.

    `elsewhere` are units that others ship: of the units that have left they are taken to be the first.
    """

    def __init__(self, order: Json, elsewhere: Mapping[str, int]) -> None:
        back = returned(order)
        self.wanted: dict[str, Decimal] = {}
        self.fulfilled: dict[str, Decimal] = {}
        for line in filter(is_shipped, body_lines(order)):
            identity = part_line_id(line)
            wanted = still_ordered(line, order) + back.get(str(line.get("id")), 0)
            left = 0
            if line.get("fulfillable_quantity") is not None:
                left = max(0, wanted - whole(line, "fulfillable_quantity"))
            others = min(left, elsewhere.get(line_id(line), 0))
            self.wanted[identity] = Decimal(wanted - others)
            self.fulfilled[identity] = Decimal(left - others)


class _Sorting:
    """One order's lines, sorted into those that ship and those left out."""

    def __init__(self, order: Json, read: Mapping[str, Json], routing: Routing) -> None:
        self._order = order
        self._routing = routing
        self._lines = {line_id(line): line for line in body_lines(order)}
        self._variants: Mapping[str, Json] = read.get("variants") or {}
        self._fulfillment_orders: list[Json] = read["fulfillment_orders"]
        self._left_out: list[LeftOut] = []

    def shipping(self) -> Shipping:
        """Entries in the body's order of lines, then of fulfilment orders; what none has yet is left out."""
        ships: dict[str, list[Json]] = {}
        seen: set[str] = set()
        for verdict, fulfillment_order, entry in self._entries(ended=False):
            seen.add(entry["line_id"])
            line = self._line(entry)
            if verdict is None and line is not None:
                ships.setdefault(entry["line_id"], []).extend(self._shipped(line, entry, fulfillment_order))
            else:
                self._leave_out(entry, verdict or _NOT_IN_BODY, entry["remaining"])
        for verdict, _, entry in self._entries(ended=True):
            if entry["line_id"] not in seen and verdict is not None:
                seen.add(entry["line_id"])
                self._leave_out(entry, verdict, entry["remaining"] or entry["total"])
        self._leave_out_not_routed(seen)
        counts = _Counts(self._order, self._elsewhere())
        return Shipping(
            lines=[shipped for identity in self._lines for shipped in ships.get(identity, [])],
            left_out=tuple(self._left_out),
            wanted=counts.wanted,
            fulfilled=counts.fulfilled,
        )

    def _entries(self, *, ended: bool) -> Iterator[tuple[_Verdict | None, Json, Json]]:
        """Each line of each fulfilment order with something left (or, of ended ones, with anything)."""
        for fulfillment_order in self._fulfillment_orders:
            if (fulfillment_order["status"] in ENDED) != ended:
                continue
            verdict = _verdict(fulfillment_order)
            for entry in fulfillment_order["lines"]:
                if entry["remaining"] > 0 or ended:
                    yield verdict, fulfillment_order, entry

    def _line(self, entry: Json) -> Json | None:
        """The body's line of an entry."""
        return self._lines.get(entry["line_id"])

    def _shipped(self, line: Json, entry: Json, fulfillment_order: Json) -> list[Json]:
        """What ships of a line by one fulfilment order; nothing where its goods are not sent at all."""
        if not is_shipped(line):
            return []
        details = _details(self._variants.get(str(line.get("variant_id"))))
        shipped = as_shipped(line, entry["remaining"], details)
        return [{**shipped, **way_of(fulfillment_order, self._order)}]

    def _elsewhere(self) -> dict[str, int]:
        """Units that others have shipped, by line id: fulfilment services, and locations that the mapping skips."""
        counts: Counter[str] = Counter()
        for fulfillment_order in self._fulfillment_orders:
            others = fulfillment_order.get("service") or self._routing.origin_of(fulfillment_order) == SKIP
            if others and fulfillment_order["status"] != _CANCELLED:
                counts.update(
                    {entry["line_id"]: entry["total"] - entry["remaining"] for entry in fulfillment_order["lines"]}
                )
        return counts

    def _leave_out(self, entry: Json, verdict: _Verdict, quantity: int) -> None:
        """Note a line of a fulfilment order as left out; what is never sent (digital goods) is not worth a word."""
        line = self._line(entry)
        if line is not None and not is_shipped(line):
            return
        self._left_out.append(
            LeftOut(
                line_id=entry["line_id"],
                name=_name(line or entry),
                quantity=quantity,
                reason=verdict.reason,
                may_ship=verdict.may_ship,
                until=verdict.until,
            )
        )

    def _leave_out_not_routed(self, seen: set[str]) -> None:
        """Note the goods that no fulfilment order has."""
        reason = NOT_ROUTED if not self._fulfillment_orders else "not routed yet: in no fulfilment order"
        if seen >= self._lines.keys():
            return
        for line in shippable(self._order):
            identity = line_id(line)
            if identity not in seen:
                self._left_out.append(
                    LeftOut(line_id=identity, name=_name(line), quantity=line["quantity"], reason=reason, may_ship=True)
                )


_NOT_IN_BODY = _Verdict(reason="not in the order's body yet", may_ship=True)


def _verdict(fulfillment_order: Json) -> _Verdict | None:
    """Why a fulfilment order does not ship now, or None.

    The method comes first: a pickup on hold is still a pickup. What a fulfilment service ships (Amazon, a logistics
    company's app) is open until the service accepts it, and would travel twice. IN_PROGRESS means that someone has
    begun to fulfil it by other means; they may give it back (it becomes OPEN), so the order is looked at again until it
    is closed. INCOMPLETE means that a fulfilment service gave up; the shop moves it or closes it.
    """
    status, method = fulfillment_order["status"], fulfillment_order["method"]
    if status in ENDED:
        return _Verdict(reason="already fulfilled" if status == "CLOSED" else "cancelled", may_ship=False)
    if method in _NOT_CARRIED:
        return _Verdict(reason=_NOT_CARRIED[method], may_ship=False)
    if fulfillment_order.get("service") and status != _GIVEN_UP:
        return _Verdict(reason=f"shipped by {fulfillment_order['service']}", may_ship=False)
    if status != "OPEN":
        until = moment(fulfillment_order.get("fulfill_at")) if status == _SCHEDULED else None
        return _Verdict(reason=_delay(fulfillment_order), may_ship=True, until=until)
    if method not in _CARRIED:
        return _Verdict(reason=f"no known delivery method: {method or 'Shopify names none'}", may_ship=True)
    return None


def _delay(fulfillment_order: Json) -> str:
    """Why a fulfilment order that a carrier would take is not open."""
    status = str(fulfillment_order["status"])
    return {
        "ON_HOLD": f"on hold: {_holds(fulfillment_order)}",
        _SCHEDULED: f"scheduled for {_day(fulfillment_order['fulfill_at'])}",
        "IN_PROGRESS": "in progress: someone has begun to fulfil it in Shopify",
        _GIVEN_UP: "incomplete: the fulfilment service gave it up",
    }.get(status, f"in a state the bridge does not know: {status}")


def _holds(fulfillment_order: Json) -> str:
    """The reasons of the holds in words; the notes stay out, as staff may write about the customer there."""
    reasons = dict.fromkeys(str(hold["reason"]).replace("_", " ").lower() for hold in fulfillment_order["holds"])
    return ", ".join(reasons) or "no reason given"


def _day(time: object) -> str:
    """The date of a schedule."""
    return str(time)[:10] if time else "a time that Shopify does not name"


def _objects(values: Json) -> list[Json]:
    """The objects of a list that may be something else."""
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _name(line: Json) -> str:
    """What people call a line."""
    return str(line.get("sku") or line.get("title") or line.get("id") or line.get("line_id") or "")


def _details(variant: Json | None) -> dict[str, Json]:
    """A variant's weight, dimensions and customs data; numbers are text in what was read."""
    if not variant:
        return {}
    numbers = ("weight_g", "length_cm", "width_cm", "height_cm")
    return {key: decimal(value) if key in numbers else value for key, value in variant.items()}
