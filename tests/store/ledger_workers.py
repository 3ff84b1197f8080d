"""Workers of the ledger's property test, which stop wherever they are told.

A worker is a thread that moves when the test says so and stands still at a named point (see bridge/stops.py) until it
is told to go on, or dies there as by `kill -9`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

IN_TRANSACTION = frozenset({"begin_written", "end_written"})  # here one may die, but not stand and hold the others up


class Killed(BaseException):
    """The process is no more; nothing catches this."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """How a step of a worker goes on and ends."""

    until: str = ""  # the point where it stops; "" for the end of its work
    dies: bool = False  # there
    answer: str = "created"  # of SortedPRO, should it be asked
    shop: str = "well"  # how the shop does: well, away, or deaf (does what it is told and never answers)


class Worker:
    """A thread that forwards one order at a time, from one point to the next."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.step = Step()
        self.at = ""  # the point at which it stands
        self.fault: BaseException | None = None
        self._go = threading.Semaphore(0)
        self._still = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def go(self, step: Step) -> None:
        """Set it going; whoever does so waits for it by `wait`."""
        self.step = step
        self._go.release()

    def wait(self) -> None:
        """Until it stands still or is at its end."""
        assert self._still.acquire(timeout=20), f"a worker hangs after {self.at or 'its start'}"
        if self.fault is not None:
            raise self.fault

    @property
    def is_over(self) -> bool:
        return self.at == "over"

    def reach(self, point: str) -> None:
        """Called in the thread itself, at each named point."""
        if point != self.step.until:
            return
        if self.step.dies:
            raise Killed
        if point in IN_TRANSACTION:
            return
        self.at = point
        self._still.release()
        self._go.acquire()
        if self.step.dies and not self.step.until:
            raise Killed

    def _run(self, work: Callable[[], object]) -> None:
        self._go.acquire()
        try:
            work()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - told in the thread of the test
            self.fault = error
        finally:
            self.at = "over"
            self._still.release()
