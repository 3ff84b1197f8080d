"""Receipt and forwarding with years of orders in the tables, beside the same on empty ones."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from bridge.config import Database
from bridge.processes import start_web
from bridge.store.database import connect, transaction
from bridge.trial.bench_forwarding import drain, slow, warm_up
from bridge.trial.bench_ground import Ground
from bridge.trial.bench_plan import Plan
from bridge.trial.bench_receipt import burst

ATTEMPTS = 3  # of each order
_SPAN = timedelta(days=730)  # over which they are spread


@dataclass(frozen=True, kw_only=True)
class HistoryFigure:
    """Webhooks and orders a second with full and with empty tables; medians of the rounds."""

    orders: int
    attempts: int
    rounds: int
    receipt_full: float
    receipt_empty: float
    receipt_ratio: float  # full / empty, the median of each round's
    forwarding_full: float
    forwarding_empty: float
    forwarding_ratio: float


def measure_history(ground: Ground, plan: Plan) -> HistoryFigure:
    """Both databases have their own processes, which take turns: webs first, then workers."""
    full, empty = ground.new_database(), ground.new_database()
    write_history(full, plan.history)
    receipts = _receipts(ground, plan, full, empty)
    batches = _batches(ground, plan, full, empty)
    return HistoryFigure(
        orders=plan.history,
        attempts=plan.history * ATTEMPTS,
        rounds=plan.rounds,
        receipt_full=statistics.median(receipts[0]),
        receipt_empty=statistics.median(receipts[1]),
        receipt_ratio=_ratio(*receipts),
        forwarding_full=round(statistics.median(batches[0]), 1),
        forwarding_empty=round(statistics.median(batches[1]), 1),
        forwarding_ratio=_ratio(*batches),
    )


def write_history(database: Database, orders: int) -> None:
    """Sent orders of two years with their attempts, bodies and history, analysed; the stored bytes are only a few."""
    engine = connect(database, pool=1, statement_limit_ms=0)
    now = datetime.now(UTC)
    values = {"orders": orders, "attempts": ATTEMPTS, "since": now - _SPAN, "step": _SPAN / (orders + 1)}
    with transaction(engine) as connection:
        connection.execute(text("set local session_replication_role = replica"))  # keys are right by their making
        for statement in (_PAST, _INBOX, _ORDERS, _ATTEMPTS, _HISTORY):
            connection.execute(text(statement), values)
        for name in ("inbox", "orders"):
            connection.execute(_NEXT, {"name": name, "orders": orders})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))
    engine.dispose()


# Ids of orders that the fake shops never give; each platform has every second one.
_NEXT = text("select setval(pg_get_serial_sequence(:name, 'id'), :orders)")
_PAST = """
    create temporary table past on commit drop as
    select n, (array['shopify', 'woocommerce'])[1 + n % 2] as shop,
           cast(:since as timestamptz) + n * cast(:step as interval) as at
      from generate_series(1, cast(:orders as bigint)) n
"""
_INBOX = """
    insert into inbox (id, shop, via, order_id, headers, body, hash, outcome, modified_at, received_at)
    overriding system value
    select n, shop, 'webhook', 'old-' || n, '{}', '{}', sha256('{}'), 'newest body of its order', at, at
      from past
"""
_ORDERS = """
    insert into orders (id, shop, platform, order_id, name, state, reason, body_id, body_hash, body_modified_at,
                        ordered_at, revision, compared, destination, customer_reference, sent_attempt, reference,
                        first_seen_at, state_since)
    overriding system value
    select n, shop, shop, 'old-' || n, '#' || n, 'done', 'sent', n, sha256('{}'), at,
           at, 1, 1, 'sorted', 'old-' || n, gen_random_uuid(), 'EO-OLD-' || n,
           at, at
      from past
"""
_ATTEMPTS = """
    insert into attempts (id, "order", destination, started_at, deadline, ended_at, outcome, status, reference,
                          mapping_version, body_id, clock, payload, fetched, known)
    select gen_random_uuid(), n, 'sorted', at, at, at,
           case when k = :attempts then 'created' else 'busy' end, case when k = :attempts then 201 else 429 end,
           case when k = :attempts then 'EO-OLD-' || n end, 'old', n, at, '{}', '{}', '{}'
      from past cross join generate_series(1, cast(:attempts as integer)) k
"""
_HISTORY = """
    insert into history ("order", at, from_state, to_state, event, actor)
    select n, at, was, became, became, 'worker'
      from past cross join (values ('', 'received'), ('received', 'queued'), ('created', 'done')) moves (was, became)
"""


def _receipts(ground: Ground, plan: Plan, full: Database, empty: Database) -> list[list[float]]:
    """Webhooks a second of each, round by round; what they brought is put to rest and never forwarded."""
    found: list[list[float]] = [[], []]
    with ground.serving(start_web, full) as full_web, ground.serving(start_web, empty) as empty_web:
        for _ in range(plan.rounds):
            for web, rates in zip((full_web, empty_web), found, strict=True):
                rates.append(burst(ground, plan, web)["per_second"])
    for database in (full, empty):
        engine = connect(database, pool=1)
        with transaction(engine) as connection:
            connection.execute(text("update orders set due_at = null where state = 'received'"))
        engine.dispose()
    return found


def _batches(ground: Ground, plan: Plan, full: Database, empty: Database) -> list[list[float]]:
    """Orders forwarded a second of each, round by round."""
    found: list[list[float]] = [[], []]
    with ground.working(full) as full_worker, ground.working(empty) as empty_worker:
        both = ((full, full_worker), (empty, empty_worker))
        for database, worker in both:
            warm_up(ground, plan, database, [worker])
        slow(ground, plan.latencies[-1])
        for _ in range(plan.rounds):
            for (database, worker), rates in zip(both, found, strict=True):
                rates.append(drain(ground, database, ground.take(plan.orders), [worker]).per_second)
    return found


def _ratio(full: list[float], empty: list[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(full, empty, strict=True)), 2)
