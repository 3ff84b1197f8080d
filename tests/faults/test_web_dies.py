"""kill -9 of the web process at each of its points: what was not acknowledged comes again, what was stored stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from bridge.config import Database
from bridge.stops import WEB
from bridge.store.database import transaction
from bridge.store.tables import inbox
from tests.faults.ground import Case, Ground, ShopFile, ground_on
from tests.faults.stopping import Insisting, stop_at_each, stops_in
from tests.journeys.site import database_on

SHOPS = {"verified": "woocommerce", "stored": "shopify"}


@dataclass(frozen=True, kw_only=True)
class Death:
    """What became of the orders whose webhooks stood at each point as the web process died."""

    ground: Ground
    cases: dict[str, Case]  # by point
    stored: set[str]  # order ids in the inbox as it had died
    answers: list[int | None]


@pytest.fixture(scope="module")
def death(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Death]:
    folder = tmp_path_factory.mktemp("web")
    shops = [ShopFile(name="shopify", platform="shopify"), ShopFile(name="woocommerce", platform="woocommerce")]
    with database_on(server) as database, ground_on(database, folder, shops) as ground:
        webhooks, stops = Insisting(ground), stops_in(folder / "stops")
        web = ground.start_web(stops.folder)
        cases = stop_at_each(WEB, stops, lambda point: ground.place(SHOPS[point], point), webhooks.send)
        web.kill()
        stored = _stored(ground)
        ground.start_web()
        answers = webhooks.wait()
        ground.start_worker()
        ground.wait()
        yield Death(ground=ground, cases=cases, stored=stored, answers=answers)


def test_only_what_was_committed_is_there(death: Death) -> None:
    assert death.stored == {death.cases["stored"].order_id}


def test_nobody_hears_of_success_before_it_is_stored(death: Death) -> None:
    """Each sender saw its connection break, whatever it met until the next process listened, and then 202."""
    assert (death.answers.count(202), set(death.answers)) == (2, {202, None})


def test_every_order_is_made_once_although_its_webhook_came_twice(death: Death) -> None:
    death.ground.verdict(settled=True)


def _stored(ground: Ground) -> set[str]:
    with transaction(ground.site.engine) as connection:
        return set(connection.execute(select(inbox.c.order_id)).scalars())
