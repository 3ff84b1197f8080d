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

console = Console(highlight=False, soft_wrap=False)


def orders_table(orders: Iterable[Order], title: str | None = None) -> Table:
    """Shop, order, state, reference or reason, and when it is looked at next."""
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for name in ("shop", "order", "state", "reference or reason", "next look"):
        table.add_column(name, no_wrap=name in {"order", "state", "next look"}, overflow="fold")
    for order in orders:
        table.add_row(order.shop, order.label, state(order), Text(what(order)), next_look(order))
    return table


def state(order: Order) -> Text:
    """The state in its colour, and the flag beside it."""
    text = Text(order.state, style=_COLOURS.get(order.state, ""))
    return text.append(" changed", style="bold red") if order.changed else text


def what(order: Order) -> str:
    """The reference of a sent order, else the reason; what changed or is still missing after it."""
    parts = [order.reference or order.reason]
    if order.reference and order.state == "created":
        parts.append(f"not yet on the shop order: {order.reason}")
    if order.changed:
        parts.append(order.change)
    if order.warning:
        parts.append(order.warning)
    parts += [f"not sent: {one['quantity']} x {one['name']} ({one['reason']})" for one in order.left_out]
    return "; ".join(parts)


def next_look(order: Order) -> str:
    """When the bridge looks at the order again by itself."""
    times = [time for time in (order.due_at, order.not_before) if time is not None]
    return moment(max(times)) if order.due_at is not None else ""


def moment(when: datetime | None) -> str:
    """A time for people, in UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if when else ""
