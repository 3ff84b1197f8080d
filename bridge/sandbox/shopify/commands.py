"""What another process may make happen in a fake Shopify shop: commands that take and give JSON.

In Shopify's words; `line_id` may be a line's sku. Times are ISO texts, amounts numbers or texts.

    add(order, fulfillment_orders, method, recommendation, risk_levels, metafields, topics, routed_after)
                          `order` are the arguments of `shopify_order`; `routed_after` seconds; see below. Gives the id.
    edit(order_id, line_id, quantity)              order edit: more or fewer units of an unfulfilled line
    add_variant(order_id, line, location)          order edit: a new line, {"sku", "quantity", "price", ...}
    refund(order_id, line_id, quantity, restock_type)      no_restock, cancel, or return (it came back)
    exchange(order_id, line_id, quantity, line, awaited)   a line for a new one; awaited: on hold until `release`
    move(order_id, location, fulfillment_order_id, quantities)      quantities by line id; everything without
    schedule(order_id, at), ready(order_id)        put off; open what was scheduled
    hold(order_id, reason, notes), release(order_id)
    fulfil(order_id, fulfillment_order_id)
    assess(order_id, recommendation, levels)       the risk: NONE and ["PENDING"], CANCEL and ["HIGH"], ...
    set_metafield(order_id, name, value)
    set_variant(sku, hs_code, origin, weight)      what products know of an article; weight in grams
    pay, cancel, change, delete, send, clear       as the methods of FakeShopify
    orders(), lines(order_id), fulfillment_orders(order_id)         what there is

`fulfillment_orders` of `add` splits an order: [{"skus": ["MUG-BLUE"] or {"MUG-BLUE": 1}, "location", "method", "hold",
"fulfill_at", "service_code", "presented_name", "source_reference", "third_party"}]. One without skus takes all goods
that are left; goods in none are routed as usual. One with `fulfill_at` is SCHEDULED, one with a reason as `hold` is
ON_HOLD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bridge.sandbox.shopify.book import (
    MAIN,
    FulfillmentOrder,
    Hold,
    Json,
    Variant,
    carriage_of,
    lines_of,
    location_id,
    route,
)
from bridge.sandbox.shopify.lines import Article
from bridge.sandbox.shopify.order import shopify_order
from bridge.sandbox.shopify.shop import FakeShopify

_AMOUNTS = ("discount", "shipping", "tax_rate", "presentment_rate")


def commands(fake: FakeShopify) -> dict[str, Callable[..., Any]]:
    """The commands by name."""
    told = _Told(fake)
    plain = (fake.pay, fake.cancel, fake.fulfil, fake.change, fake.hold, fake.release, fake.ready)
    further = (fake.assess, fake.set_metafield, fake.delete, fake.send, fake.clear)
    spoken = (
        told.add,
        told.edit,
        told.add_variant,
        told.refund,
        told.exchange,
        told.schedule,
        told.move,
        told.set_variant,
    )
    lists = (told.orders, told.lines, told.fulfillment_orders)
    return {command.__name__: command for command in (*plain, *further, *spoken, *lists)}


class _Told:
    """Commands whose arguments JSON cannot say as Python does."""

    def __init__(self, fake: FakeShopify) -> None:
        self._fake = fake

    def add(
        self,
        body: Json | None = None,
        order: Json | None = None,
        fulfillment_orders: Sequence[Json] | None = None,
        routed_after: float = 0,
        **options: Any,
    ) -> str:
        """An order is placed."""
        made = body or shopify_order(**_options(order or {}))
        held = None if fulfillment_orders is None else split(made, fulfillment_orders)
        after = timedelta(seconds=routed_after)
        return self._fake.add_order(made, fulfillment_orders=held, routed_after=after, **options)

    def edit(self, order_id: str, line_id: int | str, quantity: int) -> None:
        self._fake.edit(order_id, self._line(order_id, line_id), quantity)

    def add_variant(self, order_id: str, line: Json, location: str = MAIN) -> None:
        self._fake.add_variant(order_id, _article(line), location)

    def refund(self, order_id: str, line_id: int | str, quantity: int, restock_type: str = "no_restock") -> None:
        self._fake.refund(order_id, self._line(order_id, line_id), quantity, restock_type)

    def exchange(self, order_id: str, line_id: int | str, quantity: int, line: Json, *, awaited: bool = False) -> None:
        self._fake.exchange(order_id, self._line(order_id, line_id), quantity, _article(line), awaited=awaited)

    def schedule(self, order_id: str, at: str) -> None:
        self._fake.schedule(order_id, datetime.fromisoformat(at))

    def move(
        self,
        order_id: str,
        location: str,
        fulfillment_order_id: int | None = None,
        quantities: Mapping[str, int] | None = None,
    ) -> None:
        units = None
        if quantities is not None:
            units = {self._line(order_id, name): count for name, count in quantities.items()}
        self._fake.move(order_id, location, fulfillment_order_id, units)

    def set_variant(
        self, sku: str, hs_code: str | None = None, origin: str | None = None, weight: float | str | None = None
    ) -> None:
        grams = None if weight is None else Decimal(str(weight))
        known = Variant(weight=grams, hs_code=hs_code, origin=origin)
        self._fake.set_variant(Article(sku=sku).variant or 0, known)

    def orders(self) -> list[Json]:
        """All orders, with what the bridge has written to them."""
        return [
            {
                "id": order.id,
                "name": order.body["name"],
                "reference": self._fake.reference_of(order.id),
                "tags": order.tags(),
            }
            for order in self._fake.book.orders()
        ]

    def lines(self, order_id: str) -> list[Json]:
        """An order's lines with their quantities."""
        shown = ("id", "sku", "quantity", "current_quantity", "fulfillable_quantity")
        return [{name: line[name] for name in shown} for line in self._fake.order(order_id).body["line_items"]]

    def fulfillment_orders(self, order_id: str) -> list[Json]:
        """An order's fulfilment orders, with what remains of each line by its id."""
        return [
            {
                "id": held.id,
                "status": held.status,
                "method": held.method,
                "location": held.location,
                "location_id": held.location_id,
                "remaining": {str(line.line_id): line.remaining for line in held.lines},
            }
            for held in self._fake.order(order_id).fulfillment
        ]

    def _line(self, order_id: str, name: int | str) -> int:
        """A line by id or sku; raises KeyError where there is none."""
        for line in self._fake.order(order_id).body["line_items"]:
            if str(name) in {str(line["id"]), line["sku"]}:
                return int(line["id"])
        raise KeyError(f"order {order_id} has no line {name}")


