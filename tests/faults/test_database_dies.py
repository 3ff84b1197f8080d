"""kill -9 of the database while web and worker stand at each of their points; it starts again, and they go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from bridge.stops import POINTS, WEB, WORKER
from tests.faults.ground import Case, Ground, ground_on, named, shops_for
from tests.faults.stopping import HOLDING, Insisting, stop_at_each, stops_in
from tests.journeys.site import Server, own_server

# Where a cancellation can be stored while the worker stands there.
BESIDE = tuple(point for point in WORKER if point not in HOLDING)


@dataclass(frozen=True, kw_only=True)
class Death:
    """What became of an order at each point as the database died."""

    ground: Ground
    alone: dict[str, Case]
    cancelled: dict[str, Case]  # at the worker's points
    states: dict[str, str]  # by our reference, before a person has done anything
    statuses: list[int | None]  # of web and worker afterwards; None while they run


@pytest.fixture(scope="module")
def death(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Death]:
    folder = tmp_path_factory.mktemp("database")
    with own_server() as server, ground_on(server.database, folder, shops_for(POINTS)) as ground:
        at_web, at_worker = stops_in(folder / "web"), stops_in(folder / "worker")
        ground.start_web(at_web.folder)
        ground.start_worker(at_worker.folder)

        webhooks = Insisting(ground)
        alone = stop_at_each(WORKER, at_worker, partial(_place, ground, "alone"), ground.send)
        alone |= stop_at_each(WEB, at_web, partial(_place, ground, "alone"), webhooks.send)
        _die(server)
        at_web.go_on()
        at_worker.go_on()
        webhooks.wait()

        cancelled = stop_at_each(BESIDE, at_worker, partial(_place, ground, "cancelled meanwhile"), ground.send)
        for case in cancelled.values():
            ground.cancel(case)
            ground.send(case)
        _die(server)
        at_worker.go_on()

        ground.wait()
        statuses = [child.popen.poll() for child in ground.site.children]
        yield Death(ground=ground, alone=alone, cancelled=cancelled, states=ground.states(), statuses=statuses)


def _place(ground: Ground, where: str, point: str) -> Case:
    return ground.place(named(point), f"{where}, {point}")


def _die(server: Server) -> None:
    server.kill()
    server.start()


def test_no_order_is_lost_doubled_or_stuck_wherever_the_database_died(death: Death) -> None:
    death.ground.verdict()


def test_web_and_worker_live_on(death: Death) -> None:
    assert death.statuses == [None, None]


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_lives_writes_down_what_it_knows(death: Death, point: str) -> None:
    assert death.states[death.alone[point].customer_reference] == "done"


@pytest.mark.parametrize("point", ["claimed", "looked"])
def test_what_is_cancelled_before_the_call_is_never_sent(death: Death, point: str) -> None:
    assert death.ground.site.sent(death.cancelled[point].customer_reference) == []
