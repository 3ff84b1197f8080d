"""The schema's revisions: applying them, and telling which one the database has."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, text

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_262_001  # an advisory lock: two releases at once apply the revisions one after the other


def upgrade(engine: Engine) -> str:
    """Apply what is missing, in one transaction; returns the revision the database then has."""
    # Here, because web and worker only ask which revision there is, and Alembic takes 8 MB.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        connection.execute(text("set local statement_timeout = 0"))
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        found = current(connection)
        if found is None or found in _revisions():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
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
