"""Web and worker as child processes: started together, stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import click
import httpx

from bridge.config import Database, Settings
from bridge.errors import BridgeError
from bridge.store.database import connect
from bridge.store.embedded import running
from bridge.store.upgrade import upgrade

GUNICORN = ("--config", "python:bridge.web.server", "bridge.web.app:application()")
_GRACE = 30.0  # seconds between SIGTERM and SIGKILL, as a PaaS gives


@dataclass(frozen=True, kw_only=True)
class Child:
    """One process of the bridge, with its own process group."""

    name: str
    popen: subprocess.Popen[bytes]

    def stop(self) -> int:
        """End it as a PaaS does: SIGTERM, and SIGKILL after 30 s. Returns its status."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.popen.wait()

    def kill(self) -> None:
        """End it and its children as a crash does."""
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()


def start_web(environ: Mapping[str, str], output: IO[bytes] | None = None) -> Child:
    """Start gunicorn with the settings of the Procfile."""
    return _start("web", [sys.executable, "-m", "gunicorn", *GUNICORN], environ, output)


def start_worker(environ: Mapping[str, str], output: IO[bytes] | None = None) -> Child:
    """Start a worker."""
    return _start("worker", [sys.executable, "-m", "bridge", "worker"], environ, output)


def wait_ready(url: str, child: Child, *, seconds: float = 60) -> None:
    """Wait until a web process answers that it can store webhooks. Raises BridgeError when it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if child.popen.poll() is not None:
            raise BridgeError(f"the {child.name} process ended with status {child.popen.returncode}")
        try:
            if httpx.get(f"{url}/readyz", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass  # not listening yet
        time.sleep(0.05)
    raise BridgeError(f"the {child.name} process was not ready within {seconds:.0f} s")


def run_all(settings: Settings, environ: Mapping[str, str]) -> int:
    """Database, web and worker until Ctrl-C or SIGTERM, or until one of them ends; returns the exit status."""
    with _database(settings) as database:
        engine = connect(database, pool=1)
        upgrade(engine)
        engine.dispose()
        here = {**environ, "DATABASE_URL": database.url}
        click.echo(f"webhooks: http://127.0.0.1:{settings.port}/webhooks/<shop>; Ctrl-C stops everything", err=True)
        return supervise([lambda: start_web(here), lambda: start_worker(here)])


def supervise(starts: Sequence[Callable[[], Child]]) -> int:
    """Run children until a signal or until one ends, then stop all; 0 only where a signal asked and all ended well."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: asked.append(got))
    children = [start() for start in starts]
    while not asked and all(child.popen.poll() is None for child in children):
        time.sleep(0.1)
    for child in children:
        if child.popen.poll() is not None and not asked:
            click.echo(f"the {child.name} process ended with status {child.popen.returncode}: stopping", err=True)
    statuses = [child.stop() for child in reversed(children)]
    # One that was still starting ends by the signal itself: it had begun nothing.
    return 0 if asked and {*statuses} <= {0, -signal.SIGTERM} else 1


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    if settings.database is not None:
        yield settings.database
        return
    click.echo(f"DATABASE_URL is not set: starting the embedded database in {settings.data}", err=True)
    with running(settings.data) as database:
        yield database


def _start(name: str, command: Sequence[str], environ: Mapping[str, str], output: IO[bytes] | None) -> Child:
    # A session of its own: Ctrl-C in the terminal reaches only us, and we stop the children in order.
    popen = subprocess.Popen(  # noqa: S603 - our own commands
        command, env=dict(environ), stdout=output, stderr=subprocess.STDOUT if output else None, start_new_session=True
    )
    return Child(name=name, popen=popen)
