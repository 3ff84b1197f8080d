"""kill -9 of a worker at each of its points, combined with what may come meanwhile; another worker takes over.

One site for all of it, because a claim lasts: here until all have died. Each worker stops at every point at once, with
an order of its own at each; then webhooks come, and it dies. The other worker is frozen meanwhile, but for the last
death. One worker is not killed: it is frozen as machines are, and goes on when the other one has done its work.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bridge.config import Database
from bridge.processes import Child
from bridge.sandbox.webhooks import Packet
from bridge.stops import WORKER
from tests.faults.ground import Case, Ground, ground_on, named, shops_for
from tests.faults.parts import judge_parts
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

# Shops that ship from two places, and send what is added later by themselves.
TWO_PLACES = ("Leeds", "Bristol")
PARTED = "locations: { any: WAREHOUSE-1, Bristol: WAREHOUSE-2 }\nlater_items: send\n"
# Where both parts of an order from two places come to stand. Before, there is one part yet; at the others the second
# waits for the first.
BOTH = {"begun", "answered", "ended", "done"}

Round = dict[str, Case]  # by point


@dataclass(frozen=True, kw_only=True)
class Deaths:
    """The site after all deaths, at rest, before a person has done anything; and what was seen then."""

    ground: Ground
    alone: Round
    cancelled: Round
    twice: Round  # the same webhook again, and an older version after the newer
    again: Round  # with the policy send_again
    parted: Round  # from two places
    edited: Round  # goods were added meanwhile
    frozen: Round  # a worker that went on after another had taken over
    beside: Round  # cancelled, older and same again, while a second worker was at work
    states: dict[str, str]  # by our reference


@pytest.fixture(scope="module")
def deaths(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deaths]:
    folder = tmp_path_factory.mktemp("deaths")
    shops = shops_for(WORKER) + shops_for(AGAIN, "again-", on_unknown_outcome="send_again")
    shops += [replace(shop, platform="shopify", more=PARTED) for shop in shops_for(WORKER, "parted-")]
    with database_on(server) as database, ground_on(database, folder, shops, BRIDGE_CONCURRENCY="32") as ground:
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
        parted = rounds.kill(WORKER, "two places", shop="parted-", places=TWO_PLACES, twice=BOTH)
        edited = rounds.kill(WORKER, "edited meanwhile", shop="parted-", meanwhile=rounds.edit)
        frozen = rounds.stop(FREEZING, "frozen")
        frozen_worker, frozen_stops = rounds.worker, rounds.stops
        frozen_worker.popen.send_signal(signal.SIGSTOP)
        ground.keep_claims()
        beside = rounds.stop(FREEZING, "second worker at work", shop="parted-", send=rounds.send_changed)
        ground.keep_claims()
        rounds.let_work(other)
        for point, case in beside.items():
            rounds.send_both(point, case)
            rounds.cancel(point, case)
        rounds.worker.kill()
        ground.end_claims()
        ground.wait()
        frozen_stops.go_on()
        frozen_worker.popen.send_signal(signal.SIGCONT)
        rounds.webhooks.wait()
        ground.wait_out_of_doubt([frozen["begun"], frozen["answered"]])  # which it knows to end, late as it is
        ground.wait()
        yield Deaths(
            ground=ground,
            alone=alone,
            cancelled=cancelled,
            twice=twice,
            again=again,
            parted=parted,
            edited=edited,
            frozen=frozen,
            beside=beside,
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
        places: Sequence[str] = (),
        twice: Collection[str] = (),
    ) -> Round:
        stopped = self.stop(points, where, shop=shop, send=send, places=places, twice=twice)
        for point, case in stopped.items() if meanwhile else ():
            meanwhile(point, case)
        self.worker.kill()
        self._ground.keep_claims()
        return stopped

    def stop(
        self,
        points: tuple[str, ...],
        where: str,
        *,
        shop: str = "",
        send: Callable[[Case], object] | None = None,
        places: Sequence[str] = (),
        twice: Collection[str] = (),
    ) -> Round:
        self.stops: Stops = stops_in(self._folder / f"stops-{len(self._ground.site.children)}")
        self.worker = self._ground.start_worker(self.stops.folder)

        def place(point: str) -> Case:
            case = self._ground.place(f"{shop}{named(point)}", f"{where}, {point}", places=places)
            case.parts = bool(places)
            return case

        return stop_at_each(points, self.stops, place, send or self._ground.send, twice=twice)

    def let_work(self, other: Child) -> None:
        """Until the other worker has done an order; the stopped one is frozen, so that it takes no new ones."""
        self.worker.popen.send_signal(signal.SIGSTOP)
        other.popen.send_signal(signal.SIGCONT)
        fresh = self._ground.place("done", "beside the stopped")
        self._ground.send(fresh)
        self._ground.wait([fresh])

    def edit(self, point: str, case: Case) -> None:
        self._ground.add_goods(case)
        self._send(point, case, self._ground.packet(case))

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


@pytest.mark.parametrize("point", FREEZING)
def test_what_is_cancelled_beside_a_second_worker_is_never_sent_after(deaths: Deaths, point: str) -> None:
    """Although an older version came after the newer, and the second worker was at work all the time."""
    reference = deaths.beside[point].customer_reference
    assert len(deaths.ground.site.sent(reference)) == MADE_ALTHOUGH_CANCELLED[point]


def test_an_order_from_two_places_has_two_parts(deaths: Deaths) -> None:
    assert {len(deaths.ground.rows(case)) for case in deaths.parted.values()} == {2}


@pytest.mark.parametrize(
    ("ruin", "words"),
    [
        ({"parts": []}, "lost: it was acknowledged"),
        ({"sent": {"MUG-BLUE": 3, "BLANKET-L": 1}}, "doubled: more was sent than is wanted"),
        ({"sent": {"MUG-BLUE": 2}}, "lost: not all that is wanted was sent"),
        ({"made": ["EO-000-000-001", "EO-000-000-002", "EO-000-000-003"]}, "doubled: a part has more than one order"),
        ({"made": ["EO-000-000-001", "EO-000-000-002"]}, "what the bridge knows is not what SortedPRO has"),
        ({"written": "EO-000-000-001"}, "the shop order does not carry each reference once"),
    ],
)
def test_verdict_about_parts_finds_each_ruin(deaths: Deaths, ruin: dict[str, Any], words: str) -> None:
    well = deaths.ground.goods(deaths.parted["claimed"])
    assert judge_parts(well, settled=True) == []
    assert words in "\n".join(judge_parts(replace(well, **ruin), settled=True))


def test_a_person_who_settles_the_doubts_ends_everything(deaths: Deaths) -> None:
    deaths.ground.settle()
    deaths.ground.verdict(settled=True)
