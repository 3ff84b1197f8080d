"""`bridge demo`, `bench`, `sandbox`: the bridge tried out, without any account."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from bridge.errors import ConfigurationError, Problem


@click.command()
@click.option("--once", is_flag=True, help="Leave at the end; status 0 only if everything came out as the story says.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def demo(once: bool, as_json: bool) -> None:
    """Play a story of shop orders on the embedded database and the sandbox."""
    with _extras():
        from bridge.trial.demo import play  # noqa: PLC0415
    sys.exit(play(once=once, as_json=as_json))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option("--seconds", type=click.IntRange(min=1), default=20, show_default=True, help="How long to send webhooks.")
@click.option("--rate", type=click.IntRange(min=1), default=50, show_default=True, help="Webhooks a second.")
@click.option("--orders", type=click.IntRange(min=10), default=300, show_default=True, help="Orders to forward.")
@click.option("--only", multiple=True, type=click.Choice(["mapping", "receipt", "forwarding"]), help="Leave the rest.")
def bench(as_json: bool, seconds: int, rate: int, orders: int, only: tuple[str, ...]) -> None:
    """Measure mapping, receipt and forwarding on this machine, each beside a floor of the same run."""
    with _extras():
        from bridge.trial.bench import measure  # noqa: PLC0415
    sys.exit(measure(as_json=as_json, seconds=seconds, rate=rate, orders=orders, only=only))


@click.command()
def sandbox() -> None:
    """Serve the fake SortedPRO, Shopify and WooCommerce until Ctrl-C."""
    with _extras():
        from bridge.sandbox.__main__ import main  # noqa: PLC0415
    main([])


@contextmanager
def _extras() -> Iterator[None]:
    """What is imported here needs extras that a PaaS does not install."""
    try:
        yield
    except ModuleNotFoundError as error:
        words = "is not installed: `make demo` does it, or pip install 'order-bridge[embedded,sandbox]'"
        raise ConfigurationError([Problem(message=words, source=error.name or "an extra")]) from None
