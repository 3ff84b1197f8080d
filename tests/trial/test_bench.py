"""The bench: how it counts, and that a tiny run gives every figure. Nothing here judges a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from bridge import shops as shop_files
from bridge.cli.demo import bench
from bridge.config import NAMES, Database
from bridge.intake import Intake
from bridge.sandbox.trio import open_trio
from bridge.trial.bench_fill import fill, verified
from bridge.trial.bench_ground import send_from, write_mappings
from bridge.trial.bench_orders import shots
from bridge.trial.bench_plan import Plan
from bridge.trial.loadgen import NO_ANSWER, Hit, Shot, fire, per_second, read_shots, summary

ROOT = Path(__file__).parents[2]


SIZES = (
    "--seconds 1 --rate 10 --rounds 1 --connections 2 --burst 10 --orders 10 --body 1 --concurrency 4 "
    "--backlog 20 --history 100 --memory 20"
)


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """What a run of all parts prints that is as short as it can be."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_") and name not in NAMES}
    command = [sys.executable, "-m", "bridge", "bench", "--json", "--all", *SIZES.split()]
    environ = {**own, "WEB_CONCURRENCY": "1"}
    ran = subprocess.run(command, capture_output=True, check=False, cwd=ROOT, env=environ, timeout=300)
    assert ran.returncode == 0, ran.stderr.decode()
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_run_says_what_machine_it_was_on(figures: dict[str, Any]) -> None:
    assert set(figures["machine"]) == {"cores", "python", "system"}


def test_run_of_all_parts_leaves_nothing_out(figures: dict[str, Any]) -> None:
    assert figures["left_out"] == []


def test_what_takes_long_runs_only_when_asked_for() -> None:
    assert Plan().parts == ("mapping", "receipt", "forwarding")


def test_part_that_does_not_exist_is_refused() -> None:
    ran = CliRunner().invoke(bench, ["--only", "everything"])
    assert (ran.exit_code, "'everything' is not one of" in ran.output) == (2, True)


def test_mapping_is_measured_for_small_and_large_orders_of_both_platforms(figures: dict[str, Any]) -> None:
    assert [(one["shop"], one["lines"]) for one in figures["mapping"]] == [
        ("shopify", 5),
        ("shopify", 100),
        ("woocommerce", 5),
        ("woocommerce", 100),
    ]


def test_mapping_has_both_times_and_their_ratio(figures: dict[str, Any]) -> None:
    for one in figures["mapping"]:
        assert set(one) == {"shop", "lines", "runs", "decide_ms", "load_ms", "ratio"}


def test_saturated_receipt_stands_beside_both_floors(figures: dict[str, Any]) -> None:
    found = figures["saturated"]
    names = ("bridge_per_second", "insert_per_second", "bare_per_second", "to_insert", "to_bare")
    assert all(found[name] > 0 for name in names)


def test_saturated_receipt_refuses_nothing(figures: dict[str, Any]) -> None:
    assert figures["saturated"]["refused"] == 0


def test_every_webhook_but_those_of_the_first_second_counts(figures: dict[str, Any]) -> None:
    # 10 a second for 1 s
    assert {name: figures["receipt"][name]["requests"] for name in ("bridge", "bare", "insert")} == {
        "bridge": 10,
        "bare": 10,
        "insert": 10,
    }


def test_every_webhook_is_acknowledged(figures: dict[str, Any]) -> None:
    assert [figures["receipt"][name]["statuses"] for name in ("bridge", "bare", "insert")] == [{"202": 10}] * 3


def test_receipt_has_its_percentiles(figures: dict[str, Any]) -> None:
    assert {"p50_ms", "p99_ms", "p99_9_ms", "max_ms"} <= set(figures["receipt"]["bridge"])


def test_forwarding_is_measured_at_each_latency_and_at_the_last_with_two_workers(figures: dict[str, Any]) -> None:
    found = [(one["latency_ms"], one["workers"], one["threads"]) for one in figures["forwarding"]]
    assert found == [(0, 1, 4), (20, 1, 4), (20, 2, 4)]


def test_forwarding_stands_beside_bare_calls(figures: dict[str, Any]) -> None:
    for one in figures["forwarding"]:
        assert min(one["bridge_per_second"], one["floor_per_second"], one["ratio"]) > 0


def test_an_order_costs_one_create_order_call(figures: dict[str, Any]) -> None:
    costs = {one["shop"]: one["calls"].count("POST sortedpro /orders") for one in figures["costs"]}
    assert costs == {"shopify": 1, "woocommerce": 1}


def test_statements_of_an_order_are_counted_in_transactions(figures: dict[str, Any]) -> None:
    for one in figures["costs"]:
        assert one["statements"] >= one["transactions"] > 0


def test_webhooks_are_acknowledged_while_a_backlog_drains(figures: dict[str, Any]) -> None:
    found = figures["backlog"]
    assert (found["orders"], found["bridge"]["statuses"], found["insert"]["statuses"]) == (20, {"202": 10}, {"202": 10})


