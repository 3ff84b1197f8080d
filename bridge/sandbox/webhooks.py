"""How the fake shops send webhooks: one after the other in the background, late, again, held back or reordered."""

from __future__ import annotations

import base64
import hashlib
import heapq
import hmac
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

import httpx

TIME_LIMIT = 10.0  # seconds for one delivery
MOST_SENT = 10_000  # deliveries that are remembered


@dataclass(frozen=True, kw_only=True)
class Packet:
    """A signed request, ready to go."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Post:
    """Something to send. `build` makes the packet when it goes out; `done` hears the status, None for no answer."""

    topic: str
    build: Callable[[], Packet]
    done: Callable[[int | None], None] = lambda _status: None
    key: str = ""  # a post whose key is waiting already is not queued again; '' never joins another


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A delivery that was tried; `status` is None where no answer came or no target was set."""

    topic: str
    packet: Packet = field(repr=False)
    status: int | None


def signature(secret: str, body: bytes) -> str:
    """Base64 of the body's HMAC-SHA256, as both platforms sign."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class Sender:
    """Sends posts to `target` in the order they came, from one thread. Without a target they are only noted."""

    def __init__(self, *, retries: Sequence[timedelta] = ()) -> None:
        self.target: str | None = None
        self.retries = tuple(retries)  # waits before sending again what was not answered with 2xx
        self._waiting: list[tuple[float, int, Post, int]] = []  # due (monotonic), number, post, tries made
        self._numbers = count()
        self._held: list[Post] | None = None
        self._keys: set[str] = set()  # of the waiting posts
        self._sent: deque[Sent] = deque(maxlen=MOST_SENT)
        self._busy = False
        self._closed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, post: Post, *, after: timedelta = timedelta(0)) -> None:
        """Queue a post; while holding back, its packet is built now and kept."""
        with self._changed:
            holding = self._held is not None
            if not holding and post.key not in self._keys:
                self._queue(post, time.monotonic() + after.total_seconds(), 0)
        if holding:
            self._keep(post)

    def hold(self) -> None:
        """Keep what comes from now on until `release`."""
        with self._changed:
            self._held = self._held or []

    def held(self) -> tuple[Post, ...]:
        """What is kept back, oldest first."""
        with self._changed:
            return tuple(self._held or ())

    def release(self, order: Sequence[int] | None = None) -> None:
        """Send what was kept, in this order of its indexes (a missing one is lost, a doubled one goes twice)."""
        with self._changed:
            kept, self._held = self._held or [], None
            for index in range(len(kept)) if order is None else order:
                self._queue(kept[index], time.monotonic(), 0)

    def sent(self) -> tuple[Sent, ...]:
        """What was sent, oldest first; the latest 10,000."""
        with self._changed:
            return tuple(self._sent)

    def flush(self, limit: timedelta = timedelta(seconds=30)) -> None:
        """Wait until everything that is due has gone out. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._busy and not self._due(), limit.total_seconds()):
                raise TimeoutError(f"{len(self._waiting)} webhooks still wait after {limit.total_seconds():g} s")

    def close(self) -> None:
        """Send nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _keep(self, post: Post) -> None:
        packet = post.build()
        with self._changed:
            kept = Post(topic=post.topic, build=lambda: packet, done=post.done)
            if self._held is None:
                self._queue(kept, time.monotonic(), 0)  # released meanwhile
            else:
                self._held.append(kept)

    def _queue(self, post: Post, due: float, tries: int) -> None:
        heapq.heappush(self._waiting, (due, next(self._numbers), post, tries))
        self._keys |= {post.key} - {""}
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _due(self) -> bool:
        return bool(self._waiting) and self._waiting[0][0] <= time.monotonic()

    def _run(self) -> None:
        with httpx.Client(timeout=TIME_LIMIT, trust_env=False) as client:
            while (taken := self._take()) is not None:
                self._deliver(client, *taken)

    def _take(self) -> tuple[Post, int] | None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            while not self._closed and not self._due():
                self._changed.wait(self._waiting[0][0] - time.monotonic() if self._waiting else None)
            if self._closed:
                return None
            self._busy = True
            _, _, post, tries = heapq.heappop(self._waiting)
            self._keys.discard(post.key)
            return post, tries

    def _deliver(self, client: httpx.Client, post: Post, tries: int) -> None:
        packet = post.build()
        status = self._send(client, packet)
        if self.target is not None:
            post.done(status)
        with self._changed:
            self._sent.append(Sent(topic=post.topic, packet=packet, status=status))
            failed = self.target is not None and (status is None or not httpx.codes.is_success(status))
            if failed and tries < len(self.retries):
                again = Post(topic=post.topic, build=lambda: packet, done=post.done)
                self._queue(again, time.monotonic() + self.retries[tries].total_seconds(), tries + 1)

    def _send(self, client: httpx.Client, packet: Packet) -> int | None:
        if self.target is None:
            return None
        try:
            return client.post(self.target, content=packet.body, headers=dict(packet.headers)).status_code
        except httpx.HTTPError:
            return None  # the receiver is away: what that means is the shop's business, see `done` and `retries`
