"""A tests file, read and checked: which orders are tried with which mapping, and what shall become of each.

mapping: shopify.yaml      from this file's folder; without it the file of the same name
now: 2026-12-01T10:00:00Z  of each case that does not say another
variables: { NAME: text }  in place of the environment, which is never read
orders: { NAME: body }     bodies by name: written in place, { file: paid.json }, { base: NAME, change: ... }
fetched: { NAME: body }    what was read from the shop, by the platform's keys
cases:                     each with `name`, `order`, `expect` (see expected.py) and what else _CASE names
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from bridge.cases.bodies import Bodies
from bridge.cases.expected import Expected, expected_of
from bridge.cases.paths import MISSING
from bridge.cases.sheet import Part, Sheet, value_of
from bridge.decide import Known
from bridge.errors import ConfigurationError, Problem
from bridge.mapping.tree import Map

Json = Any

_SUITE = ("mapping", "now", "variables", "orders", "fetched", "cases")
_CASE = (
    *("name", "order", "change", "remove", "fetched", "change_fetched", "remove_fetched"),
    *("known", "now", "with", "expect"),
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One order, and what shall become of it."""

    name: str
    line: int
    order: Json
    fetched: Json | None  # None: nothing was read, and nothing will be
    known: Known
    now: datetime
    over: tuple[Path | Map, ...]  # recipes and parts that are laid over the mapping
    layers: str  # the same for two cases that are tried with the same mapping
    expected: Expected


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A tests file."""

    file: str
    mapping: Path
    variables: Mapping[str, str]
    cases: Sequence[Case]
    text: str = field(repr=False)
    root: yaml.MappingNode = field(repr=False)


def load(path: Path) -> Suite:
    """Read a tests file. Raises ConfigurationError with everything that is wrong with it."""
    sheet = Sheet(path)
    suite = _Reading(sheet, path).suite()
    if sheet.problems:
        raise ConfigurationError(sorted(dict.fromkeys(sheet.problems), key=lambda one: (one.file, one.line)))
    return suite


def tests_of(path: Path) -> Path:
    """The tests file that a name stands for: itself, or the one beside a mapping. Raises ConfigurationError."""
    if is_tests(path):
        return path
    for suffix in (path.suffix, ".yaml", ".yml"):
        beside = path.with_name(f"{path.stem}.tests{suffix}")
        if beside.is_file():
            return beside
    message = f"this mapping has no tests: put them into {path.stem}.tests.yaml beside it"
    raise ConfigurationError([Problem(message=message, file=str(path), code="case")])


def tests_in(folder: Path) -> list[Path]:
    """Every tests file of a folder and of those in it, by name."""
    found = [path for path in sorted(folder.rglob("*")) if is_tests(path) and path.is_file()]
    return [path for path in found if not path.name.startswith(("_", "."))]


def is_tests(path: Path) -> bool:
    """Whether a file is one of tests by its name."""
    return path.suffix in {".yaml", ".yml"} and path.stem.endswith(".tests")


class _Reading:
    """One way through a sheet."""

    def __init__(self, sheet: Sheet, path: Path) -> None:
        self._sheet = sheet
        self._path = path
        self._parts = sheet.parts(sheet.root, "a tests file", _SUITE)
        self._now = self._moment(self._parts.get("now"), "`now`")
        self._variables = self._texts_by_name("variables")
        self._orders = self._bodies("orders")
        self._fetched = self._bodies("fetched")
        self._names: dict[str, int] = {}  # the lines in which they stand

    def suite(self) -> Suite:
        """The file as a suite; what is wrong is noted in the sheet."""
        self._orders.check()
        self._fetched.check()
        cases = self._parts.get("cases")
        entries = self._sheet.entries(cases.node, "`cases`") if cases else []
        if not entries:
            self._sheet.problem(
                "there are no cases: write them under `cases:`", cases.key if cases else self._sheet.root
            )
        return Suite(
            file=self._sheet.file,
            mapping=self._mapping(),
            variables=self._variables,
            cases=[case for entry in entries if (case := self._case(entry))],
            text=self._sheet.text,
            root=self._sheet.root,
        )

    def _mapping(self) -> Path:
        part = self._parts.get("mapping")
        name = self._sheet.text_of(part.node, "`mapping`") if part else ""
        path = self._path.parent / (name or f"{self._path.stem.removesuffix('.tests')}{self._path.suffix}")
        if not path.is_file():
            words = "there is no such mapping file: name it under `mapping:`, from this file's folder"
            self._sheet.problem(words, part.node if part else self._sheet.root, name or path.name)
        return path

    # -----------------------------------------------------------------------------------------------------------------
    # Cases
    # -----------------------------------------------------------------------------------------------------------------
    def _case(self, node: yaml.Node) -> Case | None:
        """A case, None beside problems that leave nothing of it."""
        parts = self._sheet.parts(node, "a case", _CASE)
        lacking = [key for key in ("name", "order", "expect") if key not in parts]
        if lacking:
            self._sheet.problem(f"a case needs {' and '.join(f'`{key}`' for key in lacking)}", node)
            return None
        name = self._name(parts["name"])
        expected = expected_of(self._sheet, parts["expect"])
        order = self._orders.changed(
            self._orders.body(parts["order"].node), _node(parts.get("change")), _node(parts.get("remove"))
        )
        fetched = self._fetched_of(parts)
        now = self._moment(parts.get("now"), "`now`") or self._now
        if now is None and "now" not in parts:
            self._sheet.problem("a case needs a `now`: give it, or one for the whole file", node)
        known = self._known(parts.get("known"))
        over, layers = self._over(parts.get("with"))
        if expected is None or now is None or order is MISSING or fetched is MISSING:
            return None
        return Case(
            name=name,
            line=parts["name"].line,
            order=order,
            fetched=fetched,
            known=known,
            now=now,
            over=over,
            layers=layers,
            expected=expected,
        )

    def _name(self, part: Part) -> str:
        """A case's name, which no other has."""
        name = self._sheet.text_of(part.node, "`name`")
        first = self._names.setdefault(name, part.line)
        if name and first != part.line:
            self._sheet.problem(f"the case in line {first} has this name too: give each its own", part.key, name)
        return name

    def _fetched_of(self, parts: Mapping[str, Part]) -> Json | None:
        """What was read for a case, None where nothing was and nothing will be."""
        changes, removals = parts.get("change_fetched"), parts.get("remove_fetched")
        if "fetched" not in parts:
            if change := changes or removals:
                self._sheet.problem("nothing was fetched that could be changed: say `fetched:` too", change.key)
            return None
        read = self._fetched.changed(self._fetched.body(parts["fetched"].node), _node(changes), _node(removals))
        if read is not MISSING and not isinstance(read, dict):
            self._sheet.problem("what was fetched must be a map by the platform's keys", parts["fetched"].key)
            return MISSING
        return read

    def _known(self, part: Part | None) -> Known:
        """What the ledger knows; a value that `Known` would not keep as it stands is a problem."""
        parts = self._sheet.parts(part.node, "`known`", [one.name for one in fields(Known)]) if part else {}
        given = {name: value_of(below.node) for name, below in parts.items()}
        try:
            known = Known.from_json(given)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            known = Known()
        for name, value in given.items():
            if not _is_kept(value, getattr(known, name), usual=getattr(Known(), name)):
                self._sheet.problem("is not in the form in which the ledger keeps it", parts[name].key, name)
        return known

    def _over(self, part: Part | None) -> tuple[tuple[Path | Map, ...], str]:
        """The fragments of `with`, and a text that is equal for equal ones."""
        over: list[Path | Map] = []
        written = []
        for node in self._sheet.entries(part.node, "`with`") if part else ():
            if isinstance(node, yaml.MappingNode):
                fragment = self._sheet.fragment(node, self._variables)
                over += [fragment] if isinstance(fragment, Map) else []
                written.append(repr(fragment))
            elif name := self._sheet.text_of(node, "an entry of `with`"):
                path = self._path.parent / name
                if not path.is_file():
                    self._sheet.problem("there is no such file; its name counts from this file's folder", node, name)
                over.append(path)
                written.append(str(path))
        return tuple(over), "\n".join(written)

    # -----------------------------------------------------------------------------------------------------------------
    # Sections
    # -----------------------------------------------------------------------------------------------------------------
    def _bodies(self, section: str) -> Bodies:
        part = self._parts.get(section)
        return Bodies(self._sheet, section, self._sheet.parts(part.node, f"`{section}`") if part else {})

    def _texts_by_name(self, section: str) -> Mapping[str, str]:
        part = self._parts.get(section)
        parts = self._sheet.parts(part.node, f"`{section}`") if part else {}
        return {name: self._sheet.text_of(one.node, f"`{name}`") for name, one in parts.items()}

    def _moment(self, part: Part | None, what: str) -> datetime | None:
        return self._sheet.moment(part.node, what) if part else None


def _node(part: Part | None) -> yaml.Node | None:
    return part.node if part else None


def _is_kept(given: Json, kept: object, *, usual: object) -> bool:
    """Whether a value of `known` says what came of it, and is what `usual` is."""
    if isinstance(kept, frozenset):
        return isinstance(given, list) and frozenset(given) == kept
    if isinstance(kept, Mapping):
        return isinstance(given, dict) and {key: str(value) for key, value in given.items()} == {
            key: str(value) for key, value in kept.items()
        }
    return type(given) is type(usual) and given == kept
