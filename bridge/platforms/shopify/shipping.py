"""Which goods ship now: Shopify decides it per fulfilment order, not per order.

https://shopify.dev/docs/apps/build/orders-fulfillment/order-management-apps/build-fulfillment-solutions
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bridge.platforms.base import Json, LeftOut, Look, Shipping
from bridge.platforms.goods import decimal, once_a_look
from bridge.platforms.shopify.goods import as_shipped, body_lines, is_shipped, line_id, shippable, still_ordered

_ENDED = frozenset({"CLOSED", "CANCELLED"})  # their lines may have moved to another fulfilment order
_CARRIED = frozenset({"SHIPPING", "PICKUP_POINT"})  # a carrier takes it: to the door, or to a locker or shop
_NOT_CARRIED = {
    "PICK_UP": "picked up at the shop",
    "LOCAL": "delivered locally by the shop",
    "RETAIL": "sold over the counter",
    "NONE": "needs no delivery",
}
_GIVEN_UP = "INCOMPLETE"
NOT_ROUTED = "not routed yet: Shopify has made no fulfilment order"


@dataclass(frozen=True, kw_only=True)
class _Verdict:
    """Why a fulfilment order does not ship now."""

    reason: str
    may_ship: bool


@once_a_look
def shipping(look: Look) -> Shipping:
    """What ships now: the remaining quantities of OPEN fulfilment orders that a carrier takes; raises NotRead.

    Where fulfilment orders are not known (offline, and when bodies are compared) it is what the body says is shippable.
    """
    read = look.fetched.read("order")[0]
    if not isinstance(read, dict) or read.get("fulfillment_orders") is None:
        return Shipping(lines=shippable(look.order))
    return _Sorting(look.order, read).shipping()


class _Sorting:
    """One order's lines, sorted into those that ship and those left out."""

    def __init__(self, order: Json, read: Mapping[str, Json]) -> None:
        self._order = order
        self._lines = {line_id(line): line for line in body_lines(order)}
        self._variants: Mapping[str, Json] = read.get("variants") or {}
        self._fulfillment_orders: list[Json] = read["fulfillment_orders"]
        self._left_out: list[LeftOut] = []

    def shipping(self) -> Shipping:
        """Lines in the body's order; what no fulfilment order has yet is left out as not routed."""
        ships: Counter[str] = Counter()
        seen: set[str] = set()
        for verdict, entry in self._entries(ended=False):
            seen.add(entry["line_id"])
            if verdict is None and self._line(entry) is not None:
                ships[entry["line_id"]] += entry["remaining"]
            else:
                self._leave_out(entry, verdict or _NOT_IN_BODY, entry["remaining"])
        for verdict, entry in self._entries(ended=True):
            if entry["line_id"] not in seen and verdict is not None:
                seen.add(entry["line_id"])
                self._leave_out(entry, verdict, entry["remaining"] or entry["total"])
        self._leave_out_not_routed(seen)
        return Shipping(lines=self._shipped(ships), left_out=tuple(self._left_out))

    def _entries(self, *, ended: bool) -> Iterator[tuple[_Verdict | None, Json]]:
        """Each line of each fulfilment order with something left (or, of ended ones, with anything)."""
        for fulfillment_order in self._fulfillment_orders:
            if (fulfillment_order["status"] in _ENDED) != ended:
                continue
            verdict = _verdict(fulfillment_order)
            for entry in fulfillment_order["lines"]:
                if entry["remaining"] > 0 or ended:
                    yield verdict, entry

    def _line(self, entry: Json) -> Json | None:
        """The body's line of an entry."""
        return self._lines.get(entry["line_id"])

    def _shipped(self, ships: Mapping[str, int]) -> list[Json]:
        """Never more than the customer still wants: a refund may not have reached the fulfilment order yet."""
        shipped = []
        for identity, line in self._lines.items():
            quantity = min(ships.get(identity, 0), still_ordered(line, self._order))
            if quantity > 0 and is_shipped(line):
                shipped.append(as_shipped(line, quantity, _details(self._variants.get(str(line.get("variant_id"))))))
        return shipped

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
    if status in _ENDED:
        return _Verdict(reason="already fulfilled" if status == "CLOSED" else "cancelled", may_ship=False)
    if method in _NOT_CARRIED:
        return _Verdict(reason=_NOT_CARRIED[method], may_ship=False)
    if fulfillment_order.get("service") and status != _GIVEN_UP:
        return _Verdict(reason=f"shipped by {fulfillment_order['service']}", may_ship=False)
    if status != "OPEN":
        return _Verdict(reason=_delay(fulfillment_order), may_ship=True)
    if method not in _CARRIED:
        return _Verdict(reason=f"no known delivery method: {method or 'Shopify names none'}", may_ship=True)
    return None


def _delay(fulfillment_order: Json) -> str:
    """Why a fulfilment order that a carrier would take is not open."""
    status = str(fulfillment_order["status"])
    return {
        "ON_HOLD": f"on hold: {_holds(fulfillment_order)}",
        "SCHEDULED": f"scheduled for {_day(fulfillment_order['fulfill_at'])}",
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


def _name(line: Json) -> str:
    """What people call a line."""
    return str(line.get("sku") or line.get("title") or line.get("id") or line.get("line_id") or "")


def _details(variant: Json | None) -> dict[str, Json]:
    """A variant's weight, dimensions and customs data; numbers are text in what was read."""
    if not variant:
        return {}
    numbers = ("weight_g", "length_cm", "width_cm", "height_cm")
    return {key: decimal(value) if key in numbers else value for key, value in variant.items()}
