"""`bridge destinations`: SortedPRO accounts, pausing and resuming them."""

from __future__ import annotations

import click

from bridge.cli import pausing
from bridge.cli.pausing import DESTINATION
from bridge.cli.reason import REASON


@click.group()
def destinations() -> None:
    """SortedPRO accounts."""


@destinations.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_destinations(as_json: bool) -> None:
    """Show destinations, their limits, what keeps orders back, and how many."""
    pausing.show(DESTINATION, as_json=as_json)


@destinations.command()
@click.argument("name")
@click.option("--reason", required=True, type=REASON, help="Why; the list shows it.")
def pause(name: str, reason: str) -> None:
    """Send nothing to a destination until it is resumed."""
    pausing.pause(DESTINATION, name, reason)


@destinations.command()
@click.argument("name")
def resume(name: str) -> None:
    """Send to a destination again, whatever was in the way."""
    pausing.resume(DESTINATION, name)
