"""Settings: defaults, and every problem at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bridge.config import NAMES, Settings, environ, load
from bridge.errors import ConfigurationError, Problem

README = Path(__file__).parent.parent / "README.md"


def problems(**variables: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load(variables, interactive=False)
    return caught.value.problems


def test_an_empty_environment_gives_the_defaults() -> None:
    assert load({}, interactive=True) == Settings(
        database=None,
        mappings=Path("mappings"),
        data=Path(".data"),
        log="console",
        port=8000,
        web_processes=2,
        concurrency=16,
        products_max_age=timedelta(minutes=60),
    )


def test_a_variable_set_to_nothing_is_unset() -> None:
    variables = dict.fromkeys(NAMES, "")
    assert load(variables, interactive=False) == load({}, interactive=False)


def test_every_variable_is_read() -> None:
    settings = load(
        {
            "DATABASE_URL": "postgresql://bridge:secret@db.example/bridge",
            "PORT": "5000",
            "WEB_CONCURRENCY": "4",
            "BRIDGE_CONCURRENCY": "32",
            "BRIDGE_DATA": "/var/bridge",
            "BRIDGE_LOG": "console",
            "BRIDGE_MAPPINGS": "/etc/bridge",
            "BRIDGE_PRODUCTS_MAX_AGE": "5",
        },
        interactive=False,
    )
    assert (settings.port, settings.web_processes, settings.concurrency) == (5000, 4, 32)
    assert (settings.data, settings.mappings) == (Path("/var/bridge"), Path("/etc/bridge"))
    assert (settings.log, settings.products_max_age) == ("console", timedelta(minutes=5))


def test_logs_are_json_where_no_one_watches() -> None:
    assert load({}, interactive=False).log == "json"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_a_database_address_is_accepted(scheme: str) -> None:
    database = load({"DATABASE_URL": f"{scheme}://u:p%40@db.example:5432/b?sslmode=require"}).database
    assert database is not None
    assert database.url == "postgresql://u:p%40@db.example:5432/b?sslmode=require"
    assert database.sqlalchemy_url == "postgresql+psycopg://u:p%40@db.example:5432/b?sslmode=require"


def test_a_database_behind_a_socket_is_accepted() -> None:
    database = load({"DATABASE_URL": "postgresql://postgres:@/postgres?host=/tmp/db"}).database
    assert database is not None
    assert database.url == "postgresql://postgres:@/postgres?host=/tmp/db"


@pytest.mark.parametrize(
    "address",
    [
        "mysql://bridge:hunter2@db.example/bridge",
        "db.example hunter2",
        "postgresql://bridge:hunter2@db.example:port/bridge",
        "postgres://bridge:hun/ter2@db.example:5432/bridge",
        "postgresql+psycopg2://bridge:hunter2@db.example/bridge",
        "postgresql://",
    ],
)
def test_a_wrong_database_address_is_refused_and_never_shown(address: str) -> None:
    (problem,) = problems(DATABASE_URL=address)
    assert problem.source == "DATABASE_URL"
    assert "postgresql://user:password@host:5432/name" in problem.message
    assert "hunter2" not in str(problem)


def test_settings_can_be_printed_without_the_password() -> None:
    assert "hunter2" not in repr(load({"DATABASE_URL": "postgres://bridge:hunter2@db.example/bridge"}))


@pytest.mark.parametrize("value", ["0", "65", "16.0", "many", "-1", "²", "9" * 5000])
def test_a_number_out_of_bounds_is_refused_with_the_bounds(value: str) -> None:
    (problem,) = problems(BRIDGE_CONCURRENCY=value)
    assert problem.source == "BRIDGE_CONCURRENCY"
    assert "from 1 to 64" in problem.message
    assert problem.found in value


def test_products_may_be_read_each_time() -> None:
    assert load({"BRIDGE_PRODUCTS_MAX_AGE": "0"}).products_max_age == timedelta(0)


def test_all_problems_come_at_once() -> None:
    found = problems(
        PORT="http", BRIDGE_LOG="yaml", BRIDGE_CONCURRENCY="0", DATABASE_URL="sqlite://", WEB_CONCURRENCY="x"
    )
    assert {problem.source for problem in found} == {
        "PORT",
        "BRIDGE_LOG",
        "BRIDGE_CONCURRENCY",
        "DATABASE_URL",
        "WEB_CONCURRENCY",
    }


def test_a_misspelt_setting_is_refused_with_the_nearest_name() -> None:
    (problem,) = problems(BRIDGE_CONCURENCY="8")
    assert (problem.source, "did you mean BRIDGE_CONCURRENCY?" in problem.message) == ("BRIDGE_CONCURENCY", True)


def test_a_setting_like_no_other_is_refused_with_all_names() -> None:
    (problem,) = problems(BRIDGE_XYZ="8")
    assert (
        "BRIDGE_CONCURRENCY, BRIDGE_DATA, BRIDGE_LOG, BRIDGE_MAPPINGS, BRIDGE_PRODUCTS_MAX_AGE, BRIDGE_STOPS"
        in problem.message
    )


def test_variables_of_others_are_left_alone() -> None:
    assert load({"SHOPIFY_SHOP": "acme.myshopify.com", "BRIDGET": "1"}, interactive=False).port == 8000


def test_the_environment_is_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "5001")
    copy = environ()
    monkeypatch.setenv("PORT", "5002")
    assert copy["PORT"] == "5001"


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_stands_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README.read_text(encoding="utf-8")
