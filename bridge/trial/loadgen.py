"""Sends stored webhooks and measures the answers, as an own process.

On a fixed schedule each answer is measured from its scheduled time (open loop): a slow answer delays nobody's schedule,
so waiting in a queue counts as latency. Without a schedule each connection sends its next as soon as the last is
answered (closed loop), which shows how much the server can do. The requests are made before the first is sent and go
over bare sockets, so that the cores are the server's.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
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
    """One answer; `latency` is in seconds from the scheduled time, in a closed loop from its sending."""

    latency: float
    status: int
    at: float = 0.0  # when it came, by time.perf_counter()


def read_shots(file: Path, first: int, count: int) -> list[Shot]:
    """Shots `first` to `first + count` of a file with one JSON object a line: path, headers, body."""
    with file.open(encoding="utf-8") as lines:
        told = [json.loads(line) for number, line in enumerate(lines) if first <= number < first + count]
    return [Shot(path=one["path"], headers=one["headers"], body=one["body"].encode()) for one in told]


def fire(url: str, shots: Sequence[Shot], *, rate: float | None, connections: int) -> list[Hit]:
    """Send every shot over connections that are kept alive; hits in their order.

    Each goes at its time, `rate` a second; with None as soon as a connection is free.
    """
    requests = [_as_bytes(shot) for shot in shots]
    hits: dict[int, Hit] = {}
    numbers = count()  # next() of it is one step: no two threads get the same
    start = time.perf_counter() + _LEAD
    threads = [
        threading.Thread(target=_gun, args=(url, requests, numbers, start, rate, hits)) for _ in range(connections)
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


def per_second(hits: Sequence[Hit]) -> float:
    """Acknowledged requests (2xx) a second between the first answer and the last; 0 for fewer than two answers."""
    times = [hit.at for hit in hits]
    took = max(times) - min(times)
    acknowledged = sum(HTTPStatus.OK <= hit.status < HTTPStatus.MULTIPLE_CHOICES for hit in hits)
    return round(max(0, acknowledged - 1) / took, 1) if took else 0.0


def main() -> None:
    """Fire the shots of a file at an address; the summary is one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bridge.trial.loadgen", description=main.__doc__)
    parser.add_argument("url")
    parser.add_argument("file", type=Path)
    parser.add_argument("--first", type=int, default=0, help="number of the first shot, from 0")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--rate", type=float, help="requests a second; without it as many as are answered")
    parser.add_argument("--warm", type=int, default=0, help="shots at the beginning that do not count")
    parser.add_argument("--connections", type=int, default=32)
    told = parser.parse_args()
    shots = read_shots(told.file, told.first, told.count)
    began, spent = time.perf_counter(), time.process_time()
    hits = fire(told.url, shots, rate=told.rate, connections=told.connections)
    cores = (time.process_time() - spent) / (time.perf_counter() - began)
    found = {
        **summary(hits[told.warm :]),
        "per_second": per_second(hits[told.warm :]),
        "generator_cores": round(cores, 2),
    }
    sys.stdout.write(json.dumps(found) + "\n")


def _gun(
    url: str, requests: Sequence[bytes], numbers: Iterator[int], start: float, rate: float | None, hits: dict[int, Hit]
) -> None:
    """One connection: takes the next request that nobody has, waits for its time and sends it."""
    line = _Line(url)
    while (number := next(numbers)) < len(requests):
        due = start + number / rate if rate else max(start, time.perf_counter())
        time.sleep(max(0.0, due - time.perf_counter()))
        status = line.ask(requests[number])
        now = time.perf_counter()
        hits[number] = Hit(latency=now - due, status=status, at=now)
    line.close()


class _Line:
    """A connection that is opened when it is needed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> int:
        """Send a request, read its answer to the end, and return the status; NO_ANSWER where none came."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, _TIME_LIMIT)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(request)
            return self._answer(self._socket)
        except (OSError, ValueError):
            self.close()  # the next request opens it again
            return NO_ANSWER

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _answer(self, connection: socket.socket) -> int:
        """Raises ValueError where it is no answer with a Content-Length."""
        read = b""
        while b"\r\n\r\n" not in read:
            more = connection.recv(65536)
            if not more:
                raise ValueError("closed")
            read += more
        head, _, body = read.partition(b"\r\n\r\n")
        missing = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]) - len(body)
        while missing > 0:
            missing -= len(connection.recv(65536)) or missing
        return int(head[9:12])  # HTTP/1.1 202


def _as_bytes(shot: Shot) -> bytes:
    own = {"host", "connection", "content-length"}
    lines = [f"POST {shot.path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(shot.body)}"]
    lines += [f"{name}: {value}" for name, value in shot.headers.items() if name.lower() not in own]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + shot.body


def _percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank: the smallest value that at least `share` of all do not exceed."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


if __name__ == "__main__":
    main()
