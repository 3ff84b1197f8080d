"""The revisions: from nothing to exactly the tables of the code, and again without harm."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from bridge.config import Database
from bridge.store import destinations, ledger
from bridge.store.database import connect
from bridge.store.tables import STATES, metadata
from bridge.store.upgrade import current, is_ready, newest, upgrade
from tests.journeys.site import until

RELEASED = ("0001", "0002", "0003")  # revisions from which a database with orders in it may come
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)

# All that the catalogue knows of our tables; Procrastinate's and Alembic's own are theirs.
_OURS = "c.relname not like 'procrastinate%' and c.relname <> 'alembic_version'"
_TABLES = f"c.relkind = 'r' and n.nspname = 'public' and {_OURS}"
_COLUMNS = f"""
    select c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
           || case when a.attnotnull then ' not null' else '' end || ' identity:' || a.attidentity::text
           || ' generated:' || a.attgenerated::text || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
      from pg_attribute a
      join pg_class c on c.oid = a.attrelid
      join pg_namespace n on n.oid = c.relnamespace
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where {_TABLES} and a.attnum > 0 and not a.attisdropped
"""
_INDEXES = f"""
    select pg_get_indexdef(i.indexrelid)
      from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
     where {_TABLES}
"""
_INVALID = "select indexrelid::regclass::text from pg_index where not indisvalid"
_CONSTRAINTS = f"""
    select c.relname || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid)
      from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
     where {_TABLES}
"""


def structure(engine: Engine) -> set[str]:
    """Columns, indexes and constraints as PostgreSQL writes them."""
    with engine.connect() as connection:
        return {
            row for query in (_COLUMNS, _INDEXES, _CONSTRAINTS) for row in connection.execute(text(query)).scalars()
        }


@pytest.fixture
def empty(server: Database) -> Iterator[Engine]:
    """A database without any table."""
    name = f"empty_{uuid.uuid4().hex[:8]}"
    admin = create_engine(server.sqlalchemy_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"create database {name} template template0"))
    engine = connect(Database(url=server.url.replace("/postgres?", f"/{name}?", 1)), pool=4)
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))
    admin.dispose()


def test_upgrade_from_nothing_gives_exactly_the_tables_of_the_code(engine: Engine, empty: Engine) -> None:
    metadata.create_all(empty)
    assert structure(engine) == structure(empty)


def test_revisions_are_named_as_their_files() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "bridge:store/migrations")
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    files = {Path(one.path).name.partition("_")[0] for one in scripts.walk_revisions()}
    assert ({one.revision for one in scripts.walk_revisions()}, scripts.get_current_head()) == (files, newest())


def test_upgrade_from_nothing_ends_at_the_newest_revision(empty: Engine) -> None:
    assert upgrade(empty) == newest()


def test_empty_database_is_not_ready(empty: Engine) -> None:
    with empty.connect() as connection:
        assert (current(connection), is_ready(connection)) == (None, False)


def test_upgraded_database_is_ready(engine: Engine) -> None:
    with engine.connect() as connection:
        assert is_ready(connection)


def test_upgrade_twice_is_harmless(engine: Engine) -> None:
    before = structure(engine)
    assert (upgrade(engine), structure(engine)) == (newest(), before)


@pytest.mark.parametrize("revision", RELEASED)
def test_upgrade_keeps_what_is_stored(empty: Engine, revision: str) -> None:
    upgrade(empty, revision)
    _fill(empty)
    before = _rows(empty)
    assert (upgrade(empty), _rows(empty, like=before)) == (newest(), before)


@pytest.mark.parametrize("revision", RELEASED)
def test_what_was_due_before_the_upgrade_is_claimed_after_it(empty: Engine, revision: str) -> None:
    upgrade(empty, revision)
    _fill(empty)
    upgrade(empty)
    with empty.begin() as connection:
        destinations.announce_shop(connection, "larkspur", credentials="c1", destination="sorted")
        claimed = [ledger.claim(connection, NOW, uuid.uuid4()) for _ in STATES]
    assert {one.state for one in claimed if one} == DUE


@pytest.mark.parametrize("revision", RELEASED)
def test_upgrade_of_a_database_in_use_gives_the_tables_of_the_code(
    engine: Engine, empty: Engine, revision: str
) -> None:
    upgrade(empty, revision)
    _fill(empty)
    upgrade(empty)
    assert structure(empty) == structure(engine)


# --- Beside those at work --------------------------------------------------------------------------------------------
def test_orders_are_written_while_their_indexes_are_built(empty: Engine) -> None:
    upgrade(empty, "0003")
    _fill(empty)
    with empty.connect() as writer, _upgrading(empty, after=writer) as done:
        _write(empty)  # within the time that a statement has
        assert not done.done()
        writer.commit()
        assert done.result() == newest()
    assert _invalid(empty) == []


def test_building_that_was_interrupted_is_begun_again(empty: Engine) -> None:
    upgrade(empty, "0003")
    _fill(empty)
    with empty.connect() as writer, _upgrading(empty, after=writer) as done:
        with empty.begin() as connection:
            connection.execute(text("select pg_terminate_backend(pid) from pg_stat_progress_create_index"))
        with pytest.raises(SQLAlchemyError):
            done.result()
    with empty.connect() as connection:
        assert (current(connection), _invalid(empty)) == ("0003", ["orders_namesake"])
    assert (upgrade(empty), _invalid(empty)) == (newest(), [])


def test_two_upgrades_at_once_do_it_once(empty: Engine) -> None:
    upgrade(empty, "0003")
    _fill(empty)
    with ThreadPoolExecutor() as threads, empty.connect() as writer, _upgrading(empty, after=writer) as done:
        other = threads.submit(upgrade, empty)
        _wait_for(empty, "select 1 from pg_stat_activity where query like '%pg_try_advisory_xact_lock%' offset 1")
        writer.commit()
        assert (done.result(), other.result()) == (newest(), newest())
    assert _invalid(empty) == []


def test_nobody_gives_up_while_an_upgrade_waits_for_its_tables(empty: Engine) -> None:
    """One transaction has the last of the tables that the upgrade wants at once; others use the first meanwhile."""
    upgrade(empty, "0002")
    _fill(empty)
    with ThreadPoolExecutor() as threads, empty.connect() as reader:
        reader.execute(text("select count(*) from orders"))
        done = threads.submit(upgrade, empty)
        for _ in range(3):  # tries of the upgrade
            _wait_for(empty, "select 1 from pg_locks where mode = 'AccessExclusiveLock' and not granted")
            with empty.begin() as connection:
                connection.execute(text("update shops set served_at = :now"), {"now": NOW})
        assert not done.done()
        reader.rollback()
        assert done.result() == newest()


def test_later_revision_counts_as_ready(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
        assert is_ready(connection)


def test_upgrade_leaves_a_later_revision_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    assert upgrade(engine) == "9999"


def test_failed_upgrade_leaves_nothing_behind(empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("create table history (mine int)"))
    with pytest.raises(Exception, match='"history" already exists'):
        upgrade(empty)
    with empty.connect() as connection:
        tables = connection.execute(text("select relname from pg_class where relname in ('orders', 'alembic_version')"))
        assert tables.scalars().all() == []


DUE = {"received", "waiting", "queued", "sending", "created"}  # of the orders that `_fill` puts in


def _fill(engine: Engine) -> None:
    """An order in every state, with what belongs to it, in a database of any revision."""
    with engine.begin() as connection:
        for statement in (
            "insert into shops (name, credentials) values ('larkspur', 'c1')",
            "insert into destinations (name, url, concurrency) values ('sorted', 'https://sorted.example', 8)",
            "insert into mappings values ('v1', 'version: 1', now())",
            "insert into products values ('larkspur', 'product:7', 'x', now())",
        ):
            connection.execute(text(statement))
        for number, state in enumerate(STATES, start=1):
            connection.execute(text(_ORDER), _values(number, state))


def _values(number: int, state: str) -> dict[str, Any]:
    tried = state in {"sending", "created", "done", "failed", "in_doubt"}
    return {
        "number": str(number),
        "state": state,
        "now": NOW,
        "due": NOW - timedelta(minutes=number) if state in DUE else None,
        "attempt": uuid.uuid5(uuid.NAMESPACE_OID, str(number)) if tried else None,
        "deadline": NOW - timedelta(seconds=1) if tried else None,
        "reference": f"EO-000-000-00{number}" if state in {"created", "done"} else None,
    }


_ORDER = """
    with body as (
        insert into inbox (shop, via, order_id, headers, body, hash, received_at)
        values ('larkspur', 'webhook', :number, '{}', 'body', 'hash', :now) returning id
    ), made as (
        insert into orders (shop, platform, order_id, state, body_id, due_at, attempt_id, deadline, reference,
                            destination, customer_reference, first_seen_at, state_since)
        select 'larkspur', 'woocommerce', :number, :state, id, :due, cast(:attempt as uuid), :deadline, :reference,
               'sorted', 'larkspur-' || :number, :now, :now from body returning id, body_id
    ), tried as (
        insert into attempts (id, "order", destination, started_at, deadline, mapping_version, body_id, clock, payload,
                              fetched, known)
        select cast(:attempt as uuid), id, 'sorted', :now, :now, 'v1', body_id, :now, '{}', '{}', '{}' from made
         where cast(:attempt as uuid) is not null
    )
    insert into history ("order", at, to_state, actor) select id, :now, :state, 'intake' from made
