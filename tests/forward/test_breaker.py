"""An outage of SortedPRO as the worker meets it: what is lost, what waits, and how it goes on by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import update

from bridge.config import Database
from bridge.forward import Forwarder
from bridge.sandbox.faults import status
from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.shopify.bucket import Bucket
from bridge.store import destinations, queries
from bridge.store.database import transaction
from bridge.store.destinations import Pause
from bridge.store.tables import destinations as accounts
from tests.conftest import Clock
from tests.forward.conftest import Rig, make_rig, write_mappings

CREATE, PROBE = "POST /orders", "GET /shippinglocations"


class Line(httpx.HTTPTransport):
    """Real calls; those to SortedPRO are noted, and break as `broken` says. `meanwhile` is done within a Create Order.

    Of several actions in `meanwhile` each belongs to the next call.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.broken: dict[str, type[httpx.TransportError]] = {}
        self.meanwhile: list[Callable[[], object]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        call = f"{request.method} {request.url.path}"
        if call in {CREATE, PROBE}:
            self.calls.append(call)
            if call == CREATE and self.meanwhile:
                self.meanwhile.pop(0)()
            if call in self.broken:
                raise self.broken[call]("broken", request=request)
        return super().handle_request(request)

    def is_away(self) -> None:
        self.broken = {CREATE: httpx.ReadTimeout, PROBE: httpx.ConnectError}

    def taken(self) -> list[str]:
        """The calls since it was last asked."""
        calls, self.calls = self.calls, []
        return calls


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def rig(database: Database, mappings, world, clock: Clock, line: Line) -> Iterator[Rig]:
    made = make_rig(database, mappings, world, clock, transport=line)
    yield made
    made.bridge.close()


def orders(rig: Rig, count: int, first: int = 1001) -> None:
    """So many orders, delivered and not worked on; of a shop with points enough to have them all read at once."""
    rig.world.shopify.bucket = Bucket(rig.clock, per_second=1000)
    for number in range(first, first + count):
        rig.world.shopify.add_order(shopify_order(number, at=rig.clock()), topics=["orders/create"])
    rig.deliver()


def states(rig: Rig) -> dict[str, int]:
    with transaction(rig.bridge.engine) as connection:
        return queries.count_states(connection)


def destination(rig: Rig) -> Pause:
    with transaction(rig.bridge.engine) as connection:
        return destinations.list_destinations(connection, rig.clock())[0]


def turn(rig: Rig, **later: float) -> None:
    """What a worker does, so much later."""
    rig.later(**later)
    rig.bridge.probe_destinations()
    rig.work()


class Killed(BaseException):
    """The end of a process: nothing in the bridge catches it."""


def at_begun(rig: Rig, happening: Callable[[], object]) -> Forwarder:
    """A worker to whom something happens between what it wrote down and the call."""
    worker = rig.bridge.forwarder
    return replace(worker, tools=replace(worker.tools, reach=lambda point: happening() if point == "begun" else None))


def die() -> None:
    raise Killed


@pytest.fixture
def on_trial(rig: Rig, line: Line) -> Rig:
    """#1001 is in doubt, the harmless read went well, and two more orders are due."""
    orders(rig, 3)
    line.broken = {CREATE: httpx.ReadTimeout}
    rig.bridge.forwarder.forward_next()
    line.broken = {}
    assert (line.taken(), destination(rig).breaker) == ([CREATE, PROBE], "trial")
    return rig


# --- one trouble, and all goes on ------------------------------------------------------------------------------------
def test_order_that_alone_is_answered_500_stops_the_others_for_moments_only(rig: Rig, line: Line) -> None:
    rig.world.sortedpro.behave(status(500), match="shopify-1001")
    orders(rig, 3)
    rig.work()
    assert line.taken() == [CREATE, PROBE, CREATE, CREATE]
    assert (states(rig), destination(rig).breaker) == ({"in_doubt": 1, "done": 2}, "")


def test_no_other_order_goes_while_one_is_on_trial(on_trial: Rig, line: Line) -> None:
    seen: list[list[str]] = []
    line.meanwhile = [lambda: (on_trial.work(), seen.append(line.taken()))]
    on_trial.work()
    assert (seen, line.taken(), states(on_trial)) == ([[CREATE]], [CREATE], {"in_doubt": 1, "done": 2})


def test_refusal_of_the_trial_lets_the_others_go(on_trial: Rig) -> None:
    on_trial.world.sortedpro.behave(status(400, body=b'{"Code":"X","Message":"no"}'))
    on_trial.work()
    assert (states(on_trial), destination(on_trial).breaker) == ({"in_doubt": 1, "failed": 1, "done": 1}, "")


@pytest.mark.parametrize("error", [httpx.ConnectError, None])
def test_three_unreachable_or_busy_answers_in_a_row_open_it(rig: Rig, line: Line, error) -> None:
    line.broken = {PROBE: httpx.ConnectError} | ({CREATE: error} if error else {})
    rig.world.sortedpro.behave(status(429), count=None)
    orders(rig, 5)
    rig.work()
    assert (line.taken(), states(rig)) == ([CREATE, CREATE, CREATE, PROBE], {"queued": 5})
    line.broken = {}
    rig.world.sortedpro.clear()
    turn(rig, minutes=1)
    assert (states(rig), destination(rig).breaker) == ({"done": 5}, "")


def test_two_and_a_success_do_not(rig: Rig, line: Line) -> None:
    for number in (1001, 1002, 1004, 1005):
        rig.world.sortedpro.behave(status(429), match=f"shopify-{number}")
    orders(rig, 6)
    rig.work()
    assert (line.taken(), states(rig)) == ([CREATE] * 6, {"queued": 4, "done": 2})


def test_busy_destination_is_tried_again_within_a_minute_however_long_it_was_busy(rig: Rig, line: Line) -> None:
    rig.world.sortedpro.behave(status(429, headers={"Retry-After": "1"}), count=None)
    orders(rig, 30)
    rig.work()
    for _ in range(60):
        turn(rig, minutes=1)
    rig.world.sortedpro.clear()
    for _ in range(4):
        turn(rig, seconds=30)
    assert (states(rig), destination(rig).breaker) == ({"done": 30}, "")


def test_order_that_is_answered_500_ever_again_stops_a_later_one_for_no_moment(
    database: Database, world, clock: Clock, tmp_path, line: Line
) -> None:
    again = write_mappings(tmp_path / "again", world, "destination: { on_unknown_outcome: send_again }\n")
    rig = make_rig(database, again, world, clock, transport=line)
    world.sortedpro.behave(status(500), match="shopify-1001", count=None)
    orders(rig, 1)
    for _ in range(120):
        turn(rig, minutes=1)
    assert line.taken().count(CREATE) > 5
    orders(rig, 1, first=1002)
    rig.work()
    assert (states(rig), destination(rig).breaker) == ({"received": 1, "done": 1}, "")
    rig.bridge.close()


# --- an outage -------------------------------------------------------------------------------------------------------
def test_outage_in_a_burst_leaves_as_many_in_doubt_as_were_on_the_way_and_adds_none(rig: Rig, line: Line) -> None:
    line.is_away()
    together = threading.Barrier(16, timeout=15)
    line.meanwhile = [together.wait] * 16  # the destination's concurrency
    orders(rig, 24)

    def live() -> None:
        rig.work()
        while line.meanwhile and not together.broken:  # others took what it looked for: it looks again
            rig.work()

    with ThreadPoolExecutor(20) as pool:
        for done in [pool.submit(live) for _ in range(20)]:
            done.result()
    rig.work()  # what a thread left to others because its shop had most of them
    assert states(rig) == {"in_doubt": 16, "queued": 8}
    for _ in range(20):
        turn(rig, minutes=1)
    assert (states(rig), line.taken().count(CREATE)) == ({"in_doubt": 16, "queued": 8}, 16)
    line.broken = {}
    turn(rig, minutes=1)
    assert (states(rig), destination(rig).breaker) == ({"in_doubt": 16, "done": 8}, "")


def test_bad_probe_is_made_again_ever_later_and_nothing_is_sent_meanwhile(rig: Rig, line: Line) -> None:
    line.is_away()
    orders(rig, 3)
    rig.work()
    assert line.taken() == [CREATE, PROBE]
    for wait in (2, 4, 8, 16, 32, 60, 60):
        turn(rig, seconds=wait - 1)
        assert line.taken() == []
        turn(rig, seconds=1)
        assert line.taken() == [PROBE]
    assert states(rig) == {"in_doubt": 1, "queued": 2}


def test_where_only_create_order_fails_each_trial_adds_one_doubt_ever_later(rig: Rig, line: Line) -> None:
    line.broken = {CREATE: httpx.ReadTimeout}
    orders(rig, 14)
    rig.work()
    assert line.taken() == [CREATE, PROBE, CREATE]  # the first, and the first trial at once
    for wait in (10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600):
        turn(rig, seconds=wait - 1)
        assert line.taken() == []
        turn(rig, seconds=1)
        assert line.taken() == [PROBE, CREATE]
    assert states(rig) == {"in_doubt": 13, "queued": 1}


def test_person_who_resumes_has_the_rest_sent_at_once(rig: Rig, line: Line) -> None:
    line.is_away()
    orders(rig, 3)
    rig.work()
    line.broken = {}
    with transaction(rig.bridge.engine) as connection:
        destinations.resume_destination(connection, "sorted")
    rig.work()
    assert states(rig) == {"in_doubt": 1, "done": 2}


# --- a trial that comes to nothing -----------------------------------------------------------------------------------
def test_worker_that_dies_with_the_order_on_trial_makes_it_open_again(on_trial: Rig, line: Line) -> None:
    with pytest.raises(Killed):
        at_begun(on_trial, die).forward_next()
    turn(on_trial, seconds=29)
    assert states(on_trial) == {"in_doubt": 1, "sending": 1, "queued": 1}
    turn(on_trial, seconds=1)
    turn(on_trial, seconds=9)
    assert (states(on_trial), line.taken()) == ({"in_doubt": 2, "queued": 1}, [])
    turn(on_trial, seconds=1)
    assert (states(on_trial), line.taken()) == ({"in_doubt": 2, "done": 1}, [PROBE, CREATE])


def test_order_on_trial_that_began_too_late_to_be_sent_leaves_the_trial_to_the_next(on_trial: Rig, line: Line) -> None:
    at_begun(on_trial, lambda: on_trial.later(seconds=11)).forward_next()
    assert (states(on_trial), line.taken()) == ({"in_doubt": 1, "queued": 1, "received": 1}, [])
    on_trial.work()
    assert (states(on_trial), destination(on_trial).breaker) == ({"in_doubt": 1, "queued": 1, "done": 1}, "")
    turn(on_trial, seconds=10)
    assert states(on_trial) == {"in_doubt": 1, "done": 2}


# --- a key that is refused -------------------------------------------------------------------------------------------
def go_on_with_the_new_key(rig: Rig, database: Database, mappings) -> tuple[dict[str, int], str]:
    again = make_rig(database, mappings, rig.world, rig.clock)
    turn(again, minutes=1)
    found = states(again), destination(again).breaker
    again.bridge.close()
    return found


def test_key_refused_to_the_trial_pauses_until_there_is_another(on_trial: Rig, database, mappings, line: Line) -> None:
    on_trial.world.sortedpro.api_key = "another"
    turn(on_trial, days=1)
    turn(on_trial, days=1)
    assert (destination(on_trial).code, line.taken()) == ("misconfigured", [CREATE])
    assert go_on_with_the_new_key(on_trial, database, mappings) == ({"in_doubt": 1, "done": 2}, "")


def test_key_refused_to_the_probe_pauses_until_there_is_another(rig: Rig, database, mappings, line: Line) -> None:
    line.is_away()
    orders(rig, 2)
    rig.work()
    line.broken = {}
    rig.world.sortedpro.api_key = "another"
    turn(rig, minutes=1)
    turn(rig, days=1)
    assert (destination(rig).code, line.taken()) == ("misconfigured", [CREATE, PROBE, PROBE])
    assert go_on_with_the_new_key(rig, database, mappings) == ({"in_doubt": 1, "done": 1}, "")


def test_worker_of_the_key_before_leaves_the_destination_to_those_with_the_new_one(rig: Rig, line: Line) -> None:
    rig.world.sortedpro.behave(status(401), count=None)
    with transaction(rig.bridge.engine) as connection:
        connection.execute(update(accounts).values(credentials="of the new key"))
    orders(rig, 3)
    rig.work()
    turn(rig, seconds=59)
    assert (line.taken(), destination(rig).paused_at) == ([CREATE], None)
    assert states(rig) == {"queued": 1, "received": 2}  # due, for another worker
    turn(rig, seconds=1)
    assert line.taken() == [CREATE]  # it may be the right one again


def test_probe_of_a_worker_of_the_key_before_pauses_nothing(rig: Rig, line: Line) -> None:
    line.is_away()
    orders(rig, 2)
    rig.work()
    line.broken = {}
    rig.world.sortedpro.api_key = "another"
    with transaction(rig.bridge.engine) as connection:
        connection.execute(update(accounts).values(credentials="of the new key"))
    turn(rig, seconds=30)
    turn(rig, seconds=29)
    assert (line.taken(), destination(rig).paused_at) == ([CREATE, PROBE, PROBE], None)
