"""A fake Shopify shop: an app for `server.serve`, and the things that happen in a shop."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.sandbox.faults import Fault, Match, Script
from bridge.sandbox.server import Answer, Request
from bridge.sandbox.shopify import book as changes
from bridge.sandbox.shopify import edits
from bridge.sandbox.shopify.admin import AdminApi
from bridge.sandbox.shopify.book import MAIN, Book, FulfillmentOrder, Hold, Metafield, Order, Variant, route, stamp
from bridge.sandbox.shopify.bucket import Bucket
from bridge.sandbox.shopify.connections import gid
from bridge.sandbox.shopify.lines import Article
from bridge.sandbox.webhooks import Packet, Post, Sender, signature

API_VERSION = "2026-10"
ALL_SCOPES = (
    "read_orders",
    "write_orders",
    "read_merchant_managed_fulfillment_orders",
    "read_third_party_fulfillment_orders",
    "read_products",
    "read_locations",
    "read_all_orders",
)


class FakeShopify:
    """One shop. What happens to its orders goes out as signed webhooks to `webhooks.target`. Threads share it."""

    def __init__(
        self,
        domain: str = "larkspur.myshopify.com",
        client_id: str = "fake-client-id",
        client_secret: str = "fake-client-secret",
        scopes: Iterable[str] = ALL_SCOPES,
        *,
        access_token: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        retries: Sequence[timedelta] = (),
        points_per_second: int = 100,
    ) -> None:
        self.domain = domain
        self.client_id = client_id
        self.client_secret = client_secret
        self.scopes = frozenset(scopes)
        self.webhook_secret = client_secret  # differs only while a secret is being rotated
        self.webhooks = Sender(retries=retries)
        self.bucket = Bucket(clock, per_second=points_per_second)
        self.book = Book(clock)
        self.script = Script()
        self.echo = True  # whether our own tags send orders/updated, as they do
        self._clock = clock
        self._lock = threading.Lock()
        self._admin = AdminApi(self, access_token)

    def __call__(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path == "/admin/oauth/access_token":
            return self._admin.token(request)
        fault = self.script.take(request)
        return fault.play(lambda: self._admin.answer(request)) if fault else self._admin.answer(request)

    def behave(self, *faults: Fault, match: Match = None, count: int | None = 1) -> None:
        """Show faults at the next Admin API calls; a text `match` must occur in the call's path or body."""
        self.script.behave(*faults, match=match, count=count)

    def clear(self) -> None:
        """Behave again."""
        self.script.clear()

    def revoke_tokens(self) -> None:
        """Make every token given so far invalid."""
        self._admin.revoke()

    def add_order(
        self,
        body: Mapping[str, Any],
        *,
        fulfillment_orders: Sequence[FulfillmentOrder] | None = None,
        method: str | None = "SHIPPING",
        routed_after: timedelta = timedelta(0),
        recommendation: str = "NONE",
        risk_levels: Sequence[str] = ("LOW",),
        metafields: Mapping[str, str] | None = None,
        topics: Sequence[str] | None = None,
    ) -> str:
        """Put an order in and send its webhooks; its id.

        Its fulfilment orders (made by `route` unless given) appear after `routed_after`. `metafields` are texts by
        name ("custom.legacy_reference"). `topics` are those sent at once, by default orders/create, and orders/paid
        where it is paid.
        """
        held = route(body, method) if fulfillment_orders is None else tuple(fulfillment_orders)
        routed_at = self._clock() + routed_after
        order = Order(
            body=dict(body),
            fulfillment=held,
            routed_at=routed_at,
            metafields=tuple(self._metafield(name, value) for name, value in (metafields or {}).items()),
            recommendation=recommendation,
            risk_levels=tuple(risk_levels),
        )
        self.book.add(order)
        usual = ("orders/create", "orders/paid") if body["financial_status"] == "paid" else ("orders/create",)
        self._tell(order, usual if topics is None else topics)
        if topics is None:
            self._tell_fulfillment(order, "fulfillment_orders/order_routing_complete", after=routed_after)
        return order.id

    def order(self, order_id: str) -> Order:
        """An order as it stands. Raises KeyError where there is none."""
        found = self.book.order(order_id)
        if found is None:
            raise KeyError(order_id)
        return found

    def reference_of(self, order_id: str, name: str = "custom.sorted_order_reference") -> str | None:
        """What stands in a metafield of an order, None where there is none."""
        namespace, key = name.rsplit(".", 1)
        found = self.order(order_id).metafield(namespace, key)
        return found.value if found else None

    def set_variant(self, variant_id: int, variant: Variant) -> None:
        """Say what products know of a variant."""
        self.book.variants[variant_id] = variant

    def pay(self, order_id: str) -> None:
        """The buyer pays."""
        self._tell(self.book.change(order_id, changes.paid), ("orders/paid", "orders/updated"))

    def cancel(self, order_id: str, reason: str = "customer") -> None:
        """The order is cancelled and refunded."""
        order = self.book.change(order_id, lambda found: changes.cancelled(found, reason, self._clock()))
        self._tell(order, ("orders/cancelled", "orders/updated"))

    def edit(self, order_id: str, line_id: int, quantity: int) -> None:
        """The merchant changes a line's quantity; see `edits.edited`."""
        self._edit(order_id, lambda found: edits.edited(found, line_id, quantity))

    def add_variant(self, order_id: str, article: Article, location: str = MAIN) -> None:
        """The merchant adds a line; see `edits.with_article`."""
        self._edit(order_id, lambda found: edits.with_article(found, article, location=location))

    def refund(self, order_id: str, line_id: int, quantity: int, restock_type: str = "no_restock") -> None:
        """A quantity of a line is refunded; with `return` it has come back."""
        order = self.book.change(
            order_id, lambda found: edits.refunded(found, line_id, quantity, self._clock(), restock_type)
        )
        self._send("refunds/create", order.body["refunds"][-1], order)
        self._tell(order, ("orders/updated",))

    def exchange(self, order_id: str, line_id: int, quantity: int, article: Article, *, awaited: bool = False) -> None:
        """Units of a line are exchanged for a new line; see `edits.exchanged`."""
        before = len(self.order(order_id).body["refunds"])
        order = self.book.change(
            order_id,
            lambda found: edits.exchanged(found, line_id, quantity, article, self._clock(), awaited=awaited),
        )
        for refund in order.body["refunds"][before:]:
            self._send("refunds/create", refund, order)
        self._tell(order, ("orders/updated",))

    def fulfil(self, order_id: str, fulfillment_order_id: int | None = None) -> None:
        """Everything is fulfilled, or one fulfilment order."""
        order = self.book.change(order_id, lambda found: changes.fulfilled(found, fulfillment_order_id))
        part = order.body["fulfillment_status"] == "partial"
        self._tell(order, ("orders/partially_fulfilled" if part else "orders/fulfilled", "orders/updated"))

    def change(self, order_id: str, **values: Any) -> None:
        """Anything else changes in the body: a new address, a note."""
        order = self.book.change(order_id, lambda found: changes.with_body(found, **values))
        self._tell(order, ("orders/updated",))

    def tag(self, order_id: str, *tags: str) -> None:
        """Someone tags the order."""
        joined = ", ".join([*self.order(order_id).tags(), *tags])
        self.change(order_id, tags=joined)

    def hold(self, order_id: str, reason: str = "OTHER", notes: str | None = None) -> None:
        """A fulfilment hold is put on; it does not move the order's `updated_at`."""
        held = Hold(reason=reason, notes=notes)
        order = self.book.change(order_id, lambda found: changes.held_back(found, held), touch=False)
        self._tell_fulfillment(order, "fulfillment_orders/placed_on_hold")

    def release(self, order_id: str) -> None:
        """The fulfilment holds are taken off."""
        order = self.book.change(order_id, changes.released, touch=False)
        self._tell_fulfillment(order, "fulfillment_orders/hold_released")

    def schedule(self, order_id: str, at: datetime) -> None:
        """Fulfilment is put off until a time."""
        order = self.book.change(order_id, lambda found: changes.scheduled(found, at), touch=False)
        self._tell_fulfillment(order, "fulfillment_orders/rescheduled")

    def ready(self, order_id: str) -> None:
        """What was scheduled is due: it becomes open."""
        order = self.book.change(order_id, changes.opened, touch=False)
        self._tell_fulfillment(order, "fulfillment_orders/scheduled_fulfillment_order_ready")

    def move(
        self,
        order_id: str,
        location: str,
        fulfillment_order_id: int | None = None,
        quantities: Mapping[int, int] | None = None,
    ) -> None:
        """A fulfilment order, the first active one unless named, goes to another location; see `edits.moved`."""
        before = self.order(order_id)
        held = _active(before, fulfillment_order_id)
        order = self.book.change(order_id, lambda found: edits.moved(found, held, location, quantities), touch=False)
        self._send("fulfillment_orders/moved", _moved_body(held, order, location), order)

    def assess(self, order_id: str, recommendation: str, levels: Sequence[str]) -> None:
        """Shopify or an app gives its opinion on fraud; it does not move the order's `updated_at`."""
        order = self.book.change(
            order_id,
            lambda found: replace(found, recommendation=recommendation, risk_levels=tuple(levels)),
            touch=False,
        )
        self._send("orders/risk_assessment_changed", _assessment_body(order, self._clock()), order)

    def set_metafield(self, order_id: str, name: str, value: str, kind: str = "single_line_text_field") -> None:
        """Somebody sets a metafield ("custom.legacy_reference"); it does not move the order's `updated_at`."""
        made = self._metafield(name, value, kind)
        self.book.change(order_id, lambda found: changes.with_metafield(found, made), touch=False)

    def reroute(self, order_id: str, fulfillment_orders: Sequence[FulfillmentOrder]) -> None:
        """The fulfilment orders become others: moved, split, merged."""
        order = self.book.change(
            order_id, lambda found: replace(found, fulfillment=tuple(fulfillment_orders)), touch=False
        )
        self._tell_fulfillment(order, "fulfillment_orders/moved")

    def delete(self, order_id: str) -> None:
        """The order is deleted."""
        order = self.order(order_id)
        self.book.delete(order_id)
        self._send("orders/delete", {"id": order.body["id"]}, order)

    def send(self, topic: str, order_id: str, *, times: int = 1, body: Mapping[str, Any] | None = None) -> None:
        """Send the order (or another body) under a topic; the same delivery `times` times, as a retry would."""
        order = self.order(order_id)
        packet = self._packet(topic, dict(body or order.body), order)
        for _ in range(times):
            self.webhooks.put(Post(topic=topic, build=lambda: packet))

    def close(self) -> None:
        """Send nothing more."""
        self.webhooks.close()

    def tags_written(self, order: Order) -> None:
        """What a write of tags over the API causes: our own echo."""
        if self.echo:
            self._tell(order, ("orders/updated",))

    def _metafield(self, name: str, value: str, kind: str = "single_line_text_field") -> Metafield:
        namespace, key = name.rsplit(".", 1)
        return Metafield(namespace=namespace, key=key, type=kind, value=value, at=self._clock())

    def _edit(self, order_id: str, change: Callable[[Order], Order]) -> None:
        """Commit an edit."""
        before = self.order(order_id)
        order = self.book.change(order_id, change)
        self._send("orders/edited", _edit_body(before, order), order)
        self._tell(order, ("orders/updated",))

    def _tell(self, order: Order, topics: Sequence[str]) -> None:
        for topic in topics:
            self._send(topic, order.body, order)

    def _tell_fulfillment(self, order: Order, topic: str, *, after: timedelta = timedelta(0)) -> None:
        for held in order.fulfillment:
            content = {
                "fulfillment_order": {"id": f"gid://shopify/FulfillmentOrder/{held.id}", "status": held.status.lower()}
            }
            self._send(topic, content, order, after=after)

    def _send(self, topic: str, content: Mapping[str, Any], order: Order, *, after: timedelta = timedelta(0)) -> None:
        packet = self._packet(topic, content, order)
        self.webhooks.put(Post(topic=topic, build=lambda: packet), after=after)

    def _packet(self, topic: str, content: Mapping[str, Any], order: Order) -> Packet:
        """A delivery with Shopify's headers: shopify.dev/docs/apps/build/webhooks/delivery-structure."""
        body = rails_json(content)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-Sha256": signature(self.webhook_secret, body),
            "X-Shopify-Shop-Domain": self.domain,
            "X-Shopify-API-Version": API_VERSION,
            "X-Shopify-Webhook-Id": str(uuid.uuid4()),
            "X-Shopify-Event-Id": str(uuid.uuid4()),
            "X-Shopify-Triggered-At": self._clock().isoformat().replace("+00:00", "Z"),
            "X-Shopify-Test": "true" if order.body["test"] else "false",
        }
        return Packet(body=body, headers=headers)


