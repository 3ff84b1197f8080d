"""What commands work on: the settings, and the database they name or the embedded one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import click
from sqlalchemy import Engine

from bridge import config
from bridge.config import Database, Settings
from bridge.errors import ConfigurationError
from bridge.store.database import connect
from bridge.wiring import Bridge, no_database, open_bridge


def settings() -> Settings:
    """The settings of the environment. Raises ConfigurationError."""
    return config.load(config.environ())


@contextmanager
def store() -> Iterator[Engine]:
    """The database of DATABASE_URL, or the embedded one where it has been used here before."""
    with _database(settings()) as database:
        engine = connect(database, pool=2, statement_limit_ms=30_000)
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def whole() -> Iterator[Bridge]:
    """A wired bridge with its shops, for commands that talk to the outside."""
    now = settings()
    with _database(now) as database:
        bridge = open_bridge(replace(now, database=database), config.environ(), pool=2)
        try:
            yield bridge
        finally:
            bridge.close()


@contextmanager
def _database(now: Settings) -> Iterator[Database]:
    if now.database is not None:
        yield now.database
        return
    if not (now.data / "PG_VERSION").exists():
        raise ConfigurationError([no_database()])
    from bridge.store.embedded import running  # noqa: PLC0415 - an extra that a PaaS does not install

    click.echo(f"DATABASE_URL is not set: using the embedded database in {now.data}", err=True)
    with running(now.data) as database:
        yield database
