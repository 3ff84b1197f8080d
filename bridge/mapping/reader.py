"""One YAML file as a tree: every scalar and key is the text that stands in the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from bridge.errors import Problem
from bridge.mapping.tree import List, Map, Node, Scalar
from bridge.mapping.variables import fill

# https://yaml.org/spec/1.2.2/#1021-tags: how a plain scalar says null.
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TEXT_TAGS = frozenset({"tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "!"})


def read(path: Path, environ: Mapping[str, str], *, offline: bool) -> tuple[Map | None, list[Problem]]:
    """The file's tree and everything that is wrong with it; None where it cannot be read at all."""
    name = str(path)
    try:
        root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.BaseLoader)
    except OSError as error:
        return None, [Problem(message=f"cannot read the file: {error.strerror}", file=name)]
    except UnicodeDecodeError:
        return None, [Problem(message="the file is not UTF-8 text: save it as UTF-8", file=name)]
    except yaml.YAMLError as error:
        return None, [_syntax_problem(error, name)]
    if not isinstance(root, yaml.MappingNode):
        return None, [Problem(message="a mapping file is a map that begins with `version: 1`", file=name, line=1)]
    reader = _Reader(name, environ, offline=offline)
    tree = reader.convert(root, 1)
    return (tree if isinstance(tree, Map) else None), reader.problems


class _Reader:
    """Turns YAML's nodes into ours."""

    def __init__(self, file: str, environ: Mapping[str, str], *, offline: bool) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._environ = environ
        self._offline = offline
        self._open: set[int] = set()  # the YAML nodes above this one, so that one that holds itself is seen

    def convert(self, node: yaml.Node, line: int) -> Node:
        """Our node for YAML's; `line` is where its key or it itself stands."""
        if id(node) in self._open:
            self._problem("an anchor holds itself: write the part out", line)
            return Scalar(parts=None, file=self._file, line=line)
        if node.tag not in _TEXT_TAGS:
            self._problem("tags are not used in mapping files: leave it out", line, node.tag)
        self._open.add(id(node))
        try:
            return self._converted(node, line)
        finally:
            self._open.remove(id(node))

    def _converted(self, node: yaml.Node, line: int) -> Node:
        if isinstance(node, yaml.MappingNode):
            return self._map(node, line)
        if isinstance(node, yaml.SequenceNode):
            entries = tuple(self.convert(entry, _line(entry)) for entry in node.value)
            return List(entries=entries, file=self._file, line=line)
        assert isinstance(node, yaml.ScalarNode)  # YAML has no fourth kind
        return self._scalar(node, line)

    def _map(self, node: yaml.MappingNode, line: int) -> Map:
        entries: dict[str, Node] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            here = _line(key_node)
            key = self._key(key_node)
            if key is None:
                continue
            if key in entries:
                self._problem(f"the key stands here and in line {lines[key]}: keep one", here, key)
                continue
            lines[key] = here
            entries[key] = self.convert(value_node, here)
        return Map(entries=entries, file=self._file, line=line)

    def _key(self, node: yaml.Node) -> str | None:
        """A key's text, or None with a problem."""
        line = _line(node)
        if not isinstance(node, yaml.ScalarNode):
            self._problem("a key must be a text: put a value that begins with { or [ in quotes", line)
            return None
        key = str(node.value)
        if key == "<<" and node.style is None:
            self._problem("merge keys are not used: take `extends:` for a base file, or write the keys out", line, key)
            return None
        if "${" in key:
            self._problem("a variable may stand in a value only, not in a key", line, key)
            return None
        return key

    def _scalar(self, node: yaml.ScalarNode, line: int) -> Scalar:
        if node.style is None and node.value in _NULLS:
            return Scalar(parts=None, file=self._file, line=line)
        if "\0" in node.value:  # PostgreSQL keeps no such text
            self._problem("the character NUL cannot be used", line)
            return Scalar(parts=None, file=self._file, line=line)
        try:
            parts, variables = fill(node.value, self._environ, offline=self._offline)
        except ValueError as error:
            self._problem(str(error), line)  # the text may hold a secret
            return Scalar(parts=None, file=self._file, line=line)
        return Scalar(parts=parts, variables=variables, file=self._file, line=line)

    def _problem(self, message: str, line: int, found: str = "") -> None:
        self.problems.append(Problem(message=message, file=self._file, line=line, found=found, code="mapping"))


def _line(node: yaml.Node) -> int:
    """The line a YAML node begins in, from 1."""
    return node.start_mark.line + 1


def _syntax_problem(error: yaml.YAMLError, file: str) -> Problem:
    """What YAML's parser says, with its line and the commonest way out."""
    mark = getattr(error, "problem_mark", None)
    words = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    way_out = 'put values that begin with {, [, %, & or * in quotes: "{{ order.name }}"; indent with spaces'
    message = f"this is no YAML: {words}; {way_out}"
    return Problem(message=message, file=file, line=mark.line + 1 if mark else 0, code="mapping")
