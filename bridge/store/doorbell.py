"""The doorbell, a notification without arguments that says "there is work"; and how Procrastinate's tables are made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, text

from bridge.config import Database
from bridge.store.database import run

CHANNEL = "bridge_work"


def ring(connection: Connection) -> None:
    """Tell all workers, once the transaction of `connection` is committed, that there is work.

    What is to be done stands in the ledger with its time, and workers look there by themselves every second or so: a
    ring that is lost or heard twice is harmless.
    """
    run(connection, RING, {})


RING = f"notify {CHANNEL}"


def listen(database: Database, heard: Callable[[], None], stop: threading.Event) -> None:
    """Call `heard` for every ring until `stop` is set, on a connection of its own; raises psycopg.Error without it."""
    with psycopg.connect(database.url, autocommit=True, connect_timeout=2) as connection:
        connection.execute(f"listen {CHANNEL}")
        heard()  # what was rung for while nobody listened
        while not stop.is_set():
            for _ in connection.notifies(timeout=1.0, stop_after=1):
                heard()


def install(connection: Connection) -> None:
    """Make Procrastinate's tables and functions, as the installed version ships them.

    Its later migrations are plain SQL files with names; a revision that brings a newer Procrastinate runs those whose
    names are not in the table `procrastinate_shipped`, which says what the first installation had.
    """
    run_script(connection, SchemaManager.get_schema())
    connection.execute(text("create table procrastinate_shipped (name text primary key)"))
    connection.execute(text("insert into procrastinate_shipped values (:name)"), [{"name": one} for one in _shipped()])


def run_script(connection: Connection, script: str) -> None:
    """Run SQL of several statements, in the caller's transaction."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(script)


def _shipped() -> list[str]:
    """The names of the migrations that the installed Procrastinate has."""
    return sorted(path.name for path in Path(SchemaManager.get_migrations_path()).glob("*.sql"))
