"""Everything that a run of the bench has measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.trial.bench_backlog import BacklogFigure
from bridge.trial.bench_costs import CostFigure
from bridge.trial.bench_forwarding import ForwardingFigure
from bridge.trial.bench_history import HistoryFigure
from bridge.trial.bench_mapping import MappingFigure
from bridge.trial.bench_memory import MemoryFigure
from bridge.trial.bench_receipt import ReceiptFigure, SaturatedFigure


@dataclass(kw_only=True)
class Figures:
    """None or empty for what was left out."""

    mapping: Sequence[MappingFigure] = ()
    saturated: SaturatedFigure | None = None
    receipt: ReceiptFigure | None = None
    costs: Sequence[CostFigure] = ()
    forwarding: Sequence[ForwardingFigure] = ()
    backlog: BacklogFigure | None = None
    history: HistoryFigure | None = None
    memory: MemoryFigure | None = None
