"""The revisions: from nothing to exactly the tables of the code, and again without harm."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from bridge.config import Database
from bridge.store.database import connect
from bridge.store.tables import metadata
from bridge.store.upgrade import current, is_ready, newest, upgrade

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
    engine = connect(Database(url=server.url.replace("/postgres?", f"/{name}?", 1)), pool=3)
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


def test_upgrade_keeps_what_is_stored(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("insert into shops (name) values ('larkspur')"))
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(text("select name from shops")).scalars().all() == ["larkspur"]


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
