"""The tree of a mapping file: texts, maps and lists that remember the file and line they stand in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Any

_ADD = "add"  # the only key of a map that adds to the list below it


class Literal(str):
    """A stretch of text that came from a variable and is never read as a template."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One use of `${NAME}` in a scalar."""

    name: str
    is_set: bool
    has_default: bool

    @property
    def is_missing(self) -> bool:
        """Whether there is neither a value nor a default."""
        return not (self.is_set or self.has_default)


@dataclass(frozen=True, kw_only=True)
class Node:
    """Something in a mapping file. In a map, the line is that of its key. Places do not count for equality."""

    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, kw_only=True)
class Scalar(Node):
    """A text as it stands in the file with its variables filled in, or null (`parts` is None)."""

    parts: tuple[str, ...] | None = field(repr=False)  # Literal where a variable was filled in; may be a secret
    variables: tuple[Variable, ...] = field(default=(), compare=False)

    @property
    def text(self) -> str:
        """The whole text; "" for null."""
        return "".join(self.parts or ())


@dataclass(frozen=True, kw_only=True)
class Map(Node):
    """Values by key, in the order of the file."""

    entries: Mapping[str, Node]


@dataclass(frozen=True, kw_only=True)
class List(Node):
    """Values in order."""

    entries: Sequence[Node]


def is_null(node: Node | None) -> bool:
    """Whether a node is absent or null."""
    return node is None or (isinstance(node, Scalar) and node.parts is None)


def plain(node: Node | None) -> Json:
    """The tree as dicts, lists, texts and None."""
    if isinstance(node, Map):
        return {key: plain(entry) for key, entry in node.entries.items()}
    if isinstance(node, List):
        return [plain(entry) for entry in node.entries]
    return node.text if isinstance(node, Scalar) and node.parts is not None else None


def walk(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Every node below and including this one, with its path: `shop.secrets[0]`."""
    yield path, node
    if isinstance(node, Map):
        for key, entry in node.entries.items():
            yield from walk(entry, f"{path}.{key}" if path else key)
    elif isinstance(node, List):
        for index, entry in enumerate(node.entries):
            yield from walk(entry, f"{path}[{index}]")


def merge(base: Node, over: Node) -> Node:
    """`base` with `over` on top: maps are merged key by key, a null takes the key away, all else replaces.

    `{ add: [ ... ] }` over a list appends to it; over nothing, or over another `add`, it stays for a list further down.
    Over anything else it stays as it is: `additions` finds it.
    """
    if addition(over) is not None:
        return _added(base, over)
    if not (isinstance(base, Map) and isinstance(over, Map)) or addition(base) is not None:
        return over
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        if is_null(entry):
            entries.pop(key, None)
        else:
            entries[key] = merge(entries[key], entry) if key in entries else entry
    return Map(entries=entries, file=over.file, line=over.line)


def addition(node: Node) -> List | None:
    """What `{ add: [ ... ] }` adds; None where a node is no such map."""
    if not (isinstance(node, Map) and node.entries.keys() == {_ADD}):
        return None
    added = node.entries[_ADD]
    return added if isinstance(added, List) else None


def additions(node: Node) -> Iterator[tuple[str, Node]]:
    """Every `{ add: [ ... ] }` that no list took, with its path."""
    return ((path, below) for path, below in walk(node) if addition(below) is not None)


def _added(base: Node, over: Node) -> Node:
    """A list, or what another `add` adds, with `over` behind it."""
    more = addition(over)
    waiting = addition(base)
    below = base if waiting is None else waiting
    if more is None or not isinstance(below, List):
        return over
    entries = List(entries=(*below.entries, *more.entries), file=below.file, line=below.line)
    return entries if waiting is None else Map(entries={_ADD: entries}, file=over.file, line=over.line)


# ---------------------------------------------------------------------------------------------------------------------
# As JSON, for stored versions
# ---------------------------------------------------------------------------------------------------------------------
_PARTS = "${}"  # the key of a scalar with variables; a mapping's own keys cannot hold "${"


def to_json(node: Node) -> Json:
    """The tree as JSON values, filled-in variables kept apart from the text around them."""
    if isinstance(node, Map):
        return {key: to_json(entry) for key, entry in node.entries.items()}
    if isinstance(node, List):
        return [to_json(entry) for entry in node.entries]
    parts = node.parts if isinstance(node, Scalar) else None
    if parts is None or not any(isinstance(part, Literal) for part in parts):
        return None if parts is None else "".join(parts)
    return {_PARTS: [[str(part)] if isinstance(part, Literal) else part for part in parts]}


def from_json(value: Json, file: str) -> Node:
    """What `to_json` made, as a tree; every node names `file` and no line."""
    if isinstance(value, dict):
        if _PARTS in value:
            parts = tuple(Literal(part[0]) if isinstance(part, list) else part for part in value[_PARTS])
            return Scalar(parts=parts, file=file)
        return Map(entries={key: from_json(entry, file) for key, entry in value.items()}, file=file)
    if isinstance(value, list):
        return List(entries=tuple(from_json(entry, file) for entry in value), file=file)
    return Scalar(parts=None if value is None else (value,), file=file)
