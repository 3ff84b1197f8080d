"""How orders look in a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridge.store.ledger import Order

_COLOURS = {
    "done": "green",
    "created": "green",
    "sending": "cyan",
    "queued": "cyan",
    "received": "cyan",
    "waiting": "yellow",
    "held": "magenta",
    "skipped": "bright_black",
    "failed": "red",
    "in_doubt": "bold red",
}

_WIDEST = 40  # characters of an order's name in a table

console = Console(highlight=False, soft_wrap=False)


def orders_table(orders: Iterable[Order], title: str | None = None) -> Table:
    """Shop, order, state, reference or reason, and when it is looked at next."""
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for name in ("shop", "order", "state", "reference or reason", "next look"):
        table.add_column(name, no_wrap=name in {"order", "state", "next look"}, overflow="fold")
    for order in orders:
        table.add_row(Text(order.shop), Text(_fitting(order.label)), state(order), Text(what(order)), next_look(order))
    return table


def _fitting(label: str) -> str:
    """A name as it fits into a column: shops accept whatever length, and characters that move a terminal's cursor."""
    shown = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in label)
    return shown if len(shown) <= _WIDEST else f"{shown[: _WIDEST - 3]}..."


def state(order: Order) -> Text:
    """The state in its colour, and beside it what a person must see to."""
    text = Text(order.state, style=_COLOURS.get(order.state, ""))
    flags = (
        ("changed", order.changed),
        ("two orders" if order.alarm.startswith("two") else "may exist", bool(order.alarm)),
        ("not sent", bool(order.unsent)),
    )
    for words, raised in flags:
        if raised:
            text.append(f" {words}", style="bold red")
    return text


def what(order: Order) -> str:
    """The reference of a sent order, else the reason; what changed or is still missing after it."""
    parts = [order.reference or order.reason]
    if order.trouble:
        parts.append(f"not yet on the shop order: {order.trouble}" if order.state == "created" else order.trouble)
    parts += [order.alarm, order.change, owed(order), order.warning]
    return "; ".join(part for part in parts if part)


def owed(order: Order) -> str:
    """Goods of a sent order that stand in no SortedPRO order; "" for most."""
    waiting = [
        f"not sent: {one['quantity']} \N{MULTIPLICATION SIGN} {one['name']} ({one['reason']})" for one in order.left_out
    ]
    return "; ".join(part for part in (order.unsent, *waiting) if part)


def rows(orders: Iterable[Order]) -> str:
    """Orders that one name means, each so that it can be named for certain: `row 23 (held)`."""
    return ", ".join(f"row {one.id} ({one.shop} {one.label}, {one.state})" for one in orders)


def reason_of(order: Order) -> str:
    """What there is to say beside the reference; "" where that says it all."""
    return what(order).removeprefix(order.reference or "").removeprefix("; ")


def next_look(order: Order) -> str:
    """When the bridge looks at the order again by itself."""
    times = [time for time in (order.due_at, order.not_before) if time is not None]
    return moment(max(times)) if order.due_at is not None else ""


def moment(when: datetime | None) -> str:
    """A time for people, in UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if when else ""
