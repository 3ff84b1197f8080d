"""The bench: mapping, receipt and forwarding measured on this machine, each beside a floor of the same run."""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console

from bridge.cli.opening import settings
from bridge.errors import BridgeError
from bridge.shops import files
from bridge.trial.bench_backlog import measure_backlog
from bridge.trial.bench_costs import measure_costs
from bridge.trial.bench_figures import Figures
from bridge.trial.bench_forwarding import measure_forwarding
from bridge.trial.bench_ground import Ground, open_ground
from bridge.trial.bench_history import measure_history
from bridge.trial.bench_mapping import measure_mapping
from bridge.trial.bench_memory import measure_memory
from bridge.trial.bench_plan import LONG_PARTS, Plan
from bridge.trial.bench_receipt import measure_receipt
from bridge.trial.bench_tables import report


def measure(plan: Plan, *, as_json: bool) -> int:
    """Measure, print, and return the exit status: 0 once everything was measured, whatever the figures.

    Raises ConfigurationError where the mapping files are not there, BridgeError where a process does not do its part.
    """
    console = Console(stderr=as_json, highlight=False)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    shipped = settings().mappings
    files(shipped)
    folder = Path(tempfile.mkdtemp(prefix="bridge-bench-"))
    try:
        figures = _measured(console, folder, shipped, plan)
    except BridgeError:
        console.print(f"the logs are in {folder}")
        raise
    shutil.rmtree(folder)
    left_out = [part for part in LONG_PARTS if part not in plan.parts]
    if as_json:
        told = {"machine": machine(), "plan": asdict(plan), "left_out": left_out, **asdict(figures)}
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        console.print(report(figures, machine(), left_out))
    return 0


def machine() -> Mapping[str, Any]:
    """What the figures were measured on."""
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def _measured(console: Console, folder: Path, shipped: Path, plan: Plan) -> Figures:
    figures = Figures()
    if "mapping" in plan.parts:
        console.print("mapping ...")
        figures.mapping = list(measure_mapping(folder, shipped, seconds=plan.seconds / 10))
    if plan.supply:
        console.print(f"{plan.supply} orders are made for the fake shops ...")
        with open_ground(folder, shipped, plan) as ground:
            _measure_running(console, ground, plan, figures)
    return figures


def _measure_running(console: Console, ground: Ground, plan: Plan, figures: Figures) -> None:
    """What needs processes; it is written into `figures`."""
    if "receipt" in plan.parts:
        console.print("receipt, beside a plain insert and beside nothing ...")
        figures.saturated, figures.receipt = measure_receipt(ground, plan)
    if "forwarding" in plan.parts:
        console.print(f"forwarding, {plan.rounds} batches of {plan.orders} orders for each latency of SortedPRO ...")
        figures.costs, journeys = measure_costs(ground)
        figures.forwarding = list(measure_forwarding(ground, plan, journeys))
    if "backlog" in plan.parts:
        console.print(f"receipt while {plan.backlog} orders drain ...")
        figures.backlog = measure_backlog(ground, plan)
    if "history" in plan.parts:
        console.print(f"receipt and forwarding beside {plan.history} orders in the tables ...")
        figures.history = measure_history(ground, plan)
    if "memory" in plan.parts:
        console.print(f"memory while {plan.memory} orders pass ...")
        figures.memory = measure_memory(ground, plan)
