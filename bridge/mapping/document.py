"""A mapping file, read: its sections, what it extends, the variables it uses, its version."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bridge.errors import ConfigurationError, Problem
from bridge.mapping.reader import read
from bridge.mapping.tree import (
    Json,
    List,
    Map,
    Node,
    Scalar,
    Variable,
    additions,
    from_json,
    is_null,
    merge,
    plain,
    to_json,
    walk,
)
from bridge.mapping.wording import choices, kind

# Every section, and what it must be. `rules` are texts by name, `tables` maps by name, `names` a list of texts, `rows`
# texts by name that are no expressions.
SECTIONS: Mapping[str, str] = {
    "version": "text",
    "extends": "text",
    "shop": "map",
    "mode": "text",
    "send_from": "text",
    "destination": "map",
    "write_back": "map",
    "send_after": "text",
    "surge_limit": "text",
    "later_items": "text",
    "sent_elsewhere": "rules",
    "skip": "rules",
    "hold": "rules",
    "wait": "rules",
    "priority": "rules",
    "locations": "rows",
    "services": "tables",
    "pickup_points": "rows",
    "let": "rules",
    "tables": "tables",
    "fields": "names",
    "order": "map",
}
VERSION = "1"
# Neither the shop's credentials nor the destination's decide what an order becomes.
NOT_IN_VERSION = ("shop", "destination")
SECRET_SETTINGS = frozenset(
    {
        "shop.secrets",
        "shop.client_secret",
        "shop.access_token",
        "shop.consumer_key",
        "shop.consumer_secret",
        "destination.api_key",
    }
)


@dataclass(frozen=True, kw_only=True)
class Use:
    """One `${NAME}` in a mapping."""

    variable: Variable
    path: str  # shop.secrets[0]
    file: str
    line: int

    @property
    def name(self) -> str:
        """The variable's name."""
        return self.variable.name

    @property
    def section(self) -> str:
        """The top-level section that it stands in."""
        return re.split(r"[.\[]", self.path, maxsplit=1)[0]

    @property
    def is_missing(self) -> bool:
        """Whether there is neither a value nor a default."""
        return self.variable.is_missing


@dataclass(frozen=True, kw_only=True)
class Document:
    """A mapping file with its bases merged and its variables filled in.

    `problems` is what is wrong with it short of being unreadable; `compiler.compile` raises them with its own.
    """

    file: str
    root: Map = field(repr=False)  # it holds the secrets that variables brought
    problems: tuple[Problem, ...] = ()

    def section(self, name: str) -> Node | None:
        """A top-level section, None where it is absent or null."""
        node = self.root.entries.get(name)
        return None if is_null(node) else node

    def plain(self, name: str) -> Json:
        """A section as dicts, lists, texts and None; None where it is absent."""
        return plain(self.section(name))

    def place(self, path: str) -> tuple[str, int]:
        """File and line of a setting (`shop.secrets[0]`), or of what is nearest above it."""
        node: Node = self.root
        for step in re.findall(r"[^.\[\]]+", path):
            below = _below(node, step)
            if below is None:
                break
            node = below
        return node.file, node.line

    def variables(self, section: str | None = None) -> tuple[Use, ...]:
        """Every variable that is used, in the whole document or in one section, in the order of the file."""
        return tuple(use for use in _uses(self.root) if section in (None, use.section))

    def text(self) -> str:
        """The resolved document without shop and destination as JSON; `parse_stored` reads it."""
        entries = {name: node for name, node in self.root.entries.items() if name not in NOT_IN_VERSION}
        return json.dumps(to_json(Map(entries=entries)), ensure_ascii=False, separators=(",", ":"))

    def version_hash(self) -> str:
        """SHA-256 of `text`, in hex: the mapping's version. The order of rules counts."""
        return hashlib.sha256(self.text().encode()).hexdigest()


