"""`bridge chaos`: nothing lost, nothing doubled, tried out by killing and breaking what there is."""

from __future__ import annotations

import signal
import sys
from datetime import UTC, datetime

import click

from bridge.cli.demo import extras

_KILLS = 8  # a minute


@click.command()
@click.option("--orders", type=click.IntRange(min=1), help="How many.  [default: 2000; 25000 with --rehearse]")
@click.option(
    "--minutes", type=click.FloatRange(min=0.1), default=3.0, show_default=True, help="Of traffic, kills and faults."
)
@click.option("--seed", type=int, help="Of the plan; the same seed gives the same plan.  [default: of the time]")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Worker processes.")
@click.option("--kills", type=click.IntRange(min=0), help=f"How many.  [default: {_KILLS} a minute]")
@click.option(
    "--patience", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Minutes to wait for the rest."
)
@click.option("--rehearse", is_flag=True, help="Rehearse a Black Friday instead, by a clock that runs ahead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def chaos(
    orders: int | None,
    minutes: float,
    seed: int | None,
    workers: int,
    kills: int | None,
    patience: float,
    rehearse: bool,
    as_json: bool,
) -> None:
    """Kill and break things at random on the embedded database and the sandbox, then count every order.

    Status 0 only if no order was lost, made twice, stuck, stopped or left without its reference, every webhook was
    acknowledged and is stored, a person is told of every change after sending, and every doubt had a cause.
    """
    drawn = int(datetime.now(UTC).timestamp()) if seed is None else seed
    with extras():
        from bridge.trial.chaos import soak  # noqa: PLC0415
        from bridge.trial.rehearsal import rehearse as rehearsed  # noqa: PLC0415
    # SIGTERM ends it as Ctrl-C does: what was started is stopped on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if rehearse:
        sys.exit(rehearsed(count=orders or 25_000, seed=drawn, as_json=as_json))
    status = soak(
        orders=orders or 2000,
        minutes=minutes,
        seed=drawn,
        workers=workers,
        kills=round(_KILLS * minutes) if kills is None else kills,
        patience=patience,
        as_json=as_json,
    )
    sys.exit(status)
