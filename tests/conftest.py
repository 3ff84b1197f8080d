"""What every test may use: a real PostgreSQL, a clock that stands still until it is moved, and a wired bridge."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine, text

from bridge.config import Database
from bridge.store.database import connect
from bridge.store.embedded import temporary
from bridge.store.upgrade import upgrade

# For hours when nobody waits: pytest --hypothesis-profile=long
settings.register_profile("long", max_examples=1000, stateful_step_count=80)
# How long an input takes to make is no matter of the tests on a machine that others use too.
settings.register_profile("default", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")

_numbers = itertools.count(1)


@dataclass
class Clock:
    """A clock that is moved by hand."""

    now: datetime = field(default_factory=lambda: datetime(2026, 12, 1, 9, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def server() -> Iterator[Database]:
    """One PostgreSQL for the run, with a migrated template database."""
    with temporary() as database:
        admin = create_engine(database.sqlalchemy_url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("create database template_bridge"))
        engine = connect(_named(database, "template_bridge"), pool=1)
        upgrade(engine)
        engine.dispose()
        admin.dispose()
        yield database


@pytest.fixture
def database(server: Database) -> Iterator[Database]:
    """A migrated, empty database of the test's own."""
    name = f"test_{next(_numbers)}_{uuid.uuid4().hex[:8]}"
    admin = create_engine(server.sqlalchemy_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"create database {name} template template_bridge"))
    yield _named(server, name)
    with admin.connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))
    admin.dispose()


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    made = connect(database, pool=4)
    yield made
    made.dispose()


def _named(database: Database, name: str) -> Database:
    """The same server, another database: postgresql://user:@/NAME?host=..."""
    head, _, rest = database.url.partition("/postgres?")
    assert rest, database.url
    return Database(url=f"{head}/{name}?{rest}")
