"""The database dies while webhooks come in, and starts again: what was acknowledged is there, the rest comes again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest
from sqlalchemy import func, select

from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.trio import open_trio
from bridge.sandbox.webhooks import signature
from bridge.store.database import transaction
from bridge.store.tables import inbox
from tests.journeys.site import Server, Site, own_server, site_on, until

ORDERS = 40
KILLED_AFTER = 10  # acknowledged webhooks
SENDERS = 6
TRIES = 2000  # of one sender; 503 comes at once
NUMBERS = range(1401, 1401 + ORDERS)
LATER = 1499


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What the senders were told."""

    site: Site
    server: Server
    statuses: list[int]  # of every try
    acknowledged: list[str]  # names of orders, each once


@pytest.fixture(scope="module")
def receipt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receipt]:
    """Forty orders from six senders that try again, while the database is killed and started; then all are forwarded.

    The worker starts afterwards: what a dying database does to an order on the way to SortedPRO is another matter.
    """
    with ExitStack() as stack:
        server = stack.enter_context(own_server())
        world = stack.enter_context(open_trio())
        site = stack.enter_context(site_on(server.database, world, tmp_path_factory.mktemp("killed")))
        world.shopify.webhooks.target = None  # the senders are ours
        site.start_web()
        made = _send_and_kill(site, server)
        site.start_worker()
        for number in NUMBERS:
            site.wait_for(f"#{number}", "done", seconds=60)
        yield made


def test_senders_heard_nothing_but_202_and_503(receipt: Receipt) -> None:
    assert set(receipt.statuses) == {202, 503}


def test_every_sender_succeeded_in_the_end(receipt: Receipt) -> None:
    assert len(receipt.acknowledged) == ORDERS


def test_nothing_acknowledged_was_lost(receipt: Receipt) -> None:
    with transaction(receipt.site.engine) as connection:
        named = select(func.count(inbox.c.order_id.distinct())).where(inbox.c.via == "webhook")
        assert connection.execute(named).scalar_one() == ORDERS


def test_each_order_was_made_once(receipt: Receipt) -> None:
    made = sorted(order.customer_reference for order in receipt.site.world.sortedpro.orders())
    assert made == [f"shopify-{number}" for number in NUMBERS]


def test_same_worker_goes_on_when_its_database_is_back(receipt: Receipt) -> None:
    receipt.server.kill()
    receipt.server.start()
    site = receipt.site
    with httpx.Client(timeout=10) as client:
        until(lambda: _deliver(client, site, LATER) == 202, seconds=20, what=lambda: "acknowledged")
    site.wait_for(f"#{LATER}", "done")
    assert [child.popen.poll() for child in site.children] == [None, None]


def _send_and_kill(site: Site, server: Server) -> Receipt:
    told = Receipt(site=site, server=server, statuses=[], acknowledged=[])
    enough, refused = threading.Event(), threading.Event()

    def insist(number: int) -> None:
        with httpx.Client(timeout=10) as client:
            for _ in range(TRIES):
                told.statuses.append(_deliver(client, site, number))
                if told.statuses[-1] == httpx.codes.ACCEPTED:
                    break
                refused.set()
        told.acknowledged.append(f"#{number}")
        if len(told.acknowledged) >= KILLED_AFTER:
            enough.set()

    with ThreadPoolExecutor(SENDERS) as threads:
        sent = [threads.submit(insist, number) for number in NUMBERS]
        assert enough.wait(60)
        server.kill()
        assert refused.wait(60)
        server.start()
        for one in sent:
            one.result()
    return told


def _deliver(client: httpx.Client, site: Site, number: int) -> int:
    """Send an order as Shopify does, which has it too; the status."""
    order = shopify_order(number)
    if site.world.shopify.book.order(str(order["id"])) is None:
        site.world.shopify.add_order(order)
    body = json.dumps(order).encode()
    made = signature(site.world.shopify.webhook_secret, body)
    headers = {"X-Shopify-Hmac-Sha256": made, "X-Shopify-Topic": "orders/create"}
    return client.post(f"{site.url}/webhooks/shopify", content=body, headers=headers).status_code