def load(
    path: Path,
    environ: Mapping[str, str],
    *,
    offline: bool = False,
    secret_settings: frozenset[str] = SECRET_SETTINGS,
    over: Sequence[Path | Map] = (),
) -> Document:
    """Read a mapping file and what it extends; `over` are fragments that are laid over it, the last on top.

    An unset variable without a default gives "", or the text `<NAME>` offline; `Document.variables` names it. Raises
    ConfigurationError where a file cannot be read; all else that is wrong is in `Document.problems`.
    """
    problems: list[Problem] = []
    root = _read_with_bases(path, environ, offline, problems, ())
    root = _laid_over(root, over, environ, offline, problems, path) if over else root
    if root is None:
        raise ConfigurationError(problems)
    entries = {name: node for name, node in root.entries.items() if name != "extends" and not is_null(node)}
    root = Map(entries=entries, file=root.file, line=root.line)
    problems += [*_shape_problems(root), *_addition_problems(root)]
    problems += _secret_problems(root, secret_settings)
    return Document(file=str(path), root=root, problems=tuple(problems))


def parse_stored(text: str) -> Document:
    """A stored version, as `Document.text` wrote it; its problems name the version in place of a file."""
    name = f"stored mapping {hashlib.sha256(text.encode()).hexdigest()[:8]}"
    root = from_json(json.loads(text), name)
    if not isinstance(root, Map):
        raise ConfigurationError([Problem(message="a stored mapping must be a map", file=name)])
    return Document(file=name, root=root)


# ---------------------------------------------------------------------------------------------------------------------
# Bases
# ---------------------------------------------------------------------------------------------------------------------
def _read_with_bases(
    path: Path, environ: Mapping[str, str], offline: bool, problems: list[Problem], above: tuple[Path, ...]
) -> Map | None:
    """The file merged onto what it extends, or None where one of them cannot be read."""
    root, found = read(path, environ, offline=offline)
    problems += found
    if root is None:
        return None
    problems += _version_problems(root, is_extended=bool(above))
    chain = (*above, path.resolve())
    layers: list[Map | None] = []
    for name in _bases(root, problems):
        base = path.parent / name.text
        trouble = _base_trouble(base, chain)
        if trouble:
            problems.append(_problem(name, trouble, source="extends", found=name.text))
        layers.append(None if trouble else _read_with_bases(base, environ, offline, problems, chain))
    return _merged([*layers, root])


def _bases(root: Map, problems: list[Problem]) -> Sequence[Scalar]:
    """The names of the files that a file extends, the lowest first."""
    node = root.entries.get("extends")
    if is_null(node):
        return ()
    names = node.entries if isinstance(node, List) else [node]
    texts = [name for name in names if isinstance(name, Scalar) and name.text]
    if not texts or len(texts) < len(names):
        words = "must be the name of a file, or a list of names: `extends: [shopify.yaml, recipes/customs.yaml]`"
        problems.append(_problem(node, words, source="extends"))
    return texts


def _base_trouble(path: Path, chain: tuple[Path, ...]) -> str:
    """Why a file cannot be extended, "" where it can."""
    if path.resolve() in chain:
        return "a mapping cannot extend itself, not even through others: take one `extends:` out"
    return "" if path.is_file() else "there is no such file; the name counts from this file's folder"


def _laid_over(
    root: Map | None,
    over: Sequence[Path | Map],
    environ: Mapping[str, str],
    offline: bool,
    problems: list[Problem],
    path: Path,
) -> Map | None:
    """A mapping with fragments on top, as a file that extends all of them and says nothing itself."""
    chain = (path.resolve(),)
    layers = [one if isinstance(one, Map) else _read_with_bases(one, environ, offline, problems, chain) for one in over]
    return _merged([root, *layers])


def _merged(layers: Sequence[Map | None]) -> Map | None:
    """Each layer on top of those before it; None where one could not be read."""
    merged, *rest = layers
    for layer in rest:
        both = merge(merged, layer) if merged and layer else None
        merged = both if isinstance(both, Map) else None
    return merged


def _version_problems(root: Map, *, is_extended: bool) -> Iterator[Problem]:
    """Each file says its own version of the mapping language; one that is extended may leave it to the file above."""
    version = root.entries.get("version")
    if is_null(version):
        if not is_extended:
            yield Problem(message="the first line must say `version: 1`", file=root.file, line=1, code="mapping")
    elif plain(version) != VERSION:
        yield _problem(version, "only version 1 is known: write `version: 1`", source="version", found=plain(version))


