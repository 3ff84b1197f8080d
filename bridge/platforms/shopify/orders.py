"""What a verified Shopify body is: an order, a hint at one, or no order, in words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from bridge.platforms.base import Json, NoOrder, OrderBody, Rung

# The order of Shopify's own samples and of "Send test notification". JavaScript and PHP round its id, which is beyond
# 2**53; all spellings are the same binary fraction. https://shopify.dev/docs/api/webhooks
TEST_ORDER_ID = 820982911946154508

_ORDER_GID = re.compile(r"gid://shopify/Order/([0-9]+)")
_OTHER_GID = re.compile(r"gid://shopify/(?!Order/)([A-Za-z]+)/")
# What fulfilments, draft orders, checkouts and transactions have beside an id, and orders have not.
_NO_ORDER_KEYS = frozenset({"order_id", "invoice_url", "abandoned_checkout_url", "parent_id"})
_ID_DIGITS = 20  # 64 bits
_TEST_OUTCOME = "test notification received: Shopify's sample order, nothing to send"
_COMPLIANCE = {
    "customers/data_request": "compliance request: a customer asks for the data kept about them",
    "customers/redact": "compliance request: a customer's data is to be erased",
    "shop/redact": "compliance request: the shop's data is to be erased, 48 hours after the app was uninstalled",
}
_FULFILLMENT_ORDER = "fulfilment order change (fulfillment_orders/*): no order body; orders are read before sending"
_FAMILIES = {
    "fulfillment_order": _FULFILLMENT_ORDER,
    "original_fulfillment_order": _FULFILLMENT_ORDER,
    "fulfillment_order_merges": _FULFILLMENT_ORDER,
    "fulfillment_order_splits": _FULFILLMENT_ORDER,
    "refund_line_items": "refund (refunds/create): no order body; orders/updated brings the order",
    "return_line_items": "return (returns/*): returns are not sent to SortedPRO",
    "invoice_url": "draft order (draft_orders/*): it becomes an order when it is completed",
    "risk_level": "risk assessment (orders/risk_assessment_changed): no order body; risk is read before sending",
    "tracking_number": "fulfilment (fulfillments/*): tracking is not the bridge's work",
    "abandoned_checkout_url": "checkout (checkouts/*): no order yet",
    "myshopify_domain": "shop (shop/update or app/uninstalled): no order",
}
_COMPLIANCE_KEYS = {"customers/data_request": "data_request", "customers/redact": "orders_to_redact"}
_BY_TOPIC = {
    "app/uninstalled": "app uninstalled: Shopify has withdrawn the token and the subscriptions; install the app again",
    **_COMPLIANCE,
}


def read(body: bytes, topic: str) -> OrderBody | Rung | NoOrder:
    """Say what a verified body is. `topic` is not signed: it only helps to name what is no order."""
    try:
        value = json.loads(body.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return NoOrder(outcome=_unreadable(body))
    if not isinstance(value, dict):
        return NoOrder(outcome=f"{_named(topic)}: JSON, but not an object, so not an order")
    if set(value) == {"order"} and isinstance(value["order"], dict):
        value = value["order"]  # the wrapper of the REST API, which resenders keep; webhooks have none
    if "line_items" in value and isinstance(value["line_items"], list) and not _is_other(value):
        return _order(value)
    return _hint(value, topic) or NoOrder(outcome=_words(value, topic))


def order_id(order: Json) -> str | None:
    """The id as digits: from `admin_graphql_api_id`, which nothing rounds, else from `id`; None where there is none."""
    match = _ORDER_GID.fullmatch(str(order.get("admin_graphql_api_id") or ""))
    return match[1] if match else _digits(order.get("id"))


def moment(value: object) -> datetime | None:
    """A time of Shopify's as an aware UTC datetime; one without zone is taken as UTC. None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip())
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _order(order: Json) -> OrderBody | NoOrder:
    """An order body, or what it lacks to be one."""
    identity = order_id(order)
    if identity is None:
        return NoOrder(outcome="an order without a usable id: whole numbers only; it cannot be told apart from others")
    if order.get("test") is True and _is_test_id(identity):
        return NoOrder(outcome=_TEST_OUTCOME)
    created = [time for time in (moment(order.get("created_at")), moment(order.get("processed_at"))) if time]
    modified = moment(order.get("updated_at")) or max(created, default=None)
    if modified is None:
        return NoOrder(
            outcome="an order without any time (updated_at, created_at, processed_at): it cannot be put in order with "
            "other versions; take include_fields off the webhook subscription, or add them"
        )
    return OrderBody(
        order=order,
        order_id=identity,
        order_key="",
        name=_name(order, identity),
        created_at=min(created, default=modified),
        modified_at=modified,
    )


