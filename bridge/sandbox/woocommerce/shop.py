"""A fake WooCommerce shop: an app for `server.serve`, and the things that happen in a shop."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from bridge.sandbox.faults import Fault, Match, Script
from bridge.sandbox.server import Answer, Request
from bridge.sandbox.webhooks import Packet, Post, Sender, signature
from bridge.sandbox.woocommerce.api import RestApi, error_envelope, php_json
from bridge.sandbox.woocommerce.copies import made_of
from bridge.sandbox.woocommerce.order import shown_at, times_of, woo_order
from bridge.sandbox.woocommerce.products import PRODUCTS, Product
from bridge.sandbox.woocommerce.store import Store

Json = dict[str, Any]

TOPICS = ("order.created", "order.updated", "order.deleted", "order.restored")
MOST_FAILURES = 6  # in a row; the next one disables (measured: the 7th, not the 5th as documented)
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#039;": "'", "&amp;": "&"}


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A webhook as the shop keeps it."""

    id: int
    topic: str
    status: Literal["active", "paused", "disabled"] = "active"
    failures: int = 0  # in a row
    pending: bool = False  # the ping was not answered with 200: one more follows each delivery


class FakeWooCommerce:
    """One shop. What happens to its orders goes out as signed webhooks to `webhooks.target`. Threads share it.

    A delivery's body is built when it goes out, not when the order changed, as in the real shop; only what
    `webhooks.hold` keeps back is already on its way. Orders are shown with the shop's own address in their links,
    whatever body they were put in with.
    """

    def __init__(
        self,
        url: str = "https://shop.example",
        secret: str = "fake-webhook-secret",
        consumer_key: str = "ck_fake",
        consumer_secret: str = "cs_fake",
        *,
        products: Iterable[Product] = PRODUCTS,
        topics: Sequence[str] = TOPICS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.url = url
        self.secret = secret
        self.consumer_key = consumer_key
        self.consumer_secret = consumer_secret
        self.may_write = True
        self.owner_has_rights = True  # False: webhooks carry a signed error instead of the order
        self.weight_unit = "kg"
        self.dimension_unit = "cm"
        self.products = {product.id: product for product in products}
        self.store = Store(clock)
        self.webhooks = Sender()  # WooCommerce never sends a second time
        self.script = Script()
        self.copies: dict[str, FakeWooCommerce] = {}  # by address; see `copy_at`
        self._clock = clock
        self._api = RestApi(self)
        self._lock = threading.Lock()
        self._subscriptions = {
            number: Subscription(id=number, topic=name) for number, name in enumerate(topics, start=1)
        }

    def __call__(self, request: Request) -> Answer:
        """Answer one request."""
        fault = self.script.take(request)
        return fault.play(lambda: self._api.answer(request)) if fault else self._api.answer(request)

    def behave(self, *faults: Fault, match: Match = None, count: int | None = 1) -> None:
        """Show faults at the next calls; a text `match` must occur in the call's path or body."""
        self.script.behave(*faults, match=match, count=count)

    def clear(self) -> None:
        """Behave again."""
        self.script.clear()

    def add_order(self, body: Mapping[str, Any], *, topics: Sequence[str] = ("order.created", "order.updated")) -> int:
        """Put an order in and send its webhooks; its number. Nearly every new order sends both topics (measured)."""
        number: int = self.store.add(body)["id"]
        self._tell(number, *topics)
        return number

    def order(self, number: int) -> Json:
        """An order as it stands. Raises KeyError where there is none."""
        found = self.store.order(number)
        if found is None:
            raise KeyError(number)
        return shown_at(found, self.url)

    def reference_of(self, number: int, key: str = "sorted_order_reference") -> Any:
        """What stands under a meta key of an order, None where there is none."""
        return next((row["value"] for row in self.order(number)["meta_data"] if row["key"] == key), None)

    def set_status(self, number: int, status: str) -> None:
        """The order takes another status; refunds and cancellations do so too."""
        self.store.change(number, status=status)
        self._tell(number, "order.updated", f"action.woocommerce_order_status_{status}")

    def pay(self, number: int, status: str = "processing") -> None:
        """The buyer pays: only order.updated tells of it (measured). Plugins choose other statuses than processing."""
        self.store.change(number, status=status, needs_payment=False, **times_of("paid", self._clock()))
        self._tell(number, "order.updated", f"action.woocommerce_order_status_{status}")

    def change(self, number: int, **values: Any) -> None:
        """Anything else changes: a new address, a note of the buyer."""
        self.store.change(number, **values)
        self._tell(number, "order.updated")

    def edit(self, number: int, line_items: Sequence[Json]) -> None:
        """Lines are added, changed or taken off as over the REST API; see `edits`. Raises KeyError."""
        self.store.write(number, {"line_items": line_items}, self.products)
        self._tell(number, "order.updated")

    def refund(
        self, number: int, quantities: Mapping[int, int], reason: str = "", amount: Decimal = Decimal("0.00")
    ) -> None:
        """Quantities of lines (by line id) are refunded, or an amount that names no line."""
        self.store.refund(number, quantities, reason, amount)
        self._tell(number, "order.updated")

    def renew(self, number: int, new: int, subscription: int = 0) -> None:
        """A subscription that began with an order makes its next one, paid, with all of the first one's meta data."""
        meta = {"_subscription_renewal": str(subscription or number)}
        self._add_made_of(number, new, status="processing", created_via="subscription", meta=meta)

    def duplicate(self, number: int, new: int, status: str = "pending") -> None:
        """Someone in the shop makes a second order of one, as plugins for duplicating do: with its meta data."""
        self._add_made_of(number, new, status=status, created_via="admin")

    def bring_in(
        self,
        first: int,
        count: int,
        *,
        since: datetime,
        every: timedelta = timedelta(minutes=10),
        status: str = "completed",
        topics: Sequence[str] = ("order.created", "order.updated"),
    ) -> None:
        """Import old orders under the numbers from `first`: made at their own times, and saved only now."""
        for place in range(count):
            body = woo_order(
                first + place, at=since + place * every, status=status, created_via="import", home=self.url
            )
            self.add_order({**body, **times_of("modified", self._clock())}, topics=topics)

    def copy_at(self, url: str) -> FakeWooCommerce:
        """A copy of the shop at another address, as a staging site is: same orders, keys, secret and webhooks.

        From now on each goes its own way. It stands in `copies`, and ends with the shop.
        """
        copy = FakeWooCommerce(
            url,
            self.secret,
            self.consumer_key,
            self.consumer_secret,
            products=self.products.values(),
            topics=[found.topic for found in self._subscriptions.values()],
            clock=self._clock,
        )
        copy.store.take_over(self.store)
        copy.webhooks.target = self.webhooks.target
        self.copies[url] = copy
        return copy

    def roll_back(self, last: int) -> None:
        """The shop is restored from a backup of when `last` was its newest order; nothing tells of the lost ones.

        The numbers after it are given again, to other orders with other keys (`woo_order(..., order_key=)`).
        """
        self.store.roll_back(last)

    def trash(self, number: int) -> None:
        """The order goes into the trash: order.deleted with its id, and order.updated with status trash."""
        self.store.change(number, status="trash")
        self._tell(number, "order.deleted", "order.updated")

    def restore(self, number: int, status: str = "processing") -> None:
        """The order comes back out of the trash."""
        self.store.change(number, status=status)
        self._tell(number, "order.restored", "order.updated")

    def saved(self, number: int) -> None:
        """What a save over the API causes, even one that changes nothing: our own echo."""
        self._tell(number, "order.updated")

    def subscribe(self, topic: str) -> int:
        """Register one more webhook; its id. It sends its ping."""
        with self._lock:
            number = max(self._subscriptions, default=0) + 1
            self._subscriptions[number] = Subscription(id=number, topic=topic, pending=True)
        self._ping(number)
        return number

    def ping(self) -> None:
        """Send every webhook's ping, as when its address was changed."""
        for number in tuple(self._subscriptions):
            self._replace(number, pending=True)
            self._ping(number)

    def subscription(self, number: int) -> Subscription:
        """A webhook as the shop keeps it. Raises KeyError."""
        with self._lock:
            return self._subscriptions[number]

    def reactivate(self, number: int) -> None:
        """Someone sets a disabled webhook active; its failures are not forgotten (measured)."""
        self._replace(number, status="active")

    def webhook(self, webhook_id: int) -> Json | None:
        """A webhook as the API shows it: without secret and failures."""
        with self._lock:
            found = self._subscriptions.get(webhook_id)
        if found is None:
            return None
        return {"id": found.id, "name": found.topic, "status": found.status, "topic": found.topic, "resource": "order"}

    def send(self, topic: str, number: int, *, times: int = 1) -> None:
        """Send the order under a topic, the same bytes `times` times."""
        with self._lock:
            found = next(held for held in self._subscriptions.values() if held.topic == topic)
        packet = self._packet(found, number)
        for _ in range(times):
            self.webhooks.put(Post(topic=topic, build=lambda: packet))

    def close(self) -> None:
        """Send nothing more."""
        for copy in self.copies.values():
            copy.close()
        self.webhooks.close()

    def _add_made_of(self, number: int, new: int, **values: Any) -> None:
        self.add_order(made_of(self.order(number), new, at=self._clock(), home=self.url, **values))

    def _tell(self, number: int, *topics: str) -> None:
        for topic in topics:
            with self._lock:
                listening = [held for held in self._subscriptions.values() if held.topic == topic]
            for found in listening:
                self._queue(found, number)

    def _queue(self, found: Subscription, number: int) -> None:
        if found.status != "active":
            return  # events while a webhook is disabled are lost (measured)
        self.webhooks.put(
            Post(
                topic=found.topic,
                build=lambda: self._packet(found, number),
                done=lambda status: self._answered(found.id, status),
                key=f"{found.id}:{number}",  # what waits already is not queued again
            )
        )

    def _answered(self, number: int, status: int | None) -> None:
        """Count failures as WooCommerce does: 200 to 302 is success, the 7th failure in a row disables."""
        with self._lock:
            before = self._subscriptions[number]
            if status is not None and 200 <= status <= 302:
                after = replace(before, failures=0)
            elif before.failures >= MOST_FAILURES:
                after = replace(before, status="disabled")
            else:
                after = replace(before, failures=before.failures + 1)
            self._subscriptions[number] = after
        if after.pending:
            self._ping(number)

    def _ping(self, number: int) -> None:
        """An unsigned form without any X-WC header; only exactly 200 ends it (measured)."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": _AGENT}
        packet = Packet(body=f"webhook_id={number}".encode(), headers=headers)
        self.webhooks.put(Post(topic="ping", build=lambda: packet, done=lambda status: self._pinged(number, status)))

    def _pinged(self, number: int, status: int | None) -> None:
        self._replace(number, pending=status != 200)

    def _replace(self, number: int, **values: Any) -> None:
        with self._lock:
            self._subscriptions[number] = replace(self._subscriptions[number], **values)

    def _packet(self, found: Subscription, number: int) -> Packet:
        body = php_json(self._content(found.topic, number))
        resource, _, event = found.topic.partition(".")
        seconds = int(self._clock().timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": _AGENT,
            "X-WC-Webhook-Source": f"{self.url}/",
            "X-WC-Webhook-Topic": found.topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": signature(_decoded(self.secret), body),
            "X-WC-Webhook-ID": str(found.id),
            # Of webhook and second only (measured): deliveries of one second share it.
            "X-WC-Webhook-Delivery-ID": hashlib.sha256(f"{found.id}{seconds}".encode()).hexdigest()[:32],
        }
        return Packet(body=body, headers=headers)

    def _content(self, topic: str, number: int) -> Json:
        if topic == "order.deleted":
            return {"id": number}
        if topic.startswith("action."):
            return {"action": topic.removeprefix("action."), "arg": number}
        if not self.owner_has_rights:
            return error_envelope("woocommerce_rest_cannot_view", "Sorry, you cannot view this resource.", 403)
        found = self.store.order(number)
        if found is not None:
            return shown_at(found, self.url)
        return error_envelope("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404)


_AGENT = "WooCommerce/11.0.1 Hookshot (WordPress/7.1)"


def _decoded(secret: str) -> str:
    """The key of the signature: the stored secret through wp_specialchars_decode."""
    for entity, character in _ENTITIES.items():
        secret = secret.replace(entity, character)
    return secret
