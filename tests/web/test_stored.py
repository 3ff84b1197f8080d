"""Verified bodies: stored as they came, with their order and a ring, in one transaction, and then acknowledged."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.trio import Trio
from bridge.sandbox.webhooks import signature
from bridge.store.sealed import unseal, unseal_json
from tests.conftest import Clock
from tests.forward.conftest import Rig, make_rig, write_mappings
from tests.web.conftest import Books, Shopfronts, sha256

Payload = Callable[[str], bytes]
ORDER = {
    "shopify": "shopify/orders.create__two_lines_paid",
    "woocommerce": "woocommerce/order.created__guest_two_lines",
}


def version(number: int, minute: int, note: str = "") -> bytes:
    """A version of a Shopify order, changed at a minute past nine."""
    changed = {"updated_at": f"2026-11-02T09:{minute:02}:00+00:00", "note": note}
    return json.dumps({**shopify_order(number), **changed}, default=str).encode()


@pytest.mark.parametrize("shop", ORDER)
def test_stored_body_is_202(shops: Shopfronts, payload: Payload, shop: str) -> None:
    assert shops.to(shop)(payload(ORDER[shop])).status_code == 202


@pytest.mark.parametrize("shop", ORDER)
def test_body_is_stored_byte_for_byte(shops: Shopfronts, books: Books, payload: Payload, shop: str) -> None:
    shops.to(shop)(payload(ORDER[shop]))
    (row,) = books.inbox()
    assert (unseal(row.body), row.hash) == (payload(ORDER[shop]), sha256(payload(ORDER[shop])))


def test_what_shopify_told_is_stored(shops: Shopfronts, books: Books, payload: Payload, clock: Clock) -> None:
    shops.shopify(payload(ORDER["shopify"]), "orders/paid")
    (row,) = books.inbox()
    assert (row.shop, row.topic, row.webhook_id, row.event_id, row.api_version, row.received_at) == (
        "shopify",
        "orders/paid",
        "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "98880550-7158-44d4-b7cd-2c97c8a091b5",
        "2026-10",
        clock.now,
    )


def test_what_woocommerce_told_is_stored(shops: Shopfronts, books: Books, payload: Payload) -> None:
    shops.woocommerce(payload(ORDER["woocommerce"]), "order.created")
    (row,) = books.inbox()
    assert (row.topic, row.webhook_id, row.event_id) == ("order.created", "3", "d41d8cd98f00b204e9800998ecf8427e")


def test_headers_are_stored(shops: Shopfronts, books: Books, payload: Payload) -> None:
    shops.shopify(payload(ORDER["shopify"]), User_Agent="Shopify-Captain-Hook")
    (row,) = books.inbox()
    assert unseal_json(row.headers)["user-agent"] == "Shopify-Captain-Hook"


def test_credentials_that_a_proxy_adds_are_not_stored(shops: Shopfronts, books: Books, payload: Payload) -> None:
    shops.shopify(payload(ORDER["shopify"]), Authorization="Basic abc", Cookie="session=1")
    (row,) = books.inbox()
    assert {"authorization", "cookie"} & set(unseal_json(row.headers)) == set()


def test_order_is_due_now(shops: Shopfronts, books: Books, payload: Payload, clock: Clock) -> None:
    shops.shopify(payload(ORDER["shopify"]))
    (order,) = books.orders()
    assert (order.state, order.due_at) == ("received", clock.now)


def test_order_is_rung_for(shops: Shopfronts, books: Books, payload: Payload) -> None:
    shops.shopify(payload(ORDER["shopify"]))
    assert books.rings() == 1


def test_without_its_history_nothing_is_stored(
    shops: Shopfronts, books: Books, payload: Payload, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(text("drop table history cascade"))
    answer = shops.shopify(payload(ORDER["shopify"]))
    assert (answer.status_code >= 500, books.inbox(), books.orders(), books.rings()) == (True, [], [], 0)


# --- Rotation ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def rotating(database: object, world: Trio, clock: Clock, tmp_path: Path) -> object:
    """The Shopify shop while its secret is rotated: the new one, then the old one."""
    folder = write_mappings(tmp_path / "rotating", world)
    shopify = folder / "shopify.yaml"
    shopify.write_text(f'{shopify.read_text()}  secrets: [ "${{SHOPIFY_CLIENT_SECRET}}", old-secret ]\n')
    made = make_rig(database, folder, world, clock)  # type: ignore[arg-type]
    yield made
    made.bridge.close()


def test_old_secret_is_accepted_while_it_is_rotated(rotating: Rig, payload: Payload) -> None:
    body = payload(ORDER["shopify"])
    headers = {"X-Shopify-Hmac-Sha256": signature("old-secret", body)}
    assert rotating.web.post("/webhooks/shopify", data=body, headers=headers).status_code == 202


@pytest.mark.parametrize(("secret", "position"), [("", 0), ("old-secret", 1)])
def test_position_of_the_secret_is_recorded(
    rotating: Rig, books: Books, payload: Payload, secret: str, position: int
) -> None:
    body = payload(ORDER["shopify"])
    made = signature(secret or rotating.world.shopify.client_secret, body)
    rotating.web.post("/webhooks/shopify", data=body, headers={"X-Shopify-Hmac-Sha256": made})
    assert [row.secret_position for row in books.inbox()] == [position]


# --- Again, and out of order ------------------------------------------------------------------------------------------
def test_repeat_is_acknowledged(shops: Shopfronts, payload: Payload) -> None:
    statuses = [shops.shopify(payload(ORDER["shopify"])).status_code for _ in range(2)]
    assert statuses == [202, 202]


def test_repeat_is_counted_on_the_row_of_the_first(shops: Shopfronts, books: Books, payload: Payload) -> None:
    for topic in ("orders/create", "orders/paid", "orders/updated"):
        shops.shopify(payload(ORDER["shopify"]), topic)
    assert [row.repeats for row in books.inbox()] == [2]


def test_repeats_at_the_same_time_are_counted_too(shops: Shopfronts, books: Books, payload: Payload) -> None:
    webs = [shops.web.application.test_client() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda web: Shopfronts(web, shops.secrets).shopify(payload(ORDER["shopify"])), webs))
    assert [row.repeats for row in books.inbox()] == [3]


def test_repeat_rings_while_the_order_is_not_sent(shops: Shopfronts, books: Books, payload: Payload) -> None:
    for _ in range(2):
        shops.shopify(payload(ORDER["shopify"]))
    assert books.rings() == 2


def test_repeat_of_a_sent_order_does_not_ring(rig: Rig, shops: Shopfronts, books: Books) -> None:
    order_id = rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.settle()
    newest = rig.take("shopify")
    rig.world.shopify.send("orders/updated", order_id)
    (packet,) = newest + rig.take("shopify")
    before = (books.rings(), len(books.inbox()))
    assert rig.post("shopify", packet) == 202
    assert (books.rings(), len(books.inbox())) == before


def test_older_body_does_not_win(shops: Shopfronts, books: Books) -> None:
    for minute in (20, 10):
        shops.shopify(version(1001, minute))
    newer, _older = books.inbox()
    (order,) = books.orders()
    assert order.body_id == newer.id


def test_older_body_is_stored_all_the_same(shops: Shopfronts, books: Books) -> None:
    for minute in (20, 10):
        shops.shopify(version(1001, minute))
    assert [row.outcome for row in books.inbox()] == [
        "newest body of its order",
        "older than the newest body of its order",
    ]


def test_newer_body_wins(shops: Shopfronts, books: Books) -> None:
    for minute in (10, 20):
        shops.shopify(version(1001, minute))
    _older, newer = books.inbox()
    (order,) = books.orders()
    assert order.body_id == newer.id


def test_of_two_bodies_of_one_second_the_later_arrival_wins(shops: Shopfronts, books: Books) -> None:
    for note in ("first", "second"):
        shops.shopify(version(1001, 10, note))
    _first, second = books.inbox()
    (order,) = books.orders()
    assert order.body_id == second.id


def test_an_old_body_again_is_no_repeat_of_the_newest(shops: Shopfronts, books: Books) -> None:
    for minute in (10, 20, 10):
        shops.shopify(version(1001, minute))
    assert [row.repeats for row in books.inbox()] == [0, 0, 0]


def test_bodies_with_one_delivery_id_are_both_stored(shops: Shopfronts, books: Books, payload: Payload) -> None:
    for name in ("woocommerce/order.created__guest_two_lines", "woocommerce/order.updated__partial_refund"):
        shops.woocommerce(payload(name), X_WC_Webhook_Delivery_ID="one-second")
    assert [row.event_id for row in books.inbox()] == ["one-second", "one-second"]


# --- Texts that a database cannot hold --------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [r"#1001\u0000", r"#1001\ud800"], ids=["NUL", "half a character"])
@pytest.mark.parametrize("shop", ["shopify", "woocommerce"])
def test_name_that_no_database_can_hold_is_stored_all_the_same(shops: Shopfronts, shop: str, name: str) -> None:
    order = {"id": 1, "line_items": [], "created_at": "2026-11-02T09:00:00Z", "date_created": "2026-11-02T09:00:00"}
    body = json.dumps({**order, "name": "NAME", "number": "NAME", "order_key": "NAME"}).replace("NAME", name)
    assert shops.to(shop)(body.encode()).status_code == 202
