"""The doorbell: a notification without arguments that says "there is work"."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg
from sqlalchemy import Connection

from bridge.config import Database
from bridge.store.database import CONNECT, run

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
    with psycopg.connect(database.url, autocommit=True, **CONNECT) as connection:
        connection.execute(f"listen {CHANNEL}")
        heard()  # what was rung for while nobody listened
        while not stop.is_set():
            for _ in connection.notifies(timeout=1.0, stop_after=1):
                heard()
