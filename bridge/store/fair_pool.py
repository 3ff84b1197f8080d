"""Connections in the order in which threads asked for them.

SQLAlchemy's own pool wakes the thread that has waited longest, but does not hold the connection for it: a busy thread
that lays one down and asks again takes it back first, and with more threads than connections some wait for seconds
while all the others work. Here a connection that is laid down belongs to the longest waiter at once.
"""

from __future__ import annotations

import threading
from collections import deque

from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.util.queue import Empty, Full, QueueCommon


class _Waiter:
    """A thread that waits, and what it was handed."""

    def __init__(self) -> None:
        self.entry: ConnectionPoolEntry | None = None
        self._handed = threading.Lock()
        self._handed.acquire()

    def hand(self, entry: ConnectionPoolEntry) -> None:
        self.entry = entry
        self._handed.release()

    def wait(self, timeout: float | None) -> None:
        self._handed.acquire(timeout=-1 if timeout is None else timeout)


class _HandingOver(QueueCommon[ConnectionPoolEntry]):
    """The pool's stack of idle connections; while somebody waits it is empty.

    The names and arguments are those of `sqlalchemy.util.queue.QueueCommon`; timeouts are in seconds.
    """

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:
        self.maxsize = maxsize
        self.use_lifo = use_lifo
        # The garbage collector may lay a connection down in the middle of a `get` of the same thread.
        self._lock = threading.RLock()
        self._idle: deque[ConnectionPoolEntry] = deque()
        self._waiters: deque[_Waiter] = deque()

    def qsize(self) -> int:
        return len(self._idle)

    def empty(self) -> bool:
        return not self._idle

    def full(self) -> bool:
        return 0 < self.maxsize <= len(self._idle)

    def put(self, item: ConnectionPoolEntry, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002
        """Hand a connection to the longest waiter, or lay it down. Raises Full at once: the pool never waits here."""
        with self._lock:
            if self._waiters:
                self._waiters.popleft().hand(item)
            elif self.full():
                raise Full
            else:
                self._idle.append(item)

    def put_nowait(self, item: ConnectionPoolEntry) -> None:
        self.put(item, block=False)

    def get(self, block: bool = True, timeout: float | None = None) -> ConnectionPoolEntry:
        """An idle connection, or the first that is laid down after those who came before have theirs. Raises Empty."""
        waiter = _Waiter()
        with self._lock:
            if self._idle:
                return self._idle.pop() if self.use_lifo else self._idle.popleft()
            if not block:
                raise Empty
            self._waiters.append(waiter)
        try:
            waiter.wait(timeout)
        except BaseException:  # a signal's handler may raise here
            with self._lock:
                self._leave(waiter)
                if waiter.entry is not None:
                    self.put(waiter.entry)
            raise
        with self._lock:
            self._leave(waiter)
        if waiter.entry is None:
            raise Empty
        return waiter.entry

    def _leave(self, waiter: _Waiter) -> None:
        if waiter.entry is None:
            self._waiters.remove(waiter)

    def get_nowait(self) -> ConnectionPoolEntry:
        return self.get(block=False)


class FairPool(QueuePool):
    """SQLAlchemy's pool, first come, first served."""

    _queue_class = _HandingOver
