"""The database goes away while SortedPRO answers: what is known must not become a doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from sqlalchemy import create_engine, text

from bridge.config import Database
from bridge.errors import StoreAway
from bridge.sandbox.shopify import shopify_order
from tests.conftest import Clock
from tests.forward.conftest import Rig, make_rig


class Hooked(httpx.HTTPTransport):
    """Real calls; `after` is called once Create Order has been answered."""

    def __init__(self, after: Callable[[], None]) -> None:
        super().__init__()
        self._after = after

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        if request.method == "POST" and request.url.path == "/orders":
            self._after()
        return answer


class Gate:
    """Shuts the test's database for everyone, and opens it again."""

    def __init__(self, server: Database, database: Database) -> None:
        self._engine = create_engine(server.sqlalchemy_url, isolation_level="AUTOCOMMIT")
        self._name = database.url.partition("?")[0].rpartition("/")[2]
        self.waits: list[float] = []

    def shut(self) -> None:
        self._run(f"alter database {self._name} allow_connections false")
        self._run(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{self._name}'")

    def open_after(self, tries: int) -> Callable[[float], None]:
        def waited(wait: float) -> None:
            self.waits.append(wait)
            if len(self.waits) == tries:
                self.open()

        return waited

    def open(self) -> None:
        self._run(f"alter database {self._name} allow_connections true")

    def close(self) -> None:
        self.open()
        self._engine.dispose()

    def _run(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(statement))


@pytest.fixture
def gate(server: Database, database: Database) -> Iterator[Gate]:
    made = Gate(server, database)
    yield made
    made.close()


def send_one(database: Database, mappings, world, clock: Clock, gate: Gate, pause: Callable[[float], None]) -> Rig:
    """#1001 sent; the database is shut as SortedPRO has answered."""
    rig = make_rig(database, mappings, world, clock, transport=Hooked(gate.shut), pause=pause)
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.deliver()
    return rig


@pytest.mark.parametrize("tries", [3, 100])  # of 100 the last is eight minutes later
def test_created_order_is_written_down_when_the_database_is_back(
    database: Database, mappings, world, clock: Clock, gate: Gate, tries: int
) -> None:
    rig = send_one(database, mappings, world, clock, gate, gate.open_after(tries))
    rig.settle()
    order = rig.order("#1001")
    rig.bridge.close()
    assert (order.state, len(gate.waits), len(rig.sent())) == ("done", tries, 1)


def test_process_that_is_to_end_waits_for_the_database_for_20_seconds(
    database: Database, mappings, world, clock: Clock, gate: Gate
) -> None:
    def wait(seconds: float) -> None:
        gate.waits.append(seconds)
        rig.bridge.stop.set()  # what SIGTERM does

    rig = send_one(database, mappings, world, clock, gate, wait)
    with pytest.raises(StoreAway):
        rig.bridge.forwarder.forward_next()
    rig.bridge.close()
    assert 15 < sum(gate.waits) <= 20
