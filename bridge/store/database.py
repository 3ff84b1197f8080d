"""The connection to PostgreSQL: how many, how long they may take, and what it means when they fail."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from psycopg.types.string import StrDumper
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bridge.config import Database
from bridge.errors import StoreAway
from bridge.store.fair_pool import FairPool

WEB_POOL = 4  # connections of a web process, without overflow
WORKER_POOL = 6  # of a worker, beside Procrastinate's own

_PREPARED_AFTER = 3  # uses of a statement on one connection, after which the server plans it no more
_FROZEN = 10_000  # milliseconds without a statement after which a transaction of a stopped process is ended
_ALONE = "alone"  # of a connection: each statement is a transaction of its own
_IDLE = psycopg.pq.TransactionStatus.IDLE
_TRUSTED = 1.0  # seconds for which a connection that lies in the pool is not tried before it is used

# psycopg raises a connect timeout below 2 s to 2 s, for each resolved address. A peer that vanished from an open
# connection is noticed by unacknowledged data after tcp_user_timeout only (libpq, milliseconds; Linux). Both together
# stay below the 4 s in which a webhook is answered.
# https://www.postgresql.org/docs/current/libpq-connect.html
CONNECT: dict[str, Any] = {
    "connect_timeout": 2,
    "tcp_user_timeout": 1500,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "application_name": "order-bridge",
}


def connect(database: Database, *, pool: int, pool_wait: float = 1, statement_limit_ms: int = 3000) -> Engine:
    """An engine with at most `pool` connections; a statement that takes longer than the limit is ended by the server.

    `pool_wait` is in seconds: how long a thread waits for one of them.

    Nothing is connected yet. A connection that lay in the pool for a while is tried before it is used, so that a
    restarted database costs no request.
    """
    engine = create_engine(
        database.sqlalchemy_url,
        poolclass=FairPool,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=pool_wait,
        pool_use_lifo=True,
        pool_reset_on_return=None,  # but by _reset
        hide_parameters=True,  # bodies are among them
        json_serializer=_as_json,
        connect_args=CONNECT | {"prepare_threshold": None},
    )

    @event.listens_for(engine, "connect")
    def _limit(connection: Any, _record: Any) -> None:
        connection.adapters.register_dumper(str, _Words)
        # Not by startup options: connection poolers such as pgbouncer refuse those.
        connection.execute(f"set statement_timeout = {int(statement_limit_ms)}")
        connection.execute(f"set idle_in_transaction_session_timeout = {_FROZEN}")
        (backend,) = connection.execute("select pg_backend_pid()").fetchone()
        connection.commit()
        # A pooler tells a process id of its own. Behind it the next statement may meet another server process, which
        # does not know what was prepared.
        if backend == connection.info.backend_pid:
            connection.prepare_threshold = _PREPARED_AFTER

    event.listen(engine, "begin", _begins)
    event.listen(engine, "reset", _reset)
    event.listen(engine, "checkin", _laid_down)
    event.listen(engine, "checkout", _try)
    return engine


def _begins(connection: Connection) -> None:
    if connection.info.pop(_ALONE, False):
        _driver_of(connection).set_autocommit(False)


def _reset(connection: Any, _record: Any, _state: Any) -> None:
    if connection.pgconn.transaction_status != _IDLE:  # a rollback of nothing takes as long as a statement
        connection.rollback()


def _laid_down(_connection: Any, record: Any) -> None:
    record.info["idle_since"] = time.monotonic()


def _try(connection: Any, record: Any, _proxy: Any) -> None:
    if time.monotonic() - record.info.get("idle_since", time.monotonic()) < _TRUSTED:
        return
    try:
        connection.execute("select 1")
        connection.rollback()
    except psycopg.Error as error:
        raise DisconnectionError from error  # the pool gives another one


def storable(words: str) -> str:
    """Words as PostgreSQL takes them: without NUL and halves of characters, both of which JSON can spell."""
    if words.isascii():
        return words.replace("\0", "")
    return words.replace("\0", "").encode(errors="replace").decode()


def _as_json(value: Any) -> str:
    return storable(json.dumps(value, ensure_ascii=False).replace("\\u0000", ""))


class _Words(StrDumper):
    """Texts on their way to the database."""

    def dump(self, obj: str) -> Any:
        return super().dump(storable(obj))


@dataclass(frozen=True, kw_only=True)
class Sql:
    """A statement, or a piece of one, with its own %(name)s parameters."""

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


def run(connection: Connection, statement: str, values: Mapping[str, Any]) -> psycopg.Cursor[tuple[Any, ...]]:
    """Run SQL with %(name)s parameters in the connection's transaction, past SQLAlchemy's own layers.

    For what every order runs through: describing 60 columns of a result costs more there than all of PostgreSQL's work.
    Errors are SQLAlchemy's, as of any other statement.
    """
    with _driver(connection) as driver:
        return driver.execute(statement, values)


def run_all(connection: Connection, statements: Sequence[Sql]) -> list[list[tuple[Any, ...]]]:
    """Run several statements one after the other in one round trip; returns the rows of each."""
    with _driver(connection) as driver:
        with driver.pipeline():
            cursors = [driver.execute(one.text, one.values) for one in statements]
        return [cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else [] for cursor in cursors]


@contextmanager
def _driver(connection: Connection) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    driver = _driver_of(connection)
    try:
        yield driver
    except psycopg.Error as error:
        lost = driver.closed or driver.broken
        if lost:
            connection.invalidate(error)
            connection.engine.dispose(close=False)  # those that lie in the pool are as old
        raise DBAPIError.instance(
            "(not shown)", None, error, psycopg.Error, hide_parameters=True, connection_invalidated=lost
        ) from error


def _driver_of(connection: Connection) -> psycopg.Connection[tuple[Any, ...]]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def as_jsonb(value: Any) -> Jsonb | None:
    """A JSON value as a parameter of `run`; None is null."""
    return None if value is None else Jsonb(value, dumps=_as_json)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end of the block. Raises StoreAway when the database cannot be reached."""
    with _away_in_words(), engine.begin() as connection:
        yield connection


@contextmanager
def autocommit(engine: Engine) -> Iterator[Connection]:
    """A connection on which each `run`, and each `run_all` as a whole, is a transaction of its own in one round trip.

    Raises StoreAway as `transaction` does.
    """
    with _away_in_words(), engine.connect() as connection:
        if not connection.info.get(_ALONE):  # it stays so in the pool: switching costs a part of a statement
            _driver_of(connection).set_autocommit(True)
            connection.info[_ALONE] = True
        yield connection


@contextmanager
def _away_in_words() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise StoreAway("all database connections are busy") from error
    except DBAPIError as error:
        if is_away(error):
            raise StoreAway(
                f"the database is away ({type(error.orig).__name__}): is it running, and is DATABASE_URL right?",
                dropped=error.connection_invalidated,
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
