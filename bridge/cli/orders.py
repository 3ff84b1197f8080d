"""`bridge orders`: all of them, and what a person may do to many at once."""

from __future__ import annotations

import csv
import getpass
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from bridge import actions, bulk
from bridge.cli.opening import store
from bridge.cli.showing import console, moment, orders_table, owed, reason_of, rows
from bridge.cli.wired import wired
from bridge.comparison import listing
from bridge.errors import ActionRefused
from bridge.store import destinations, queries
from bridge.store.database import transaction
from bridge.store.ledger import Order, is_foreign
from bridge.store.tables import STATES

_Command = TypeVar("_Command", bound=Callable[..., Any])

_SHOWN = 10  # orders named before a release
_EXPORTED = (
    *("shop", "order", "order_id", "part", "state", "reference", "customer_reference", "last_outcome", "changed"),
    *("since", "not_sent"),
)


def _moment(_context: click.Context, _option: click.Parameter, text: str | None) -> datetime | None:
    """`2026-12-01` or `2026-12-01T09:00:00Z` as an aware datetime; UTC where it says nothing else."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text} is no time: write 2026-12-01 or 2026-12-01T09:00:00Z") from error
    return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)


def _narrowed(command: _Command) -> _Command:
    """The options that say which orders are meant."""
    command = click.option("--until", callback=_moment, metavar="TIME", help="Only those ordered earlier.")(command)
    command = click.option("--since", callback=_moment, metavar="TIME", help="Only those ordered then or later.")(
        command
    )
    command = click.option("--code", default="", help="Only for this reason: observe, surge, before_send_from.")(
        command
    )
    return click.option("--shop", default="", help="Only of this shop.")(command)


def _in_state(command: _Command) -> _Command:
    """The option that narrows to states."""
    words = "Only in this state; may be given again."
    return click.option("--state", "states", multiple=True, type=click.Choice(STATES), help=words)(command)


@click.group()
def orders() -> None:
    """The orders in the ledger."""


# ---------------------------------------------------------------------------------------------------------------------
# Showing
# ---------------------------------------------------------------------------------------------------------------------
@orders.command(name="list")
@_in_state
@_narrowed
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_orders(limit: int, as_json: bool, **which: Any) -> None:
    """Show orders: where each is, and why."""
    wanted = queries.Filter(**which)
    with store() as engine, transaction(engine) as connection:
        _check_shop(connection, wanted.shop)
        found = queries.list_orders(connection, wanted, limit=limit)
        counts = queries.count_states(connection, wanted)
        early = queries.count_states(connection, queries.Filter(shop=wanted.shop, code=queries.BEFORE_SEND_FROM))
    if as_json:
        for one in found:
            click.echo(json.dumps(_as_json(one)))
        return
    if found:
        console.print(orders_table(found))
    total = ", ".join(f"{counts[state]} {state}" for state in STATES if state in counts)
    none = (
        "no order is like this" if wanted.narrows else "no orders yet: they appear when a shop's first webhook has come"
    )
    console.print(total or none)
    if early.get("skipped") and wanted.code != queries.BEFORE_SEND_FROM:
        words = "1 open order is" if early["skipped"] == 1 else f"{early['skipped']} open orders are"
        console.print(f"{words} older than send_from: `bridge orders list --code before_send_from`", soft_wrap=True)


def _check_shop(connection: Connection, shop: str) -> None:
    """Refuse a shop that the store has never heard of: an empty list would be believed."""
    known = [one.name for one in destinations.list_shops(connection, datetime.now(UTC))]
    if shop and shop not in known:
        raise ActionRefused(f"there is no shop {shop}; there are {', '.join(known) or 'none yet'}")


def _as_json(one: Order) -> dict[str, object]:
    """Times in UTC; `next` is when the bridge looks at it again by itself, `code` the reason or trouble as one word."""
    next_time = max(one.due_at, one.not_before or one.due_at) if one.due_at else None
    return {
        "shop": one.shop,
        "name": one.label,
        "state": one.state,
        "reference": one.reference,
        "reason": reason_of(one) or None,
        "code": one.trouble_code or one.code or None,
        "destination": one.destination,
        "since": one.state_since.astimezone(UTC).isoformat(),
        "next": next_time.astimezone(UTC).isoformat() if next_time else None,
        "tries": one.tries,
        "changed": one.changed,
        "not_sent": one.unsent or None,
        "alarm": one.alarm or None,
    }


@orders.command()
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="The newest so many.")
def strays(limit: int) -> None:
    """Show verified webhooks that named no order: tests, other topics, errors that a shop sent in place of an order."""
    with store() as engine, transaction(engine) as connection:
        found = queries.received_without_order(connection, limit=limit)
    table = Table(header_style="bold")
    for name in ("came", "shop", "topic", "what it was"):
        table.add_column(name, overflow="fold")
    for received_at, shop, topic, outcome in found:
        table.add_row(moment(received_at), Text(shop), Text(topic), Text(outcome))
    console.print(table if found else "every webhook so far named an order")


@orders.command()
@_in_state
@_narrowed
def export(**which: Any) -> None:
    """Print orders as CSV: what was sent and what is on the way, or all in the states that are named.

    For the way back: another connector must not send these again. No personal data.
    """
    written = csv.writer(sys.stdout, lineterminator="\n")
    with store() as engine, transaction(engine) as connection:
        _check_shop(connection, which["shop"])
        written.writerow(_EXPORTED)
        for one, outcome in queries.export(connection, queries.Filter(**which)):
            changed = "yes" if one.changed else "no"
            since = one.state_since.astimezone(UTC).isoformat(timespec="seconds")
            written.writerow(
                (
                    *(one.shop, one.name, one.order_id, one.part, one.state, one.reference or ""),
                    *(one.customer_reference or "", outcome, changed, since, owed(one)),
                )
            )


# ---------------------------------------------------------------------------------------------------------------------
# Releasing
# ---------------------------------------------------------------------------------------------------------------------
@orders.command()
@click.argument("names", nargs=-1)
@_narrowed
@click.option("--limit", type=click.IntRange(1), help="At most so many, ordered first first.")
@click.option("--reason", required=True, help="Why; it stands in each order's history.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
def release(names: tuple[str, ...], limit: int | None, reason: str, yes: bool, **which: Any) -> None:
    """Let held orders go on, and those that only send_from stopped: those that are named, or that the options mean.

    In observe mode a released order is really sent.
    """
    wanted = queries.Filter(**which)
    if not names and not wanted.narrows:
        raise click.UsageError("say which: name orders, or give --shop, --code, --since or --until")
    if names and wanted != queries.Filter(shop=wanted.shop):
        raise click.UsageError("give either names (with --shop where two shops have one), or options")
    with store() as engine:
        with transaction(engine) as connection:
            _check_shop(connection, wanted.shop)
            found = _named(connection, names, wanted.shop) if names else _held(connection, wanted)
        meant = found[:limit]
        if not meant:
            click.echo("no order is held like this: there is nothing to release")
            return
        _show_meant(meant, len(found))
        _confirm(f"release {_orders(len(meant))}?", yes=yes)
        done = bulk.release(engine, meant, who=getpass.getuser(), reason=reason, now=datetime.now(UTC))
    for one, why in done.refused:
        click.echo(f"{one.shop} {one.label} is not released: {why}", err=True)
    click.echo(f"{_orders(done.count)} released")
    if done.refused:
        sys.exit(1)


def _held(connection: Connection, wanted: queries.Filter) -> list[Order]:
    """The wanted orders that can be released."""
    return [one for one in queries.releasable(connection, wanted) if one.code not in actions.NEVER_PASSED]


def _named(connection: Connection, names: Sequence[str], shop: str) -> list[Order]:
    """The orders of these names, each once. Raises ActionRefused where one means none, several, or one not held."""
    problems: list[str] = []
    found: dict[int, Order] = {}
    for name in names:
        matching = queries.find_by_name(connection, name, shop=shop)
        matching = [one for one in matching if not is_foreign(one.order_key)] or matching
        held = {one.id: one for one in matching if queries.is_releasable(one)}
        if not matching:
            problems.append(f"no order is called {name}")
        elif len({(one.shop, one.order_id, one.order_key) for one in matching}) > 1:
            words = f"{len(matching)} orders are called {name}: name the shop with --shop, or give one of these"
            problems.append(f"{words}: {rows(matching)}")
        elif not held:
            problems.append(f"{matching[0].label} is {matching[0].state}, not held: there is nothing to release")
        found |= held
    if problems:
        raise ActionRefused("; ".join(problems))
    return list(found.values())


def _show_meant(meant: Sequence[Order], all_of_them: int) -> None:
    """How many by shop and reason, and the first of them."""
    for (shop, code), count in sorted(Counter((one.shop, one.code) for one in meant).items()):
        click.echo(f"{shop}: {_orders(count)} with the code {code or '(none)'}")
    console.print(orders_table(meant[:_SHOWN]))
    if len(meant) > _SHOWN:
        click.echo(f"and {len(meant) - _SHOWN} more")
    if all_of_them > len(meant):
        click.echo(f"of {all_of_them}, by --limit")


def _confirm(question: str, *, yes: bool) -> None:
    """Go on only where a person says so. Raises ActionRefused where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ActionRefused("nobody is here to be asked: give --yes where the orders above are the right ones")
    click.confirm(question, abort=True)


