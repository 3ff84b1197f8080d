"""What a WooCommerce body says: whether it is an order, when it was changed, and which record of ours stands on it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from bridge.errors import Problem
from bridge.platforms.base import Json, NoOrder, OrderBody, Rung
from bridge.platforms.woocommerce.hosts import host_of_order

# PHP writes a list whose keys have gaps (a plugin took an entry out) as an object: {"0": ..., "2": ...}.
_LISTS = ("line_items", "shipping_lines", "fee_lines", "coupon_lines", "tax_lines", "refunds", "meta_data")
_ID = re.compile(r"[0-9]{1,20}")  # WordPress ids are 64-bit; Python itself refuses to read a few thousand digits
_TOO_LARGE = 2**64
_ENDED = {
    "cancelled": "the order was cancelled in WooCommerce",
    "refunded": "the order was refunded in full in WooCommerce",
    "failed": "the order's payment failed in WooCommerce",
    "trash": "the order lies in WooCommerce's trash",
}
_OWNER_LOST = (
    "WooCommerce sent an error in place of an order ({code}): the user who owns this webhook may no longer see orders, "
    "so every order is being lost; set the webhook's user to an administrator or make the webhook again"
)


def read(body: bytes, topic: str) -> OrderBody | Rung | NoOrder:
    """Say what a verified body is: an order, something that names one, or neither, in words.

    The unsigned `topic` only helps to name what is no order.
    """
    document = parsed(body)
    if isinstance(document, NoOrder):
        return document
    order_id = _id(document.get("id"))
    if order_id and "line_items" in document:
        return _order(document, order_id)
    if order_id and set(document) == {"id"}:
        return Rung(order_id=order_id, outcome="the shop says that it deleted this order", deletion=True)
    if "action" in document and "arg" in document:
        return _action(document)
    return NoOrder(outcome=_other(document, topic))


def parsed(body: bytes) -> dict[str, Any] | NoOrder:
    """The JSON object in a body, numbers as int and Decimal; otherwise what stands there instead."""
    if body.startswith(b"webhook_id="):
        return NoOrder(outcome="WooCommerce's ping, which it sends when a webhook is made")
    if body.lstrip()[:1] == b"<":
        return NoOrder(outcome="the body is XML or HTML, not JSON; check the webhook's API version in WooCommerce")
    try:
        document = json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        return NoOrder(outcome="the body is not UTF-8 text; WooCommerce sends JSON in UTF-8")
    except (ValueError, RecursionError):
        return NoOrder(outcome="the body is malformed JSON; look at the shop's plugins that change webhooks")
    if not isinstance(document, dict):
        return NoOrder(outcome="the body is JSON but no object, so it is no order")
    return document


def order_body(document: dict[str, Any]) -> OrderBody | None:
    """An order from its parsed JSON, or None where it has no id, no lines or no times."""
    order_id = _id(document.get("id"))
    found = _order(document, order_id) if order_id and "line_items" in document else None
    return found if isinstance(found, OrderBody) else None


def ended(order: Json) -> str | None:
    """Why an order must not ship at all, or None."""
    return _ENDED.get(str(order.get("status")))


def personal_data_removed(order: Json) -> Problem | None:
    """A problem where the body has neither address; WooCommerce itself always writes both, empty where unknown."""
    if "billing" in order or "shipping" in order:
        return None
    return Problem(
        message="the shop sent the order without its addresses; find the plugin that filters webhooks or the REST API, "
        "or give the webhook's user the right to see orders",
        source="order.shipping",
        code="personal_data_removed",
    )


def _order(document: dict[str, Any], order_id: str) -> OrderBody | Rung:
    created = _time(document, "date_created")
    modified = _time(document, "date_modified") or created
    if not modified:
        return Rung(order_id=order_id, outcome="an order without its times; it is read from the shop instead")
    for key in _LISTS:
        if key in document:
            document[key] = _listed(document[key])
    return OrderBody(
        order=document,
        order_id=order_id,
        order_key=str(document.get("order_key") or ""),
        name=f"#{document.get('number') or order_id}",
        created_at=created or modified,
        modified_at=modified,
        host=host_of_order(document),
    )


def _action(document: dict[str, Any]) -> Rung | NoOrder:
    """Bodies of `action.*` topics: {"action": "woocommerce_order_status_processing", "arg": 25}."""
    action, order_id = str(document["action"]), _id(document["arg"])
    if "order" in action and order_id:
        return Rung(order_id=order_id, outcome="WooCommerce told of an action on this order, which is then read")
    return NoOrder(outcome="an action of WooCommerce that names no order; subscribe to order.created and order.updated")


def _other(document: dict[str, Any], topic: str) -> str:
    """What a JSON object without an order is, and what to do."""
    if "code" in document and "message" in document:
        return _error(document)
    if isinstance(document.get("order"), dict):
        return (
            "an order in WooCommerce's legacy format, which is not read; "
            'set the webhook\'s API version to "WP REST API Integration v3"'
        )
    resource = topic.partition(".")[0]
    if resource and resource != "order":
        return f"a body of the topic {topic[:60]}, which is not about orders; nothing to do"
    return "a JSON object that is no WooCommerce order (no id or no line_items)"


def _error(document: dict[str, Any]) -> str:
    """Signed errors: the payload is made when it is sent, by then the order or the right to see it may be gone."""
    code, data = str(document["code"])[:80], document.get("data")
    status = data.get("status") if isinstance(data, Mapping) else None
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _OWNER_LOST.format(code=code)
    if status == HTTPStatus.NOT_FOUND:
        return f"WooCommerce sent an error in place of an order ({code}): the order was deleted before it could be sent"
    return f"WooCommerce sent an error in place of an order ({code}); look into the shop's log"


def _id(value: object) -> str:
    """An id as text, '' for what is none. Some third-party senders write it as text."""
    if isinstance(value, str):
        value = int(value) if _ID.fullmatch(value) else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _TOO_LARGE else ""


def _time(document: Mapping[str, Any], name: str) -> datetime | None:
    """`<name>_gmt`, UTC without a zone; API version 1 has it under the bare name, in UTC as well."""
    text = document.get(f"{name}_gmt") or document.get(name)
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _listed(value: object) -> object:
    if isinstance(value, Mapping):
        return list(value.values())
    return [] if value is None else value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
