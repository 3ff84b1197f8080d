"""Where a trial takes place: an embedded database, the sandbox in this process, web and worker as real processes."""

from __future__ import annotations

import json
import shlex
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from bridge.config import NAMES, Database
from bridge.errors import BridgeError, ConfigurationError, Problem
from bridge.processes import Child, start_web, start_worker, wait_ready
from bridge.sandbox.trio import Trio, open_trio
from bridge.store.database import connect
from bridge.store.embedded import temporary
from bridge.store.upgrade import upgrade

_SHOPS = ("shopify", "woocommerce")
ENVIRONMENT = "environment.sh"  # a file in the stage's folder, to be sourced
_OF_PROCESSES = frozenset({"BRIDGE_LOG", "PORT", "WEB_CONCURRENCY"})
_SEND_FROM = timedelta(days=3)
# Variables of the person at the terminal that would reach into the stage: our settings, and those of mapping files.
_NOT_PASSED_ON = ("BRIDGE_", "SHOPIFY_", "WOOCOMMERCE_", "SORTED_")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A running bridge with the outside world around it."""

    trio: Trio
    engine: Engine  # for looking at the ledger, and for what a person does to an order
    database: Database
    web_url: str
    children: tuple[Child, ...]
    folder: Path  # mapping files and logs

    def check_alive(self) -> None:
        """Raise BridgeError when a process has ended by itself."""
        for child in self.children:
            if child.popen.poll() is not None:
                raise BridgeError(
                    f"the {child.name} process ended with status {child.popen.returncode}: "
                    f"its log is {self.folder / f'{child.name}.log'}"
                )


@contextmanager
def open_stage(folder: Path, mappings: Path, environ: Mapping[str, str]) -> Iterator[Stage]:
    """Start everything, and stop it afterwards; mapping files and logs lie in `folder`.

    `mappings` is the folder of the shipped mapping files. Raises ConfigurationError where they are not there, and
    BridgeError where a process does not start.
    """
    found = shipped_mappings(mappings.resolve())
    with ExitStack() as stack:
        database = stack.enter_context(temporary())
        engine = connect(database, pool=2)
        stack.callback(engine.dispose)
        upgrade(engine)
        trio = stack.enter_context(open_trio())
        port = free_port()
        here = {
            **passed_on(environ),
            **trio.environment(),
            "DATABASE_URL": database.url,
            "BRIDGE_MAPPINGS": str(_write_mappings(folder / "mappings", found, trio)),
            "BRIDGE_LOG": "json",
            "PORT": str(port),
            "WEB_CONCURRENCY": "1",
            "SEND_FROM": (datetime.now(UTC) - _SEND_FROM).isoformat(timespec="seconds"),
        }
        _write_environment(folder / ENVIRONMENT, here, environ)
        children = _start(stack, here, folder)
        stage = Stage(
            trio=trio,
            engine=engine,
            database=database,
            web_url=f"http://127.0.0.1:{port}",
            children=children,
            folder=folder,
        )
        wait_ready(stage.web_url, children[0])
        trio.send_webhooks_to(stage.web_url)
        yield stage


def _start(stack: ExitStack, environ: Mapping[str, str], folder: Path) -> tuple[Child, ...]:
    children = []
    for name, start in (("web", start_web), ("worker", start_worker)):
        log = stack.enter_context((folder / f"{name}.log").open("wb"))
        child = start(environ, log)
        stack.callback(child.stop)
        children.append(child)
    return tuple(children)


def _write_environment(path: Path, here: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """What a terminal needs to run the bridge's commands on this stage, and to find them."""
    own = {name: value for name, value in here.items() if name not in _OF_PROCESSES and environ.get(name) != value}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in own.items()]
    found = shlex.quote(str(Path(sys.executable).parent))
    path.write_text("\n".join([*lines, f'export PATH={found}:"$PATH"', ""]))


def shipped_mappings(folder: Path) -> Path:
    """The folder, which must hold the mapping files that come with the bridge."""
    missing = [folder / f"{name}.yaml" for name in _SHOPS if not (folder / f"{name}.yaml").exists()]
    if missing:
        words = "is not there: start this in the folder that holds mappings/, or set BRIDGE_MAPPINGS to that one"
        raise ConfigurationError([Problem(source=str(path), message=words, code="mappings") for path in missing])
    return folder


def _write_mappings(folder: Path, shipped: Path, trio: Trio) -> Path:
    """Mapping files that are the shipped ones, with Shopify's address turned to the sandbox."""
    folder.mkdir()
    extra = {"shopify": f"shop:\n  api_url: {trio.shopify_url}\n"}
    for name in _SHOPS:
        # A JSON string is a YAML string too, whatever characters the path has.
        base = json.dumps(str(shipped / f"{name}.yaml"))
        (folder / f"{name}.yaml").write_text(f"version: 1\nextends: {base}\n{extra.get(name, '')}", "utf-8")
    return folder


def passed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """What of a person's variables the processes of a trial get too."""
    return {name: value for name, value in environ.items() if name not in NAMES and not name.startswith(_NOT_PASSED_ON)}


def free_port() -> int:
    """A port at which nothing listens now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
