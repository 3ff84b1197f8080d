"""The fake shop's orders with their fulfilment orders and metafields, and the changes that can happen to them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

Json = dict[str, Any]

MAIN = "Main warehouse"
ACTIVE = frozenset({"OPEN", "SCHEDULED", "ON_HOLD"})  # states in which something may still be done with a part

_ids = count(8_800_000_000_001)


@dataclass(frozen=True, kw_only=True)
class FulfillmentLine:
    """A line of a fulfilment order."""

    line_id: int  # of the order's line
    total: int
    remaining: int
    id: int = field(default_factory=lambda: next(_ids))


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A hold on a fulfilment order; `reason` is one of Shopify's FulfillmentHoldReason."""

    reason: str = "OTHER"
    notes: str | None = None
    id: int = field(default_factory=lambda: next(_ids))


@dataclass(frozen=True, kw_only=True)
class FulfillmentOrder:
    """Which lines ship from where and how; statuses and methods are Shopify's."""

    lines: tuple[FulfillmentLine, ...]
    method: str | None = "SHIPPING"
    status: str = "OPEN"
    location: str = MAIN
    location_id: int = 70_000_000_001
    service_code: str | None = "Standard"
    presented_name: str | None = "Standard delivery"
    source_reference: str | None = None
    fulfill_at: datetime | None = None
    holds: tuple[Hold, ...] = ()
    third_party: bool = False  # a fulfilment service has it: seen only with the third-party scope
    id: int = field(default_factory=lambda: next(_ids))


