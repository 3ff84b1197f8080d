"""The threads of a worker: woken by a ring, all of them at work on a backlog, ended after their orders."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, text

from bridge.config import Database
from bridge.crew import Crew
from bridge.errors import StoreAway
from bridge.store.database import transaction
from bridge.store.doorbell import ring

SIZE = 4
LIMIT = 15  # seconds after which a test gives up


class Backlog:
    """Orders to work on: the first `SIZE` - 1 take no time, the others end when all threads have one each."""

    def __init__(self) -> None:
        self.left = 0
        self.looks = threading.Semaphore(0)  # released at each look that finds nothing
        self.all_at_work = threading.Event()
        self._together = threading.Barrier(SIZE, action=self.all_at_work.set, timeout=LIMIT)
        self._taken = 0
        self._lock = threading.Lock()

    def work(self, claimed: Callable[[], None]) -> bool:
        with self._lock:
            if not self.left:
                self.looks.release()
                return False
            self.left -= 1
            self._taken += 1
            number = self._taken
        claimed()
        if number >= SIZE:
            self._together.wait()
        return True

    def wait_for_looks(self, count: int) -> None:
        for _ in range(count):
            assert self.looks.acquire(timeout=LIMIT)


@contextmanager
def at_work(
    work: Callable[[Callable[[], None]], bool], database: Database, *, size: int = SIZE, chance: float = 600
) -> Iterator[Crew]:
    """A crew; with that chance nobody looks by himself for ten minutes."""
    stop = threading.Event()
    crew = Crew(work, size=size, stop=stop, chance=lambda: chance)
    crew.start(database)
    try:
        yield crew
    finally:
        stop.set()
        crew.join()


@pytest.fixture
def backlog() -> Backlog:
    return Backlog()


def test_ring_wakes_one_who_wakes_the_others_for_a_backlog(backlog: Backlog, engine: Engine, database) -> None:
    with at_work(backlog.work, database):
        backlog.wait_for_looks(SIZE + 1)  # each once, and one who was woken as the listening began
        backlog.left = 2 * SIZE - 1
        with transaction(engine) as connection:
            ring(connection)
        assert backlog.all_at_work.wait(LIMIT)
    assert backlog.left == 0


def test_ring_for_nothing_lets_one_look_and_sleep_again(backlog: Backlog, engine: Engine, database) -> None:
    with at_work(backlog.work, database):
        backlog.wait_for_looks(SIZE + 1)
        with transaction(engine) as connection:
            ring(connection)
        backlog.wait_for_looks(1)
        assert not backlog.looks.acquire(blocking=False)


def test_crew_that_nobody_rings_for_looks_by_itself(backlog: Backlog, database) -> None:
    with at_work(backlog.work, database, size=1, chance=-0.45):  # each 0.05 s
        backlog.wait_for_looks(5)


def test_each_ends_after_its_order_when_it_is_to_stop(database) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), []

    def work(claimed: Callable[[], None]) -> bool:
        begun.set()
        assert go_on.wait(LIMIT)
        ended.append("one")
        return True  # there would be more

    stop = threading.Event()
    crew = Crew(work, size=1, stop=stop, chance=lambda: 600)
    crew.start(database)
    assert begun.wait(LIMIT)
    stop.set()
    go_on.set()
    crew.join()
    assert ended == ["one"]


def test_crew_goes_on_after_the_database_was_away_and_after_a_fault(database) -> None:
    worked = threading.Event()
    answers = iter([StoreAway("away"), ValueError("a fault between two orders"), True])

    def work(claimed: Callable[[], None]) -> bool:
        found = next(answers, False)
        if isinstance(found, Exception):
            raise found
        if found:
            worked.set()
        return found

    with at_work(work, database, size=1, chance=-0.45):  # each 0.1 s
        assert worked.wait(LIMIT)


def test_listening_begins_again_when_the_database_is_there_again(
    backlog: Backlog, engine: Engine, database, server
) -> None:
    with at_work(backlog.work, database):
        backlog.wait_for_looks(SIZE + 1)
        with transaction(engine) as connection:
            listening = "datname = current_database() and query like 'listen %'"
            cut = f"select count(pg_terminate_backend(pid)) from pg_stat_activity where {listening}"
            assert connection.execute(text(cut)).scalar_one() == 1
        backlog.wait_for_looks(1)  # who begins to listen looks for what was rung for meanwhile
