"""The schema's revisions: applying them, and telling which one the database has."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_262_001  # an advisory lock: two releases at once apply the revisions one after the other


def upgrade(engine: Engine) -> str:
    """Apply what is missing, in one transaction; returns the revision the database then has."""
    with engine.begin() as connection:
        connection.execute(text("set local statement_timeout = 0"))
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if _known(connection) or current(connection) is None:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        revision = current(connection)
    assert revision is not None
    return revision


def current(connection: Connection) -> str | None:
    """The revision of the database, None when it has no schema."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The revision that this code was written for."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def is_ready(connection: Connection) -> bool:
    """Whether the database is at this code's revision or at a later one (which works with this code too)."""
    revision = current(connection)
    return revision is not None and (revision == newest() or not _known(connection))


def _known(connection: Connection) -> bool:
    """Whether this code has a script for the database's revision; it lacks those of a newer release."""
    revision = current(connection)
    script = ScriptDirectory.from_config(_config())
    return revision is not None and any(one.revision == revision for one in script.walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
