"""Connections go to threads in the order in which they asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from bridge.config import Database
from bridge.errors import StoreAway
from bridge.store.database import connect, transaction
from bridge.store.fair_pool import FairPool


@pytest.fixture
def single(database: Database) -> Iterator[Engine]:
    """An engine with one connection."""
    engine = connect(database, pool=1, pool_wait=10)
    yield engine
    engine.dispose()


def _waiting(engine: Engine) -> int:
    pool = engine.pool
    assert isinstance(pool, FairPool)
    return len(pool._pool._waiters)  # type: ignore[attr-defined]


def _until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.001)


def test_a_waiter_comes_before_the_thread_that_lays_down_and_asks_again(single: Engine) -> None:
    came: list[str] = []

    def ask(name: str) -> None:
        with single.connect():
            came.append(name)

    with ThreadPoolExecutor() as threads:
        held = single.connect()
        asked = []
        for place, name in enumerate(["first", "second", "third"], start=1):
            asked.append(threads.submit(ask, name))
            _until(lambda place=place: _waiting(single) == place)  # type: ignore[misc]
        held.close()
        ask("again")
        for one in asked:
            one.result(10)
    assert came == ["first", "second", "third", "again"]


def test_no_thread_starves_beside_busy_ones(database: Database) -> None:
    """More threads than connections, all of them laying down and asking again at once."""
    engine = connect(database, pool=2, pool_wait=10)
    done = threading.Event()
    taken = [0] * 8

    def work(number: int) -> None:
        while not done.is_set():
            with engine.connect() as connection:
                connection.execute(text("select 1"))
                taken[number] += 1

    with ThreadPoolExecutor(8) as threads:
        working = [threads.submit(work, number) for number in range(8)]
        try:
            _until(lambda: sum(taken) >= 2000)
        finally:
            done.set()
        for one in working:
            one.result(10)
    engine.dispose()
    assert min(taken) >= max(taken) / 2


def test_who_waits_too_long_is_told_and_leaves_the_queue(database: Database) -> None:
    engine = connect(database, pool=1, pool_wait=0.05)
    with engine.connect():
        with pytest.raises(StoreAway, match="all database connections are busy"), transaction(engine):
            pass
        assert _waiting(engine) == 0
    with transaction(engine) as connection:
        assert connection.scalar(text("select 1")) == 1
    engine.dispose()


def test_a_connection_handed_to_a_waiter_that_is_interrupted_is_not_lost(
    single: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = single.connect()
    waiter_of_pool = type("Interrupted", (), {"entry": None, "hand": lambda self, entry: setattr(self, "entry", entry)})

    def interrupted(_self: object, _timeout: float | None) -> None:
        held.close()  # handed over, and then a signal's handler raises
        raise KeyboardInterrupt

    waiter_of_pool.wait = interrupted  # type: ignore[attr-defined]
    with monkeypatch.context() as patched:
        patched.setattr("bridge.store.fair_pool._Waiter", waiter_of_pool)
        with pytest.raises(KeyboardInterrupt):
            single.connect()
    with single.connect() as connection:
        assert connection.scalar(text("select 1")) == 1


def test_the_pool_serves_on_after_it_was_thrown_away(single: Engine) -> None:
    with single.connect():
        pass
    single.dispose()
    assert isinstance(single.pool, FairPool)
    with single.connect() as connection:
        assert connection.scalar(text("select 1")) == 1
