"""The connection to PostgreSQL: how many, how long they may take, and what it means when they fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg.types.string import StrDumper
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bridge.config import Database
from bridge.errors import StoreAway

WEB_POOL = 4  # connections of a web process, without overflow
WORKER_POOL = 6  # of a worker, beside Procrastinate's own

# psycopg raises a connect timeout below 2 s to 2 s, for each resolved address. A peer that vanished from an open
# connection is noticed by unacknowledged data after tcp_user_timeout only (libpq, milliseconds; Linux). Both together
# stay below the 4 s in which a webhook is answered.
# https://www.postgresql.org/docs/current/libpq-connect.html
_CONNECT = {
    "connect_timeout": 2,
    "tcp_user_timeout": 1500,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "application_name": "order-bridge",
}


def connect(database: Database, *, pool: int, statement_limit_ms: int = 3000) -> Engine:
    """An engine with at most `pool` connections; a statement that takes longer than the limit is ended by the server.

    Nothing is connected yet. A connection that the server closed while it lay in the pool is replaced at its first
    use, so that a restarted database costs no request.
    """
    engine = create_engine(
        database.sqlalchemy_url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=1,
        pool_use_lifo=True,
        pool_pre_ping=True,
        hide_parameters=True,  # bodies are among them
        json_serializer=_as_json,
        connect_args=_CONNECT | {"prepare_threshold": None},
    )

    @event.listens_for(engine, "connect")
    def _limit(connection: Any, _record: Any) -> None:
        connection.adapters.register_dumper(str, _Words)
        # Not by startup options: connection poolers such as pgbouncer refuse those.
        with connection.cursor() as cursor:
            cursor.execute(f"set statement_timeout = {int(statement_limit_ms)}")
        connection.commit()

    return engine


def storable(words: str) -> str:
    """Words as PostgreSQL takes them: without NUL and halves of characters, both of which JSON can spell."""
    return words.replace("\0", "").encode(errors="replace").decode()


def _as_json(value: Any) -> str:
    return storable(json.dumps(value, ensure_ascii=False).replace("\\u0000", ""))


class _Words(StrDumper):
    """Texts on their way to the database."""

    def dump(self, obj: str) -> Any:
        return super().dump(storable(obj))


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end of the block. Raises StoreAway when the database cannot be reached."""
    try:
        with engine.begin() as connection:
            yield connection
    except PoolTimeout as error:
        raise StoreAway("all database connections are busy") from error
    except DBAPIError as error:
        if is_away(error):
            raise StoreAway(
                f"the database is away ({type(error.orig).__name__}): is it running, and is DATABASE_URL right?"
            ) from error
        raise


# SQLSTATE classes: 08 connection, 53 resources, 57P admin shutdown or cannot connect now, 57014 statement timeout,
# 25006 read-only (a failover). https://www.postgresql.org/docs/current/errcodes-appendix.html
_AWAY = ("08", "53", "57", "25006", "58")


def is_away(error: DBAPIError) -> bool:
    """Whether the error tells of the database being away rather than of a wrong statement."""
    if error.connection_invalidated:
        return True
    code = getattr(error.orig, "sqlstate", None)
    if code is None:  # psycopg gives none when it could not connect or the connection broke
        return type(error.orig).__name__ in {"OperationalError", "ConnectionTimeout", "InterfaceError"}
    return str(code).startswith(_AWAY)
