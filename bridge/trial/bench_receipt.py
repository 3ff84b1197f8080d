"""How fast webhooks are acknowledged, beside the same server doing next to nothing."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from bridge.config import Database
from bridge.errors import BridgeError
from bridge.processes import start_web
from bridge.store.database import connect, transaction
from bridge.trial.bench_ground import Ground, Slice, Web, start_floor
from bridge.trial.bench_plan import Plan
from bridge.trial.floors import TABLE

_FLOORS = ("insert", "bare")


@dataclass(frozen=True, kw_only=True)
class ReceiptFigure:
    """Latencies in milliseconds from the scheduled time, of the bridge and of its floors; see `loadgen.summary`."""

    rate: int  # webhooks a second
    seconds: int
    bridge: Mapping[str, Any]
    bare: Mapping[str, Any]  # Flask answering 202
    insert: Mapping[str, Any]  # Flask committing one row
    p99_to_insert: float  # the bridge's p99 over that of the plain insert


@dataclass(frozen=True, kw_only=True)
class SaturatedFigure:
    """Webhooks acknowledged a second, when each of `connections` sends its next at once; medians of the rounds."""

    connections: int
    rounds: int
    requests: int  # in a round
    bridge_per_second: float
    insert_per_second: float
    bare_per_second: float
    to_insert: float  # bridge / floor, the median of each round's
    to_bare: float
    generator_cores: float  # the most that the load generator took
    refused: int  # answers other than 202


def measure_receipt(ground: Ground, plan: Plan) -> tuple[SaturatedFigure, ReceiptFigure]:
    """Webhooks as fast as they are answered, in rounds; then `rate` a second, of which the first second does not count.

    Floors are sent what the bridge is sent. All three servers run all the time: those that are not asked only wait.
    """
    with servers(ground, ground.new_database()) as webs:
        return _saturated(ground, plan, webs), _scheduled(ground, plan, webs)


@contextmanager
def servers(ground: Ground, database: Database) -> Iterator[Mapping[str, Web]]:
    """The bridge and its floors by name, on one database, until the end of the block."""
    engine = connect(database, pool=1)
    with transaction(engine) as connection:
        connection.execute(TABLE)
    engine.dispose()
    with ExitStack() as stack:
        starts = {"bridge": start_web, **{name: start_floor(name) for name in _FLOORS}}
        yield {name: stack.enter_context(ground.serving(start, database)) for name, start in starts.items()}


def burst(ground: Ground, plan: Plan, web: Web, part: Slice | None = None) -> dict[str, Any]:
    """Webhooks as fast as they are answered; a connection's first does not count. See `loadgen`."""
    part = part or ground.take(plan.burst + plan.connections)
    return send(web.url, part, warm=plan.connections, connections=plan.connections)


def send(url: str, part: Slice, *, rate: int | None = None, warm: int = 0, connections: int = 32) -> dict[str, Any]:
    """Let the load generator send the webhooks of some orders, and return what it found."""
    command = [sys.executable, "-m", "bridge.trial.loadgen", url, str(part.file)]
    numbers = {"--first": part.first, "--count": part.count, "--warm": warm, "--connections": connections}
    arguments = [text for name, number in numbers.items() for text in (name, str(number))]
    pace = ["--rate", str(rate)] if rate else []
    ran = subprocess.run([*command, *arguments, *pace], capture_output=True, check=False)  # noqa: S603 - our own
    if ran.returncode:
        raise BridgeError(f"the load generator ended with status {ran.returncode}: {ran.stderr.decode()[-2000:]}")
    found: dict[str, Any] = json.loads(ran.stdout)
    if "202" not in found["statuses"]:
        raise BridgeError(f"not one webhook was acknowledged: {found['statuses']}")
    return found


def _saturated(ground: Ground, plan: Plan, webs: Mapping[str, Web]) -> SaturatedFigure:
    rounds = []
    for _ in range(plan.rounds):
        part = ground.take(plan.burst + plan.connections)
        rounds.append({name: burst(ground, plan, web, part) for name, web in webs.items()})
    rates = {name: [one[name]["per_second"] for one in rounds] for name in webs}
    ratios = {
        name: statistics.median(ours / floor for ours, floor in zip(rates["bridge"], rates[name], strict=True))
        for name in _FLOORS
    }
    answers = [found for one in rounds for found in one.values()]
    return SaturatedFigure(
        connections=plan.connections,
        rounds=plan.rounds,
        requests=plan.burst,
        bridge_per_second=statistics.median(rates["bridge"]),
        insert_per_second=statistics.median(rates["insert"]),
        bare_per_second=statistics.median(rates["bare"]),
        to_insert=round(ratios["insert"], 2),
        to_bare=round(ratios["bare"], 2),
        generator_cores=max(found["generator_cores"] for found in answers),
        refused=sum(found["requests"] - found["statuses"].get("202", 0) for found in answers),
    )


def _scheduled(ground: Ground, plan: Plan, webs: Mapping[str, Web]) -> ReceiptFigure:
    part = ground.take(plan.rate * (plan.seconds + 1))
    found = {name: send(web.url, part, rate=plan.rate, warm=plan.rate) for name, web in webs.items()}
    ratio = round(found["bridge"]["p99_ms"] / found["insert"]["p99_ms"], 2)
    return ReceiptFigure(rate=plan.rate, seconds=plan.seconds, p99_to_insert=ratio, **found)
