"""kill -9 of the web process at each of its points, whatever it takes in there.

What was not acknowledged comes again, and what was stored stays. One site for all of it; a web process dies with two or
three kinds of webhooks at each point, each of an order of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import pytest
from sqlalchemy import func, select

from bridge.config import Database
from bridge.platforms.base import digest
from bridge.sandbox.webhooks import Packet
from bridge.stops import WEB
from bridge.store.database import transaction
from bridge.store.tables import inbox, orders
from tests.faults.ground import Case, Ground, ShopFile, ground_on
from tests.faults.stopping import Insisting, Stops, stops_in
from tests.journeys.site import database_on

Kind = Literal["first", "again", "newer", "older", "cancelled", "cancelled late"]
# Each of a process that dies: it has eight threads and four connections, of which "stored_written" keeps one each.
ROUNDS: tuple[tuple[Kind, ...], ...] = (("first", "again"), ("newer", "older"), ("cancelled", "cancelled late"))
MET = [
    (kind, point)
    for kinds in ROUNDS
    for kind in kinds
    for point in WEB
    if (kind, point) != ("first", "stored_written")  # which one statement stores
]


@dataclass(kw_only=True)
class Told:
    """An order, the webhook of it that a process died with, and how often that was stored."""

    case: Case
    packet: Packet  # what the process died with
    newest: Packet  # what stands in the end
    before: int  # webhooks of the order that were stored
    died: int = -1  # the same once the process had died
    after: int = -1  # and once the sender had its answer
    body: bytes | None = None  # the hash of the order's newest body then


@dataclass(frozen=True, kw_only=True)
class Deaths:
    """What became of the orders whose webhooks stood at each point as a web process died."""

    ground: Ground
    told: Mapping[tuple[Kind, str], Told]  # by kind and point
    answers: list[list[int | None]] = field(default_factory=list)  # of each death


@pytest.fixture(scope="module")
def deaths(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deaths]:
    folder = tmp_path_factory.mktemp("web")
    shops = [ShopFile(name="shopify", platform="shopify"), ShopFile(name="woocommerce", platform="woocommerce")]
    with database_on(server) as database, ground_on(database, folder, shops) as ground:
        stops = [stops_in(folder / f"stops-{number}") for number in range(len(ROUNDS) + 1)]
        web = ground.start_web(stops[0].folder)
        made = Deaths(ground=ground, told=_told(ground))
        for kinds, here, following in zip(ROUNDS, stops, stops[1:], strict=False):
            webhooks = Insisting(ground)
            _stop(made, kinds, here, webhooks)
            web.kill()
            _look(made, kinds, "died")
            web = ground.start_web(following.folder)
            made.answers.append(webhooks.wait())
            _look(made, kinds, "after")
        ground.start_worker()
        ground.wait()
        yield made


def _told(ground: Ground) -> dict[tuple[Kind, str], Told]:
    """The webhooks to die with, their orders known as far as each kind wants it, and no worker left."""
    worker = ground.start_worker()
    shops = {key: ("shopify", "woocommerce")[turn % 2] for turn, key in enumerate(MET)}
    cases = {(kind, point): ground.place(shops[kind, point], f"{kind}, {point}") for kind, point in MET}
    old = {key: ground.packet(case) for key, case in cases.items()}
    late = [key for key in MET if key[0] == "cancelled late"]
    for key in late:
        ground.send(cases[key], old[key])
    ground.wait([cases[key] for key in late])
    worker.stop()
    return {key: _prepared(ground, key[0], case, old[key]) for key, case in cases.items()}


def _prepared(ground: Ground, kind: Kind, case: Case, old: Packet) -> Told:
    """An order as far as its kind wants it before the last webhook comes."""
    if kind in {"newer", "again", "cancelled"}:
        ground.send(case, old)
    if kind == "newer":
        ground.change(case)
    if kind in {"older", "cancelled", "cancelled late"}:
        ground.cancel(case)
    newest = ground.packet(case)
    if kind == "older":
        ground.send(case, newest)
    packet = old if kind == "older" else newest
    return Told(case=case, packet=packet, newest=newest, before=_stored(ground, case))


def _stop(deaths: Deaths, kinds: tuple[Kind, ...], stops: Stops, webhooks: Insisting) -> None:
    """Stop the web process at each of its points with these, the last point first, so that none is in the way."""
    for point in reversed(WEB):
        here = [told for (kind, at), told in deaths.told.items() if kind in kinds and at == point]
        stops.arm(point)
        for told in here:
            webhooks.send(told.case, told.packet)
        stops.wait(point, threads=len(here))


def _look(deaths: Deaths, kinds: tuple[Kind, ...], when: Literal["died", "after"]) -> None:
    """Note what is stored of these."""
    for (kind, _), told in deaths.told.items():
        if kind in kinds:
            setattr(told, when, _stored(deaths.ground, told.case))
            told.body = _newest(deaths.ground, told.case)


def _stored(ground: Ground, case: Case) -> int:
    """How many webhooks of an order are stored or counted as repeats."""
    count = select(func.count() + func.coalesce(func.sum(inbox.c.repeats), 0)).where(inbox.c.via == "webhook")
    with transaction(ground.site.engine) as connection:
        return int(connection.execute(count.where(inbox.c.order_id == case.order_id)).scalar_one())


def _newest(ground: Ground, case: Case) -> bytes | None:
    """The hash of its newest body; None where nobody has heard of it."""
    found = select(orders.c.body_hash).where(orders.c.order_id == case.order_id)
    with transaction(ground.site.engine) as connection:
        return connection.execute(found).scalar_one_or_none()


def test_every_kind_is_tried() -> None:
    assert {kind for kind, _ in MET} == set(get_args(Kind))


@pytest.mark.parametrize(("kind", "point"), MET)
def test_only_what_was_committed_is_there(deaths: Deaths, kind: Kind, point: str) -> None:
    told = deaths.told[kind, point]
    assert told.died - told.before == (1 if point == "stored" else 0)


@pytest.mark.parametrize(("kind", "point"), MET)
def test_what_was_not_acknowledged_comes_again(deaths: Deaths, kind: Kind, point: str) -> None:
    told = deaths.told[kind, point]
    assert told.after - told.died == 1


@pytest.mark.parametrize(("kind", "point"), MET)
def test_newest_version_stands_whatever_came_twice_or_late(deaths: Deaths, kind: Kind, point: str) -> None:
    told = deaths.told[kind, point]
    assert told.body == digest(told.newest.body)


def test_nobody_hears_of_success_before_it_is_stored(deaths: Deaths) -> None:
    """Each sender saw its connection break, whatever it met until the next process listened, and then 202."""
    for kinds, answers in zip(ROUNDS, deaths.answers, strict=True):
        senders = len([kind for kind, _ in MET if kind in kinds])
        assert (answers.count(202), set(answers)) == (senders, {202, None})


def test_every_order_is_made_once_although_its_webhook_came_twice(deaths: Deaths) -> None:
    deaths.ground.verdict(settled=True)


@pytest.mark.parametrize("point", WEB)
@pytest.mark.parametrize("kind", ["cancelled", "older"])
def test_what_was_cancelled_is_never_sent(deaths: Deaths, kind: Kind, point: str) -> None:
    """Not although an older version that was not cancelled came after it either."""
    assert deaths.ground.site.sent(deaths.told[kind, point].case.customer_reference) == []


@pytest.mark.parametrize("point", WEB)
def test_what_was_cancelled_after_sending_says_so(deaths: Deaths, point: str) -> None:
    order = deaths.ground.order(deaths.told["cancelled late", point].case)
    assert order is not None
    assert order.change.startswith("do not ship")
