"""Sends stored webhooks on a fixed schedule and measures each answer from its scheduled time, as an own process.

Open loop: a slow answer delays nobody's schedule, so waiting in a queue counts as latency.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_TIME_LIMIT = 30.0  # seconds for one answer
_LEAD = 0.5  # seconds before the first is due, in which the threads start
NO_ANSWER = 0  # stands for the status of a request that got none


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One request of the schedule, ready to go."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One answer; `latency` is in seconds from the scheduled time."""

    latency: float
    status: int


def read_shots(file: Path, first: int, count: int) -> list[Shot]:
    """Shots `first` to `first + count` of a file with one JSON object a line: path, headers, body."""
    with file.open(encoding="utf-8") as lines:
        told = [json.loads(line) for number, line in enumerate(lines) if first <= number < first + count]
    return [Shot(path=one["path"], headers=one["headers"], body=one["body"].encode()) for one in told]


def fire(url: str, shots: Sequence[Shot], *, rate: float, connections: int) -> list[Hit]:
    """Send every shot at its time, `rate` a second, over connections that are kept alive; hits in their order."""
    hits: dict[int, Hit] = {}
    numbers = iter(range(len(shots)))
    lock = threading.Lock()
    start = time.perf_counter() + _LEAD
    threads = [
        threading.Thread(target=_gun, args=(url, shots, _shared(numbers, lock), start, rate, hits))
        for _ in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [hits[number] for number in range(len(shots))]


def summary(hits: Sequence[Hit]) -> dict[str, Any]:
    """Percentiles in milliseconds (nearest rank), the worst, and how often each status came."""
    latencies = sorted(hit.latency for hit in hits)
    ranks = {"p50_ms": 0.5, "p99_ms": 0.99, "p99_9_ms": 0.999, "max_ms": 1.0}
    figures = {name: round(_percentile(latencies, share) * 1000, 2) for name, share in ranks.items()}
    return {
        "requests": len(hits),
        **figures,
        "statuses": dict(sorted(Counter(str(hit.status) for hit in hits).items())),
    }


def main() -> None:
    """Fire the shots of a file at an address; the summary is one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bridge.trial.loadgen", description=main.__doc__)
    parser.add_argument("url")
    parser.add_argument("file", type=Path)
    parser.add_argument("--first", type=int, default=0, help="number of the first shot, from 0")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--warm", type=int, default=0, help="shots at the beginning that do not count")
    parser.add_argument("--connections", type=int, default=32)
    told = parser.parse_args()
    shots = read_shots(told.file, told.first, told.count)
    hits = fire(told.url, shots, rate=told.rate, connections=told.connections)
    sys.stdout.write(json.dumps(summary(hits[told.warm :])) + "\n")


def _shared(numbers: Iterator[int], lock: threading.Lock) -> Iterator[int]:
    """The numbers that are left, each for one thread only."""
    while True:
        with lock:
            number = next(numbers, None)
        if number is None:
            return
        yield number


def _gun(
    url: str, shots: Sequence[Shot], numbers: Iterator[int], start: float, rate: float, hits: dict[int, Hit]
) -> None:
    """One connection: takes the next shot that nobody has, waits for its time and sends it."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_TIME_LIMIT)
    for number in numbers:
        due = start + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        status = _send(connection, shots[number])
        hits[number] = Hit(latency=time.perf_counter() - due, status=status)
    connection.close()


def _send(connection: HTTPConnection, shot: Shot) -> int:
    try:
        connection.request("POST", shot.path, body=shot.body, headers=shot.headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, HTTPException):
        connection.close()  # the next request opens it again
        return NO_ANSWER
    return answer.status


def _percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank: the smallest value that at least `share` of all do not exceed."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


if __name__ == "__main__":
    main()
