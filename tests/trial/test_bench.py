"""The bench: how it counts, and that a tiny run gives every figure. Nothing here judges a time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bridge.trial.loadgen import NO_ANSWER, Hit, Shot, fire, read_shots, summary

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """What a run prints that is as short as it can be."""
    command = [sys.executable, "-m", "bridge", "bench", "--json", "--seconds", "1", "--rate", "10", "--orders", "10"]
    ran = subprocess.run(command, capture_output=True, check=False, cwd=ROOT, timeout=180)
    assert ran.returncode == 0, ran.stderr.decode()
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_run_says_what_machine_it_was_on(figures: dict[str, Any]) -> None:
    assert set(figures["machine"]) == {"cores", "python", "system"}


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


def test_forwarding_is_measured_with_and_without_latency(figures: dict[str, Any]) -> None:
    assert [(one["latency_ms"], one["orders"]) for one in figures["forwarding"]] == [(0, 10), (20, 10)]


def test_forwarding_stands_beside_bare_calls(figures: dict[str, Any]) -> None:
    for one in figures["forwarding"]:
        assert {"bridge_per_second", "floor_per_second", "ratio", "threads"} <= set(one)


def test_an_order_costs_one_create_order_call(figures: dict[str, Any]) -> None:
    costs = {one["shop"]: one["calls"].count("POST sortedpro /orders") for one in figures["costs"]}
    assert costs == {"shopify": 1, "woocommerce": 1}


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


def test_no_answer_is_counted_as_one() -> None:
    # Port 9 (discard) of the loopback address is open nowhere.
    [hit] = fire("http://127.0.0.1:9", [Shot(path="/", headers={}, body=b"x")], rate=1, connections=1)
    assert hit.status == NO_ANSWER
