"""A tests file as YAML: its parts with their lines, each read as what it must be.

A text without quotes says what it looks like. In a body (`orders`, `fetched`, `change`) JSON's own words count: true,
false, null (`~` or nothing too) and numbers, those with a fraction as Decimal. All else is text, and so is everything
in quotes: NO, 0123 and 2026-12-01 stay what they are. In an expected value it is `Plain`, and the request decides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from bridge.errors import ConfigurationError, Problem
from bridge.mapping.tree import List, Map, Node, Scalar
from bridge.mapping.variables import fill
from bridge.mapping.wording import choices

Json = Any

NULLS = frozenset({"", "~", "null", "Null", "NULL"})  # https://yaml.org/spec/1.2.2/#1021-tags
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")  # JSON's
_WORDS = {"true": True, "false": False}
_TAGS = frozenset({"tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "!"})


@dataclass(frozen=True, kw_only=True)
class Plain:
    """An expected value without quotes: a text, or the number, true, false or null that it reads as."""

    text: str


ABSENT = Plain(text="absent")  # nothing shall stand there


@dataclass(frozen=True, kw_only=True)
class Part:
    """One key of a map, with what stands there."""

    name: str
    key: yaml.ScalarNode
    node: yaml.Node

    @property
    def line(self) -> int:
        """The key's line, from 1."""
        return line_of(self.key)


