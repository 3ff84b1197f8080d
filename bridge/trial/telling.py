"""How the demo looks: live progress while it plays, then the table, the counts, and what to try next."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from textwrap import shorten

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bridge.cli import showing
from bridge.cli.showing import reason_of
from bridge.store.ledger import Order
from bridge.store.tables import STATES
from bridge.trial.stage import ENVIRONMENT, Stage
from bridge.trial.verdict import Outcome, Verdict, judge

_LATEST = 12  # events under the counts
_WIDTH = 160  # where no terminal says how wide it is


def make_console(*, to_stderr: bool) -> Console:
    """The console of a demo; with --json everything for people goes to stderr."""
    console = Console(stderr=to_stderr, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    return console


class Progress:
    """Counts by state and the latest events; a line for each event where no one watches."""

    def __init__(self, console: Console, live: Live | None) -> None:
        self._console = console
        self._live = live
        self._began = time.monotonic()
        self._states: dict[int, str] = {}
        self._events: deque[Text] = deque(maxlen=_LATEST)

    def show(self, orders: Sequence[Order]) -> None:
        """Show what has changed since the last time."""
        for order in reversed(orders):
            if self._states.get(order.id) != order.state:
                self._states[order.id] = order.state
                self._tell(order)
        if self._live is not None:
            self._live.update(self._picture(orders))

    def _tell(self, order: Order) -> None:
        line = Text(
            f"{time.monotonic() - self._began:6.1f} s  {order.shop} {order.label} ", no_wrap=True, overflow="ellipsis"
        )
        line.append(showing.state(order))
        words = order.reference or reason_of(order)
        if words and words != order.state:
            line.append(f": {shorten(words, 100, placeholder=' ...')}")
        self._events.append(line)
        if self._live is None:
            self._console.print(line)

    def _picture(self, orders: Sequence[Order]) -> RenderableType:
        counts = Counter(order.state for order in orders)
        told = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
        head = Text(f"{len(orders)} orders, {time.monotonic() - self._began:.0f} s: {told}", style="bold")
        return Group(head, *self._events)


@contextmanager
def progress(console: Console) -> Iterator[Progress]:
    """Progress, live on a terminal."""
    if not console.is_terminal:
        yield Progress(console, None)
        return
    with Live(console=console, transient=True, refresh_per_second=8) as live:
        yield Progress(console, live)


def tell(console: Console, verdict: Verdict) -> None:
    """The table and the counts, and what came out otherwise than expected."""
    table = Table(title="What became of each order", title_justify="left", header_style="bold")
    for name in ("shop", "order", "what it shows", "state", "reference or reason", "where to look next"):
        table.add_column(name, no_wrap=name in {"shop", "order", "state"}, overflow="fold")
    for outcome in verdict.outcomes:
        scene = outcome.scene
        state = Text(outcome.state or "no order", style="red" if judge(outcome) else "green")
        table.add_row(scene.shop, scene.name, scene.shows, state, Text(_words(outcome)), Text(scene.next_look))
    console.print(table)
    console.print(
        f"{verdict.in_sortedpro} orders in SortedPRO, {verdict.written_back} references written back, "
        f"{verdict.doubles} doubles"
    )
    for wrong_words in verdict.mismatches:
        console.print(Text(f"not as the story says: {wrong_words}", style="red"))


def tell_json(verdict: Verdict) -> None:
    """One JSON object on stdout; webhooks that no order was made of are not in it."""
    told = {
        "orders": [
            {
                "shop": outcome.scene.shop,
                "name": outcome.scene.name,
                "state": outcome.state,
                "reference": outcome.reference,
                "reason": outcome.reason or None,
            }
            for outcome in verdict.outcomes
            if outcome.state
        ],
        "sortedpro_orders": verdict.in_sortedpro,
        "written_back": verdict.written_back,
    }
    click.echo(json.dumps(told, ensure_ascii=False))


def tell_what_next(console: Console, stage: Stage | None) -> None:
    """What to try now; with a stage, on that which still runs."""
    if stage is not None:
        trio = stage.trio
        lines = [
            "Everything still runs; in another terminal:",
            f"  . {stage.folder / ENVIRONMENT}",
            "  bridge orders list",
            "  bridge order show '#1001'",
            f"  webhooks: {stage.web_url}/webhooks/<shop>; SortedPRO: {trio.sortedpro_url}",
            f"  Shopify: {trio.shopify_url}; WooCommerce: {trio.woocommerce_url}",
            f"  logs and mapping files: {stage.folder}",
            "Ctrl-C stops all of it.",
        ]
    else:
        lines = [
            "Next: `bridge demo` without --once stays up, so that the commands of the last column can be tried on it.",
            "What is sent, skipped and waited for stands in mappings/shopify.yaml and mappings/woocommerce.yaml.",
            "README.md says how to connect a shop.",
        ]
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def _words(outcome: Outcome) -> str:
    words = "; ".join(part for part in (outcome.reference, outcome.reason) if part)
    return shorten(words, 140, placeholder=" ...")
