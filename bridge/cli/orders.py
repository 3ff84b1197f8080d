"""`bridge orders`: all of them."""

from __future__ import annotations

import json

import click
from rich.table import Table
from rich.text import Text

from bridge.cli.opening import store
from bridge.cli.showing import console, moment, orders_table, reason_of
from bridge.store import queries
from bridge.store.database import transaction
from bridge.store.tables import STATES


@click.group()
def orders() -> None:
    """The orders in the ledger."""


@orders.command(name="list")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="Only in this state; may be given again."
)
@click.option("--shop", default="", help="Only of this shop.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_orders(states: tuple[str, ...], shop: str, limit: int, as_json: bool) -> None:
    """Show orders: where each is, and why."""
    with store() as engine, transaction(engine) as connection:
        found = queries.list_orders(connection, states=states, shop=shop, limit=limit)
        counts = queries.count_states(connection)
    if as_json:
        for one in found:
            click.echo(
                json.dumps(
                    {
                        "shop": one.shop,
                        "name": one.label,
                        "state": one.state,
                        "reference": one.reference,
                        "reason": reason_of(one) or None,
                    }
                )
            )
        return
    if found:
        console.print(orders_table(found))
    total = ", ".join(f"{counts[state]} {state}" for state in STATES if state in counts)
    console.print(total or "no orders yet: they appear when a shop's first webhook has come")


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
