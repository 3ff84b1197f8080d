"""`python -m bridge.sandbox [--json]`: all three fakes until SIGTERM or Ctrl-C, their addresses printed first."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence

from bridge.sandbox.trio import open_trio


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve; with --json the addresses and credentials are one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bridge.sandbox", description=main.__doc__)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    told = parser.parse_args(arguments)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with open_trio() as trio:
        lines = [json.dumps(trio.addresses())] if told.json else [f"{k}={v}" for k, v in trio.environment().items()]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        done.wait()


if __name__ == "__main__":
    main()
