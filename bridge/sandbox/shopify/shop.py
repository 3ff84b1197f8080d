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
from bridge.sandbox.shopify.admin import AdminApi
from bridge.sandbox.shopify.book import Book, FulfillmentOrder, Hold, Order, Variant, route, stamp
from bridge.sandbox.shopify.bucket import Bucket
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
        topics: Sequence[str] | None = None,
    ) -> str:
        """Put an order in and send its webhooks; its id.

        Its fulfilment orders (made by `route` unless given) appear after `routed_after`. `topics` are those sent at
        once, by default orders/create, and orders/paid where it is paid.
        """
        held = route(body, method) if fulfillment_orders is None else tuple(fulfillment_orders)
        routed_at = self._clock() + routed_after
        order = Order(body=dict(body), fulfillment=held, routed_at=routed_at, recommendation=recommendation)
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
        """The merchant changes a line's quantity."""
        before = self.order(order_id)
        order = self.book.change(order_id, lambda found: changes.edited(found, line_id, quantity))
        self._send("orders/edited", _edit_body(before, order, line_id, quantity), order)
        self._tell(order, ("orders/updated",))

    def refund(self, order_id: str, line_id: int, quantity: int) -> None:
        """A quantity of a line is refunded."""
        order = self.book.change(order_id, lambda found: changes.refunded(found, line_id, quantity, self._clock()))
        self._send("refunds/create", order.body["refunds"][-1], order)
        self._tell(order, ("orders/updated",))

    def fulfil(self, order_id: str) -> None:
        """Everything is fulfilled."""
        self._tell(self.book.change(order_id, changes.fulfilled), ("orders/fulfilled", "orders/updated"))

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


def _edit_body(before: Order, after: Order, line_id: int, quantity: int) -> dict[str, Any]:
    was = next(line["current_quantity"] for line in before.body["line_items"] if line["id"] == line_id)
    delta = {"id": line_id, "delta": abs(quantity - was)}
    added, removed = ([delta], []) if quantity > was else ([], [delta])
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
