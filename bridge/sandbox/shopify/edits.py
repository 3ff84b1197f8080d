"""What happens to the lines of a fake order after it was placed: edits, refunds, returns, exchanges and moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

from bridge.sandbox.shopify.book import (
    ACTIVE,
    MAIN,
    FulfillmentLine,
    FulfillmentOrder,
    Hold,
    Json,
    Order,
    location_id,
    route,
    stamp,
    with_body,
)
from bridge.sandbox.shopify.lines import Article, article_line, raised_line, terms_of, totals

RETURN = "return"  # restock_type of goods that had been fulfilled: they come back
_RESTOCKED = frozenset({RETURN, "cancel"})

_refund_ids = count(9_100_000_000_001)


def edited(order: Order, line_id: int, quantity: int) -> Order:
    """The order with another quantity of one line, as a merchant's edit leaves it.

    More units go into the fulfilment order that still has some of the line; the difference in price counts as paid.
    Raises ValueError for more of a line that is fulfilled: Shopify edits unfulfilled lines only, and adds another line.
    """
    line = line_of(order, line_id)
    change = quantity - line["current_quantity"]
    if change > 0:
        more = raised_line(line, change, terms_of(order.body))
        return _with_totals(_with_line(_raised(order, line_id, change), more))
    left = {name: max(0, line[name] + change) for name in ("current_quantity", "fulfillable_quantity")}
    return _with_line(_lowered(order, line_id, -change), {**line, **left})


def with_article(
    order: Order, article: Article, *, location: str = MAIN, apart: bool = False, hold: Hold | None = None
) -> Order:
    """The order with a new line: in the open fulfilment order of that location, or in a new one.

    `apart`, or with a hold, it is always a new one. The difference in price counts as paid.
    """
    line_id = max(line["id"] for line in order.body["line_items"]) + 1
    line = article_line(article, line_id, Decimal("0.00"), terms_of(order.body))
    status = "partial" if order.body["fulfillment_status"] == "fulfilled" else order.body["fulfillment_status"]
    grown = with_body(order, line_items=[*order.body["line_items"], line], fulfillment_status=status)
    (made,) = route({**order.body, "line_items": [line]}, location=location)
    joins = [] if apart or hold else [held for held in order.fulfillment if _takes(held, made)]
    if joins:
        joined = replace(joins[0], lines=(*joins[0].lines, *made.lines))
        return _with_totals(_replaced(grown, joins[0], [joined]))
    if hold is not None:
        made = replace(made, status="ON_HOLD", holds=(hold,))
    return _with_totals(replace(grown, fulfillment=(*grown.fulfillment, made)))


def refunded(order: Order, line_id: int, quantity: int, now: datetime, restock_type: str = "no_restock") -> Order:
    """The order with a quantity of one line refunded; `restock_type` is Shopify's.

    What is returned had been fulfilled, so nothing less is left to ship; of anything else less is left.
    """
    line = line_of(order, line_id)
    left = line["current_quantity"] - quantity
    if restock_type == RETURN:
        after = _with_line(order, {**line, "current_quantity": left})
    else:
        after = edited(order, line_id, left)
    refund = _refund(order, line, quantity, now, restock_type)
    all_back = not any(found["current_quantity"] for found in after.body["line_items"])
    status = "refunded" if all_back else "partially_refunded"
    return with_body(after, refunds=[*order.body["refunds"], refund], financial_status=status)


def exchanged(
    order: Order, line_id: int, quantity: int, article: Article, now: datetime, *, awaited: bool = False
) -> Order:
    """The order with units of one line exchanged for a new line, which has a new fulfilment order on the same order.

    `awaited`: the return has not come yet, so nothing is taken back, and the new fulfilment order is on hold for it.
    https://shopify.dev/docs/apps/build/orders-fulfillment/returns-apps/read-exchanges
    """
    if awaited:
        return with_article(order, article, hold=Hold(reason="AWAITING_RETURN_ITEMS"))
    back = refunded(order, line_id, quantity, now, RETURN)
    status = order.body["financial_status"]  # what came back pays for what goes out
    return with_body(with_article(back, article, apart=True), financial_status=status)


def moved(order: Order, held: FulfillmentOrder, location: str, quantities: Mapping[int, int] | None = None) -> Order:
    """The order with unfulfilled units of a fulfilment order at another location; all of them unless given by line id.

    A whole one keeps its id. Of a part a new one is made, and one that is active there is closed into it.
    https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/fulfillmentOrderMove
    """
    if held.status not in ACTIVE:
        raise ValueError(f"Shopify moves no fulfilment order that is {held.status}")
    where: dict[str, Any] = {"location": location, "location_id": location_id(location)}
    going = {line.line_id: line.remaining for line in held.lines} if quantities is None else dict(quantities)
    if all(going.get(line.line_id) == line.total for line in held.lines):
        return _replaced(order, held, [replace(held, **where)])
    there = [found for found in order.fulfillment if found.location == location and found.status in ACTIVE]
    joined = [line for found in there for line in found.lines if line.remaining]
    lines = [FulfillmentLine(line_id=line, total=units, remaining=units) for line, units in going.items() if units]
    arriving = replace(_copy(held), lines=(*(_again(line) for line in joined), *lines), **where)
    for found in there:
        order = _replaced(order, found, [replace(found, status="CLOSED", lines=_without(found.lines, None))])
    return _replaced(order, held, [_left(held, going), arriving])


def line_of(order: Order, line_id: int) -> Json:
    """The body's line of this id; raises KeyError where there is none."""
    for line in order.body["line_items"]:
        if line["id"] == line_id:
            return dict(line)
    raise KeyError(f"the order has no line {line_id}")