class Sheet:
    """The parts of one tests file. What is wrong with them is noted in `problems`, with its line."""

    def __init__(self, path: Path) -> None:
        """Read a file; raises ConfigurationError where that cannot be done at all."""
        self.file = str(path)
        self.folder = path.parent
        self.problems: list[Problem] = []
        self.text = _text(path)
        self.root = _composed(self.text, self.file)
        self._check(self.root, ())
        if self.problems:  # nothing can be said of a tree with doubled keys or loops
            raise ConfigurationError(self.problems)

    def problem(self, message: str, place: yaml.Node, found: str = "") -> None:
        """Note what is wrong at a place."""
        self.problems.append(Problem(message=message, file=self.file, line=line_of(place), found=found, code="case"))

    def parts(self, node: yaml.Node, what: str, allowed: Iterable[str] | None = None) -> Mapping[str, Part]:
        """A map by its keys; no map, and a key that is not allowed, are problems."""
        if not isinstance(node, yaml.MappingNode):
            self.problem(f"{what} must be a map", node)
            return {}
        found = {key.value: Part(name=key.value, key=key, node=value) for key, value in node.value}
        if allowed is None:
            return found
        known = set(allowed)
        for name in found.keys() - known:
            self.problem(f"`{name}` is no key of {what}; {choices(name, known)}", found[name].key)
        return {name: part for name, part in found.items() if name in known}

    def entries(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        """A list's entries."""
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        self.problem(f"{what} must be a list", node)
        return []

    def texts(self, node: yaml.Node, what: str) -> list[str]:
        """A list of texts, none of them empty."""
        return [text for entry in self.entries(node, what) if (text := self.text_of(entry, f"an entry of {what}"))]

    def text_of(self, node: yaml.Node, what: str) -> str:
        """A text as it stands in the file; "" beside a problem where it is none or empty."""
        if isinstance(node, yaml.ScalarNode) and node.value.strip():
            return str(node.value)
        self.problem(f"{what} must be a text that says something", node)
        return ""

    def moment(self, node: yaml.Node, what: str) -> datetime | None:
        """A time with its zone, in UTC; None beside a problem."""
        text = self.text_of(node, what)
        try:
            when = datetime.fromisoformat(text) if text else None
        except ValueError:
            when = None
        if when is not None and when.tzinfo is not None:
            return when.astimezone(UTC)
        if text:
            self.problem(f"{what} must be a time with its zone: 2026-12-01T10:00:00Z", node, text)
        return None

    def fragment(self, node: yaml.Node, environ: Mapping[str, str], line: int = 0) -> Node:
        """A part of a mapping that stands here, as the mapping's own reader would read it."""
        here = line or line_of(node)
        if isinstance(node, yaml.MappingNode):
            named = {key.value: self.fragment(value, environ, line_of(key)) for key, value in node.value}
            return Map(entries=named, file=self.file, line=here)
        if isinstance(node, yaml.SequenceNode):
            entries = tuple(self.fragment(entry, environ) for entry in node.value)
            return List(entries=entries, file=self.file, line=here)
        if is_plain(node) and node.value in NULLS:
            return Scalar(parts=None, file=self.file, line=here)
        try:
            parts, variables = fill(node.value, environ, offline=True)
        except ValueError as error:
            self.problem(str(error), node)
            return Scalar(parts=None, file=self.file, line=here)
        return Scalar(parts=parts, variables=variables, file=self.file, line=here)

    def _check(self, node: yaml.Node, above: tuple[int, ...]) -> None:
        """Note what no part of the file may have: tags, doubled keys, keys that are no text, loops."""
        if id(node) in above:
            self.problem("an anchor holds itself: write the part out", node)
            return
        if node.tag not in _TAGS:
            self.problem("tags are not used in tests: leave it out", node, node.tag)
        chain = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node)
            for _, value in node.value:
                self._check(value, chain)
        elif isinstance(node, yaml.SequenceNode):
            for entry in node.value:
                self._check(entry, chain)

    def _check_keys(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.problem("a key must be a text: put a value that begins with { or [ in quotes", key)
            elif key.value == "<<" and key.style is None:
                self.problem("merge keys are not used: take `base:` with `change:`", key)
            elif key.value in seen:
                self.problem("the key stands here twice: keep one", key, key.value)
            else:
                seen.add(key.value)


def value_of(node: yaml.Node) -> Json:
    """A body as JSON's values: dicts, lists, texts, int, Decimal, true, false and null."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: value_of(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [value_of(entry) for entry in node.value]
    if not is_plain(node):
        return node.value
    if node.value in NULLS:
        return None
    if NUMBER.fullmatch(node.value):
        return number(node.value)
    return _WORDS.get(node.value, node.value)


def wanted_of(node: yaml.Node) -> Json:
    """An expected value: dicts and lists of `Plain`, and of texts where there are quotes."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: wanted_of(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [wanted_of(entry) for entry in node.value]
    return Plain(text=node.value) if is_plain(node) else node.value


def read_json(path: Path) -> Json:
    """A JSON file's value. Raises ValueError with a sentence where it cannot be read."""
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise ValueError(f"cannot read the file: {error.strerror}; its name counts from this file's folder") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this file is no JSON: {error}") from error


def read_yaml(path: Path) -> Json:
    """A YAML file's value, read as a body. Raises ConfigurationError."""
    return value_of(Sheet(path).root)


def number(text: str) -> int | Decimal:
    """A number of JSON."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,400}", text) else Decimal(text)


def nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    """Every node below and including this one; one that an alias repeats comes each time."""
    yield node
    if isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from nodes(value)
    elif isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from nodes(entry)


def is_plain(node: yaml.Node) -> bool:
    """Whether a scalar stands without quotes."""
    return isinstance(node, yaml.ScalarNode) and node.style is None


def line_of(node: yaml.Node) -> int:
    """The line that a node begins in, from 1."""
    return int(node.start_mark.line) + 1


def _text(path: Path) -> str:
    """A file's text with its own line ends."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        message = f"cannot read the file: {error.strerror}"
    except UnicodeDecodeError:
        message = "the file is not UTF-8 text: save it as UTF-8"
    raise ConfigurationError([Problem(message=message, file=str(path), code="case")])


def _composed(text: str, file: str) -> yaml.MappingNode:
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        words = getattr(error, "problem", None) or "unreadable"
        message = f'this is no YAML: {words}; put paths in quotes, "line_items[0].sku": A, and indent with spaces'
        line = mark.line + 1 if mark else 0
        raise ConfigurationError([Problem(message=message, file=file, line=line, code="case")]) from error
    if isinstance(root, yaml.MappingNode):
        return root
    message = "must be a map with `cases:` in it"
    raise ConfigurationError([Problem(message=message, file=file, line=1, code="case")])
