"""`bridge db`: the schema."""

from __future__ import annotations

import click

from bridge.cli.opening import store
from bridge.store.upgrade import upgrade as apply


@click.group()
def db() -> None:
    """The database's schema."""


@db.command()
def upgrade() -> None:
    """Bring the database to this release's revision; harmless when it is there already."""
    with store(migrated=False) as engine:
        click.echo(f"the database is at revision {apply(engine)}")
