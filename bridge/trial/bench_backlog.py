"""How fast webhooks are acknowledged while a worker drains a backlog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.trial.bench_fill import fill, received
from bridge.trial.bench_forwarding import done_since, slow
from bridge.trial.bench_ground import Ground
from bridge.trial.bench_plan import Plan
from bridge.trial.bench_receipt import send, servers


@dataclass(frozen=True, kw_only=True)
class BacklogFigure:
    """Latencies in milliseconds from the scheduled time, as `bench_receipt.ReceiptFigure`, beside a busy worker."""

    orders: int  # of the backlog, when it began
    left: int  # of it and of what came meanwhile, when the webhooks ended
    rate: int  # webhooks a second
    seconds: int
    forwarded_per_second: float  # meanwhile
    bridge: Mapping[str, Any]
    insert: Mapping[str, Any]  # Flask committing one row, beside the same worker


def measure_backlog(ground: Ground, plan: Plan) -> BacklogFigure:
    """Store a backlog, let a worker begin, and send webhooks; the first second does not count."""
    database = ground.new_database()
    part = plan.rate * (plan.seconds + 1)
    slow(ground, plan.latencies[-1])
    with servers(ground, database) as webs, ground.working(database):
        began = fill(database, received(ground, ground.take(plan.backlog).read()))
        before, _ = done_since(database, began)
        at = datetime.now(UTC)
        bridge = send(webs["bridge"].url, ground.take(part), rate=plan.rate, warm=plan.rate)
        done, _ = done_since(database, began)
        took = (datetime.now(UTC) - at).total_seconds()
        insert = send(webs["insert"].url, ground.take(part), rate=plan.rate, warm=plan.rate)
    return BacklogFigure(
        orders=plan.backlog,
        left=plan.backlog + part - done,
        rate=plan.rate,
        seconds=plan.seconds,
        forwarded_per_second=round((done - before) / took, 1),
        bridge=bridge,
        insert=insert,
    )
