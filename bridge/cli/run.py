"""`bridge run`, `web`, `worker`: the processes."""

from __future__ import annotations

import os
import sys

import click

from bridge import config, log
from bridge.cli.opening import settings
from bridge.errors import ConfigurationError, Problem
from bridge.jobs import run_worker
from bridge.processes import GUNICORN, run_all
from bridge.store.database import WORKER_POOL, transaction
from bridge.store.upgrade import is_ready, newest
from bridge.wiring import no_database, open_bridge


@click.command()
def run() -> None:
    """Run database, web and worker in one terminal; Ctrl-C stops all of it."""
    sys.exit(run_all(settings(), config.environ()))


@click.command()
def web() -> None:
    """Run the web process, as the Procfile does."""
    if settings().database is None:
        raise ConfigurationError([no_database()])
    os.execvp(sys.executable, [sys.executable, "-m", "gunicorn", *GUNICORN])  # noqa: S606 - becomes gunicorn


@click.command()
def worker() -> None:
    """Run a worker: it forwards orders until SIGTERM, and finishes what is on the way."""
    now = settings()
    log.configure(now.log)
    bridge = open_bridge(now, config.environ(), pool=WORKER_POOL)
    assert now.database is not None
    with transaction(bridge.engine) as connection:
        if not is_ready(connection):
            words = f"the database is not at revision {newest()}: run `python -m bridge db upgrade` first"
            raise ConfigurationError([Problem(message=words, source="DATABASE_URL")])
    for notice in bridge.shops.left_out:
        click.echo(f"notice: {notice}")
    bridge.announce()
    run_worker(bridge, now.database)
    bridge.close()
