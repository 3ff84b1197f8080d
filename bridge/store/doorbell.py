"""The doorbell: a job without arguments that says "there is work". Procrastinate's tables are made here too."""

from __future__ import annotations

from pathlib import Path

from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, text

from bridge.errors import StoreAway

TASK = "forward"
QUEUE = "orders"

# Never opened: jobs are put in over the caller's own connection, so that a ring is part of the caller's transaction.
_app = App(connector=SyncPsycopgConnector())


def ring(connection: Connection, times: int = 1) -> None:
    """Put in `times` rings with the transaction of `connection`; extra, late and lost rings are harmless.

    Raises StoreAway where the database does not take one, with which the transaction ends.
    """
    deferrer = _app.configure_task(
        TASK, allow_unknown=True, queue=QUEUE, connection=connection.connection.driver_connection
    )
    try:
        for _ in range(times):
            deferrer.defer()
    except ConnectorException as error:  # it hides psycopg's own error from SQLAlchemy
        raise StoreAway(f"the doorbell cannot be rung: {type(error.__cause__).__name__}") from error


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


def waiting(connection: Connection) -> int:
    """How many rings nobody has answered yet, counted up to 100."""
    query = text(
        "select count(*) from (select 1 from procrastinate_jobs"
        " where status = 'todo' and task_name = :task limit 100) as rings"
    )
    return int(connection.execute(query, {"task": TASK}).scalar_one())
