"""What a fake can be told to do wrong, and when: scripted faults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from bridge.sandbox.server import Answer, Dripping, Dropped, Later, Reply, Request

Kind = Literal["delay", "status", "drop_before", "drop_after", "create_then_hang", "hang", "slow_drip"]
Match = str | Callable[[Request], bool] | None

PROXY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to misbehave; `seconds` and the answer count only where the kind uses them."""

    kind: Kind
    seconds: float = 0.0
    reply: Reply = field(default_factory=Reply)

    def play(self, act: Callable[[], Answer]) -> Answer:
        """The answer to give; `act` does what was asked for, and runs once or never."""
        wait = timedelta(seconds=self.seconds)
        if self.kind == "status":
            return self.reply
        if self.kind == "delay":
            return Later(wait=wait, then=act)
        if self.kind in {"drop_before", "hang"}:
            return Later(wait=wait, then=Dropped)
        done = act()
        if self.kind == "drop_after":
            return Dropped()
        if self.kind == "slow_drip" and isinstance(done, Reply):
            return Dripping(reply=done, pause=wait)
        return Later(wait=wait, then=lambda: done)


def delay(seconds: float) -> Fault:
    """Act and answer as usual, but only after a while."""
    return Fault(kind="delay", seconds=seconds)


def status(code: int, *, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Fault:
    """Answer with this status without acting."""
    return Fault(kind="status", reply=Reply(status=code, headers=headers or {}, body=body))


def html(code: int = 502) -> Fault:
    """Answer with a proxy's HTML page without acting."""
    return status(code, headers={"Content-Type": "text/html"}, body=PROXY_PAGE)


def drop_before() -> Fault:
    """Close the connection without acting."""
    return Fault(kind="drop_before")


def drop_after() -> Fault:
    """Act, then close the connection without an answer."""
    return Fault(kind="drop_after")


def create_then_hang(seconds: float) -> Fault:
    """Act at once, answer only after a while."""
    return Fault(kind="create_then_hang", seconds=seconds)


def hang(seconds: float = 120.0) -> Fault:
    """Never act, keep the client waiting, then close the connection."""
    return Fault(kind="hang", seconds=seconds)


def slow_drip(pause: float = 1.0) -> Fault:
    """Act, then send the answer's body byte by byte with a pause in seconds after each."""
    return Fault(kind="slow_drip", seconds=pause)


def from_json(told: Mapping[str, Any]) -> Fault:
    """A fault from its JSON form: {"fault": "status", "status": 500, "seconds": 2, "headers": {}, "body": ""}.

    Raises ValueError naming the faults there are.
    """
    kind, seconds = str(told.get("fault")), float(told.get("seconds", 1.0))
    if kind == "html":
        return html(int(told.get("status", 502)))
    if kind == "status":
        body = str(told.get("body", "")).encode()
        return status(int(told.get("status", 500)), headers=told.get("headers"), body=body)
    timed: dict[str, Callable[[float], Fault]] = {
        "delay": delay,
        "create_then_hang": create_then_hang,
        "hang": hang,
        "slow_drip": slow_drip,
    }
    if kind in timed:
        return timed[kind](seconds)
    if kind in {"drop_before", "drop_after"}:
        return drop_before() if kind == "drop_before" else drop_after()
    raise ValueError(f"fault {kind!r} is not known: use html, status, drop_before, drop_after, {', '.join(timed)}")


class Script:
    """The faults that a fake was told to show. Threads share it.

    `key` gives the text of a request that a text `match` must equal; without one, it must occur in path or body.
    """

    def __init__(self, key: Callable[[Request], str] | None = None) -> None:
        self._key = key
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def behave(self, *faults: Fault, match: Match = None, count: int | None = 1) -> None:
        """Show each fault `count` times, in this order (None: the first of them until `clear`)."""
        with self._lock:
            self._rules += [_Rule(fault=fault, match=match, left=count) for fault in faults]

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._rules.clear()

    def take(self, request: Request) -> Fault | None:
        """The fault for this request, counted as shown; the first that matches."""
        with self._lock:
            for rule in self._rules:
                if self._matches(rule.match, request):
                    return self._count(rule)
        return None

    def _matches(self, match: Match, request: Request) -> bool:
        if match is None or callable(match):
            return match is None or match(request)
        if self._key is not None:
            return self._key(request) == match
        return match in request.path or match.encode() in request.body

    def _count(self, rule: _Rule) -> Fault:
        if rule.left is not None:
            rule.left -= 1
            if rule.left <= 0:
                self._rules.remove(rule)
        return rule.fault


@dataclass(kw_only=True, eq=False)
class _Rule:
    """A fault in the script; `left` counts down."""

    fault: Fault
    match: Match
    left: int | None