@dataclass(frozen=True, kw_only=True)
class Metafield:
    """A metafield of an order or variant."""

    namespace: str
    key: str
    type: str
    value: str
    at: datetime
    id: int = field(default_factory=lambda: next(_ids))

    @property
    def digest(self) -> str:
        """What `compareDigest` compares: changes with the value."""
        return hashlib.sha256(f"{self.type}\0{self.value}".encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What products know of a variant beyond the order's line; None is not filled in."""

    weight: Decimal | None = None
    unit: str = "GRAMS"
    hs_code: str | None = None
    origin: str | None = None  # ISO 3166-1 alpha-2
    metafields: tuple[Metafield, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Order:
    """One order as it stands now."""

    body: Json
    fulfillment: tuple[FulfillmentOrder, ...]
    routed_at: datetime  # before, the list of fulfilment orders is empty
    metafields: tuple[Metafield, ...] = ()
    recommendation: str = "NONE"  # Shopify's OrderRiskRecommendationResult
    risk_levels: tuple[str, ...] = ("LOW",)

    @property
    def id(self) -> str:
        """The order's number as text."""
        return str(self.body["id"])

    @property
    def updated_at(self) -> datetime:
        """When the order last changed."""
        return datetime.fromisoformat(self.body["updated_at"])

    def metafield(self, namespace: str, key: str) -> Metafield | None:
        """The metafield of this name."""
        return next((held for held in self.metafields if (held.namespace, held.key) == (namespace, key)), None)

    def tags(self) -> list[str]:
        """The order's tags; the body has them as one text."""
        return [tag for tag in self.body.get("tags", "").split(", ") if tag]


def location_id(name: str) -> int:
    """A location's number; always the same for a name."""
    if name == MAIN:
        return 70_000_000_001
    return 70_000_000_100 + int(hashlib.sha256(name.encode()).hexdigest()[:7], 16)


def route(
    body: Mapping[str, Any], method: str | None = "SHIPPING", *, location: str = MAIN
) -> tuple[FulfillmentOrder, ...]:
    """The fulfilment orders Shopify makes of an order: one for what ships, one with method NONE for the rest.

    What ships has the shipping method of the body's first shipping line.
    """
    goods = [line for line in body["line_items"] if line["requires_shipping"] and not line["gift_card"]]
    rest = [line for line in body["line_items"] if line not in goods]
    code, title = carriage_of(body)
    where: Json = {"location": location, "location_id": location_id(location)}
    made = []
    if goods:
        made.append(
            FulfillmentOrder(lines=lines_of(goods), method=method, service_code=code, presented_name=title, **where)
        )
    if rest:
        made.append(
            FulfillmentOrder(lines=lines_of(rest), method="NONE", service_code=None, presented_name=None, **where)
        )
    return tuple(made)


def carriage_of(body: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Code and title of the body's first shipping line."""
    first = next(iter(body["shipping_lines"] or ()), None)
    return (first["code"], first["title"]) if first else (None, None)


def lines_of(lines: Iterable[Mapping[str, Any]]) -> tuple[FulfillmentLine, ...]:
    """Fulfilment lines for lines of a body, whole quantities."""
    return tuple(
        FulfillmentLine(line_id=line["id"], total=line["current_quantity"], remaining=line["current_quantity"])
        for line in lines
    )


class Book:
    """The orders, by id. Threads share it; what it hands out never changes afterwards."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.variants: dict[int, Variant] = {}
        self._lock = threading.RLock()
        self._orders: dict[str, Order] = {}
        self._owners: dict[int, str] = {}  # fulfilment order to order

    def add(self, order: Order) -> None:
        """Put an order in."""
        with self._lock:
            self._keep(order)

    def together(self) -> threading.RLock:
        """A lock for several steps in one, as a context."""
        return self._lock

    def order(self, order_id: str) -> Order | None:
        """The order of this id, None where there is none or it was deleted."""
        with self._lock:
            return self._orders.get(order_id)

    def orders(self) -> tuple[Order, ...]:
        """All orders, in the order they came."""
        with self._lock:
            return tuple(self._orders.values())

    def owner(self, fulfillment_order_id: int) -> Order | None:
        """The order that a fulfilment order belongs to."""
        with self._lock:
            return self._orders.get(self._owners.get(fulfillment_order_id, ""))

    def delete(self, order_id: str) -> None:
        """Forget an order. Raises KeyError where there is none."""
        with self._lock:
            del self._orders[order_id]

    def change(self, order_id: str, change: Callable[[Order], Order], *, touch: bool = True) -> Order:
        """Change an order; `touch` moves its `updated_at`, by a second at least so that two versions differ in it.

        Raises KeyError where there is none.
        """
        with self._lock:
            before = self._orders[order_id]
            after = change(before)
            if touch:
                now = max(self.clock(), before.updated_at + timedelta(seconds=1))
                after = replace(after, body={**after.body, "updated_at": stamp(now)})
            self._keep(after)
            return after

    def _keep(self, order: Order) -> None:
        self._orders[order.id] = order
        self._owners |= {held.id: order.id for held in order.fulfillment}


def stamp(moment: datetime) -> str:
    """A time as order bodies have it: with zone, to the second."""
    return moment.isoformat(timespec="seconds")


def with_body(order: Order, **values: Any) -> Order:
    """The order with some of its body's values replaced."""
    return replace(order, body={**order.body, **values})


def paid(order: Order) -> Order:
    """The order fully paid."""
    return with_body(order, financial_status="paid", total_outstanding="0.00")


def cancelled(order: Order, reason: str, now: datetime) -> Order:
    """The order cancelled: nothing is left to fulfil, its fulfilment orders are closed."""
    lines = [{**line, "current_quantity": 0, "fulfillable_quantity": 0} for line in order.body["line_items"]]
    closed = tuple(replace(held, status="CANCELLED", lines=_emptied(held.lines)) for held in order.fulfillment)
    status = "refunded" if order.body["financial_status"] == "paid" else "voided"
    values = {"cancelled_at": stamp(now), "cancel_reason": reason, "financial_status": status, "line_items": lines}
    return with_body(replace(order, fulfillment=closed), **values)


def fulfilled(order: Order, fulfillment_order_id: int | None = None) -> Order:
    """The order with everything fulfilled, or one fulfilment order of it."""
    done = [held for held in order.fulfillment if fulfillment_order_id in {None, held.id}]
    units: dict[int, int] = {}
    for line in (line for held in done for line in held.lines):
        units[line.line_id] = units.get(line.line_id, 0) + line.remaining
    lines = [_line_fulfilled(line, units.get(line["id"])) for line in order.body["line_items"]]
    closed = tuple(
        replace(held, status="CLOSED", lines=_emptied(held.lines)) if held in done else held
        for held in order.fulfillment
    )
    status = "partial" if any(line["fulfillable_quantity"] for line in lines) else "fulfilled"
    return with_body(replace(order, fulfillment=closed), line_items=lines, fulfillment_status=status)


def _line_fulfilled(line: Json, units: int | None) -> Json:
    """A line of the body with some of its units fulfilled."""
    if units is None:
        return line
    left = max(0, line["fulfillable_quantity"] - units)
    return {**line, "fulfillable_quantity": left, "fulfillment_status": "partial" if left else "fulfilled"}


def held_back(order: Order, hold: Hold) -> Order:
    """The order with its open fulfilment orders on hold."""
    return _each(
        order, {"OPEN", "SCHEDULED"}, lambda found: replace(found, status="ON_HOLD", holds=(*found.holds, hold))
    )


def released(order: Order) -> Order:
    """The order with its held fulfilment orders open."""
    return _each(order, {"ON_HOLD"}, lambda found: replace(found, status="OPEN", holds=()))


def scheduled(order: Order, at: datetime) -> Order:
    """The order with its open fulfilment orders scheduled."""
    return _each(order, {"OPEN"}, lambda found: replace(found, status="SCHEDULED", fulfill_at=at))


def opened(order: Order) -> Order:
    """The order with its scheduled fulfilment orders open, as they become when their time has come."""
    return _each(order, {"SCHEDULED"}, lambda found: replace(found, status="OPEN", fulfill_at=None))


def with_metafield(order: Order, metafield: Metafield) -> Order:
    """The order with a metafield, in place of the one of its name."""
    names = (metafield.namespace, metafield.key)
    others = tuple(held for held in order.metafields if (held.namespace, held.key) != names)
    return replace(order, metafields=(*others, metafield))


def _each(order: Order, statuses: set[str], change: Callable[[FulfillmentOrder], FulfillmentOrder]) -> Order:
    changed = [change(held) if held.status in statuses else held for held in order.fulfillment]
    return replace(order, fulfillment=tuple(changed))


def _emptied(lines: Sequence[FulfillmentLine]) -> tuple[FulfillmentLine, ...]:
    return tuple(replace(line, remaining=0) for line in lines)
