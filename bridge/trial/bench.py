"""The bench: mapping, receipt and forwarding measured on this machine, each beside a floor of the same run."""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console, Group
from rich.table import Table

from bridge.cli.opening import settings
from bridge.errors import BridgeError
from bridge.shops import files
from bridge.trial.bench_forwarding import CostFigure, ForwardingFigure, measure_costs, measure_forwarding
from bridge.trial.bench_ground import open_ground
from bridge.trial.bench_mapping import MappingFigure, measure_mapping
from bridge.trial.bench_orders import SHOPS
from bridge.trial.bench_receipt import ReceiptFigure, measure_receipt

PARTS = ("mapping", "receipt", "forwarding")
LATENCIES = (0.0, 0.02)  # of SortedPRO, in seconds
MOST_MAPPING = 2.0  # times the contract's own load
MOST_P99_MS = 50.0  # at 50 webhooks a second on two cores


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything that was measured; None or empty for what was left out."""

    mapping: Sequence[MappingFigure] = ()
    receipt: ReceiptFigure | None = None
    costs: Sequence[CostFigure] = ()
    forwarding: Sequence[ForwardingFigure] = ()


def measure(*, as_json: bool, seconds: int, rate: int, orders: int, only: Sequence[str] = ()) -> int:
    """Measure, print, and return the exit status: 0 once everything was measured, whatever the figures.

    `seconds` and `rate` (webhooks a second) are of receipt; the mapping takes a tenth of `seconds` for each of its four
    orders. `orders` is the size of a batch to be forwarded; `only` names some of PARTS.
    Raises ConfigurationError where the mapping files are not there, BridgeError where a process does not do its part.
    """
    console = Console(stderr=as_json, highlight=False)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    shipped = settings().mappings
    files(shipped)
    folder = Path(tempfile.mkdtemp(prefix="bridge-bench-"))
    try:
        figures = _measured(console, folder, shipped, seconds, rate, orders, only or PARTS)
    except BridgeError:
        console.print(f"the logs are in {folder}")
        raise
    shutil.rmtree(folder)
    if as_json:
        sys.stdout.write(json.dumps({"machine": machine(), **asdict(figures)}) + "\n")
    else:
        console.print(_report(figures))
    return 0


def machine() -> Mapping[str, Any]:
    """What the figures were measured on."""
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def _measured(
    console: Console, folder: Path, shipped: Path, seconds: int, rate: int, orders: int, parts: Sequence[str]
) -> Figures:
    mapping: list[MappingFigure] = []
    if "mapping" in parts:
        console.print("mapping ...")
        mapping = list(measure_mapping(folder, shipped, seconds=seconds / 10))
    if not {"receipt", "forwarding"} & {*parts}:
        return Figures(mapping=mapping)
    received, two_each = rate * (seconds + 1), 2 * len(SHOPS)
    with open_ground(folder, shipped, max(received, two_each + len(LATENCIES) * orders)) as ground:
        receipt = None
        if "receipt" in parts:
            console.print(f"receipt: {seconds + 1} s for the bridge and for each of two floors ...")
            receipt = measure_receipt(ground, rate=rate, seconds=seconds)
        if "forwarding" not in parts:
            return Figures(mapping=mapping, receipt=receipt)
        console.print(f"forwarding: {orders} orders for each latency of SortedPRO ...")
        costs, calls = measure_costs(ground, first=0)
        batches = measure_forwarding(ground, calls, orders=orders, first=two_each, latencies=LATENCIES)
        return Figures(mapping=mapping, receipt=receipt, costs=costs, forwarding=list(batches))


# ---------------------------------------------------------------------------------------------------------------------
# Tables
# ---------------------------------------------------------------------------------------------------------------------
def _report(figures: Figures) -> Group:
    where = machine()
    parts: list[Any] = [f"{where['cores']} cores, Python {where['python']}; medians unless said otherwise", ""]
    if figures.mapping:
        parts += [_mapping_table(figures.mapping), ""]
    if figures.receipt:
        parts += [_receipt_table(figures.receipt), ""]
    if figures.costs:
        parts += [_costs_table(figures.costs), ""]
    if figures.forwarding:
        parts += [_forwarding_table(figures.forwarding), ""]
    return Group(*parts)


def _mapping_table(figures: Sequence[MappingFigure]) -> Table:
    title = f"Mapping an order, beside the contract's load of its payload (wanted: at most {MOST_MAPPING:g} times)"
    table = _table(title, "shop", "lines", "decide and map", "load", "ratio", "runs")
    for one in figures:
        ratio = _marked(one.ratio, MOST_MAPPING, "")
        table.add_row(
            one.shop, str(one.lines), f"{one.decide_ms:.3f} ms", f"{one.load_ms:.3f} ms", ratio, str(one.runs)
        )
    return table


def _receipt_table(figure: ReceiptFigure) -> Table:
    title = (
        f"Receipt at {figure.rate} webhooks a second for {figure.seconds} s, from the scheduled time "
        f"(wanted: p99 under {MOST_P99_MS:g} ms)"
    )
    table = _table(title, "what answers", "p50", "p99", "p99.9", "max", "statuses")
    rows = {"the bridge": figure.bridge, "floor: Flask, one insert": figure.insert, "floor: bare Flask": figure.bare}
    for name, found in rows.items():
        p99 = f"{found['p99_ms']:.1f} ms"
        table.add_row(
            name,
            f"{found['p50_ms']:.1f} ms",
            _marked(found["p99_ms"], MOST_P99_MS, " ms") if found is figure.bridge else p99,
            f"{found['p99_9_ms']:.1f} ms",
            f"{found['max_ms']:.1f} ms",
            ", ".join(f"{count} x {status}" for status, count in found["statuses"].items()),
        )
    table.caption = f"p99 is {figure.p99_to_insert:g} times that of the plain insert"
    return table


def _costs_table(figures: Sequence[CostFigure]) -> Table:
    table = _table("One forwarded order", "shop", "SQL statements", "transactions", "outbound calls")
    for one in figures:
        table.add_row(one.shop, str(one.statements), str(one.transactions), "\n".join(one.calls))
    return table


def _forwarding_table(figures: Sequence[ForwardingFigure]) -> Table:
    title = f"Orders forwarded a second by one worker of {figures[0].threads} threads, both platforms in turn"
    table = _table(title, "SortedPRO takes", "the bridge", "floor: bare httpx", "floor / bridge", "orders")
    for one in figures:
        table.add_row(
            f"{one.latency_ms} ms",
            f"{one.bridge_per_second:g}/s",
            f"{one.floor_per_second:g}/s",
            f"{one.ratio:g}",
            str(one.orders),
        )
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left", header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _marked(value: float, most: float, unit: str) -> str:
    """A figure that has a bound, in a colour that says whether it keeps to it."""
    return f"[{'green' if value <= most else 'red'}]{value:g}{unit}[/]"
