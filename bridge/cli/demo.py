"""`bridge demo`, `bench`, `sandbox`: the bridge tried out, without any account."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from bridge.errors import ConfigurationError, Problem
from bridge.trial.bench_plan import LONG_PARTS, PARTS, Plan


@click.command()
@click.option("--once", is_flag=True, help="Leave at the end; status 0 only if everything came out as the story says.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def demo(once: bool, as_json: bool) -> None:
    """Play a story of shop orders on the embedded database and the sandbox."""
    with extras():
        from bridge.trial.demo import play  # noqa: PLC0415
    sys.exit(play(once=once, as_json=as_json))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option(
    "--seconds", type=click.IntRange(min=1), default=Plan.seconds, show_default=True, help="How long to send webhooks."
)
@click.option("--rate", type=click.IntRange(min=1), default=Plan.rate, show_default=True, help="Webhooks a second.")
@click.option(
    "--rounds", type=click.IntRange(min=1), default=Plan.rounds, show_default=True, help="Of the bridge and its floors."
)
@click.option(
    "--connections",
    type=click.IntRange(min=1),
    default=Plan.connections,
    show_default=True,
    help="That send at full speed.",
)
@click.option(
    "--burst", type=click.IntRange(min=10), default=Plan.burst, show_default=True, help="Webhooks at full speed."
)
@click.option(
    "--orders", type=click.IntRange(min=10), default=Plan.orders, show_default=True, help="To forward in a round."
)
@click.option("--concurrency", type=click.IntRange(1, 64), help="Threads of a worker and of its floor.")
@click.option(
    "--body", "lines", type=click.IntRange(1, 100), default=Plan.lines, show_default=True, help="Lines an order."
)
@click.option(
    "--latency",
    "latencies",
    type=click.IntRange(0, 10_000),
    multiple=True,
    default=Plan.latencies,
    show_default=True,
    metavar="MS",
    help="Of SortedPRO's answers; may be repeated.",
)
@click.option(
    "--backlog", type=click.IntRange(min=10), default=Plan.backlog, show_default=True, help="Orders that drain."
)
@click.option(
    "--history", type=click.IntRange(min=10), default=Plan.history, show_default=True, help="Orders in the tables."
)
@click.option("--memory", type=click.IntRange(min=10), default=Plan.memory, show_default=True, help="Orders that pass.")
@click.option("--only", multiple=True, type=click.Choice(PARTS + LONG_PARTS), help="Leave the rest; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="The parts that take long too: backlog, history, memory.")
def bench(as_json: bool, only: tuple[str, ...], everything: bool, **sizes: Any) -> None:
    """Measure mapping, receipt and forwarding on this machine, each beside a floor of the same run."""
    with extras():
        from bridge.trial.bench import measure  # noqa: PLC0415
    parts = (*PARTS, *LONG_PARTS) if everything else only or PARTS
    sys.exit(measure(Plan(parts=parts, **sizes), as_json=as_json))


@click.command()
def sandbox() -> None:
    """Serve the fake SortedPRO, Shopify and WooCommerce until Ctrl-C."""
    with extras():
        from bridge.sandbox.__main__ import main  # noqa: PLC0415
    main([])


@contextmanager
def extras() -> Iterator[None]:
    """What is imported here needs extras that a PaaS does not install."""
    try:
        yield
    except ModuleNotFoundError as error:
        words = "is not installed: `make demo` does it, or pip install 'order-bridge[embedded,sandbox]'"
        raise ConfigurationError([Problem(message=words, source=error.name or "an extra")]) from None
