"""SortedPRO's end of every Create Order call: when it came, and whether an answer that tells what became of it left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus

from bridge.sandbox.server import Answer, App, Dripping, Later, Reply, Request

ATTEMPT = "BridgeAttempt"  # the metadata by which the bridge marks what an attempt made


@dataclass(kw_only=True)
class Call:
    """One Create Order call that arrived."""

    attempt: str
    came_at: datetime
    over_at: datetime | None = None  # when its answer had left or its connection was cut; None where neither happened
    tells: bool = False  # whether the answer says what became of the order


class Wire:
    """An app, watched. Threads share it."""

    def __init__(self, app: App, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._clock = clock
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        """What the app answers; a Create Order call is noted."""
        if request.method != "POST":
            return self._app(request)
        call = Call(attempt=_attempt(request), came_at=self._clock())
        with self._lock:
            self._calls.append(call)
        return self._followed(call, self._app(request))

    def calls(self) -> list[Call]:
        """Every call so far, in the order in which they came."""
        with self._lock:
            return [replace(call) for call in self._calls]

    def _followed(self, call: Call, answer: Answer) -> Answer:
        if isinstance(answer, Later):
            return replace(answer, then=lambda: self._followed(call, answer.then()))
        if not isinstance(answer, Dripping):  # which does not end within any limit
            with self._lock:
                call.over_at = self._clock()
                call.tells = isinstance(answer, Reply) and tells(answer)
        return answer


def tells(reply: Reply) -> bool:
    """Whether an answer to Create Order leaves no doubt, by the rules of the bridge's own documentation."""
    if reply.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return "Retry-After" in reply.headers
    return reply.status < HTTPStatus.INTERNAL_SERVER_ERROR and reply.status != HTTPStatus.REQUEST_TIMEOUT


def _attempt(request: Request) -> str:
    """The attempt that makes the call; "" where its process died before it had written all of it."""
    document = request.json()
    entries = document.get("MetaData", ()) if isinstance(document, dict) else ()
    return next((str(entry["StringValue"]) for entry in entries if entry["KeyValue"] == ATTEMPT), "")