def _orders(count: int) -> str:
    return f"{count} order{'' if count == 1 else 's'}"


# ---------------------------------------------------------------------------------------------------------------------
# Taking another connector's
# ---------------------------------------------------------------------------------------------------------------------
@orders.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--by", default="", help="Who sent them, for the orders' histories; else the file's name.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def adopt(file: Path, by: str, dry_run: bool) -> None:
    """Take orders as sent by another connector: the bridge never sends them.

    FILE is CSV with the columns shop, order (id or name) and reference: EO-..., which is written back to the shop
    order, or the words "sent elsewhere". The same file again changes nothing.
    """
    with wired() as bridge:
        tools = bridge.forwarder.tools
        rows = listing.read(file.read_bytes(), file.name, tools.shops)
        with transaction(bridge.engine) as connection:
            plans = bulk.plan(connection, rows, file.name)
        plans = [bulk.checked(tools, one) for one in plans]
        who, now = getpass.getuser(), bridge.clock()
        if not dry_run:
            plans = [bulk.adopt(tools, one, by=by or file.name, who=who, now=now) for one in plans]
    counts = Counter(one.verdict for one in plans)
    for one in plans:
        if one.verdict in {"conflict", "unknown"}:
            click.echo(f"{file.name}:{one.row.line}: {one.row.shop} {one.row.order}: {one.words}", err=True)
    adopted = "would be adopted" if dry_run else "adopted"
    left = counts["conflict"] + counts["unknown"]
    click.echo(f"{counts['adopt']} {adopted}, {counts['already']} already so, {left} not possible")
    if left:
        sys.exit(1)
