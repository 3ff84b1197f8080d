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

    def again(self) -> None:
        self.begun.clear()
        self.may_go_on.clear()


def test_order_that_lost_its_place_while_its_shop_was_read_has_the_next_one(database, world, clock, tmp_path) -> None:
    shopify, held = Reading(), Held()
    reader: list[threading.Thread] = []

    def give_way(_wait: float) -> None:
        shopify.may_go_on.set()
        reader[-1].join()

    def read() -> None:
        reader.append(threading.Thread(target=rigs[0].bridge.forwarder.forward_next))
        reader[-1].start()
        assert shopify.begun.wait(15)

    with two(database, world, clock, tmp_path, "concurrency: 1", transport=shopify, pause=give_way) as rigs:
        world.shopify.add_order(shopify_order(1001, at=clock()), topics=["orders/create"])
        rigs[0].deliver()
        read()
        for number in (1, 2):
            world.woocommerce.add_order(woo_order(number, home=world.woocommerce.url))
        rigs[0].deliver()
        first = in_flight(rigs[1], held)
        shopify.may_go_on.set()
        reader[-1].join()
        assert rigs[0].order("#1001").code == "no_room"
        held.told.set()
        first.join()
        shopify.again()
        read()
        rigs[1].work()
        assert rigs[0].sent() == ["woocommerce-1", "shopify-1001", "woocommerce-2"]
