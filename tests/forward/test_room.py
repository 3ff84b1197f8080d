"""How many orders go to a destination at a time, how fast, and how it is left alone when it asks for that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from bridge.sandbox.faults import status
from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.sortedpro import throttled
from bridge.sandbox.woocommerce import woo_order
from bridge.store.database import transaction
from bridge.store.destinations import list_destinations, resume_destination
from bridge.store.tables import attempts
from tests.forward.conftest import Rig, make_rig, write_mappings
from tests.forward.test_breaker import orders, states, turn
from tests.forward.test_doubt import Held, in_flight


@contextmanager
def two(database, world, clock, folder: Path, limits: str, **entering) -> Iterator[tuple[Rig, Rig]]:
    """Two workers on one database, whose destination has these limits."""
    mappings = write_mappings(folder / "m", world, f"destination: {{ {limits} }}\n")
    rigs = (
        make_rig(database, mappings, world, clock, **entering),
        make_rig(database, mappings, world, clock, **entering),
    )
    yield rigs
    for rig in rigs:
        rig.bridge.close()


# --- Retry-After -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("asked", "kept"), [(90, 90), (86400, 3600)])
def test_whole_destination_is_quiet_as_long_as_it_asked_for_but_an_hour_at_most(rig: Rig, asked, kept) -> None:
    rig.world.sortedpro.behave(throttled(asked))
    orders(rig, 3)
    turn(rig)
    turn(rig, seconds=kept - 1)
    assert states(rig) == {"queued": 3}
    turn(rig, seconds=1)
    assert states(rig) == {"done": 3}


def test_a_person_resumes_without_waiting_for_what_was_asked(rig: Rig) -> None:
    rig.world.sortedpro.behave(throttled(3600))
    orders(rig, 3)
    turn(rig)
    with transaction(rig.bridge.engine) as connection:
        assert [one.orders for one in list_destinations(connection, rig.clock())] == [3]
        resume_destination(connection, "sorted")
    turn(rig)
    assert states(rig) == {"done": 3}


def test_busy_answers_never_use_an_order_up(rig: Rig) -> None:
    rig.world.sortedpro.behave(status(429), count=None)
    orders(rig, 1)
    for _ in range(20):  # ten days; unreachable ones end an order after seven
        turn(rig, hours=12)
    assert (states(rig), len(rig.world.sortedpro.calls())) == ({"queued": 1}, 20)
    rig.world.sortedpro.clear()
    turn(rig, hours=1)
    assert states(rig) == {"done": 1}


# --- rate and concurrency, over two workers --------------------------------------------------------------------------
def test_calls_of_two_workers_begin_half_a_second_apart_at_two_a_second(database, world, clock, tmp_path) -> None:
    limits = "requests_per_second: 2"
    with two(database, world, clock, tmp_path, limits, pause=lambda wait: clock.forward(seconds=wait)) as rigs:
        orders(rigs[0], 10)
        for _ in range(5):
            for rig in rigs:
                assert rig.bridge.forwarder.forward_next()
        with transaction(rigs[0].bridge.engine) as connection:
            begun = connection.execute(select(attempts.c.started_at).order_by(attempts.c.started_at)).scalars().all()
        assert states(rigs[0]) == {"done": 10}
    assert [(later - earlier).total_seconds() for earlier, later in pairwise(begun)] == [0.5] * 9


def test_worker_that_is_to_end_while_it_waits_for_its_turn_begins_no_call(database, world, clock, tmp_path) -> None:
    def wait(seconds: float) -> None:
        clock.forward(seconds=seconds)
        rigs[0].bridge.stop.set()  # what SIGTERM does

    with two(database, world, clock, tmp_path, "requests_per_second: 2", pause=wait) as rigs:
        orders(rigs[0], 2)
        for _ in range(2):
            assert rigs[0].bridge.forwarder.forward_next()
        assert rigs[0].sent() == ["shopify-1001"]
        rigs[1].work()
        assert rigs[0].sent() == ["shopify-1001", "shopify-1002"]


class Gate(httpx.HTTPTransport):
    """Real calls; Create Order calls wait until it is opened, and are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = threading.Event()
        self.inside = 0
        self.most = 0
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if (request.method, request.url.path) != ("POST", "/orders"):
            return super().handle_request(request)
        self._count(1)
        try:
            assert self.opened.wait(15)
            return super().handle_request(request)
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._lock:
            self.inside += more
            self.most = max(self.most, self.inside)


