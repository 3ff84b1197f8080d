"""The embedded PostgreSQL: it starts, others reach it by its address, and it is gone afterwards."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bridge.config import Database
from bridge.errors import ConfigurationError
from bridge.store.embedded import running, temporary


@pytest.fixture(scope="module")
def embedded() -> Iterator[Database]:
    with temporary() as database:
        yield database


def test_it_answers(embedded: Database) -> None:
    engine = create_engine(embedded.sqlalchemy_url)
    with engine.connect() as connection:
        assert connection.execute(text("select 6 * 7")).scalar_one() == 42
    engine.dispose()


def test_another_process_reaches_it_by_its_address(embedded: Database) -> None:
    code = "import psycopg, sys; print(psycopg.connect(sys.argv[1]).execute('select 6 * 7').fetchone()[0])"
    assert subprocess.check_output([sys.executable, "-c", code, embedded.url], text=True, timeout=60) == "42\n"


def test_its_data_outlive_it(short_folder: Path) -> None:
    for statement in ("create table kept (one int)", "select * from kept"):
        with running(short_folder / "pg") as database:
            engine = create_engine(database.sqlalchemy_url)
            with engine.begin() as connection:
                connection.execute(text(statement))  # fails where the table is not there
            engine.dispose()


def test_nothing_of_it_runs_afterwards(short_folder: Path) -> None:
    with running(short_folder / "pg"):
        pass
    assert not (short_folder / "pg" / "postmaster.pid").exists()


def test_temporary_one_leaves_no_folder() -> None:
    before = set(Path(tempfile.gettempdir()).glob("bridge-*"))
    with temporary():
        pass
    assert set(Path(tempfile.gettempdir()).glob("bridge-*")) <= before


def test_folder_with_a_blank_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"BRIDGE_DATA.*blank in its name"), running(tmp_path / "my data"):
        pass


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a path short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="bridge-") as folder:
        yield Path(folder)
