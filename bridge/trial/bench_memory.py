"""How much memory worker and web processes hold while orders pass through them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.config import Database
from bridge.errors import BridgeError
from bridge.processes import start_web
from bridge.trial.bench_forwarding import done_since, slow
from bridge.trial.bench_ground import Ground
from bridge.trial.bench_plan import Plan
from bridge.trial.bench_process import children, resident_mb
from bridge.trial.bench_receipt import send

_MOST_SAMPLES = 10
_PATIENCE = 120.0  # seconds without any order done


@dataclass(frozen=True, kw_only=True)
class MemoryFigure:
    """Resident memory in megabytes, sampled along the way; ten times, where there are at least 100 orders."""

    orders: int
    after: Sequence[int]  # orders
    worker_mb: Sequence[float]
    web_mb: Sequence[float]  # of the larger of the web worker processes


def measure_memory(ground: Ground, plan: Plan) -> MemoryFigure | None:
    """Receive and forward the orders, a part of them after the other; None where the system does not tell of memory."""
    database = ground.new_database()
    slow(ground, 0)
    began = datetime.now(UTC)
    after: list[int] = []
    worker_mb, web_mb = [], []
    with ground.serving(start_web, database) as web, ground.working(database) as worker:
        webs = children(web.child.popen.pid)
        if not webs:
            return None
        samples = min(_MOST_SAMPLES, plan.memory // 10)
        for number in range(samples):
            count = plan.memory * (number + 1) // samples - plan.memory * number // samples
            send(web.url, ground.take(count), connections=plan.connections)
            after.append(sum(after[-1:]) + count)
            _wait_done(database, began, after[-1])
            worker_mb.append(resident_mb(worker.popen.pid) or 0.0)
            web_mb.append(max(resident_mb(pid) or 0.0 for pid in webs))
    return MemoryFigure(orders=plan.memory, after=after, worker_mb=worker_mb, web_mb=web_mb)


def _wait_done(database: Database, began: datetime, orders: int) -> None:
    """Wait for as long as there is progress."""
    count, end = 0, time.monotonic() + _PATIENCE
    while count < orders:
        found, _ = done_since(database, began)
        if found > count:
            count, end = found, time.monotonic() + _PATIENCE
        if time.monotonic() > end:
            raise BridgeError(f"only {count} of {orders} orders are done, and no more come: the worker's log says why")
        time.sleep(0.2)
