"""From a webhook over HTTP to the reference on the shop order, whatever way the webhooks take."""

from __future__ import annotations

import base64
import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx

from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.woocommerce import woo_order
from bridge.store.ledger import Order
from tests.journeys.conftest import SECRET, STORED_SECRET
from tests.journeys.site import Site, until


def test_shopify_order_gets_its_reference(site: Site) -> None:
    order_id = site.world.shopify.add_order(shopify_order(1101))
    order = site.wait_for("#1101", "done")
    assert site.world.shopify.reference_of(order_id) == order.reference


def test_shopify_order_is_made_once(site: Site) -> None:
    site.world.shopify.add_order(shopify_order(1102))
    order = site.wait_for("#1102", "done")
    assert site.sent("shopify-1102") == [order.reference]


def test_woocommerce_order_gets_its_reference(site: Site) -> None:
    number = site.world.woocommerce.add_order(woo_order(121, home=site.world.woocommerce_url))
    order = site.wait_for("#121", "done")
    assert site.world.woocommerce.reference_of(number) == order.reference


def test_woocommerce_order_is_made_once(site: Site) -> None:
    site.world.woocommerce.add_order(woo_order(122, home=site.world.woocommerce_url))
    order = site.wait_for("#122", "done")
    assert site.sent("woocommerce-122") == [order.reference]


def test_webhooks_of_our_own_write_change_nothing(site: Site) -> None:
    site.world.shopify.add_order(shopify_order(1103))
    site.wait_for("#1103", "done")
    site.world.shopify.webhooks.flush()
    order = until(lambda: _compared(site, "#1103"), seconds=20, what=lambda: str(site.story("#1103")))
    assert (order.state, order.changed, order.warning) == ("done", False, "")


def test_same_webhook_five_times_at_once_makes_one_order(site: Site) -> None:
    site.world.shopify.webhooks.hold()
    site.world.shopify.add_order(shopify_order(1104))
    packet, *_ = site.held("shopify")
    with ThreadPoolExecutor(5) as threads:
        list(threads.map(lambda _: site.post("shopify", packet), range(5)))
    order = site.wait_for("#1104", "done")
    assert site.sent("shopify-1104") == [order.reference]


def test_same_webhook_after_sending_makes_no_second_order(site: Site) -> None:
    site.world.woocommerce.webhooks.hold()
    site.world.woocommerce.add_order(woo_order(123, home=site.world.woocommerce_url))
    packet, *_ = site.held("woocommerce")
    site.post("woocommerce", packet)
    order = site.wait_for("#123", "done")
    site.post("woocommerce", packet)
    until(lambda: _compared(site, "#123"), seconds=20, what=lambda: str(site.story("#123")))
    assert site.sent("woocommerce-123") == [order.reference]


def test_webhooks_in_the_wrong_order_end_with_the_newest(site: Site) -> None:
    """Placed unpaid, then paid; the webhook of the payment comes first."""
    shop = site.world.shopify
    shop.webhooks.hold()
    order_id = shop.add_order(shopify_order(1105, financial_status="pending", at=datetime.now(UTC)))
    shop.pay(order_id)
    for packet in reversed(site.held("shopify")):
        site.post("shopify", packet)
    order = site.wait_for("#1105", "done")
    assert site.sent("shopify-1105") == [order.reference]


def test_cancellation_that_overtakes_the_order_wins(site: Site) -> None:
    shop = site.world.shopify
    shop.webhooks.hold()
    order_id = shop.add_order(shopify_order(1106, at=datetime.now(UTC)))
    shop.cancel(order_id)
    for packet in reversed(site.held("shopify")):
        site.post("shopify", packet)
    site.wait_for("#1106", "skipped")
    assert site.sent("shopify-1106") == []


def test_unpaid_order_is_sent_once_it_is_paid(site: Site) -> None:
    shop = site.world.woocommerce
    number = shop.add_order(woo_order(124, status="pending", home=site.world.woocommerce_url))
    site.wait_for("#124", "waiting")
    shop.pay(number)
    order = site.wait_for("#124", "done")
    assert site.sent("woocommerce-124") == [order.reference]


def test_secret_with_html_characters_verifies(site: Site) -> None:
    """WooCommerce takes the entities out of the stored secret before it signs: the configured one still has them."""
    body = b'{"id":99000}'
    signature = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    headers = {"X-WC-Webhook-Signature": signature, "X-WC-Webhook-Topic": "order.deleted"}
    assert httpx.post(f"{site.url}/webhooks/woocommerce", content=body, headers=headers).status_code == 202


def test_secret_as_it_is_stored_does_not_verify(site: Site) -> None:
    body = b'{"id":99000}'
    signature = base64.b64encode(hmac.new(STORED_SECRET.encode(), body, hashlib.sha256).digest()).decode()
    headers = {"X-WC-Webhook-Signature": signature, "X-WC-Webhook-Topic": "order.deleted"}
    assert httpx.post(f"{site.url}/webhooks/woocommerce", content=body, headers=headers).status_code == 401


def test_delivered_woocommerce_webhooks_are_acknowledged(site: Site) -> None:
    site.world.woocommerce.add_order(woo_order(125, home=site.world.woocommerce_url))
    site.wait_for("#125", "done")
    site.world.woocommerce.webhooks.flush()
    assert {sent.status for sent in site.world.woocommerce.webhooks.sent() if sent.topic != "ping"} == {202}


def test_ping_of_a_new_webhook_is_200(site: Site) -> None:
    number = site.world.woocommerce.subscribe("order.restored")
    site.world.woocommerce.webhooks.flush()
    assert not site.world.woocommerce.subscription(number).pending


def _compared(site: Site, name: str) -> Order | None:
    """The order once everything that came for it was looked at."""
    order = site.find(name)
    at_rest = order is not None and order.claimed_until is None and order.due_at is None
    return order if order and at_rest and order.compared == order.revision else None