def test_two_workers_together_never_have_more_on_the_way_than_there_is_room(database, world, clock, tmp_path) -> None:
    gate = Gate()
    with two(database, world, clock, tmp_path, "concurrency: 3", transport=gate) as rigs:
        orders(rigs[0], 10)
        with ThreadPoolExecutor(8) as pool:
            threads = [pool.submit(rigs[number % 2].work) for number in range(8)]
            for idle in islice(as_completed(threads, timeout=15), 5):  # all but those whose orders are on the way
                idle.result()
            assert states(rigs[0])["sending"] == 3
            gate.opened.set()
            for thread in threads:
                thread.result()
        rigs[0].work()
        assert (states(rigs[0]), gate.most) == ({"done": 10}, 3)


class Reading(httpx.HTTPTransport):
    """Real calls; those to Shopify wait until they may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.may_go_on = threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("graphql.json"):
            self.begun.set()
            assert self.may_go_on.wait(15)
        return super().handle_request(request)


class Contest:
    """One place at SortedPRO, for orders of Shopify that are read first, and of WooCommerce that are not."""

    def __init__(self, rigs: tuple[Rig, Rig], reading: Reading) -> None:
        self.rigs = rigs
        self.world = rigs[0].world
        self.reading = reading
        self.held = Held()

    def place(self, *numbers: int) -> None:
        """Orders of Shopify."""
        for number in numbers:
            self.world.shopify.add_order(shopify_order(number, at=self.rigs[0].clock()), topics=["orders/create"])
        self.rigs[0].deliver()

    def lose(self) -> None:
        """While the next order of Shopify is read, woocommerce-1 takes the place, and woocommerce-2 and -3 come."""
        reader = self.read()
        for number in (1, 2, 3):
            self.world.woocommerce.add_order(woo_order(number, home=self.world.woocommerce.url))
        self.rigs[0].deliver()
        self.winner = in_flight(self.rigs[1], self.held)
        self.reading.may_go_on.set()
        reader.join()

    def free(self) -> None:
        """The call of woocommerce-1 ends."""
        self.held.told.set()
        self.winner.join()

    def read(self) -> threading.Thread:
        """A worker that has claimed the next order of Shopify and reads it, until it may go on."""
        self.reading.begun.clear()
        self.reading.may_go_on.clear()
        reader = threading.Thread(target=self.rigs[0].bridge.forwarder.forward_next)
        reader.start()
        assert self.reading.begun.wait(15)
        return reader

    def order(self) -> list[str]:
        """In which order those of SortedPRO are made from here on, where a worker of WooCommerce's is at hand."""
        reader = self.read()
        self.rigs[1].bridge.forwarder.forward_next()
        self.reading.may_go_on.set()
        reader.join()
        self.rigs[1].work()
        return self.rigs[0].sent()


@pytest.fixture
def contest(database, world, clock, tmp_path) -> Iterator[Contest]:
    reading = Reading()
    with two(database, world, clock, tmp_path, "concurrency: 1", transport=reading) as rigs:
        yield Contest(rigs, reading)


SENT = ["woocommerce-1", "shopify-1001", "woocommerce-2", "woocommerce-3"]


def test_order_that_lost_its_place_while_its_shop_was_read_has_the_next_one(contest: Contest) -> None:
    contest.place(1001)
    contest.lose()
    assert contest.rigs[0].order("#1001").code == "no_room"
    contest.free()
    assert contest.order() == SENT


def test_order_that_lost_its_place_is_not_overtaken_by_others_of_its_shop(contest: Contest) -> None:
    contest.place(1001, 1002, 1003)
    contest.lose()
    contest.free()
    assert contest.order()[:2] == SENT[:2]


def test_order_that_was_busy_before_it_lost_its_place_has_the_next_one(contest: Contest) -> None:
    contest.world.sortedpro.behave(status(429))
    contest.place(1001)
    reader = contest.read()
    contest.reading.may_go_on.set()
    reader.join()
    assert contest.rigs[0].order("#1001").code == "busy"
    contest.rigs[0].later(minutes=1)
    contest.lose()
    contest.free()
    assert contest.order() == SENT


def test_place_that_becomes_free_late_is_left_to_the_order_all_the_same(contest: Contest) -> None:
    contest.place(1001)
    contest.lose()
    contest.rigs[0].later(seconds=19)
    contest.free()
    assert contest.order() == SENT


def test_place_is_not_left_for_long_to_an_order_that_hangs_beside_others_of_its_shop(contest: Contest) -> None:
    contest.place(1001)
    contest.lose()
    contest.free()
    reader = contest.read()
    contest.rigs[0].later(seconds=3)
    contest.world.shopify.add_order(shopify_order(1002, at=contest.rigs[0].clock()), topics=["orders/create"])
    contest.rigs[0].deliver()
    another = contest.rigs[0].bridge.forwarder
    second = threading.Thread(target=another.forward_next)  # it has its shop served at this moment
    second.start()
    contest.rigs[1].bridge.forwarder.forward_next()
    assert contest.rigs[0].sent() == SENT[:1] + SENT[2:3]
    contest.reading.may_go_on.set()
    reader.join()
    second.join()
