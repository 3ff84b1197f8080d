"""How many orders a worker forwards, and how fast bare calls of the same kind would be."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from bridge import config
from bridge.config import Database
from bridge.errors import BridgeError
from bridge.processes import Child
from bridge.store.database import connect, transaction
from bridge.store.tables import orders as ledger_rows
from bridge.trial.bench_calls import told
from bridge.trial.bench_costs import Journey
from bridge.trial.bench_fill import fill, received
from bridge.trial.bench_ground import Ground, Slice
from bridge.trial.bench_plan import Plan
from bridge.trial.bench_process import cpu_seconds, share

_LIMIT = 60.0  # seconds for a batch, and beside it
_SLOWEST = 5.0  # orders a second


@dataclass(frozen=True, kw_only=True)
class Drained:
    """A batch that was forwarded, by workers or by bare calls; shares are of one core."""

    per_second: float
    cores: float | None  # of the (first) worker, or of the process that makes the calls
    sandbox_cores: float | None


@dataclass(frozen=True, kw_only=True)
class ForwardingFigure:
    """Orders a second, of both platforms in turn, with a SortedPRO that takes `latency_ms`; medians of the rounds."""

    latency_ms: int
    orders: int  # in a round
    rounds: int
    threads: int
    workers: int  # processes
    bridge_per_second: float
    floor_per_second: float  # httpx making the same calls with as many threads, in one process
    ratio: float  # bridge / floor, the median of each round's
    worker_cores: float | None
    sandbox_cores: float | None  # while the bridge worked
    floor_cores: float | None
    floor_sandbox_cores: float | None


def measure_forwarding(ground: Ground, plan: Plan, journeys: Mapping[str, Journey]) -> Iterator[ForwardingFigure]:
    """A worker beside the bare calls, batch by batch in turn, for each latency; then the last latency with two workers.

    The workers run all the time. A batch is put into the ledger at once; its time is from there to its last order done.
    """
    database = ground.new_database()
    with ExitStack() as stack:
        workers = [stack.enter_context(ground.working(database))]
        warm_up(ground, plan, database, workers)
        for latency in plan.latencies:
            yield _measured(ground, plan, database, workers, journeys, latency)
        workers.append(stack.enter_context(ground.working(database)))
        yield _measured(ground, plan, database, workers, journeys, plan.latencies[-1])


def warm_up(ground: Ground, plan: Plan, database: Database, workers: Sequence[Child]) -> None:
    """A batch that does not count: products, token and connections are there afterwards."""
    slow(ground, 0)
    drain(ground, database, ground.take(plan.orders), workers)


def slow(ground: Ground, latency_ms: int) -> None:
    """Let SortedPRO take so long for each Create Order call."""
    ground.tell("sortedpro", "clear")
    if latency_ms:
        ground.tell("sortedpro", "behave", told=[{"fault": "delay", "seconds": latency_ms / 1000}], count=None)


def drain(ground: Ground, database: Database, part: Slice, workers: Sequence[Child]) -> Drained:
    """Let running workers forward some orders. Raises BridgeError where they do not get through."""
    orders = received(ground, part.read())
    pids = (workers[0].popen.pid, ground.sandbox)
    before = [cpu_seconds(pid) for pid in pids]
    began = fill(database, orders)
    took = (_wait_done(database, began, part.count) - began).total_seconds()
    cores, sandbox = (share(then, cpu_seconds(pid), took) for then, pid in zip(before, pids, strict=True))
    return Drained(per_second=part.count / took, cores=cores, sandbox_cores=sandbox)


def done_since(database: Database, began: datetime) -> tuple[int, datetime | None]:
    """How many orders were done since then, and when the last one was."""
    count, last = func.count(), func.max(ledger_rows.c.state_since)
    query = select(count, last).where(ledger_rows.c.state == "done", ledger_rows.c.state_since >= began)
    engine = connect(database, pool=1)
    with transaction(engine) as connection:
        found, at = connection.execute(query).one()
    engine.dispose()
    return found, at


def _measured(
    ground: Ground,
    plan: Plan,
    database: Database,
    workers: Sequence[Child],
    journeys: Mapping[str, Journey],
    latency_ms: int,
) -> ForwardingFigure:
    threads = config.load(ground.environment(database), interactive=False).concurrency
    slow(ground, latency_ms)
    ours, floors = [], []
    for _ in range(plan.rounds):
        ours.append(drain(ground, database, ground.take(plan.orders), workers))
        floors.append(_bare(ground, ground.take(plan.orders + threads), journeys, threads))
    return ForwardingFigure(
        latency_ms=latency_ms,
        orders=plan.orders,
        rounds=plan.rounds,
        threads=threads,
        workers=len(workers),
        bridge_per_second=round(statistics.median(one.per_second for one in ours), 1),
        floor_per_second=round(statistics.median(one.per_second for one in floors), 1),
        ratio=round(statistics.median(a.per_second / b.per_second for a, b in zip(ours, floors, strict=True)), 2),
        worker_cores=_median([one.cores for one in ours]),
        sandbox_cores=_median([one.sandbox_cores for one in ours]),
        floor_cores=_median([one.cores for one in floors]),
        floor_sandbox_cores=_median([one.sandbox_cores for one in floors]),
    )


def _wait_done(database: Database, began: datetime, orders: int) -> datetime:
    """When the last of so many orders was done."""
    limit = _LIMIT + orders / _SLOWEST
    end = time.monotonic() + limit
    count = 0
    while time.monotonic() < end:
        count, last = done_since(database, began)
        if count >= orders and last is not None:
            return last
        time.sleep(0.2)
    raise BridgeError(f"only {count} of {orders} orders were done within {limit:.0f} s: the worker's log says why")


def _bare(ground: Ground, part: Slice, journeys: Mapping[str, Journey], threads: int) -> Drained:
    """Nothing is done but the calls."""
    file = ground.folder / "calls.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        for one in received(ground, part.read()):
            journey = journeys[one.shop.name]
            calls = [told(request, journey.order_id, one.content.order_id) for request in journey.calls]
            lines.write(json.dumps(calls) + "\n")
    before = cpu_seconds(ground.sandbox)
    command = [sys.executable, "-m", "bridge.trial.bench_calls", str(file), str(threads)]
    ran = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own command
    after = cpu_seconds(ground.sandbox)
    if ran.returncode:
        raise BridgeError(f"the bare calls ended with status {ran.returncode}: {ran.stderr.decode()[-2000:]}")
    found = json.loads(ran.stdout)
    # The sandbox worked for all orders, of which the first are not in the time that was taken.
    counted = found["seconds"] * part.count / (part.count - threads)
    return Drained(per_second=found["per_second"], cores=found["cores"], sandbox_cores=share(before, after, counted))


def _median(shares: Sequence[float | None]) -> float | None:
    known = [one for one in shares if one is not None]
    return round(statistics.median(known), 2) if known else None
