"""How fast webhooks are acknowledged, beside the same server doing next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.errors import BridgeError
from bridge.processes import start_web
from bridge.store.database import connect, transaction
from bridge.trial.bench_ground import Ground, start_floor
from bridge.trial.floors import TABLE


@dataclass(frozen=True, kw_only=True)
class ReceiptFigure:
    """Latencies in milliseconds from the scheduled time, of the bridge and of its floors; see `loadgen.summary`."""

    rate: int  # webhooks a second
    seconds: int
    bridge: Mapping[str, Any]
    bare: Mapping[str, Any]  # Flask answering 202
    insert: Mapping[str, Any]  # Flask committing one row
    p99_to_insert: float  # the bridge's p99 over that of the plain insert


def measure_receipt(ground: Ground, *, rate: int, seconds: int) -> ReceiptFigure:
    """Send `rate` webhooks a second to the bridge, then to each floor; the first second does not count."""
    database = ground.new_database()
    engine = connect(database, pool=1)
    with transaction(engine) as connection:
        connection.execute(TABLE)
    engine.dispose()
    starts = {"bare": start_floor("bare"), "insert": start_floor("insert"), "bridge": start_web}
    found = {}
    for name, start in starts.items():
        with ground.serving(start, database) as url:
            found[name] = send(ground, url, first=0, count=rate * (seconds + 1), rate=rate, warm=rate)
    ratio = round(found["bridge"]["p99_ms"] / found["insert"]["p99_ms"], 2)
    return ReceiptFigure(rate=rate, seconds=seconds, p99_to_insert=ratio, **found)


def send(ground: Ground, url: str, *, first: int, count: int, rate: int, warm: int = 0) -> dict[str, Any]:
    """Let the load generator send webhooks `first` to `first + count`; returns its summary."""
    command = [sys.executable, "-m", "bridge.trial.loadgen", url, str(ground.shots)]
    numbers = {"--first": first, "--count": count, "--rate": rate, "--warm": warm}
    arguments = [text for name, number in numbers.items() for text in (name, str(number))]
    ran = subprocess.run([*command, *arguments], capture_output=True, check=False)  # noqa: S603 - our own command
    if ran.returncode:
        raise BridgeError(f"the load generator ended with status {ran.returncode}: {ran.stderr.decode()[-2000:]}")
    found: dict[str, Any] = json.loads(ran.stdout)
    return found