def _addition_problems(root: Map) -> Iterator[Problem]:
    """`add` where no file below has a list; a recipe's own wait for the mapping that extends it."""
    for path, node in additions(root):
        if "shop" in root.entries and not path.startswith("tables."):
            message = "`add` adds to a list of a file that is extended, and none has a list here: write the list itself"
            yield _problem(node, message, source=path)


# ---------------------------------------------------------------------------------------------------------------------
# Checks
# ---------------------------------------------------------------------------------------------------------------------
def _shape_problems(root: Map) -> Iterator[Problem]:
    """Unknown sections, and sections that are not what they must be."""
    for name, node in root.entries.items():
        if name not in SECTIONS:
            yield _problem(node, f"unknown key; {choices(name, SECTIONS)}", source=name)
            continue
        wanted = SECTIONS[name]
        if wanted == "text" and not isinstance(node, Scalar):
            yield _problem(node, f"must be a text, not {_kind(node)}", source=name)
        elif wanted == "names":
            yield from _entry_problems(node, name, List, "a list of texts: `fields: [order.pickup_store]`")
        elif wanted in ("map", "tables", "rules", "rows"):
            yield from _map_problems(node, name, wanted)


def _map_problems(node: Node, name: str, wanted: str) -> Iterator[Problem]:
    """What is wrong with a section that must be a map."""
    if wanted == "rules":
        yield from _entry_problems(node, name, Map, "a map of expressions: `cancelled: order.cancelled_at`")
    elif wanted == "rows":
        yield from _entry_problems(node, name, Map, "a map of texts: `Leeds warehouse: LEEDS`")
    elif not isinstance(node, Map):
        yield _problem(node, f"must be a map, not {_kind(node)}", source=name)
    elif wanted == "tables":
        for key, entry in node.entries.items():
            if not isinstance(entry, Map):
                yield _problem(entry, f"a table must be a map, not {_kind(entry)}", source=f"{name}.{key}")


def _entry_problems(node: Node, name: str, shape: type[Map | List], words: str) -> Iterator[Problem]:
    """A section of one shape whose entries are texts."""
    if not isinstance(node, shape):
        yield _problem(node, f"must be {words}", source=name)
        return
    named = node.entries.items() if isinstance(node, Map) else enumerate(node.entries)
    for key, entry in named:
        if not isinstance(entry, Scalar) or entry.parts is None:
            yield _problem(entry, f"must be a text, not {_kind(entry)}", source=f"{name}.{key}")


def _secret_problems(root: Map, secret_settings: frozenset[str]) -> Iterator[Problem]:
    """A variable that holds a secret must not flow into orders or anything else that is stored."""
    uses = tuple(_uses(root))
    secret = {use.name for use in uses if re.sub(r"\[\d+\]", "", use.path) in secret_settings}
    for use in uses:
        if use.name in secret and use.section not in NOT_IN_VERSION:
            message = f"${{{use.name}}} holds a secret of shop or destination and may stand only there"
            yield Problem(message=message, source=use.path, file=use.file, line=use.line, code="mapping")


def _uses(root: Map) -> Iterator[Use]:
    """Every use of a variable."""
    for path, node in walk(root):
        for variable in node.variables if isinstance(node, Scalar) else ():
            yield Use(variable=variable, path=path, file=node.file, line=node.line)


def _below(node: Node, step: str) -> Node | None:
    """What stands under a key or an index."""
    if isinstance(node, Map):
        return node.entries.get(step)
    if isinstance(node, List) and step.isdigit() and int(step) < len(node.entries):
        return node.entries[int(step)]
    return None


def _kind(node: Node) -> str:
    """What a node is, in words."""
    return kind(plain(node))


def _problem(node: Node | None, message: str, *, source: str, found: Json = None) -> Problem:
    """A problem at a node's place."""
    place = node or Node()
    return Problem(
        message=message, source=source, file=place.file, line=place.line, found=str(found or ""), code="mapping"
    )
