"""The command's root, and what all commands share: settings, a database, words for problems."""

from __future__ import annotations

import sys

import click

from bridge.cli import chaos, compare, database, demo, destinations, mapping, order, orders, run, shops
from bridge.errors import BridgeError, ConfigurationError


class _Root(click.Group):
    """Turns what the bridge raises on purpose into words and a status, instead of a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            for problem in error.problems:
                click.echo(f"error: {problem}", err=True)
            click.echo(f"{len(error.problems)} problem{'s' if len(error.problems) != 1 else ''}", err=True)
            sys.exit(2)
        except BridgeError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(1)


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="order-bridge", prog_name="bridge")
def main() -> None:
    """Carry every shop order to SortedPRO, and its reference back."""


for _command in (
    run.run,
    run.web,
    run.worker,
    demo.demo,
    demo.bench,
    chaos.chaos,
    demo.sandbox,
    mapping.mapping,
    orders.orders,
    order.order,
    compare.compare,
    destinations.destinations,
    shops.shops,
    database.db,
):
    main.add_command(_command)
