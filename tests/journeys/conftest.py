"""The run's sites: one for peaceful journeys, and fresh ones for those that break something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bridge.config import Database
from bridge.sandbox.trio import open_trio
from tests.journeys.site import Site, database_on, site_on

SECRET = 'Tom & "Ann" <o\'k>'  # as the shop's owner typed it
STORED_SECRET = "Tom &amp; &quot;Ann&quot; &lt;o&#039;k&gt;"  # as WooCommerce may store and show it


@pytest.fixture(scope="session")
def site(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A bridge that runs undisturbed; each test uses order numbers of its own."""
    with ExitStack() as stack:
        world = stack.enter_context(open_trio())
        world.woocommerce.secret = STORED_SECRET
        database = stack.enter_context(database_on(server))
        made = stack.enter_context(site_on(database, world, tmp_path_factory.mktemp("site")))
        made.start_web()
        made.start_worker()
        yield made


@pytest.fixture
def fresh(database: Database, tmp_path: Path) -> Iterator[Site]:
    """A site of the test's own, with no process started yet."""
    with open_trio() as world, site_on(database, world, tmp_path) as made:
        yield made
