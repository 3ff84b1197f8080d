"""`bridge run`, `web`, `worker`: the processes."""

from __future__ import annotations

import os
import sys
import time

import click
import structlog

from bridge import config, log
from bridge import shops as shop_files
from bridge.cli.opening import reach, settings
from bridge.errors import StoreAway
from bridge.jobs import run_worker
from bridge.processes import GUNICORN, run_all
from bridge.store.database import WORKER_POOL
from bridge.wiring import Bridge, load_shops, open_bridge


@click.command()
def run() -> None:
    """Run database, web and worker in one terminal; Ctrl-C stops all of it."""
    now, environ = settings(), config.environ()
    shop_files.load(now.mappings, environ)  # told here once, rather than by each process in the other's lines
    sys.exit(run_all(now, environ))


@click.command()
def web() -> None:
    """Run the web process, as the Procfile does."""
    load_shops(settings(), config.environ())
    os.execvp(sys.executable, [sys.executable, "-m", "gunicorn", *GUNICORN])  # noqa: S606 - becomes gunicorn


_AGAIN = 2.0  # seconds until a database that is away (read-only, in a failover) is asked again


def _announced(bridge: Bridge) -> bool:
    try:
        bridge.announce()
    except StoreAway as error:
        structlog.get_logger().error("the worker waits for the database", reason=str(error))
        return False
    return True


@click.command()
def worker() -> None:
    """Run a worker: it forwards orders until SIGTERM, and finishes what is on the way."""
    now = settings()
    log.configure(now.log)
    bridge = open_bridge(now, config.environ(), pool=WORKER_POOL, pool_wait=10)
    assert now.database is not None
    reach(bridge.engine, now.database)
    for notice in bridge.shops.left_out:
        click.echo(f"notice: {notice}")
    while not _announced(bridge):
        time.sleep(_AGAIN)
    run_worker(bridge, now.database)
    bridge.close()
