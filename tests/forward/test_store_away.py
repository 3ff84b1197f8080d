"""The database goes away while SortedPRO answers: what is known must not become a doubt."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from sqlalchemy import create_engine, text

from bridge.config import Database
from bridge.sandbox.shopify import shopify_order
from tests.conftest import Clock
from tests.forward.conftest import make_rig


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

    def open_after_three(self, wait: float) -> None:
        self.waits.append(wait)
        if len(self.waits) == 3:
            self.open()

    def open(self) -> None:
        self._run(f"alter database {self._name} allow_connections true")

    def close(self) -> None:
        self.open()
        self._engine.dispose()

    def _run(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(statement))


def test_created_order_is_written_down_when_the_database_is_back(
    server: Database, database: Database, mappings, world, clock: Clock
) -> None:
    gate = Gate(server, database)
    rig = make_rig(database, mappings, world, clock, transport=Hooked(gate.shut), pause=gate.open_after_three)
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.settle()
    order = rig.order("#1001")
    rig.bridge.close()
    gate.close()
    assert (order.state, len(gate.waits), len(rig.sent())) == ("done", 3, 1)
