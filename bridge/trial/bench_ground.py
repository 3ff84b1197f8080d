"""Where the bench takes place: an embedded database server, the sandbox in its own process, and what runs on them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import IO, Any

import httpx
from sqlalchemy import create_engine, text

from bridge.config import NAMES, Database
from bridge.errors import BridgeError
from bridge.processes import GUNICORN, Child, start_worker, wait_ready
from bridge.store.database import connect
from bridge.store.embedded import temporary
from bridge.store.upgrade import upgrade
from bridge.trial.bench_orders import SHOPS
from bridge.trial.bench_plan import Plan
from bridge.trial.loadgen import Shot, read_shots

Start = Callable[[Mapping[str, str], IO[bytes]], Child]

_SEND_FROM = timedelta(days=3)
_READY = 60.0  # seconds in which a worker must have started
_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Some of the orders in the fake shops, which nobody else uses."""

    file: Path  # see `loadgen.read_shots`
    first: int
    count: int

    def read(self) -> list[Shot]:
        """Their webhooks."""
        return read_shots(self.file, self.first, self.count)


@dataclass(frozen=True, kw_only=True)
class Web:
    """A web process that is ready."""

    url: str
    child: Child


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A database server and the outside world; bridges are put on it one after the other."""

    folder: Path  # mapping files, logs, and the webhooks that are sent
    shots: Path  # see `loadgen.read_shots`
    urls: Mapping[str, str]  # of the fakes, by name
    variables: Mapping[str, str]  # that make a bridge talk to them
    server: Database
    sandbox: int  # process id
    numbers: Iterator[int]  # of the orders that nobody uses yet

    def take(self, orders: int) -> Slice:
        """So many orders that were not taken before."""
        taken = list(islice(self.numbers, orders))
        return Slice(file=self.shots, first=taken[0], count=orders)

    def new_database(self) -> Database:
        """An empty database with the bridge's schema."""
        name = f"bench_{next(_numbers)}"
        admin = create_engine(self.server.sqlalchemy_url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"create database {name}"))
        admin.dispose()
        head, _, rest = self.server.url.partition("/postgres?")  # postgresql://user:@/postgres?host=FOLDER
        made = Database(url=f"{head}/{name}?{rest}")
        engine = connect(made, pool=1)
        upgrade(engine)
        engine.dispose()
        return made

    def environment(self, database: Database, port: int = 0) -> dict[str, str]:
        """The variables of a bridge on a database: the package's defaults wherever there is one."""
        return {
            **{name: value for name, value in os.environ.items() if name not in NAMES},
            **self.variables,
            "DATABASE_URL": database.url,
            "BRIDGE_MAPPINGS": str(self.folder / "mappings"),
            "BRIDGE_LOG": "json",
            "PORT": str(port or 8000),
        }

    @contextmanager
    def serving(self, start: Start, database: Database) -> Iterator[Web]:
        """A web process until the end of the block. Raises BridgeError where it does not start."""
        port = _free_port()
        url = f"http://127.0.0.1:{port}"
        with (self.folder / "web.log").open("ab") as log:
            child = start(self.environment(database, port), log)
            try:
                wait_ready(url, child)
                yield Web(url=url, child=child)
            finally:
                child.stop()

    @contextmanager
    def working(self, database: Database) -> Iterator[Child]:
        """A worker until the end of the block; it has begun to work. Raises BridgeError where it does not."""
        path = self.folder / f"worker-{next(_numbers)}.log"
        with path.open("wb") as log:
            child = start_worker(self.environment(database), log)
            try:
                _wait_started(path, child)
                yield child
            finally:
                child.stop()

    def tell(self, fake: str, command: str, **told: Any) -> None:
        """Tell one of the fakes something; see `bridge.sandbox.control`."""
        httpx.post(f"{self.urls[fake]}/_control/{command}", json=told, timeout=10, trust_env=False).raise_for_status()


@contextmanager
def open_ground(folder: Path, shipped: Path, plan: Plan) -> Iterator[Ground]:
    """Start database server and sandbox with the orders of a plan; `shipped` is the folder of the mapping files.

    Raises BridgeError where the sandbox does not start.
    """
    with ExitStack() as stack:
        server = stack.enter_context(temporary())
        shots = folder / "shots.jsonl"
        sandbox, addresses = stack.enter_context(_world(shots, plan))
        write_mappings(folder / "mappings", shipped.resolve(), addresses["urls"]["shopify"])
        yield Ground(
            folder=folder,
            shots=shots,
            urls=addresses["urls"],
            variables={**addresses["environment"], "SEND_FROM": send_from(), **_concurrency(plan)},
            server=server,
            sandbox=sandbox,
            numbers=count(),
        )


def start_floor(application: str) -> Start:
    """How to start gunicorn with the package's settings and an application of `floors`."""

    def start(environ: Mapping[str, str], output: IO[bytes]) -> Child:
        command = [sys.executable, "-m", "gunicorn", *GUNICORN[:-1], f"bridge.trial.floors:{application}()"]
        popen = subprocess.Popen(  # noqa: S603 - our own command
            command, env=dict(environ), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        return Child(name=application, popen=popen)

    return start


def write_mappings(folder: Path, shipped: Path, shopify_url: str) -> Path:
    """Mapping files that are the shipped ones, with Shopify's address turned to the sandbox; returns their folder."""
    folder.mkdir()
    extra = {"shopify": f"shop:\n  api_url: {shopify_url}\n"}
    for name in SHOPS:
        base = json.dumps(str(shipped / f"{name}.yaml"))  # a YAML string too, whatever characters the path has
        (folder / f"{name}.yaml").write_text(f"version: 1\nextends: {base}\n{extra.get(name, '')}", "utf-8")
    return folder


def send_from() -> str:
    """A SEND_FROM before all orders of the bench."""
    return (datetime.now(UTC) - _SEND_FROM).isoformat(timespec="seconds")


def _concurrency(plan: Plan) -> dict[str, str]:
    return {} if plan.concurrency is None else {"BRIDGE_CONCURRENCY": str(plan.concurrency)}


def _wait_started(log: Path, worker: Child) -> None:
    end = time.monotonic() + _READY
    while time.monotonic() < end and worker.popen.poll() is None:
        if b"worker started" in log.read_bytes():
            return
        time.sleep(0.05)
    raise BridgeError(f"the worker did not start within {_READY:.0f} s: {log} says why")


@contextmanager
def _world(shots: Path, plan: Plan) -> Iterator[tuple[int, dict[str, Any]]]:
    """The process id of the sandbox, and what it tells."""
    command = [sys.executable, "-m", "bridge.trial.bench_world", str(shots), str(plan.supply), str(plan.lines)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as popen:  # noqa: S603 - our own
        assert popen.stdout is not None
        try:
            line = popen.stdout.readline()
            if not line:
                raise BridgeError(f"the sandbox ended with status {popen.wait()} before it listened")
            yield popen.pid, json.loads(line)
        finally:
            popen.send_signal(signal.SIGTERM)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
