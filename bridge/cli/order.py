"""`bridge order`: one of them, its story, and what a person may do to it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from datetime import UTC, datetime

import click
import simplejson
from rich.text import Text
from sqlalchemy import Connection, Engine

from bridge import actions
from bridge.cli import doubt
from bridge.cli.opening import store
from bridge.cli.reason import REASON
from bridge.cli.showing import console, moment, rows, state, what
from bridge.cli.turn import turn
from bridge.errors import ActionRefused
from bridge.forward.evidence import Found
from bridge.store import queries
from bridge.store.database import transaction
from bridge.store.ledger import Order, is_foreign

_shop = click.option("--shop", default="", help="Where two shops have an order of this name.")
_part = click.option("--part", type=click.IntRange(1), help="Which part of an order that has several.")

_reason = click.option("--reason", required=True, type=REASON, help="Why; it stands in the order's history.")


@click.group()
def order() -> None:
    """One order: by its name (#1001), its id in the shop, or a reference."""


@order.command()
@click.argument("name")
@_shop
@click.option("--payload", is_flag=True, help="Show the last request too; it holds personal data.")
@click.option("--fetched", is_flag=True, help="Print only what was read for the last request, for `mapping render`.")
def show(name: str, shop: str, payload: bool, fetched: bool) -> None:
    """Say where an order is and why: its story from the history."""
    with store() as engine, transaction(engine) as connection:
        for one in _found(queries.find_by_name(connection, name, shop=shop), name):
            if fetched:
                _show_fetched(queries.tried(connection, one), one)
                continue
            beside = [*turn(connection, one), *_evidence(connection, one)]
            _show(one, queries.story(connection, one), queries.came(connection, one), beside)
            if payload:
                _show_payloads(queries.tried(connection, one))


@order.command()
@click.argument("name")
@_shop
@_part
@_reason
@click.option("--risk-a-second-order", "at_risk", is_flag=True, help="Although SortedPRO may have it already.")
def replay(name: str, shop: str, part: int | None, reason: str, at_risk: bool) -> None:
    """Look at an order again as if it had just come, and send an unchanged request once more."""

    def act(engine: Engine, one: Order, who: str, now: datetime) -> Order:
        return actions.replay(engine, one, who=who, reason=reason, now=now, at_risk=at_risk)

    _act(name, shop, part, act)


@order.command()
@click.argument("name")
@_shop
@_part
@_reason
def release(name: str, shop: str, part: int | None, reason: str) -> None:
    """Let a held order go on."""
    _act(name, shop, part, lambda engine, one, who, now: actions.release(engine, one, who=who, reason=reason, now=now))


@order.command()
@click.argument("name")
@_shop
@_part
@_reason
def skip(name: str, shop: str, part: int | None, reason: str) -> None:
    """Take an order out: it is not sent, whatever comes for it."""
    _act(name, shop, part, lambda engine, one, who, now: actions.skip(engine, one, who=who, reason=reason, now=now))


@order.command(name="send-rest")
@click.argument("name")
@_shop
@_reason
def send_rest(name: str, shop: str, reason: str) -> None:
    """Send what a sent order lacks (added goods, a released pre-order) as its next part with its own reference."""
    _act(name, shop, 1, lambda engine, one, who, now: actions.send_rest(engine, one, who=who, reason=reason, now=now))


@order.command()
@click.argument("name")
@_shop
@_part
@click.option("--reason", type=REASON, help="Why; it stands in the order's history.")
@click.option("--exists", metavar="EO-...", help="SortedPRO has it under this reference.")
@click.option("--unchecked", is_flag=True, help="Take the reference of --exists where SortedPRO cannot be asked.")
@click.option("--send-again", is_flag=True, help="SortedPRO does not have it.")
@click.option("--drop", is_flag=True, help="It is not wanted any more.")
@click.option(
    "--write-back",
    type=click.Choice(["keep", "overwrite"]),
    help="Of a created order: leave the shop order as it is, or replace the other reference that stands on it.",
)
def settle(
    name: str,
    shop: str,
    part: int | None,
    reason: str | None,
    exists: str | None,
    unchecked: bool,
    send_again: bool,
    drop: bool,
    write_back: str | None,
) -> None:
    """End a doubt after a look into SortedPRO, or a write-back that the shop will not take.

    Without a way to end it, it only shows what there is to go by. A reference is looked up in SortedPRO first.
    """
    ways = sum((exists is not None, send_again, drop, write_back is not None))
    if ways == 0 and reason is None:
        _show_ways(name, shop, part)
        return
    if ways != 1:
        raise click.UsageError("give one of --exists EO-..., --send-again, --drop, --write-back keep|overwrite")
    if reason is None:
        raise click.UsageError("Missing option '--reason'.")
    why = reason
    exists = exists and exists.upper()

    def act(engine: Engine, one: Order, who: str, now: datetime) -> Order:
        match write_back:
            case "keep":
                return actions.end_write_back(engine, one, who=who, reason=why, now=now)
            case "overwrite":
                return actions.overwrite(engine, one, who=who, reason=why, now=now)
        found = Found() if exists is None else doubt.found(engine, one, exists)
        if not found.asked and not unchecked:
            raise ActionRefused(
                f"{found.note}. Nothing was changed: try again where and when it can be, with the variables that the "
                "worker has, or take the reference at your word with --unchecked"
            )
        settled = actions.Settled(exists=exists, attempt=found.attempt, send_again=send_again)
        words = f"{why} ({found.note})" if found.note else why
        with transaction(engine) as connection:
            lines = _evidence(connection, one)
        done = actions.settle(engine, one, settled, who=who, reason=words, now=now)
        _print_indented(lines)
        if found.note:
            click.echo(f"taken at your word: {found.note}", err=True)
        return done

    _act(name, shop, part, act)


def _show_ways(name: str, shop: str, part: int | None) -> None:
    """What there is to go by, and what a person may say. Raises ActionRefused where there is nothing to settle."""
    with store() as engine, transaction(engine) as connection:
        one = _meant(connection, name, shop, part)
        ways = _WAYS.get("in_doubt" if one.state == "in_doubt" else one.trouble_code)
        if ways is None or one.state not in {"in_doubt", "created"}:
            raise ActionRefused(f"{one.label} is {one.state}: there is nothing to settle")
        _line(Text(f"{one.shop} {one.label} ", style="bold").append(state(one)).append(f": {what(one)}"))
        _print_indented(_evidence(connection, one))
    for option, words in ways.items():
        _line(Text(f"  --{option:<24} {words}"))
    _line(Text("  each with --reason '...', which stands in its history"))


_KEEP = {"write-back keep": "the shop order is left as it is, and the order is done"}
_WAYS = {
    "in_doubt": {
        "exists EO-...": "SortedPRO has it: this reference is written onto the shop order",
        "send-again": "SortedPRO does not have it: where it has, there will be two",
        "drop": "it is not wanted any more: where SortedPRO has it, cancel it there",
    },
    "write_back_conflict": {
        "write-back overwrite": "the other reference is wrong: ours takes its place",
        **_KEEP,
    },
    "order_gone": _KEEP,
}


def _evidence(connection: Connection, one: Order) -> list[str]:
    """What there is to go by for an order in doubt; nothing for another."""
    if one.state != "in_doubt":
        return []
    return doubt.shown(queries.tried(connection, one), queries.story(connection, one))


def _print_indented(lines: list[str]) -> None:
    for words in lines:
        _line(Text(f"  {words}"))


def _act(name: str, shop: str, part: int | None, act: Callable[[Engine, Order, str, datetime], Order]) -> None:
    """Do something to the one order that is meant."""
    with store() as engine:
        with transaction(engine) as connection:
            meant = _meant(connection, name, shop, part)
        done = act(engine, meant, getpass.getuser(), datetime.now(UTC))
    _line(Text(f"{done.shop} {done.label}: ").append(state(done)).append(f": {what(done)}"))


def _meant(connection: Connection, name: str, shop: str, part: int | None) -> Order:
    """The one order that is meant. Raises ActionRefused where it is none, or may be several."""
    found = _found(queries.find_by_name(connection, name, shop=shop), name)
    own = [one for one in found if not is_foreign(one.order_key)] or found  # those of a copy by their rows
    meant = [one for one in own if part in (None, one.part)]
    if not meant:
        raise ActionRefused(f"{found[0].label} has no part {part}: it has {found[0].parts}")
    if len({(one.shop, one.order_id, one.order_key) for one in meant}) > 1:
        raise ActionRefused(
            f"{len(meant)} orders are called {name}: name the shop with --shop, or give one of these: {rows(meant)}"
        )
    if len(meant) > 1:
        raise ActionRefused(f"{meant[0].label} has {len(meant)} parts: say which with --part")
    return meant[0]


def _found(orders: list[Order], name: str) -> list[Order]:
    if not orders:
        raise ActionRefused(
            f"no order is called {name}: if the shop has it, its webhook has not come; "
            "`bridge orders list` shows those that have"
        )
    return orders


def _show(one: Order, story: list[queries.Event], came: list[queries.Came], beside: list[str]) -> None:
    _line(Text(f"{one.shop} {one.label} ", style="bold").append(state(one)).append(f": {what(one)}"))
    seen = f"  id {one.order_id} in the shop; seen first {moment(one.first_seen_at)}; {_next(one)}"
    _line(Text(seen, style="bright_black"))
    _print_indented(beside)
    for body in came:
        again = f", and {body.repeats} times more" if body.repeats else ""
        _line(Text(f"  {moment(body.received_at)}  came: {body.topic or body.via}: {body.outcome}{again}"))
    for event in story:
        moved = f"{event.from_state} -> {event.to_state}" if event.from_state != event.to_state else event.to_state
        _line(Text(f"  {moment(event.at)}  {moved}: {event.words}  ({event.actor})"))
        for detail in event.detail:
            _line(Text(f"      {_detail(detail)}"))
    console.print()


def _detail(detail: dict[str, object]) -> str:
    if "message" not in detail:
        return f"{detail.get('target')}: sent {detail.get('sent')!r}, now {detail.get('now')!r}"
    place = f"{detail.get('file')}:{detail.get('line')}" if detail.get("line") else ""
    head = " ".join(str(part) for part in (place, detail.get("target"), detail.get("source")) if part)
    found = f" (found: {detail['found']})" if detail.get("found") else ""
    return f"{head}: {detail['message']}{found}" if head else f"{detail['message']}{found}"


_BY_A_PERSON = {
    "held": "a person must look: `bridge order release` or `bridge order skip`",
    "failed": "mend what is named, then `bridge order replay`; a newer body from the shop is tried by itself",
    "in_doubt": "look for it in SortedPRO, then `bridge order settle`",
    "waiting": "looked at when the shop sends it again",
}


def _next(one: Order) -> str:
    """When the bridge looks at it again by itself, or what a person may do."""
    if one.due_at is None:
        if one.state == "held" and one.code in actions.NEVER_PASSED:
            return f"it is never sent: `bridge order skip 'row {one.id}'` puts it aside"
        return _BY_A_PERSON.get(one.state, "nothing more to do by itself")
    next_time = f"looked at next {moment(max(one.due_at, one.not_before or one.due_at))} UTC"
    return f"{_BY_A_PERSON['in_doubt']}; {next_time}" if one.state == "in_doubt" else next_time


def _line(text: Text) -> None:
    """One line, however long: the terminal wraps it, and a search in piped output finds it whole."""
    console.print(text, soft_wrap=True)


def _show_fetched(tried: list[queries.Tried], one: Order) -> None:
    if not tried:
        raise ActionRefused(f"{one.label} was never sent, so nothing is kept of what was read for it")
    click.echo(simplejson.dumps(tried[-1].fetched, use_decimal=True, ensure_ascii=False, indent=2))


def _show_payloads(tried: list[queries.Tried]) -> None:
    for attempt in tried[-1:]:
        _line(Text(f"  attempt {attempt.id}: {attempt.outcome or 'under way'} {attempt.message}"))
        click.echo(json.dumps(json.loads(attempt.payload), indent=2, ensure_ascii=False))
