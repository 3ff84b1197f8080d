"""How fast webhooks are acknowledged while a worker drains a backlog."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.config import Database
from bridge.store.database import autocommit, connect, run
from bridge.trial.bench_fill import fill, received
from bridge.trial.bench_forwarding import done_since, slow
from bridge.trial.bench_ground import Ground
from bridge.trial.bench_plan import Plan
from bridge.trial.bench_receipt import send, servers

_RANKS = ("p50_ms", "p99_ms", "p99_9_ms", "max_ms")


@dataclass(frozen=True, kw_only=True)
class BacklogFigure:
    """Latencies in milliseconds from the scheduled time beside a busy worker: the medians of the rounds'."""

    orders: int  # of the backlog, when it began
    left: int  # of it and of what came meanwhile, when the webhooks ended
    rate: int  # webhooks a second
    seconds: int  # of a round
    forwarded_per_second: float  # meanwhile
    bridge: Mapping[str, Any]  # as `loadgen.summary`, and the p99_ms of each round
    insert: Mapping[str, Any]  # the same of Flask committing one row


def measure_backlog(ground: Ground, plan: Plan) -> BacklogFigure:
    """Store a backlog, let a worker begin, and send webhooks to the bridge and its floor in turn.

    The first second of each turn does not count.
    """
    database = ground.new_database()
    part = plan.rate * (plan.seconds + 1)
    slow(ground, plan.latencies[-1])
    found: dict[str, list[Mapping[str, Any]]] = {"bridge": [], "insert": []}
    with servers(ground, database) as webs, ground.working(database):
        began = fill(database, received(ground, ground.take(plan.backlog).read()))
        _tidy(database)
        before, _ = done_since(database, began)
        at = datetime.now(UTC)
        for _ in range(plan.rounds):
            shots = ground.take(part)
            for name, rounds in found.items():
                rounds.append(send(webs[name].url, shots, rate=plan.rate, warm=plan.rate))
        done, _ = done_since(database, began)
        took = (datetime.now(UTC) - at).total_seconds()
    return BacklogFigure(
        orders=plan.backlog,
        left=plan.backlog + plan.rounds * part - done,
        rate=plan.rate,
        seconds=plan.seconds,
        forwarded_per_second=round((done - before) / took, 1),
        bridge=_medians(found["bridge"]),
        insert=_medians(found["insert"]),
    )


def _tidy(database: Database) -> None:
    """Do at once what PostgreSQL does by and by while orders come one by one, and would do now after so many."""
    engine = connect(database, pool=1, statement_limit_ms=0)
    with autocommit(engine) as connection:
        for statement in ("vacuum analyze", "checkpoint"):
            run(connection, statement, {})
    engine.dispose()


def _medians(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    statuses = sum((Counter(one["statuses"]) for one in rounds), Counter[str]())
    return {
        "requests": sum(one["requests"] for one in rounds),
        **{rank: round(statistics.median(one[rank] for one in rounds), 2) for rank in _RANKS},
        "p99_ms_of_rounds": [one["p99_ms"] for one in rounds],
        "statuses": dict(sorted(statuses.items())),
    }
