"""What a running process takes of the machine, as Linux tells it; None elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")


def cpu_seconds(pid: int) -> float | None:
    """Processor time that a process has taken until now, on all cores together."""
    try:
        told = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = told.rpartition(")")[2].split()  # the name before may have blanks; these begin with the third field
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float | None:
    """Memory of a process, shared pages included, in megabytes (1,000,000 bytes)."""
    try:
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except OSError:
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    try:
        return [int(one) for one in (_PROC / str(pid) / "task" / str(pid) / "children").read_text().split()]
    except OSError:
        return []


def share(before: float | None, after: float | None, seconds: float) -> float | None:
    """Of one core, between two figures of `cpu_seconds`."""
    return None if before is None or after is None else round((after - before) / seconds, 2)
