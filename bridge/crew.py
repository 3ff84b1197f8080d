"""The threads of a worker: each takes the next order from the ledger, works on it, and looks for another."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg
import structlog

from bridge.config import Database
from bridge.errors import StoreAway
from bridge.store import doorbell

log = structlog.get_logger()

_LOOK = 1.0  # seconds between two looks at the ledger by a crew that nobody rings for
_AWAY = 2.0  # seconds until the database is asked again after it was away


class Crew:
    """As many threads as orders may be worked on at a time; they end when `stop` is set, each after its order.

    `work` works on one order and says whether there was one; it calls what it is given once it has it, so that the next
    thread looks for another. `chance` spreads the looks.
    """

    def __init__(
        self,
        work: Callable[[Callable[[], None]], bool],
        *,
        size: int,
        stop: threading.Event,
        chance: Callable[[], float],
    ) -> None:
        self._work = work
        self._size = size
        self._stop = stop
        self._chance = chance
        self._calls = threading.BoundedSemaphore(size)
        for _ in range(size):
            self._calls.acquire()
        self._threads = [threading.Thread(target=self._live, name=f"order-{number}") for number in range(size)]

    def start(self, database: Database) -> None:
        """Begin to work, and to listen for rings at `database`."""
        for thread in self._threads:
            thread.start()
        threading.Thread(target=self._listen, args=(database,), name="doorbell", daemon=True).start()

    def wake(self) -> None:
        """Let one that sleeps look for an order; it wakes the next one if it finds one."""
        try:
            self._calls.release()
        except ValueError:  # as many are called already as there are
            return

    def join(self) -> None:
        """Wait until all have ended; `stop` is to be set before."""
        for _ in self._threads:
            self.wake()
        for thread in self._threads:
            thread.join()

    def _live(self) -> None:
        while not self._stop.is_set():
            wait = _LOOK * self._size * (0.5 + self._chance())  # together they look once in _LOOK
            try:
                if self._work(self.wake):
                    continue
            except StoreAway as error:
                log.error("the database is away", reason=str(error))
                wait = _AWAY * (0.5 + self._chance())
            except Exception:  # a fault outside any order must not cost the worker a thread
                log.exception("internal error between two orders")
                wait = _AWAY * (0.5 + self._chance())
            self._calls.acquire(timeout=wait)

    def _listen(self, database: Database) -> None:
        while not self._stop.is_set():
            try:
                doorbell.listen(database, self.wake, self._stop)
            except psycopg.Error as error:
                log.error("nobody hears the doorbell for now", reason=type(error).__name__)
                self._stop.wait(_AWAY)
