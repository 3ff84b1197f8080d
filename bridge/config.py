"""The settings of a process: the only reader of the environment."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from bridge.errors import ConfigurationError, Problem

Log = Literal["json", "console"]

NAMES = (
    "DATABASE_URL",
    "PORT",
    "WEB_CONCURRENCY",
    "BRIDGE_CONCURRENCY",
    "BRIDGE_DATA",
    "BRIDGE_LOG",
    "BRIDGE_MAPPINGS",
    "BRIDGE_PRODUCTS_MAX_AGE",
    "BRIDGE_STOPS",
)
_OWN = "BRIDGE_"  # a name that begins so is ours: an unknown one is a misspelt one
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where the database is. Its address carries a password, so it is never shown."""

    url: str = field(repr=False)  # as libpq and psycopg read it: postgresql://user:password@host/name

    @property
    def sqlalchemy_url(self) -> str:
        """The same address for SQLAlchemy, which chooses the driver by the scheme."""
        return f"postgresql+psycopg{self.url.removeprefix('postgresql')}"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment says, checked, with defaults for what it does not say."""

    database: Database | None  # None: commands for people start the embedded one, web and worker refuse
    mappings: Path  # the folder of the mapping files
    data: Path  # the folder of the embedded database
    log: Log
    port: int  # of the web process
    web_processes: int
    concurrency: int  # orders that one worker forwards at a time
    products_max_age: timedelta  # how old a cached product may be before it is read again
    stops: Path | None = None  # see stops.py; only tests set it


def load(environ: Mapping[str, str], *, interactive: bool | None = None) -> Settings:
    """Read the settings; raises ConfigurationError with every problem at once.

    A variable set to "" is unset. `interactive` says whether a person watches the output; None asks the terminal.
    """
    reader = _Reader(environ)
    settings = Settings(
        database=reader.database("DATABASE_URL"),
        mappings=Path(reader.text("BRIDGE_MAPPINGS", "mappings")),
        data=Path(reader.text("BRIDGE_DATA", ".data")),
        log=reader.log("BRIDGE_LOG", interactive=sys.stdout.isatty() if interactive is None else interactive),
        port=reader.number("PORT", 8000, 1, 65535),
        web_processes=reader.number("WEB_CONCURRENCY", 2, 1, 64),
        concurrency=reader.number("BRIDGE_CONCURRENCY", 16, 1, 64),
        products_max_age=timedelta(minutes=reader.number("BRIDGE_PRODUCTS_MAX_AGE", 60, 0, 7 * 24 * 60)),
        stops=Path(folder) if (folder := reader.text("BRIDGE_STOPS", "")) else None,
    )
    problems = [*reader.problems, *_unknown(environ)]
    if problems:
        raise ConfigurationError(problems)
    return settings


def environ() -> dict[str, str]:
    """A copy of the environment, for `load` and for the variables of mapping files."""
    return dict(os.environ)


class _Reader:
    """Reads variables one by one and gathers what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[Problem] = []

    def text(self, name: str, default: str) -> str:
        return self._environ.get(name, "").strip() or default

    def number(self, name: str, default: int, least: int, most: int) -> int:
        text = self.text(name, str(default))
        # No more digits than the largest has: int() of a very long text raises.
        if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most:
            return int(text)
        self._add(name, f"must be a whole number from {least} to {most}; leave it unset for {default}", text)
        return default

    def log(self, name: str, *, interactive: bool) -> Log:
        text = self.text(name, "console" if interactive else "json")
        if text == "json":
            return "json"
        if text != "console":
            self._add(name, 'must be "json" or "console"; unset it is console in a terminal, else json', text)
        return "console"

    def database(self, name: str) -> Database | None:
        text = self.text(name, "")
        if not text:
            return None
        scheme, separator, rest = text.partition("://")
        if not separator or scheme not in _SCHEMES or not _readable(text):
            # The value is not shown: it carries a password.
            self._add(
                name,
                "is no address of a PostgreSQL database (the value is not shown, it may hold a password); write it as "
                "postgresql://user:password@host:5432/name, with @ : / % inside user or password as %40 %3A %2F %25",
            )
            return None
        return Database(url=f"postgresql://{rest}")

    def _add(self, name: str, message: str, found: str = "") -> None:
        self.problems.append(Problem(source=name, message=message, found=found, code="setting"))


def _readable(url: str) -> bool:
    """Whether an address names a host or a database, and its port is a number."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname or parts.path.strip("/") or parts.query) and parts.port != 0
    except ValueError:
        return False


def _unknown(environ: Mapping[str, str]) -> list[Problem]:
    """A problem for each set variable that looks like one of ours and is not."""
    own = [name for name in NAMES if name.startswith(_OWN)]
    problems = []
    for name in sorted(name for name, value in environ.items() if name.startswith(_OWN) and value and name not in own):
        # Without the prefix, which would make all of them near.
        near = difflib.get_close_matches(name.removeprefix(_OWN), [known.removeprefix(_OWN) for known in own], n=1)
        way_out = f"did you mean {_OWN}{near[0]}?" if near else f"known are {', '.join(own)}."
        problems.append(
            Problem(
                source=name,
                message=f"is no setting of the bridge; {way_out} Variables of mapping files need another prefix",
                code="setting",
            )
        )
    return problems
