"""`python -m bridge.trial.bench_calls FILE THREADS`: what forwarding is measured beside, bare httpx making its calls.

The file has one JSON list of calls for each order. A process of its own, as the worker is one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

_OURS = frozenset({"host", "content-length", "connection"})  # headers that the client makes
Call = tuple[str, str, dict[str, str], str]  # method, address, headers, content


def told(request: httpx.Request, order_id: str, other_id: str) -> Call:
    """A call that was made for an order, as it would be made for another one."""
    headers = {name: value for name, value in request.headers.items() if name not in _OURS}
    url = str(request.url).replace(order_id, other_id)
    return request.method, url, headers, request.content.decode().replace(order_id, other_id)


def main() -> None:
    """Make the calls of all orders; one line of JSON tells orders a second and this process's share of a core."""
    parser = argparse.ArgumentParser(prog="python -m bridge.trial.bench_calls", description=main.__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("threads", type=int)
    arguments = parser.parse_args()
    orders: list[Sequence[Call]] = [json.loads(line) for line in arguments.file.read_text("utf-8").splitlines()]
    sys.stdout.write(json.dumps(_made(orders, arguments.threads)) + "\n")


def _made(orders: Sequence[Sequence[Call]], threads: int) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=32)
    with httpx.Client(limits=limits, timeout=30, trust_env=False) as client, ThreadPoolExecutor(threads) as pool:

        def one(calls: Sequence[Call]) -> None:
            for method, url, headers, content in calls:
                client.request(method, url, headers=headers, content=content).raise_for_status()

        list(pool.map(one, orders[:threads]))  # threads and connections are there before the clock runs
        began, spent = time.perf_counter(), time.process_time()
        list(pool.map(one, orders[threads:]))
        took = time.perf_counter() - began
        return {
            "per_second": (len(orders) - threads) / took,
            "seconds": took,
            "cores": (time.process_time() - spent) / took,
        }


if __name__ == "__main__":
    main()