def rails_json(content: Any) -> bytes:
    """JSON as Shopify writes it: compact, UTF-8, with & < > escaped."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").encode()


def _active(order: Order, fulfillment_order_id: int | None) -> FulfillmentOrder:
    """The fulfilment order of this id, or the first in which something can be done. Raises KeyError without one."""
    for held in order.fulfillment:
        if held.id == fulfillment_order_id or (fulfillment_order_id is None and held.status in changes.ACTIVE):
            return held
    raise KeyError(f"order {order.id} has no such fulfilment order")


def _moved_body(held: FulfillmentOrder, after: Order, location: str) -> dict[str, Any]:
    """What fulfillment_orders/moved carries; the moved one is the last at its location."""
    original = next(found for found in after.fulfillment if found.id == held.id)
    arrived = [found for found in after.fulfillment if found.location == location and found.status in changes.ACTIVE]

    def told(found: FulfillmentOrder) -> dict[str, Any]:
        place = gid("Location", found.location_id)
        return {"id": gid("FulfillmentOrder", found.id), "status": found.status.lower(), "assigned_location_id": place}

    return {
        "original_fulfillment_order": told(original),
        "moved_fulfillment_order": told(arrived[-1]),
        "destination_location_id": gid("Location", arrived[-1].location_id),
        "fulfillment_order_line_items_requested": [
            {"id": gid("FulfillmentOrderLineItem", line.id), "quantity": line.remaining} for line in arrived[-1].lines
        ],
        "source_location": {"id": gid("Location", held.location_id)},
    }


def _assessment_body(order: Order, now: datetime) -> dict[str, Any]:
    """What orders/risk_assessment_changed carries: a level, never the recommendation."""
    return {
        "provider_id": None,
        "provider_title": None,
        "risk_level": order.risk_levels[-1].lower() if order.risk_levels else "none",
        "created_at": stamp(now),
        "order_id": order.body["id"],
        "admin_graphql_api_order_id": gid("Order", order.id),
    }


def _edit_body(before: Order, after: Order) -> dict[str, Any]:
    """What orders/edited carries: how many units of which lines came or went."""
    was = {line["id"]: line["current_quantity"] for line in before.body["line_items"]}
    changed = {line["id"]: line["current_quantity"] - was.get(line["id"], 0) for line in after.body["line_items"]}
    added = [{"id": line_id, "delta": delta} for line_id, delta in changed.items() if delta > 0]
    removed = [{"id": line_id, "delta": -delta} for line_id, delta in changed.items() if delta < 0]
    return {
        "order_edit": {
            "id": after.body["id"] + 1,
            "app_id": None,
            "order_id": after.body["id"],
            "created_at": stamp(after.updated_at),
            "committed_at": stamp(after.updated_at),
            "notify_customer": False,
            "staff_note": "",
            "user_id": None,
            "line_items": {"additions": added, "removals": removed},
            "discounts": {"line_item": {"additions": [], "removals": []}},
            "shipping_lines": {"additions": [], "removals": []},
        }
    }
