"""The figures of the bench as tables, with what is wanted beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table

from bridge.trial.bench_backlog import BacklogFigure
from bridge.trial.bench_costs import CostFigure
from bridge.trial.bench_figures import Figures
from bridge.trial.bench_forwarding import ForwardingFigure
from bridge.trial.bench_history import HistoryFigure
from bridge.trial.bench_mapping import MappingFigure
from bridge.trial.bench_memory import MemoryFigure
from bridge.trial.bench_receipt import ReceiptFigure, SaturatedFigure

MOST_MAPPING = 2.0  # times the contract's own load
MOST_P99_MS = 50.0  # at 50 webhooks a second on two cores
LEAST_RECEIPT = 0.7  # of the one-plain-insert floor
LEAST_FORWARDING = 0.5  # of bare httpx, with a SortedPRO that takes 20 ms
LEAST_HISTORY = 0.9  # of the figures on empty tables
MOST_WORKER_MB = 120.0
MOST_WEB_MB = 90.0
_FULL = 0.9  # of a core: a process of one thread at a time that takes so much is what holds the rest back
_WANTED_LATENCY = 20  # milliseconds


def report(figures: Figures, machine: Mapping[str, Any], left_out: Sequence[str]) -> Group:
    """All tables, and what was not measured."""
    made: list[Any] = [f"{machine['cores']} cores, Python {machine['python']}; medians unless said otherwise", ""]
    tables = [
        _mapping(figures.mapping) if figures.mapping else None,
        _saturated(figures.saturated) if figures.saturated else None,
        _receipt(figures.receipt) if figures.receipt else None,
        _costs(figures.costs) if figures.costs else None,
        _forwarding(figures.forwarding) if figures.forwarding else None,
        _backlog(figures.backlog) if figures.backlog else None,
        _history(figures.history) if figures.history else None,
        _memory(figures.memory) if figures.memory else None,
    ]
    for table in filter(None, tables):
        made += [table, ""]
    if left_out:
        made.append(f"Left out, as it takes long: {', '.join(left_out)}. Ask by --only NAME, or for all by --all.")
    return Group(*made)


def _mapping(figures: Sequence[MappingFigure]) -> Table:
    title = f"Mapping an order, beside the contract's load of its payload (wanted: at most {MOST_MAPPING:g} times)"
    table = _table(title, "shop", "lines", "decide and map", "load", "ratio", "runs")
    for one in figures:
        ratio = _at_most(one.ratio, MOST_MAPPING)
        table.add_row(
            one.shop, str(one.lines), f"{one.decide_ms:.3f} ms", f"{one.load_ms:.3f} ms", ratio, str(one.runs)
        )
    return table


def _saturated(figure: SaturatedFigure) -> Table:
    title = (
        f"Receipt as fast as {figure.connections} connections can, {figure.rounds} rounds of {figure.requests} "
        f"(wanted: at least {LEAST_RECEIPT:g} of one plain insert)"
    )
    table = _table(title, "what answers", "webhooks a second", "bridge / floor")
    table.add_row("the bridge", f"{figure.bridge_per_second:g}/s", "")
    table.add_row(
        "floor: Flask, one insert", f"{figure.insert_per_second:g}/s", _at_least(figure.to_insert, LEAST_RECEIPT)
    )
    table.add_row("floor: bare Flask", f"{figure.bare_per_second:g}/s", f"{figure.to_bare:g}")
    table.caption = (
        f"the load generator took {figure.generator_cores:g} of a core at most; {figure.refused} answers were not 202"
    )
    return table


def _receipt(figure: ReceiptFigure) -> Table:
    title = (
        f"Receipt at {figure.rate} webhooks a second for {figure.seconds} s, from the scheduled time "
        f"(wanted: p99 under {MOST_P99_MS:g} ms)"
    )
    rows = {"the bridge": figure.bridge, "floor: Flask, one insert": figure.insert, "floor: bare Flask": figure.bare}
    table = _latencies(title, rows)
    table.caption = f"p99 is {figure.p99_to_insert:g} times that of the plain insert"
    return table


def _latencies(title: str, rows: Mapping[str, Mapping[str, Any]]) -> Table:
    """Latencies as `loadgen.summary` gives them; the first row is the bridge's."""
    table = _table(title, "what answers", "p50", "p99", "p99.9", "max", "statuses")
    for number, (name, found) in enumerate(rows.items()):
        p99 = f"{found['p99_ms']:.1f} ms" if number else _at_most(found["p99_ms"], MOST_P99_MS, " ms")
        statuses = ", ".join(f"{count} x {status}" for status, count in found["statuses"].items())
        others = [f"{found[column]:.1f} ms" for column in ("p50_ms", "p99_9_ms", "max_ms")]
        table.add_row(name, others[0], p99, *others[1:], statuses)
    return table


