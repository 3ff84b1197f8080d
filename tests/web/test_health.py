"""GET /healthz and /readyz."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from bridge.config import Database
from tests.forward.conftest import Rig

WebOn = Callable[[Database], FlaskClient]


@pytest.fixture
def away(web_on: WebOn) -> FlaskClient:
    """The endpoint with a database at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return web_on(Database(url=f"postgresql://bridge@127.0.0.1:{port}/bridge"))


def test_process_is_alive_without_its_database(away: FlaskClient) -> None:
    assert away.get("/healthz").status_code == 200


def test_process_is_not_ready_without_its_database(away: FlaskClient) -> None:
    answer = away.get("/readyz")
    assert (answer.status_code, "database is away" in answer.text) == (503, True)


def test_process_is_ready_with_its_revision(rig: Rig) -> None:
    assert rig.web.get("/readyz").status_code == 200


def test_process_is_ready_with_a_later_revision(rig: Rig, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    assert rig.web.get("/readyz").status_code == 200


def test_process_is_not_ready_without_a_schema_and_says_the_way_out(rig: Rig, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("delete from alembic_version"))
    answer = rig.web.get("/readyz")
    assert (answer.status_code, "python -m bridge db upgrade" in answer.text) == (503, True)


def test_missing_schema_is_not_called_a_revision(rig: Rig, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("delete from alembic_version"))
    assert "None" not in rig.web.get("/readyz").text


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_not_posted_to(rig: Rig, path: str) -> None:
    assert rig.web.post(path).status_code == 405


def test_nothing_else_is_served(rig: Rig) -> None:
    assert rig.web.get("/").status_code == 404
