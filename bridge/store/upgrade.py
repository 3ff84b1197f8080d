"""The schema's revisions: applying them, and telling which one the database has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from bridge.store.database import CONNECT

_FOLDER = Path(__file__).parent / "migrations"
# Web and workers of the release before are at work meanwhile: no lock in time, or a deadlock.
_IN_THE_WAY = ("55P03", "40P01")
_TRIES = 60  # of one revision
_PAUSE = 0.5  # seconds
# Milliseconds. Whoever waits for a table keeps all others waiting for it too, and for the tables that it has already.
# They give up after 3 s, and a revision may need several tables at once.
_PATIENCE = 500
_LOCK = 7_262_001  # an advisory lock: of several upgrades at once only one goes on


def upgrade(engine: Engine, to: str | None = None) -> str:
    """Apply the revisions that are missing, up to `to` (the newest); returns the one that the database then has.

    Each has a transaction of its own, or none where it says so; one that was interrupted is begun again by the next
    upgrade, and tried again by this one where those at work are in its way.
    """
    # Here, because web and worker only ask which revision there is, and Alembic takes 8 MB.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with _alone(engine):
        for revision in _missing(_found(engine), to or newest()):
            _patiently(lambda revision=revision: _apply(engine, command, config, revision))  # type: ignore[misc]
        found = _found(engine)
    assert found is not None
    return found


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Wait until no other upgrade is at work, and keep others waiting.

    The lock belongs to a transaction of a connection of its own: those of the revisions end. It is asked for again and
    again, because the building of an index waits for every statement that is under way, such as one that waits for it.
    """
    own = create_engine(engine.url, poolclass=NullPool, connect_args=CONNECT)
    while True:
        with own.connect() as connection:
            # Without parameters: psycopg would leave a portal open, for which the building of an index waits too.
            connection.execute(text("set local idle_in_transaction_session_timeout = 0"))
            if connection.execute(text(f"select pg_try_advisory_xact_lock({_LOCK})")).scalar_one():
                yield
                return
        time.sleep(_PAUSE)


def _missing(found: str | None, to: str) -> list[str]:
    """The revisions to apply, in their order; none where the database is at one that only a later release knows."""
    known = _revisions()
    if found is not None and found not in known:
        return []
    return sorted(revision for revision in known if (found or "") < revision <= to)


def _patiently(apply: Callable[[], None]) -> None:
    for attempt in range(_TRIES):
        try:
            return apply()
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _IN_THE_WAY or attempt == _TRIES - 1:
                raise
            time.sleep(_PAUSE)
    raise AssertionError


def _apply(engine: Engine, command: Any, config: Any, revision: str) -> None:
    with engine.connect() as connection:
        try:
            # Not for a transaction only: some of what a revision does cannot stand in one.
            connection.execute(text("set statement_timeout = 0"))
            connection.execute(text(f"set lock_timeout = {_PATIENCE}"))
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        finally:
            connection.invalidate()  # nobody else is to have these settings


def _found(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return current(connection)


def current(connection: Connection) -> str | None:
    """The revision of the database, None when it has no schema."""
    if connection.execute(text("select to_regclass('alembic_version')")).scalar_one() is None:
        return None
    return connection.execute(text("select version_num from alembic_version")).scalar_one_or_none()


def newest() -> str:
    """The revision that this code was written for."""
    return max(_revisions())


def is_ready(connection: Connection) -> bool:
    """Whether the database is at this code's revision or at a later one (which works with this code too)."""
    revision = current(connection)
    return revision is not None and (revision == newest() or revision not in _revisions())


def _revisions() -> set[str]:
    """Those that this code has scripts for; each begins the name of its file, and they are numbered in their order."""
    return {path.name.partition("_")[0] for path in (_FOLDER / "versions").glob("[0-9]*_*.py")}