def _costs(figures: Sequence[CostFigure]) -> Table:
    table = _table("One forwarded order", "shop", "SQL statements", "transactions", "outbound calls")
    for one in figures:
        table.add_row(one.shop, str(one.statements), str(one.transactions), "\n".join(one.calls))
    return table


def _forwarding(figures: Sequence[ForwardingFigure]) -> Table:
    first = figures[0]
    title = (
        f"Orders forwarded a second by workers of {first.threads} threads, both platforms in turn, {first.rounds} "
        f"rounds of {first.orders} (wanted: at least {LEAST_FORWARDING:g} of bare httpx at {_WANTED_LATENCY} ms)"
    )
    names = ("SortedPRO takes", "workers", "the bridge", "floor: bare httpx", "bridge / floor", "cores taken")
    table = _table(title, *names)
    for one in figures:
        judged = one.latency_ms == _WANTED_LATENCY and one.workers == 1
        table.add_row(
            f"{one.latency_ms} ms",
            str(one.workers),
            f"{one.bridge_per_second:g}/s",
            f"{one.floor_per_second:g}/s",
            _at_least(one.ratio, LEAST_FORWARDING) if judged else f"{one.ratio:g}",
            f"worker {_told(one.worker_cores)}, sandbox {_told(one.sandbox_cores)}; "
            f"floor {_told(one.floor_cores)}, sandbox {_told(one.floor_sandbox_cores)}",
        )
    table.caption = _scaling(figures)
    if any((one.floor_sandbox_cores or 0) > _FULL for one in figures):
        table.caption += "; the sandbox takes nearly a whole core beside the floor, which is held back by it"
    return table


def _scaling(figures: Sequence[ForwardingFigure]) -> str:
    """How much more two workers do than one."""
    two = figures[-1]
    one = next(found for found in figures if found.latency_ms == two.latency_ms)
    factor = two.bridge_per_second / one.bridge_per_second
    return f"two workers forward {factor:.2f} times what one does, at {two.latency_ms} ms"


def _backlog(figure: BacklogFigure) -> Table:
    title = (
        f"Receipt at {figure.rate} webhooks a second for {figure.seconds} s while {figure.orders} orders drain, "
        f"medians of {len(figure.bridge['p99_ms_of_rounds'])} rounds (wanted: p99 under {MOST_P99_MS:g} ms)"
    )
    table = _latencies(title, {"the bridge": figure.bridge, "floor: Flask, one insert": figure.insert})
    rounds = [", ".join(f"{p99:.1f}" for p99 in one["p99_ms_of_rounds"]) for one in (figure.bridge, figure.insert)]
    table.caption = (
        f"p99 of the rounds: {rounds[0]} ms, of the insert {rounds[1]} ms; {figure.forwarded_per_second:g} orders a "
        f"second were forwarded meanwhile, {figure.left} were left"
    )
    return table


def _history(figure: HistoryFigure) -> Table:
    title = (
        f"With {figure.orders} orders and {figure.attempts} attempts in the tables, {figure.rounds} rounds "
        f"(wanted: at least {LEAST_HISTORY:g} of empty tables)"
    )
    table = _table(title, "what", "full", "empty", "full / empty")
    rows = {
        "webhooks a second": (figure.receipt_full, figure.receipt_empty, figure.receipt_ratio),
        "orders forwarded a second": (figure.forwarding_full, figure.forwarding_empty, figure.forwarding_ratio),
    }
    for name, (full, empty, ratio) in rows.items():
        table.add_row(name, f"{full:g}/s", f"{empty:g}/s", _at_least(ratio, LEAST_HISTORY))
    return table


def _memory(figure: MemoryFigure) -> Table:
    title = (
        f"Resident memory while {figure.orders} orders pass (wanted: worker under {MOST_WORKER_MB:g} MB, "
        f"each web worker process under {MOST_WEB_MB:g} MB)"
    )
    table = _table(title, "orders", "worker", "largest web worker process")
    for after, worker, web in zip(figure.after, figure.worker_mb, figure.web_mb, strict=True):
        table.add_row(str(after), _at_most(worker, MOST_WORKER_MB, " MB"), _at_most(web, MOST_WEB_MB, " MB"))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left", header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _told(cores: float | None) -> str:
    return "?" if cores is None else f"{cores:g}"


def _at_most(value: float, most: float, unit: str = "") -> str:
    """A figure that has an upper bound, in a colour that says whether it keeps to it."""
    return f"[{'green' if value <= most else 'red'}]{value:g}{unit}[/]"


def _at_least(value: float, least: float) -> str:
    """The same for a lower bound."""
    return f"[{'green' if value >= least else 'red'}]{value:g}[/]"
