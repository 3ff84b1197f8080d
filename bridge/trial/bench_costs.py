"""What forwarding one order costs: SQL statements, transactions and outbound calls."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
import psycopg
from psycopg.pq import PipelineStatus
from sqlalchemy import Engine, event

from bridge import config
from bridge.errors import BridgeError
from bridge.trial.bench_fill import received
from bridge.trial.bench_ground import Ground
from bridge.trial.bench_orders import SHOPS
from bridge.wiring import Bridge, open_bridge

_STEPS = 10  # claims that one order may need


@dataclass(frozen=True, kw_only=True)
class CostFigure:
    """What one order costs when token, products and mapping are known already."""

    shop: str
    statements: int  # SQL statements of the worker
    transactions: int
    calls: Sequence[str]  # outbound, in their order


@dataclass(frozen=True, kw_only=True)
class Journey:
    """The outbound calls of one order."""

    order_id: str
    calls: Sequence[httpx.Request]


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


def measure_costs(ground: Ground) -> tuple[list[CostFigure], dict[str, Journey]]:
    """Forward two orders of each platform in this process, and count at the second.

    Returns the figures, and the journey of each platform's order by its shop.
    """
    recorder = Recorder()
    figures, journeys = [], {}
    orders = received(ground, ground.take(2 * len(SHOPS)).read())
    with _opened(ground, recorder) as (bridge, counts):
        for number, shop in enumerate(SHOPS):
            for one in orders[number :: len(SHOPS)]:
                bridge.intake.record_webhook(one.shop, one.webhook, bridge.clock())
                recorder.calls.clear()
                counts.statements = counts.transactions = 0
                _forward(bridge)
                journeys[shop] = Journey(order_id=one.content.order_id, calls=list(recorder.calls))
            told = [_told(ground, request) for request in recorder.calls]
            figures.append(
                CostFigure(shop=shop, statements=counts.statements, transactions=counts.transactions, calls=told)
            )
    return figures, journeys


@contextmanager
def _opened(ground: Ground, transport: httpx.BaseTransport) -> Iterator[tuple[Bridge, _Counts]]:
    environ = ground.environment(ground.new_database())
    settings = config.load(environ, interactive=False)
    bridge = open_bridge(settings, environ, pool=2, new_id=uuid.uuid4, transport=transport)
    counts = _counted(bridge.engine)
    bridge.announce()
    try:
        yield bridge, counts
    finally:
        bridge.close()


def _forward(bridge: Bridge) -> None:
    """Forward until nothing is due, as a worker does."""
    for _ in range(_STEPS):
        if not bridge.forwarder.forward_next():
            return
    raise BridgeError("the order of the bench does not come to rest")


def _counted(engine: Engine) -> _Counts:
    """Count from now on; there must be no connection yet."""
    counts = _Counts()

    class Counting(psycopg.Cursor[Any]):
        """A cursor that counts: not all statements go through SQLAlchemy."""

        def execute(self, *given: Any, **options: Any) -> Self:
            counts.statements += 1
            if self.connection.autocommit and self.connection.pgconn.pipeline_status == PipelineStatus.OFF:
                counts.transactions += 1
            return super().execute(*given, **options)

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: object) -> None:
        pipeline = connection.pipeline

        def counted() -> AbstractContextManager[psycopg.Pipeline]:
            counts.transactions += connection.autocommit  # where it is, a pipeline is one transaction
            found: AbstractContextManager[psycopg.Pipeline] = pipeline()
            return found

        connection.cursor_factory = Counting
        connection.pipeline = counted

    @event.listens_for(engine, "commit")
    def _commit(_: object) -> None:
        counts.transactions += 1

    return counts


def _told(ground: Ground, request: httpx.Request) -> str:
    """A call as its method, its system and the end of its path, with N for ids."""
    name = next(name for name, url in ground.urls.items() if str(request.url).startswith(url))
    path = re.sub(r".*/(?:api|v3)(?:/2\d{3}-\d\d)?(?=/)", "", request.url.path)
    return f"{request.method} {name} {re.sub(r'[0-9]{3,}', 'N', path)}"
