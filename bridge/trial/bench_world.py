"""`python -m bridge.trial.bench_world FILE COUNT LINES`: the sandbox in a process of its own, with orders in its shops.

Their webhooks are written to the file, for `loadgen`. The fake Shopify gives more points than a real one would: with
those of the standard plan the bench would measure Shopify's limit.
"""

from __future__ import annotations

import argparse
import gc
import json
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from bridge.sandbox.shopify.bucket import Bucket
from bridge.sandbox.trio import open_trio
from bridge.trial.bench_orders import shots

_POINTS = 1_000_000  # a second


def main() -> None:
    """Serve until SIGTERM; the addresses are one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bridge.trial.bench_world", description=main.__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("lines", type=int)
    told = parser.parse_args()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with open_trio() as trio:
        trio.shopify.bucket = Bucket(lambda: datetime.now(UTC), per_second=_POINTS)
        with told.file.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in shots(trio, told.count, told.lines, datetime.now(UTC)))
        gc.freeze()  # a collector that walks over very many orders again and again would be what is measured
        sys.stdout.write(json.dumps(trio.addresses()) + "\n")
        sys.stdout.flush()
        done.wait()


if __name__ == "__main__":
    main()
