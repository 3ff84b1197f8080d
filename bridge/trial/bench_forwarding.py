"""How many orders a worker forwards, what one order costs, and how fast bare calls of the same kind would be."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from sqlalchemy import Engine, event, func, select

from bridge import config
from bridge.config import Database
from bridge.errors import BridgeError
from bridge.platforms.base import Webhook
from bridge.processes import start_web, start_worker
from bridge.store.database import connect, transaction
from bridge.store.tables import history
from bridge.trial.bench_ground import Ground
from bridge.trial.bench_orders import SHOPS
from bridge.trial.bench_receipt import send
from bridge.trial.loadgen import Shot, read_shots
from bridge.wiring import Bridge, open_bridge

_LIMIT = 90.0  # seconds for a batch
_INTAKE = 200  # webhooks a second while orders are put in
_STEPS = 10  # claims that one order may need


@dataclass(frozen=True, kw_only=True)
class CostFigure:
    """What one order costs when token, products and mapping are known already."""

    shop: str
    statements: int  # SQL statements of the worker; without the queue's
    transactions: int
    calls: Sequence[str]  # outbound, in their order


@dataclass(frozen=True, kw_only=True)
class ForwardingFigure:
    """Orders a second, of both platforms in turn, with a SortedPRO that takes `latency_ms` for each."""

    latency_ms: int
    orders: int
    threads: int
    bridge_per_second: float
    floor_per_second: float  # httpx making the same calls with as many threads
    ratio: float  # how many times as many the floor makes


@dataclass(kw_only=True)
class Recorder(httpx.BaseTransport):
    """Passes calls on and keeps them."""

    calls: list[httpx.Request] = field(default_factory=list)
    inner: httpx.HTTPTransport = field(default_factory=httpx.HTTPTransport)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass one call on."""
        self.calls.append(request)
        return self.inner.handle_request(request)


@dataclass(kw_only=True)
class _Counts:
    """What an engine was asked."""

    statements: int = 0
    transactions: int = 0


def measure_costs(ground: Ground, *, first: int) -> tuple[list[CostFigure], list[list[httpx.Request]]]:
    """Forward two orders of each platform in this process, and count at the second; uses 4 shots from `first`.

    Returns the figures, and the calls of each platform's order.
    """
    environ = ground.environment(ground.new_database())
    recorder = Recorder()
    bridge = open_bridge(
        config.load(environ, interactive=False), environ, pool=2, new_id=uuid.uuid4, transport=recorder
    )
    bridge.announce()
    counts = _counted(bridge.engine)
    figures, calls = [], []
    shots = read_shots(ground.shots, first, 2 * len(SHOPS))
    for number, shop in enumerate(SHOPS):
        for shot in shots[number :: len(SHOPS)]:
            _put_in(bridge, shop, shot)
            recorder.calls.clear()
            counts.statements = counts.transactions = 0
            _forward(bridge)
        calls.append(list(recorder.calls))
        told = [_told(ground, request) for request in recorder.calls]
        figures.append(
            CostFigure(shop=shop, statements=counts.statements, transactions=counts.transactions, calls=told)
        )
    bridge.close()
    return figures, calls


def measure_forwarding(
    ground: Ground, calls: Sequence[Sequence[httpx.Request]], *, orders: int, first: int, latencies: Sequence[float]
) -> Iterator[ForwardingFigure]:
    """Put `orders` in through the web for each latency (seconds), and let a worker drain them; then the floor.

    Uses `orders` shots from `first` for each latency. The rate is that between the first order done and the last, so
    that the start of the worker does not count.
    """
    database = ground.new_database()
    threads = config.load(ground.environment(database), interactive=False).concurrency
    for batch, latency in enumerate(latencies):
        ground.tell("sortedpro", "clear")
        with ground.serving(start_web, database) as url:
            send(ground, url, first=first + batch * orders, count=orders, rate=_INTAKE)
        if latency:
            ground.tell("sortedpro", "behave", told=[{"fault": "delay", "seconds": latency}], count=None)
        ours = _drained(ground, database, orders)
        floor = _bare(calls, orders, threads)
        yield ForwardingFigure(
            latency_ms=round(latency * 1000),
            orders=orders,
            threads=threads,
            bridge_per_second=round(ours, 1),
            floor_per_second=round(floor, 1),
            ratio=round(floor / ours, 2),
        )


def _put_in(bridge: Bridge, shop: str, shot: Shot) -> None:
    """Take a webhook in as the web process does."""
    found = bridge.shops.by_name[shop]
    headers = {name.lower(): value for name, value in shot.headers.items()}
    webhook = found.platform.receive(found.settings.secrets, headers, shot.body)
    assert isinstance(webhook, Webhook)
    bridge.intake.record_webhook(found, webhook, bridge.clock())


def _forward(bridge: Bridge) -> None:
    """Forward until nothing is due, as rings do."""
    for _ in range(_STEPS):
        if not (bridge.forwarder.forward_next() and bridge.forwarder.is_more_due()):
            return
    raise BridgeError("the order of the bench does not come to rest")


def _counted(engine: Engine) -> _Counts:
    counts = _Counts()

    @event.listens_for(engine, "before_cursor_execute")
    def _statement(*_: object) -> None:
        counts.statements += 1

    @event.listens_for(engine, "commit")
    def _commit(_: object) -> None:
        counts.transactions += 1

    return counts


def _told(ground: Ground, request: httpx.Request) -> str:
    """A call as its method, its system and the end of its path, with N for ids."""
    name = next(name for name, url in ground.urls.items() if str(request.url).startswith(url))
    path = re.sub(r".*/(?:api|v3)(?:/2\d{3}-\d\d)?(?=/)", "", request.url.path)
    return f"{request.method} {name} {re.sub(r'[0-9]{3,}', 'N', path)}"


def _drained(ground: Ground, database: Database, orders: int) -> float:
    """Orders a second of a worker that has only this to do. Raises BridgeError where it does not get through."""
    engine = connect(database, pool=1)
    began = datetime.now(UTC)
    with (ground.folder / "worker.log").open("ab") as log:
        worker = start_worker(ground.environment(database), log)
        try:
            first, last = _wait_done(engine, began, orders)
        finally:
            worker.stop()
            engine.dispose()
    return (orders - 1) / (last - first).total_seconds()


def _wait_done(engine: Engine, began: datetime, orders: int) -> tuple[datetime, datetime]:
    """When the first and the last of so many orders were done."""
    query = select(func.count(), func.min(history.c.at), func.max(history.c.at)).where(
        history.c.to_state == "done", history.c.at >= began
    )
    end = time.monotonic() + _LIMIT
    count = 0
    while time.monotonic() < end:
        with transaction(engine) as connection:
            count, first, last = connection.execute(query).one()
        if count >= orders:
            return first, last
        time.sleep(0.2)
    raise BridgeError(f"only {count} of {orders} orders were done within {_LIMIT:.0f} s: the worker's log says why")


def _bare(calls: Sequence[Sequence[httpx.Request]], orders: int, threads: int) -> float:
    """Orders a second when nothing is done but the calls."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=32)
    with httpx.Client(limits=limits, timeout=30, trust_env=False) as client, ThreadPoolExecutor(threads) as pool:

        def one(number: int) -> None:
            for call in calls[number % len(calls)]:
                client.request(call.method, call.url, headers=_plain(call.headers), content=call.content)

        began = time.perf_counter()
        list(pool.map(one, range(orders)))
        return orders / (time.perf_counter() - began)


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers without those that the client makes."""
    return {name: value for name, value in headers.items() if name not in {"host", "content-length", "connection"}}