"""


def _rows(engine: Engine, like: dict[str, list[dict[str, Any]]] | None = None) -> dict[str, list[dict[str, Any]]]:
    """Every row of our tables, with the columns that `like` has of them."""
    with engine.connect() as connection:
        found = {
            name: [dict(row) for row in connection.execute(text(f"select * from {name} order by 1, 2")).mappings()]
            for name in metadata.tables
        }
    if like is None:
        return found
    return {name: [{key: row[key] for key in like[name][0]} for row in rows] for name, rows in found.items()}


@contextmanager
def _upgrading(engine: Engine, *, after: Any) -> Iterator[Future[str]]:
    """An upgrade that waits, in the middle of an index, for a transaction in which an order was written."""
    after.execute(text("update orders set name = '#1' where state = 'waiting'"))
    with ThreadPoolExecutor() as threads:
        done = threads.submit(upgrade, engine)
        try:
            _wait_for(engine, "select 1 from pg_stat_progress_create_index where phase like 'waiting for writers%'")
            yield done
        finally:
            after.rollback()


def _wait_for(engine: Engine, query: str) -> None:
    def there() -> bool:
        with engine.connect() as connection:
            return connection.execute(text(query)).first() is not None

    until(there, seconds=60, what=lambda: query)


def _write(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("update orders set name = '#2' where state = 'received'"))
        connection.execute(text(_ORDER), _values(99, "received"))


def _invalid(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text(_INVALID)).scalars())
