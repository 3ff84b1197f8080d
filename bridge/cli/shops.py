"""`bridge shops`: the configured shops, and lifting a pause."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.table import Table

from bridge.cli.opening import store
from bridge.cli.showing import console, moment
from bridge.errors import ActionRefused
from bridge.store import destinations as stored
from bridge.store.database import transaction


@click.group()
def shops() -> None:
    """The shops that the bridge knows."""


@shops.command(name="list")
def list_shops() -> None:
    """Show shops, and what a pause holds back."""
    with store() as engine, transaction(engine) as connection:
        show_pauses("shop", stored.list_shops(connection))


@shops.command()
@click.argument("name")
def resume(name: str) -> None:
    """Work on a paused shop's orders again."""
    with store() as engine, transaction(engine) as connection:
        if not stored.resume_shop(connection, name):
            raise ActionRefused(f"no shop {name} is paused: see `bridge shops list`")
    click.echo(f"{name} is resumed: its orders go on within seconds")


def show_pauses(noun: str, pauses: Sequence[stored.Pause]) -> None:
    """A table of shops or destinations."""
    table = Table(header_style="bold")
    for name in (noun, "paused since", "why", "orders", "oldest since"):
        table.add_column(name, overflow="fold")
    for one in pauses:
        table.add_row(one.name, moment(one.paused_at), one.reason, str(one.orders), moment(one.oldest))
    paused = [one.name for one in pauses if one.paused_at]
    console.print(table if pauses else f"no {noun} yet: the worker announces them when it starts")
    for name in paused:
        console.print(f"{name}: mend what is named; it goes on by itself then, or by `bridge {noun}s resume {name}`")
