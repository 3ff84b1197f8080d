"""The verdict complains of each thing that it is there to find; each is made by hand on orders that were well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from bridge.config import Database
from bridge.sandbox.server import Request
from bridge.store.database import transaction
from tests.faults.ground import Case, Ground, ShopFile, ground_on
from tests.faults.verdict import judge
from tests.journeys.site import database_on

RUINS = ("none", "doubled", "gone from SortedPRO", "not written", "written twice", "claimed", "skipped", "doubtful")


@pytest.fixture(scope="module")
def ground(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """An order for each ruin, all done; nobody works any more."""
    folder, shop = tmp_path_factory.mktemp("verdict"), ShopFile(name="ruined", platform="woocommerce")
    with database_on(server) as database, ground_on(database, folder, [shop]) as made:
        made.start_web()
        worker = made.start_worker()
        for ruin in RUINS:
            made.send(made.place("ruined", ruin))
        made.wait()
        worker.stop()
        yield made


@pytest.fixture(scope="module")
def cases(ground: Ground) -> dict[str, Case]:
    made = {case.where: case for case in ground.cases}
    world = ground.site.world
    by_reference = {one.customer_reference: one for one in world.sortedpro.orders()}
    doubled = by_reference[made["doubled"].customer_reference]
    world.sortedpro._store(doubled.body, Request(method="POST", path="/orders"))
    del world.sortedpro._orders[by_reference[made["gone from SortedPRO"].customer_reference].reference]
    world.woocommerce.store.change(made["not written"].number, meta_data=[])
    ground._writes.append(made["written twice"].order_id)
    _write(ground, made["claimed"], "claimed_until = now()")
    _write(ground, made["skipped"], "state = 'skipped', reference = null")
    _write(ground, made["doubtful"], "state = 'in_doubt', reference = null")
    return made


def test_nothing_is_wrong_with_an_order_that_is_well(ground: Ground, cases: dict[str, Case]) -> None:
    assert judge(ground.standing(cases["none"]), settled=True) == []


@pytest.mark.parametrize(
    ("ruin", "words"),
    [
        ("doubled", "doubled: there is more than one order in SortedPRO"),
        ("gone from SortedPRO", "lost: SortedPRO does not have it"),
        ("not written", "the shop order does not carry its reference"),
        ("written twice", "the reference was not written once"),
        ("claimed", "stuck: something is still to be done"),
        ("skipped", "lost: it was to be shipped"),
        ("doubtful", "stuck: a person has settled it"),
    ],
)
def test_each_ruin_is_found(ground: Ground, cases: dict[str, Case], ruin: str, words: str) -> None:
    assert words in "\n".join(judge(ground.standing(cases[ruin]), settled=True))


def test_complaint_tells_the_story(ground: Ground, cases: dict[str, Case]) -> None:
    assert "sending: sending" in "\n".join(judge(ground.standing(cases["doubled"])))


def test_an_acknowledged_order_that_is_not_there_is_found(ground: Ground, cases: dict[str, Case]) -> None:
    standing = replace(ground.standing(cases["none"]), order=None)
    assert judge(standing)[0].startswith("lost: it was acknowledged")


def test_a_cancellation_that_nobody_is_told_of_is_found(ground: Ground, cases: dict[str, Case]) -> None:
    standing = replace(ground.standing(cases["none"]), cancelled=True)
    assert judge(standing)[0].startswith("nobody is told that it was cancelled after it was sent")


def test_the_whole_verdict_fails_and_names_strays(ground: Ground, cases: dict[str, Case]) -> None:
    known = ground.cases.pop(0)
    with pytest.raises(AssertionError, match=f"of {known.customer_reference}, which no shop has"):
        ground.verdict()
    ground.cases.insert(0, known)


def _write(ground: Ground, case: Case, values: str) -> None:
    with transaction(ground.site.engine) as connection:
        connection.execute(text(f"update orders set {values} where order_id = :id"), {"id": case.order_id})
