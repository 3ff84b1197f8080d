"""Without its database the endpoint says 503, soon; Shopify then sends again."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from bridge.config import Database
from tests.web.conftest import Books, Shopfronts

Payload = Callable[[str], bytes]
WebOn = Callable[[Database], FlaskClient]
LIMIT = 4.0  # seconds that a sender waits at most; Shopify gives up after 5


@pytest.fixture
def refused() -> Database:
    """An address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return Database(url=f"postgresql://bridge@127.0.0.1:{port}/bridge")


@pytest.fixture
def vanished() -> Iterator[Database]:
    """An address whose packets are dropped: a listening socket that is full takes no more connections."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield Database(url=f"postgresql://bridge@127.0.0.1:{listener.getsockname()[1]}/bridge")


@pytest.fixture
def mute() -> Iterator[Database]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Database(url=f"postgresql://bridge@127.0.0.1:{listener.getsockname()[1]}/bridge")


def post(web: FlaskClient, shops: Shopfronts, body: bytes) -> tuple[int, float]:
    """The status, and the seconds until it came."""
    start = time.monotonic()
    status = Shopfronts(web, shops.secrets).shopify(body).status_code
    return status, time.monotonic() - start


def test_refused_database_is_503_at_once(shops: Shopfronts, web_on: WebOn, refused: Database, payload: Payload) -> None:
    status, seconds = post(web_on(refused), shops, payload("shopify/orders.create__two_lines_paid"))
    assert (status, seconds < 1.0) == (503, True)


def test_503_says_when_to_come_again(shops: Shopfronts, web_on: WebOn, refused: Database) -> None:
    answer = Shopfronts(web_on(refused), shops.secrets).shopify(b"{}")
    assert answer.headers["Retry-After"] == "5"


def test_503_says_nothing_of_the_database(shops: Shopfronts, web_on: WebOn, refused: Database) -> None:
    assert Shopfronts(web_on(refused), shops.secrets).shopify(b"{}").data == b""


def test_bad_signature_is_401_without_a_database(shops: Shopfronts, web_on: WebOn, refused: Database) -> None:
    assert Shopfronts(web_on(refused), shops.secrets).shopify(b"{}", secret="other").status_code == 401


@pytest.mark.parametrize("kind", ["vanished", "mute"])
def test_silent_database_is_503_in_time(
    shops: Shopfronts, web_on: WebOn, payload: Payload, request: pytest.FixtureRequest, kind: str
) -> None:
    web = web_on(request.getfixturevalue(kind))
    status, seconds = post(web, shops, payload("shopify/orders.create__two_lines_paid"))
    assert (status, seconds < LIMIT) == (503, True)


@pytest.mark.parametrize("table", ["inbox", "orders", "history"])
def test_locked_table_is_503_in_time(shops: Shopfronts, engine: Engine, payload: Payload, table: str) -> None:
    with engine.begin() as other:
        other.execute(text(f"lock table {table} in access exclusive mode"))
        status, seconds = post(shops.web, shops, payload("shopify/orders.create__two_lines_paid"))
    assert (status, seconds < LIMIT) == (503, True)


def test_connections_that_the_server_ended_cost_no_webhook(
    shops: Shopfronts, books: Books, engine: Engine, payload: Payload
) -> None:
    shops.shopify(payload("shopify/orders.create__two_lines_paid"))
    with engine.begin() as other:
        ended = (
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = :name"
        )
        other.execute(text(ended), {"name": engine.url.database})
    assert shops.shopify(payload("shopify/orders.create__cash_on_delivery")).status_code == 202
