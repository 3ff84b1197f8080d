"""kill -9 of a worker at each of its points, combined with what may come meanwhile; another worker takes over.

One site for all of it, because a claim lasts 40 s. Each worker stops at every point at once, with an order of its own
at each; then webhooks come, and it dies. The last one is not killed: it is frozen as machines are, and goes on when the
other worker has done its work.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.config import Database
from bridge.sandbox.webhooks import Packet
from bridge.stops import WORKER
from tests.faults.ground import Case, Ground, ground_on, named, shops_for
from tests.faults.stopping import HOLDING, Insisting, Stops, freeze, stop_at_each, stops_in
from tests.journeys.site import database_on

# What a worker that dies there leaves for a person.
DOUBTFUL = {"begun", "answered", "end_written"}
# How many orders SortedPRO has, where the shop order was cancelled while the worker stood there.
MADE_ALTHOUGH_CANCELLED = {
    "claimed": 0,
    "looked": 0,
    "begin_written": 0,
    "begun": 0,
    "answered": 1,
    "end_written": 1,
    "ended": 1,
    "reference_written": 1,
    "done": 1,
}
AGAIN = (
    "begin_written",
    "begun",
    "answered",
    "end_written",
    "ended",
)  # where the policy send_again has something to say
# Of those, what was made before the worker died, and again by policy.
TWICE = {"answered", "end_written"}

# Not where it holds its destination's row: a worker that is frozen there keeps all others from that destination.
FREEZING = tuple(point for point in WORKER if point not in HOLDING)

Round = dict[str, Case]  # by point


@dataclass(frozen=True, kw_only=True)
class Deaths:
    """The site after all deaths, at rest, before a person has done anything; and what was seen then."""

    ground: Ground
    alone: Round
    cancelled: Round
    twice: Round  # the same webhook again, and an older version after the newer
    again: Round  # with the policy send_again
    frozen: Round  # a worker that went on after another had taken over
    states: dict[str, str]  # by our reference


@pytest.fixture(scope="module")
def deaths(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deaths]:
    folder = tmp_path_factory.mktemp("deaths")
    shops = shops_for(WORKER) + shops_for(AGAIN, "again-", on_unknown_outcome="send_again")
    with database_on(server) as database, ground_on(database, folder, shops) as ground:
        ground.start_web()
        other = ground.start_worker()
        ground.send(ground.place("done", "before all"))
        ground.wait()
        freeze(ground, other)
        rounds = _Rounds(ground, folder)
        alone = rounds.kill(WORKER, "alone")
        cancelled = rounds.kill(WORKER, "cancelled meanwhile", meanwhile=rounds.cancel)
        twice = rounds.kill(WORKER, "older and same again", send=rounds.send_changed, meanwhile=rounds.send_both)
        again = rounds.kill(AGAIN, "sent again", shop="again-")
        frozen = rounds.stop(FREEZING, "frozen")
        rounds.worker.popen.send_signal(signal.SIGSTOP)
        other.popen.send_signal(signal.SIGCONT)
        ground.wait()
        rounds.stops.go_on()
        rounds.worker.popen.send_signal(signal.SIGCONT)
        rounds.webhooks.wait()
        ground.wait_out_of_doubt([frozen["begun"], frozen["answered"]])  # which it knows to end, late as it is
        ground.wait()
        yield Deaths(
            ground=ground,
            alone=alone,
            cancelled=cancelled,
            twice=twice,
            again=again,
            frozen=frozen,
            states=ground.states(),
        )


class _Rounds:
    """Workers one after the other, each stopped at all points before it dies."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self._ground = ground
        self._folder = folder
        self._old: dict[Case, Packet] = {}
        self.webhooks = Insisting(ground)

    def kill(
        self,
        points: tuple[str, ...],
        where: str,
        *,
        shop: str = "",
        send: Callable[[Case], object] | None = None,
        meanwhile: Callable[[str, Case], None] | None = None,
    ) -> Round:
        stopped = self.stop(points, where, shop=shop, send=send)
        for point, case in stopped.items() if meanwhile else ():
            meanwhile(point, case)
        self.worker.kill()
        return stopped

    def stop(
        self, points: tuple[str, ...], where: str, *, shop: str = "", send: Callable[[Case], object] | None = None
    ) -> Round:
        self.stops: Stops = stops_in(self._folder / f"stops-{len(self._ground.site.children)}")
        self.worker = self._ground.start_worker(self.stops.folder)

        def place(point: str) -> Case:
            return self._ground.place(f"{shop}{named(point)}", f"{where}, {point}")

        return stop_at_each(points, self.stops, place, send or self._ground.send)

    def cancel(self, point: str, case: Case) -> None:
        self._ground.cancel(case)
        self._send(point, case, self._ground.packet(case))

    def send_changed(self, case: Case) -> None:
        """Only the second version of an order comes; the first is late."""
        self._old[case] = self._ground.packet(case)
        self._ground.change(case)
        self._ground.send(case)

    def send_both(self, point: str, case: Case) -> None:
        self._send(point, case, self._old[case])
        self._send(point, case, self._ground.packet(case))

    def _send(self, point: str, case: Case, packet: Packet) -> None:
        if point in HOLDING:
            self.webhooks.send(case, packet)
        else:
            self._ground.send(case, packet)


def test_no_order_is_lost_doubled_or_stuck_whatever_a_worker_died_of(deaths: Deaths) -> None:
    deaths.ground.verdict()


@pytest.mark.parametrize("point", WORKER)
def test_only_a_death_around_the_call_leaves_a_doubt(deaths: Deaths, point: str) -> None:
    states = {deaths.states[one[point].customer_reference] for one in (deaths.alone, deaths.twice)}
    assert states == {"in_doubt" if point in DOUBTFUL else "done"}


@pytest.mark.parametrize("point", WORKER)
def test_what_is_cancelled_before_the_call_is_never_sent(deaths: Deaths, point: str) -> None:
    reference = deaths.cancelled[point].customer_reference
    assert len(deaths.ground.site.sent(reference)) == MADE_ALTHOUGH_CANCELLED[point]


@pytest.mark.parametrize("point", AGAIN)
def test_policy_send_again_leaves_none_unsent(deaths: Deaths, point: str) -> None:
    reference = deaths.again[point].customer_reference
    made = len(deaths.ground.site.sent(reference))
    assert (deaths.states[reference], made) == ("done", 2 if point in TWICE else 1)


def test_each_frozen_order_is_made_once_although_two_workers_had_it(deaths: Deaths) -> None:
    assert {len(deaths.ground.site.sent(one.customer_reference)) for one in deaths.frozen.values()} == {1}


def test_a_person_who_settles_the_doubts_ends_everything(deaths: Deaths) -> None:
    deaths.ground.settle()
    deaths.ground.verdict(settled=True)