def _takes(held: FulfillmentOrder, made: FulfillmentOrder) -> bool:
    """Whether new goods join a fulfilment order."""
    return held.status == "OPEN" and (held.location, held.method) == (made.location, made.method)


def _raised(order: Order, line_id: int, more: int) -> Order:
    for held in order.fulfillment:
        if held.status in ACTIVE and any(line.line_id == line_id and line.remaining for line in held.lines):
            return _replaced(order, held, [replace(held, lines=_changed(held.lines, line_id, more))])
    raise ValueError("Shopify edits unfulfilled lines only; add the article as another line")


def _lowered(order: Order, line_id: int, less: int) -> Order:
    for held in order.fulfillment:
        here = sum(line.remaining for line in held.lines if line.line_id == line_id)
        if less and here and held.status in ACTIVE:
            taken = min(less, here)
            less -= taken
            order = _replaced(order, held, [replace(held, lines=_changed(held.lines, line_id, -taken))])
    return order


def _changed(lines: Sequence[FulfillmentLine], line_id: int, change: int) -> tuple[FulfillmentLine, ...]:
    return _each(
        lines,
        lambda line: (
            replace(line, total=line.total + change, remaining=line.remaining + change)
            if line.line_id == line_id
            else line
        ),
    )


def _left(held: FulfillmentOrder, going: Mapping[int, int]) -> FulfillmentOrder:
    """What stays of a fulfilment order; one that has nothing left to do is closed."""
    kept = _without(held.lines, going)
    return replace(held, lines=kept, status=held.status if any(line.remaining for line in kept) else "CLOSED")


def _without(lines: Sequence[FulfillmentLine], going: Mapping[int, int] | None) -> tuple[FulfillmentLine, ...]:
    """Lines less the units that go, by default all that remain; lines without any units are dropped."""

    def stays(line: FulfillmentLine) -> FulfillmentLine:
        units = line.remaining if going is None else going.get(line.line_id, 0)
        return replace(line, total=line.total - units, remaining=line.remaining - units)

    return tuple(line for line in _each(lines, stays) if line.total)


def _each(
    lines: Sequence[FulfillmentLine], change: Callable[[FulfillmentLine], FulfillmentLine]
) -> tuple[FulfillmentLine, ...]:
    return tuple(change(line) for line in lines)


def _copy(held: FulfillmentOrder) -> FulfillmentOrder:
    """The same with an id of its own."""
    return replace(held, id=FulfillmentOrder(lines=()).id)


def _again(line: FulfillmentLine) -> FulfillmentLine:
    """What remains of a line, created anew."""
    return FulfillmentLine(line_id=line.line_id, total=line.remaining, remaining=line.remaining)


def _replaced(order: Order, held: FulfillmentOrder, by: Sequence[FulfillmentOrder]) -> Order:
    """The order with other fulfilment orders in place of one."""
    after = [new for found in order.fulfillment for new in (by if found.id == held.id else [found])]
    return replace(order, fulfillment=tuple(after))


def _with_line(order: Order, line: Json) -> Order:
    lines = [line if found["id"] == line["id"] else found for found in order.body["line_items"]]
    return with_body(order, line_items=lines)


def _with_totals(order: Order) -> Order:
    """The order with the amounts of its lines as they are now."""
    body = order.body
    return with_body(order, **totals(body["line_items"], body["shipping_lines"], terms_of(body)))


def _refund(order: Order, line: Json, quantity: int, now: datetime, restock_type: str) -> Json:
    refund_id = next(_refund_ids)
    item = {
        "id": next(_refund_ids),
        "line_item_id": line["id"],
        "location_id": location_id(MAIN) if restock_type in _RESTOCKED else None,
        "quantity": quantity,
        "restock_type": restock_type,
        "subtotal": float(Decimal(line["price"]) * quantity),
        "total_tax": 0.0,
        "line_item": line,
    }
    return {
        "id": refund_id,
        "admin_graphql_api_id": f"gid://shopify/Refund/{refund_id}",
        "order_id": order.body["id"],
        "created_at": stamp(now),
        "processed_at": stamp(now),
        "note": None,
        "restock": restock_type in _RESTOCKED,
        "user_id": None,
        "refund_line_items": [item],
        "order_adjustments": [],
        "transactions": [],
        "duties": [],
    }
