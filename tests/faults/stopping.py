"""Processes that are stopped at every point of the journey at once, each order at its own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from bridge.processes import Child
from bridge.sandbox.webhooks import Packet
from bridge.store.database import transaction
from tests.faults.ground import LIMIT, Case, Ground
from tests.journeys.site import until

# Where the transaction under way holds the order: a webhook of it waits there, is answered 503 and comes again.
HOLDING = frozenset({"begin_written", "end_written"})


@dataclass(frozen=True, kw_only=True)
class Stops:
    """The folder that arms the points of one process."""

    folder: Path

    def arm(self, point: str) -> None:
        (self.folder / point).touch()

    def wait(self, point: str, *, threads: int = 1) -> None:
        """Until so many threads are there."""

        def there() -> bool:
            return len([*self.folder.glob(f"{point}.at.*")]) >= threads

        until(there, seconds=LIMIT, what=lambda: f"{threads} at {point}")

    def go_on(self) -> None:
        """Let whoever waits go on, and nobody stop any more."""
        for armed in self.folder.glob("*"):
            if "." not in armed.name:
                armed.unlink(missing_ok=True)


def stops_in(folder: Path) -> Stops:
    folder.mkdir()
    return Stops(folder=folder)


def stop_at_each(
    points: Sequence[str],
    stops: Stops,
    place: Callable[[str], Case],
    send: Callable[[Case], object],
    *,
    twice: Collection[str] = (),
) -> dict[str, Case]:
    """Stop a process at each of the points with an order of its own, the last point first, so that none is in the way.

    The next order comes only when the one before has stopped; at points in `twice` when two threads have.
    """
    stopped = {}
    for point in reversed(points):
        case = place(point)
        stops.arm(point)
        send(case)
        stops.wait(point, threads=2 if point in twice else 1)
        stopped[point] = case
    return stopped


def freeze(ground: Ground, idle: Child) -> None:
    """Freeze a process while it is in no transaction, so that it keeps nothing from others."""

    def frozen() -> bool:
        idle.popen.send_signal(signal.SIGSTOP)
        with transaction(ground.site.engine) as connection:
            busy = connection.execute(text(_BUSY)).scalar_one()
        if busy:
            idle.popen.send_signal(signal.SIGCONT)
        return not busy

    until(frozen, seconds=LIMIT, what=lambda: "a process without a transaction")


_BUSY = """
    select count(*) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
       and state <> 'idle'
"""


class Insisting:
    """Webhooks that are sent in the background until they are acknowledged; some wait for a lock, or for a process."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._threads = ThreadPoolExecutor(16)
        self._sent: list[Future[list[int | None]]] = []

    def send(self, case: Case, packet: Packet | None = None) -> None:
        """Send a webhook, of the order as it stands now where none is given."""
        packet = packet or self._ground.packet(case)
        self._sent.append(self._threads.submit(self._ground.send, case, packet))

    def wait(self) -> list[int | None]:
        """Until all are acknowledged; everything that was answered."""
        answers = [answer for sent in self._sent for answer in sent.result(timeout=LIMIT)]
        self._threads.shutdown()
        return answers
