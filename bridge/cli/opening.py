"""What commands work on: the settings, and the database they name or the embedded one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import click
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from bridge import config
from bridge.config import Database, Settings
from bridge.errors import ConfigurationError, Problem
from bridge.store.database import connect, is_away, transaction
from bridge.store.upgrade import is_ready, newest
from bridge.wiring import no_database


def settings() -> Settings:
    """The settings of the environment. Raises ConfigurationError."""
    return config.load(config.environ())


@contextmanager
def store(*, migrated: bool = True) -> Iterator[Engine]:
    """The database of DATABASE_URL, or the embedded one where it has been used here before.

    Raises ConfigurationError where it cannot be reached, or (where `migrated` is asked for) lacks this code's schema.
    """
    with _database(settings()) as database:
        engine = connect(database, pool=2, statement_limit_ms=30_000)
        try:
            reach(engine, database, migrated=migrated)
            yield engine
        finally:
            engine.dispose()


def reach(engine: Engine, database: Database, *, migrated: bool = True) -> None:
    """Make sure that a database answers and has the schema. Raises ConfigurationError in words that help."""
    try:
        with engine.connect():
            pass
    except DBAPIError as error:
        if not is_away(error):
            raise
        raise ConfigurationError([_unreachable(database, error)]) from error
    if not migrated:
        return
    with transaction(engine) as connection:
        if not is_ready(connection):
            words = f"the database is not at revision {newest()}: run `python -m bridge db upgrade` first"
            raise ConfigurationError([Problem(message=words, source="DATABASE_URL", code="setting")])


def _unreachable(database: Database, error: DBAPIError) -> Problem:
    """What the driver says of a database that does not answer, without the address's password."""
    said = " ".join(str(error.orig).split("\n", 1)[0].split())
    try:
        password = urlsplit(database.url).password or ""
    except ValueError:
        password = ""
    for secret in {password, unquote(password)} - {""}:
        said = said.replace(secret, "***")
    message = "the database does not let us in: check host, port, user, password and name, and that it is running"
    return Problem(message=message, source="DATABASE_URL", found=said, code="setting")


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
