"""Procrastinate's tables, in which the worker's schedule lives. Only revisions import this: web needs none of it."""

from __future__ import annotations

from pathlib import Path

from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, text


def install(connection: Connection) -> None:
    """Make Procrastinate's tables and functions, as the installed version ships them.

    Its later migrations are plain SQL files with names; a revision that brings a newer Procrastinate runs those whose
    names are not in the table `procrastinate_shipped`, which says what the first installation had.
    """
    run_script(connection, SchemaManager.get_schema())
    connection.execute(text("create table procrastinate_shipped (name text primary key)"))
    connection.execute(text("insert into procrastinate_shipped values (:name)"), [{"name": one} for one in _shipped()])


def run_script(connection: Connection, script: str) -> None:
    """Run SQL of several statements, in the caller's transaction. Raises SQLAlchemy's errors, as `upgrade` expects."""
    connection.exec_driver_sql(script, execution_options={"no_parameters": True})


def _shipped() -> list[str]:
    """The names of the migrations that the installed Procrastinate has."""
    return sorted(path.name for path in Path(SchemaManager.get_migrations_path()).glob("*.sql"))
