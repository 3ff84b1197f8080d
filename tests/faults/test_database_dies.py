"""kill -9 of the database while web and worker stand at each of their points; it starts again, and they go on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from bridge.sandbox.webhooks import Packet
from bridge.stops import POINTS, WEB, WORKER
from tests.faults.ground import LIMIT, Case, Ground, ground_on, named, shops_for
from tests.faults.stopping import HOLDING, Insisting, freeze, stop_at_each, stops_in
from tests.journeys.site import Server, own_server, until

# Where a cancellation can be stored while the worker stands there.
BESIDE = tuple(point for point in WORKER if point not in HOLDING)
FRESH = 8  # orders beside a worker that stands at all its points: it has not as many threads left

Round = dict[str, Case]  # by point


@dataclass(frozen=True, kw_only=True)
class Death:
    """What became of an order at each point as the database died."""

    ground: Ground
    alone: Round
    cancelled: Round  # at the worker's points
    twice: Round  # with the same webhook again, an older version after the newer, and a second worker at work
    states: dict[str, str]  # by our reference, before a person has done anything
    statuses: list[int | None]  # of web and workers afterwards; None while they run


@pytest.fixture(scope="module")
def death(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Death]:
    folder = tmp_path_factory.mktemp("database")
    with own_server() as server, ground_on(server.database, folder, shops_for(POINTS)) as ground:
        rounds = _Rounds(ground, server, folder)
        alone = rounds.alone()
        cancelled = rounds.cancelled()
        twice = rounds.twice()
        ground.end_claims()
        ground.wait()
        statuses = [child.popen.poll() for child in ground.site.children]
        yield Death(
            ground=ground, alone=alone, cancelled=cancelled, twice=twice, states=ground.states(), statuses=statuses
        )


class _Rounds:
    """A web process and a worker that the database dies under three times, and another worker that lives at last."""

    def __init__(self, ground: Ground, server: Server, folder: Path) -> None:
        self._ground = ground
        self._server = server
        self._web, self._worker = stops_in(folder / "web"), stops_in(folder / "worker")
        self._old: dict[Case, Packet] = {}
        ground.start_web(self._web.folder)
        self._other = ground.start_worker()
        self._known = {where: _known(ground, where) for where in ("alone", *WEB)}
        ground.wait()
        freeze(ground, self._other)
        ground.start_worker(self._worker.folder)

    def alone(self) -> Round:
        webhooks = Insisting(self._ground)
        stopped = stop_at_each(WORKER, self._worker, partial(self._place, "alone"), self._ground.send)
        stopped |= stop_at_each(WEB, self._web, self._place_or_change, webhooks.send)
        self._die()
        webhooks.wait()
        self._wait(stopped)
        return stopped

    def cancelled(self) -> Round:
        stopped = stop_at_each(BESIDE, self._worker, partial(self._place, "cancelled meanwhile"), self._ground.send)
        for case in stopped.values():
            self._ground.cancel(case)
            self._ground.send(case)
        self._die()
        self._wait(stopped)
        return stopped

    def twice(self) -> Round:
        stopped = stop_at_each(WORKER, self._worker, partial(self._place, "older and same again"), self._send_changed)
        for point in BESIDE:
            for packet in self._both(stopped[point]):
                self._ground.send(stopped[point], packet)
        self._other.popen.send_signal(signal.SIGCONT)
        self._wait_for_the_other()
        webhooks = Insisting(self._ground)
        known = {point: self._known[point] for point in WEB}
        for case in known.values():
            self._send_changed(case)
        packets = {"verified": 0, "stored_written": 0, "stored": 1}  # the older version, or the same again
        for point in reversed(WEB):
            self._web.arm(point)
            webhooks.send(known[point], self._both(known[point])[packets[point]])
            self._web.wait(point)
        for point in HOLDING:  # these come no further than the first point
            for packet in self._both(stopped[point]):
                webhooks.send(stopped[point], packet)
        self._die()
        webhooks.wait()
        self._wait(stopped)
        return stopped

    def _die(self) -> None:
        self._server.kill()
        self._server.start()
        self._web.go_on()
        self._worker.go_on()

    def _wait(self, stopped: Round) -> None:
        """Until none of these is left to come to a point of the next round.

        What had not begun when the transaction of its beginning broke comes only when its claim ends: after all rounds.
        """
        self._ground.wait([case for point, case in stopped.items() if point != "begin_written"])
        self._ground.keep_claims()

    def _place(self, where: str, point: str) -> Case:
        return self._ground.place(named(point), f"{where}, {point}")

    def _place_or_change(self, point: str) -> Case:
        """A first body, which one statement stores; a newer one where there is more to it."""
        if point != "stored_written":
            return self._place("alone", point)
        self._ground.change(self._known["alone"])
        return self._known["alone"]

    def _send_changed(self, case: Case) -> None:
        """Only the newer version comes; the one before is late."""
        self._old[case] = self._ground.packet(case)
        self._ground.change(case)
        self._ground.send(case)

    def _both(self, case: Case) -> tuple[Packet, Packet]:
        """The older version, and the newer one again."""
        return self._old[case], self._ground.packet(case)

    def _wait_for_the_other(self) -> None:
        """Until the other worker has done an order of those that come now."""
        fresh = [self._place("beside", "done") for _ in range(FRESH)]
        for case in fresh:
            self._ground.send(case)
        until(
            lambda: any(not self._ground.is_moving(case) for case in fresh),
            seconds=LIMIT,
            what=lambda: "an order of the other worker",
        )


def _known(ground: Ground, where: str) -> Case:
    case = ground.place("stored-written", f"known, {where}")
    ground.send(case)
    return case


def test_no_order_is_lost_doubled_or_stuck_wherever_the_database_died(death: Death) -> None:
    death.ground.verdict()


def test_web_and_workers_live_on(death: Death) -> None:
    assert death.statuses == [None, None, None]


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_lives_writes_down_what_it_knows(death: Death, point: str) -> None:
    assert death.states[death.alone[point].customer_reference] == "done"


@pytest.mark.parametrize("point", ["claimed", "looked"])
def test_what_is_cancelled_before_the_call_is_never_sent(death: Death, point: str) -> None:
    assert death.ground.site.sent(death.cancelled[point].customer_reference) == []


@pytest.mark.parametrize("point", WORKER)
def test_what_comes_twice_and_late_beside_a_second_worker_is_made_once(death: Death, point: str) -> None:
    reference = death.twice[point].customer_reference
    assert (death.states[reference], len(death.ground.site.sent(reference))) == ("done", 1)