def test_full_tables_stand_beside_empty_ones(figures: dict[str, Any]) -> None:
    found = figures["history"]
    names = ("receipt_full", "receipt_empty", "receipt_ratio")
    more = ("forwarding_full", "forwarding_empty", "forwarding_ratio")
    assert (found["orders"], found["attempts"], all(found[name] > 0 for name in names + more)) == (100, 300, True)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of other processes' memory")
def test_memory_is_sampled_along_the_way(figures: dict[str, Any]) -> None:
    found = figures["memory"]
    assert (found["after"], len(found["worker_mb"]), len(found["web_mb"])) == ([10, 20], 2, 2)


# --- Filling the ledger ----------------------------------------------------------------------------------------------
OWN = {"id", "order", "order_id", "order_key", "name", "webhook_id", "event_id", "headers", "body", "hash", "body_id"}


def test_filled_orders_are_rows_as_intake_leaves_them(database: Database, engine: Engine, tmp_path: Path) -> None:
    with open_trio() as trio:
        folder = write_mappings(tmp_path / "mappings", ROOT / "mappings", trio.shopify_url)
        known = shop_files.load(folder, {**trio.environment(), "SEND_FROM": send_from()})
        (tmp_path / "shots").write_text("\n".join(shots(trio, 4, 1, datetime.now(UTC))))
    orders = verified(known, read_shots(tmp_path / "shots", 0, 4))
    for one in orders[:2]:
        Intake(engine=engine).record_webhook(one.shop, one.webhook, datetime.now(UTC))
    fill(database, orders[2:])
    for table in ("inbox", "orders", "history"):
        taken_in, filled = _rows(engine, table)[:2], _rows(engine, table)[2:]
        assert filled == taken_in


def _rows(engine: Engine, table: str) -> list[dict[str, Any]]:
    """All rows but for what is each order's own; of times and hashes only whether they are there."""
    with engine.connect() as connection:
        rows = connection.execute(text(f"select * from {table} order by id")).mappings().all()
    return [
        {name: value is not None if isinstance(value, datetime | bytes) else value for name, value in row.items()}
        for row in ({name: value for name, value in row.items() if name not in OWN} for row in rows)
    ]


# --- The load generator ----------------------------------------------------------------------------------------------
def test_percentiles_are_by_nearest_rank() -> None:
    # 1 to 1000 ms: rank 500, 990, 999 and the last
    hits = [Hit(latency=number / 1000, status=202) for number in range(1000, 0, -1)]
    assert summary(hits) == {
        "requests": 1000,
        "p50_ms": 500.0,
        "p99_ms": 990.0,
        "p99_9_ms": 999.0,
        "max_ms": 1000.0,
        "statuses": {"202": 1000},
    }


def test_rate_is_between_the_first_answer_and_the_last() -> None:
    # 5 answers, a quarter of a second after each other: 4 in the second after the first
    hits = [Hit(latency=0.1, status=202, at=10 + number / 4) for number in range(5)]
    assert per_second(hits) == 4.0


def test_rate_counts_only_what_was_acknowledged() -> None:
    # the same, but two were answered 500 and 503
    hits = [Hit(latency=0.1, status=status, at=10 + n / 4) for n, status in enumerate((202, 500, 202, 503, 202))]
    assert per_second(hits) == 2.0


def test_shots_are_taken_from_where_the_last_run_ended(tmp_path: Path) -> None:
    file = tmp_path / "shots.jsonl"
    lines = [json.dumps({"path": f"/{number}", "headers": {}, "body": "{}"}) for number in range(5)]
    file.write_text("\n".join(lines) + "\n")
    assert [shot.path for shot in read_shots(file, 1, 2)] == ["/1", "/2"]


@pytest.fixture
def slow_server() -> Iterator[tuple[str, threading.Event]]:
    """A server that answers nothing before the event is set."""
    may_answer = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            may_answer.wait(10)
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", may_answer
    may_answer.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_waiting_behind_a_slow_answer_counts_as_latency(slow_server: tuple[str, threading.Event]) -> None:
    url, may_answer = slow_server
    shots = [Shot(path="/", headers={}, body=b"x")] * 2
    threading.Timer(0.9, may_answer.set).start()
    # One connection, due at 0.5 s and 0.51 s after the start; both are answered after 0.9 s, so 0.3 s late at least.
    first, second = fire(url, shots, rate=100, connections=1)
    assert min(first.latency, second.latency) > 0.3


def test_closed_loop_sends_the_next_when_the_last_is_answered(slow_server: tuple[str, threading.Event]) -> None:
    url, may_answer = slow_server
    may_answer.set()
    hits = fire(url, [Shot(path="/", headers={}, body=b"x")] * 5, rate=None, connections=1)
    # One connection: each answer is later than the one before, and none was waited for longer than that took.
    times = [hit.at for hit in hits]
    assert ([hit.status for hit in hits], times) == ([202] * 5, sorted(times))


def test_no_answer_is_counted_as_one() -> None:
    # Port 9 (discard) of the loopback address is open nowhere.
    [hit] = fire("http://127.0.0.1:9", [Shot(path="/", headers={}, body=b"x")], rate=1, connections=1)
    assert hit.status == NO_ANSWER
