"""The retailer, opened once for a module: each scene finds what the scenes before it left."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from bridge.config import Database
from tests.conftest import _named
from tests.retailer.play import Play
from tests.retailer.retailer import open_retailer


@pytest.fixture(scope="module")
def play(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """The retailer on the first day, with nothing played yet."""
    name = f"retailer_{uuid.uuid4().hex[:8]}"
    admin = create_engine(server.sqlalchemy_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"create database {name} template template_bridge"))
    with open_retailer(_named(server, name), tmp_path_factory.mktemp("retailer")) as retailer:
        yield Play(retailer)
    with admin.connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))
    admin.dispose()
