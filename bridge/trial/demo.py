"""The demo: a story of shop orders, played on the real processes and judged at the end."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from bridge import config
from bridge.cli.opening import settings
from bridge.trial.playing import Playing, now_utc
from bridge.trial.stage import Stage, open_stage
from bridge.trial.story import STORY
from bridge.trial.telling import make_console, progress, tell, tell_json, tell_what_next

_LIMIT = timedelta(seconds=120)
_INTERRUPTED = 130


def play(*, once: bool, as_json: bool) -> int:
    """Play the story; without `once` everything stays up until Ctrl-C.

    Returns the exit status: 0 only where every order came out as the story says. Raises ConfigurationError where the
    mapping files are not there, and BridgeError where a process ends.
    """
    console = make_console(to_stderr=as_json)
    # SIGTERM ends it as Ctrl-C does: database, web and worker are stopped on the way out.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="bridge-demo-"))
    status = 1
    try:
        status = _play(console, folder, once=once, as_json=as_json)
    except KeyboardInterrupt:
        status = _INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
        _leave(console, folder, keep=status == 1)
    return status


def _play(console: Console, folder: Path, *, once: bool, as_json: bool) -> int:
    console.print("starting database, sandbox, web and worker ...")
    with open_stage(folder, settings().mappings, config.environ()) as stage:
        playing = Playing(stage, STORY, now_utc)
        with progress(console) as shown:
            for orders in playing.run(_LIMIT):
                shown.show(orders)
        verdict = playing.verdict()
        tell(console, verdict)
        if as_json:
            tell_json(verdict)
        tell_what_next(console, None if once else stage)
        status = 1 if verdict.mismatches else 0
        if not once:
            _stay(stage)
    return status


def _stay(stage: Stage) -> None:
    """Until Ctrl-C. Raises BridgeError when a process ends before."""
    try:
        while True:
            stage.check_alive()
            time.sleep(0.2)
    except KeyboardInterrupt:
        return


def _leave(console: Console, folder: Path, *, keep: bool) -> None:
    """Remove mapping files and logs, unless something went wrong that the logs may tell of."""
    if keep and any(folder.glob("*.log")):
        console.print(f"the logs of web and worker are in {folder}", soft_wrap=True)
    else:
        shutil.rmtree(folder)
