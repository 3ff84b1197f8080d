"""`bridge shops`: the configured shops, pausing and resuming them."""

from __future__ import annotations

import click

from bridge.cli import pausing
from bridge.cli.pausing import SHOP
from bridge.cli.reason import REASON


@click.group()
def shops() -> None:
    """The shops that the bridge knows."""


@shops.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_shops(as_json: bool) -> None:
    """Show shops, what keeps their orders back, and how many."""
    pausing.show(SHOP, as_json=as_json)


@shops.command()
@click.argument("name")
@click.option("--reason", required=True, type=REASON, help="Why; the list shows it.")
def pause(name: str, reason: str) -> None:
    """Leave a shop's orders alone until it is resumed; its webhooks are still taken in."""
    pausing.pause(SHOP, name, reason)


@shops.command()
@click.argument("name")
def resume(name: str) -> None:
    """Work on a shop's orders again, whatever was in the way."""
    pausing.resume(SHOP, name)