def split(body: Json, given: Sequence[Json]) -> tuple[FulfillmentOrder, ...]:
    """Fulfilment orders as `add` is told of them; see the module's text."""
    code, title = carriage_of(body)
    left = list(body["line_items"])
    made = []
    for told in given:
        taken, left = _taken(left, told.get("skus"))
        reason, until = told.get("hold"), told.get("fulfill_at")
        status = "ON_HOLD" if reason else "SCHEDULED" if until else "OPEN"
        where = told.get("location", MAIN)
        made.append(
            FulfillmentOrder(
                lines=lines_of(taken),
                method=told.get("method", "SHIPPING"),
                status=told.get("status", status),
                location=where,
                location_id=location_id(where),
                service_code=told.get("service_code", code),
                presented_name=told.get("presented_name", title),
                source_reference=told.get("source_reference"),
                fulfill_at=datetime.fromisoformat(until) if until else None,
                holds=(Hold(reason=reason),) if reason else (),
                third_party=told.get("third_party", False),
            )
        )
    return (*made, *route({**body, "line_items": left}))


def _taken(lines: Iterable[Json], skus: Sequence[str] | Mapping[str, int] | None) -> tuple[list[Json], list[Json]]:
    """Lines that a fulfilment order takes (all goods without skus), and those left, each with its units."""
    taken, left = [], []
    wanted = dict(skus) if isinstance(skus, Mapping) else None
    for line in lines:
        units = line["current_quantity"]
        goods = line["requires_shipping"] and not line["gift_card"]
        if wanted is not None:
            here = min(units, wanted.pop(line["sku"], 0))
        else:
            here = units if (goods if skus is None else line["sku"] in skus) else 0
        taken += [{**line, "current_quantity": here}] if here else []
        left += [{**line, "current_quantity": units - here}] if units > here else []
    return taken, left


def _options(order: Json) -> Json:
    """The arguments of `shopify_order`."""
    found = _with_amounts(order, _AMOUNTS)
    if "at" in found:
        found["at"] = datetime.fromisoformat(found["at"])
    if "lines" in found:
        found["lines"] = [_article(line) for line in found["lines"]]
    return found


def _article(line: Json) -> Article:
    return Article(**_with_amounts(line, ("price",)))


def _with_amounts(given: Json, names: Sequence[str]) -> Json:
    return {
        name: Decimal(str(value)) if name in names and value is not None else value for name, value in given.items()
    }
