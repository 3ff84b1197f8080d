"""`bridge destinations`: SortedPRO accounts, and lifting a pause."""

from __future__ import annotations

import click

from bridge.cli.opening import store
from bridge.cli.shops import show_pauses
from bridge.errors import ActionRefused
from bridge.store import destinations as stored
from bridge.store.database import transaction


@click.group()
def destinations() -> None:
    """SortedPRO accounts."""


@destinations.command(name="list")
def list_destinations() -> None:
    """Show destinations, and what a pause holds back."""
    with store() as engine, transaction(engine) as connection:
        show_pauses("destination", stored.list_destinations(connection))


@destinations.command()
@click.argument("name")
def resume(name: str) -> None:
    """Send to a paused destination again."""
    with store() as engine, transaction(engine) as connection:
        if not stored.resume_destination(connection, name):
            raise ActionRefused(f"no destination {name} is paused: see `bridge destinations list`")
    click.echo(f"{name} is resumed: its orders go on within seconds")
