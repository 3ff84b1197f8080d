"""Shops and destinations as the command line shows, pauses and resumes them: what keeps orders back, and how many."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import click
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from bridge.cli.opening import store
from bridge.cli.showing import console, moment
from bridge.errors import ActionRefused
from bridge.store import destinations as stored
from bridge.store.database import transaction
from bridge.store.destinations import PERSON, Pause


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What shops and destinations differ in."""

    noun: str
    limits: bool  # it has a concurrency and a rate
    list: Callable[[Connection, datetime], Sequence[Pause]]
    pause: Callable[..., bool]
    resume: Callable[[Connection, str], bool]

    def command(self, verb: str, name: str) -> str:
        """How a person types it."""
        return f"`bridge {self.noun}s {verb} {name}`"


SHOP = Kind(
    noun="shop",
    limits=False,
    list=stored.list_shops,
    pause=stored.pause_shop,
    resume=stored.resume_shop,
)
DESTINATION = Kind(
    noun="destination",
    limits=True,
    list=stored.list_destinations,
    pause=stored.pause_destination,
    resume=stored.resume_destination,
)


def show(kind: Kind, *, as_json: bool) -> None:
    """All of a kind: a table, or one JSON object a line."""
    now = datetime.now(UTC)
    with store() as engine, transaction(engine) as connection:
        found = kind.list(connection, now)
    if as_json:
        for one in found:
            click.echo(json.dumps(_as_json(kind, one), ensure_ascii=False))
        return
    console.print(_table(kind, found, now) if found else f"no {kind.noun} yet: the worker announces them at its start")
    for one in found:
        advice = way_on(kind, one, now)
        if advice:
            console.print(f"{one.name}: {advice}", soft_wrap=True, markup=False)


def pause(kind: Kind, name: str, reason: str) -> None:
    """A person's pause, which only a person lifts. Raises ActionRefused where there is nothing to pause."""
    now = datetime.now(UTC)
    words = f"paused by {getpass.getuser()}: {reason}"
    with store() as engine, transaction(engine) as connection:
        before = _named(kind, connection, name, now)
        if not kind.pause(connection, name, reason=words, code=PERSON, now=now):
            way_out = kind.command("resume", name)
            raise ActionRefused(f"{name} is {before.reason}, since {moment(before.paused_at)}: {way_out} lifts that")
    click.echo(f"{name} is paused until {kind.command('resume', name)}: {_held(before)}")
    if before.paused_at:
        trouble = f"by its own trouble since {moment(before.paused_at)} ({before.reason})"
        click.echo(f"it was paused {trouble}: mending that does not lift this pause")


def resume(kind: Kind, name: str) -> None:
    """Lift whatever keeps the orders back, waits for a next try too. Raises ActionRefused where nothing does."""
    now = datetime.now(UTC)
    with store() as engine, transaction(engine) as connection:
        before = _named(kind, connection, name, now)
        if not standing(before, now) and not before.orders:
            raise ActionRefused(f"{name} is not paused, and no order waits for it: see `bridge {kind.noun}s list`")
        kind.resume(connection, name)
    waiting = f"{_orders(before.orders)} can go on within seconds" if before.orders else "no order waits for it"
    click.echo(f"{name} is resumed: {waiting}")


def standing(one: Pause, now: datetime) -> str:
    """What keeps orders back, in words; "" for nothing."""
    if one.paused_at:
        since = moment(one.paused_at)
        return f"{one.reason} (since {since})" if one.code == PERSON else f"paused since {since}: {one.reason}"
    if one.breaker:
        stopped = f"stopped since {moment(one.breaker_since)}: {one.breaker_reason}"
        next_probe = f"; next probe {moment(one.probe_at)}" if one.probe_at else ""
        return f"the next order goes alone; {stopped}" if one.breaker == "trial" else f"{stopped}{next_probe}"
    if one.quiet_until and one.quiet_until > now:
        return f"quiet until {moment(one.quiet_until)}" + (f": {one.quiet_reason}" if one.quiet_reason else "")
    return ""


def way_on(kind: Kind, one: Pause, now: datetime) -> str:
    """How what keeps orders back ends; "" where nothing does."""
    if not standing(one, now):
        return ""
    command = kind.command("resume", one.name)
    if one.code == PERSON:
        return f"it goes on by {command}"
    if one.paused_at:
        return f"mend what is named; it goes on by itself then, or by {command}"
    return f"it goes on by itself, or at once by {command}"


def _named(kind: Kind, connection: Connection, name: str, now: datetime) -> Pause:
    known = {one.name: one for one in kind.list(connection, now)}
    if name not in known:
        there_are = ", ".join(known) or "none"
        raise ActionRefused(f"there is no {kind.noun} {name}; there are {there_are}: see `bridge {kind.noun}s list`")
    return known[name]


def _held(one: Pause) -> str:
    """What a pause holds back."""
    if not one.orders:
        return "no order waits now"
    return f"it holds back {_orders(one.orders)}, the oldest came {moment(one.oldest)}"


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"


def _table(kind: Kind, found: Sequence[Pause], now: datetime) -> Table:
    table = Table(header_style="bold")
    for name in (kind.noun, "state", *(["limits"] if kind.limits else []), "orders", "oldest came"):
        table.add_column(name, overflow="fold")
    for one in found:
        limits = [_limits(one)] if kind.limits else []
        table.add_row(Text(one.name), Text(standing(one, now) or "goes"), *limits, str(one.orders), moment(one.oldest))
    return table


def _limits(one: Pause) -> str:
    """How many at a time, and how many a second."""
    at_a_time = f"{one.concurrency} at a time"
    return at_a_time if one.rate is None else f"{at_a_time}, {one.rate:g} a second"


def _as_json(kind: Kind, one: Pause) -> dict[str, object]:
    shown: dict[str, object] = {
        "name": one.name,
        "paused_at": _iso(one.paused_at),
        "pause_code": one.code,
        "pause_reason": one.reason,
        "quiet_until": _iso(one.quiet_until),
    }
    if kind.limits:
        shown |= {
            "breaker": one.breaker,
            "breaker_since": _iso(one.breaker_since),
            "breaker_reason": one.breaker_reason,
            "probe_at": _iso(one.probe_at),
            "concurrency": one.concurrency,
            "requests_per_second": one.rate,
        }
    else:
        shown["quiet_reason"] = one.quiet_reason
    return shown | {"orders": one.orders, "oldest": _iso(one.oldest)}


def _iso(when: datetime | None) -> str | None:
    return when.astimezone(UTC).isoformat() if when else None