def _name(order: Json, identity: str) -> str:
    """What people call the order: its name, else its number, else its id."""
    name = order.get("name")
    if isinstance(name, str) and name.strip():
        return name.strip()
    number = _digits(order.get("order_number"))
    return f"#{number}" if number else identity


def _hint(value: Json, topic: str) -> Rung | NoOrder | None:
    """A body that names an order without being one, or None."""
    edit = value.get("order_edit")
    if isinstance(edit, dict):
        identity = _digits(edit.get("order_id"))
        return _rung(identity, "order edited (orders/edited): the order is read from the shop")
    if set(value) == {"id"}:
        # Every */delete topic has this body. Ringing for a product's id does no harm: the order is read, not believed.
        said = "order deleted (orders/delete)" if topic in ("", "orders/delete") else f"deletion ({_named(topic)})"
        return _rung(_digits(value["id"]), f"{said}: the shop is asked whether the order is gone", deletion=True)
    if _ORDER_GID.fullmatch(str(value.get("admin_graphql_api_id") or "")):
        outcome = "an order body without line_items (include_fields on the subscription?): read from the shop"
        return _rung(order_id(value), outcome)
    return None


def _rung(identity: str | None, outcome: str, *, deletion: bool = False) -> Rung | NoOrder | None:
    """A Rung for a usable id; Shopify's sample order is a test notification here too."""
    if identity is None:
        return None
    if _is_test_id(identity):
        return NoOrder(outcome=_TEST_OUTCOME)
    return Rung(order_id=identity, outcome=outcome, deletion=deletion)


def _is_other(value: Json) -> bool:
    """Whether a body with line items belongs to another kind of thing than an order."""
    if _OTHER_GID.match(str(value.get("admin_graphql_api_id") or "")):
        return True
    return not _NO_ORDER_KEYS.isdisjoint(value)


def _words(value: Json, topic: str) -> str:
    """What a JSON object that is no order is, by its own keys first and by its topic where they do not say."""
    if "shop_domain" in value:
        kind = next((kind for kind, key in _COMPLIANCE_KEYS.items() if key in value), "shop/redact")
        return f"{_COMPLIANCE[kind]} ({kind})"
    if topic in _BY_TOPIC:
        return f"{_BY_TOPIC[topic]} ({topic})"
    for key, words in _FAMILIES.items():
        if key in value:
            return words
    other = _OTHER_GID.match(str(value.get("admin_graphql_api_id") or ""))
    return f"{_named(topic)}: {f'a {other[1]}' if other else 'JSON'}, not an order; it needs no subscription"


def _unreadable(body: bytes) -> str:
    """Why a body cannot be read, and the way out."""
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"<":
        return "XML or HTML, not JSON: set the webhook's format to JSON in Shopify"
    if not start:
        return "an empty body"
    return "not readable as JSON (UTF-8, no NaN): something between Shopify and the bridge may have changed it"


def _named(topic: str) -> str:
    """The topic for a message; it is not signed, so it is kept short and printable."""
    kept = re.sub(r"[^A-Za-z0-9_/.-]", "", topic)[:60]
    return f"topic {kept}" if kept else "no topic"


def _digits(value: object) -> str | None:
    """A whole number above zero as digits; None for anything else."""
    if isinstance(value, Decimal) and value.adjusted() < _ID_DIGITS:  # PHP writes large ids as 8.2e17
        value = format(value.normalize(), "f")
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text if re.fullmatch(rf"[1-9][0-9]{{0,{_ID_DIGITS - 1}}}", text) else None


def _is_test_id(identity: str) -> bool:
    """Whether an id is the sample order's, exact or rounded to a binary fraction by some program on the way."""
    return float(identity) == float(TEST_ORDER_ID)


def _refuse_constant(name: str) -> Callable[[], None]:
    """Python's JSON would take NaN and Infinity, which are no JSON."""
    raise ValueError(f"{name} is not JSON")
