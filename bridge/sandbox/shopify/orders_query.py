"""Chooses and sorts orders as the `orders` connection does, for the search terms that a bridge uses."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from graphql import GraphQLError

from bridge.sandbox.shopify.book import Order

_TERM = re.compile(r"(?P<name>[\w.]+):(?P<sign>>=|<=|>|<)?(?P<quote>['\"]?)(?P<value>.*?)(?P=quote)(?=\s|$)")
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "": operator.eq,
}
_TIMES = {"created_at", "updated_at", "processed_at"}
_SORT_KEYS = {
    "CREATED_AT": "created_at",
    "UPDATED_AT": "updated_at",
    "PROCESSED_AT": "processed_at",
    "ID": "id",
    "ORDER_NUMBER": "order_number",
}


def chosen(orders: Sequence[Order], query: str, sort_key: str, *, reverse: bool) -> list[Order]:
    """The orders that meet every term of `query`. Raises GraphQLError for a term that the fake does not know."""
    terms = list(_TERM.finditer(query))
    found = [order for order in orders if all(_meets(order, term) for term in terms)]
    name = _SORT_KEYS[sort_key]
    return sorted(found, key=lambda order: (_value(order, name), order.body["id"]), reverse=reverse)


def _meets(order: Order, term: re.Match[str]) -> bool:
    name, value = term["name"], term["value"]
    if name in _TIMES:
        return _SIGNS[term["sign"] or ""](_value(order, name), datetime.fromisoformat(value))
    if name not in _MEETS:
        raise GraphQLError(f"the fake shop does not know the search term {name!r}")
    return _MEETS[name](order, value)


def _has_status(order: Order, value: str) -> bool:
    cancelled, closed = order.body["cancelled_at"] is not None, order.body["closed_at"] is not None
    found = {"any": True, "cancelled": cancelled, "closed": closed, "open": not (closed or cancelled)}
    return found.get(value, not closed)


_MEETS: dict[str, Callable[[Order, str], bool]] = {
    "tag": lambda order, value: value in order.tags(),
    "tag_not": lambda order, value: value not in order.tags(),
    "test": lambda order, value: order.body["test"] is (value == "true"),
    "financial_status": lambda order, value: bool(order.body["financial_status"] == value),
    "fulfillment_status": lambda order, value: (order.body["fulfillment_status"] or "unfulfilled") == value,
    "name": lambda order, value: bool(order.body["name"] == value),
    "status": _has_status,
}


def _value(order: Order, name: str) -> Any:
    value = order.body[name]
    return datetime.fromisoformat(value) if name in _TIMES else value
