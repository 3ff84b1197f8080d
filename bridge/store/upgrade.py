"""The schema's revisions: applying them, and telling which one the database has."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

_FOLDER = Path(__file__).parent / "migrations"
# Web and workers of the release before are at work meanwhile: no lock in time, or a deadlock.
_IN_THE_WAY = ("55P03", "40P01")
_TRIES = 40
_PAUSE = 0.5  # seconds
_LOCK = 7_262_001  # an advisory lock: two releases at once apply the revisions one after the other


def upgrade(engine: Engine) -> str:
    """Apply what is missing, in one transaction; returns the revision the database then has.

    It is tried again where those at work are in its way.
    """
    # Here, because web and worker only ask which revision there is, and Alembic takes 8 MB.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    for attempt in range(_TRIES):
        try:
            return _upgraded(engine, lambda connection: _apply(command, config, connection))
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _IN_THE_WAY or attempt == _TRIES - 1:
                raise
            time.sleep(_PAUSE)
    raise AssertionError


def _apply(command: Any, config: Any, connection: Connection) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _upgraded(engine: Engine, apply: Callable[[Connection], None]) -> str:
    with engine.begin() as connection:
        connection.execute(text("set local statement_timeout = 0"))
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        # Whoever waits for a table keeps all others waiting for it too, and they give up after 3 s.
        connection.execute(text("set local lock_timeout = 1500"))
        found = current(connection)
        if found is None or found in _revisions():
            apply(connection)
        revision = current(connection)
    assert revision is not None
    return revision


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
