"""Named points of the journey at which a process can be stopped, so that a test may kill it just there.

Nothing stops unless BRIDGE_STOPS names a folder. A test arms a point by a file of its name in that folder; a thread
that comes to it leaves a file `<point>.at.<pid>.<thread>` and waits there until the arming file is gone (or forever:
its process is to be killed). Each armed point stops whoever comes.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

# In the order of the journey. "written" is before the commit, the word without it after; where one statement is all,
# as it is for most orders and for the first body of one, there is no such point.
WEB = ("verified", "stored_written", "stored")
WORKER = (
    "claimed",
    "looked",
    "begin_written",
    "begun",
    "answered",
    "end_written",
    "ended",
    "reference_written",
    "done",
)
POINTS = (*WEB, *WORKER)

_POLL = 0.01  # seconds

Reach = Callable[[str], None]


def nowhere(point: str) -> None:
    """Stop at no point: what every process does that is not under test."""


def armed(folder: Path | None) -> Reach:
    """What is called with each point that is reached."""
    if folder is None:
        return nowhere

    def reach(point: str) -> None:
        arming = folder / point
        if not arming.exists():
            return
        told = folder / f"{point}.at.{os.getpid()}.{threading.get_ident()}"
        told.touch()
        while arming.exists():
            time.sleep(_POLL)
        told.unlink(missing_ok=True)

    return reach
