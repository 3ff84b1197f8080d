"""Checks of an expression at the start: what may stand in it, the names it uses, the fields it reads."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from jinja2 import nodes

from bridge.mapping.evaluate import KINDS
from bridge.mapping.language import Fields, Filter
from bridge.mapping.operators import TESTS
from bridge.mapping.wording import choices

_WAYS_OUT: Mapping[type[nodes.Node], str] = {
    nodes.Slice: "`[a:b]` is not part of the language: use `| truncate(n)`, `| first` or `| last`",
    nodes.Pow: "`**` is not part of the language: write the product out",
}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The fields that a value has, and the ways to write it: its own name first, then what it stands for."""

    fields: Fields
    paths: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What an expression may use."""

    names: Mapping[str, Shape | None]  # None: its fields are not checked
    fetched: frozenset[str]
    filters: Mapping[str, Filter]
    added: tuple[str, ...] = ()  # field paths that the mapping adds under `fields:`

    def with_name(self, name: str, shape: Shape | None) -> Vocabulary:
        """The same with one more name."""
        named = shape and replace(shape, paths=(name, *shape.paths))
        return replace(self, names={**self.names, name: named})

    def adds(self, path: str) -> bool:
        """Whether `fields:` adds this path or something below it."""
        return any(added == path or added.startswith(f"{path}.") for added in self.added)


@dataclass(kw_only=True)
class Findings:
    """What a check found: sentences, and what the expression uses."""

    problems: list[str] = field(default_factory=list)
    unknown_fields: list[str] = field(default_factory=list)  # sentences; the caller knows how grave they are
    names: set[str] = field(default_factory=set)
    fetched: set[str] = field(default_factory=set)
    shape: Shape | None = None


def check(node: nodes.Expr, vocabulary: Vocabulary) -> Findings:
    """Walk through an expression; `evaluate` can run what has no problems."""
    findings = Findings()
    findings.shape = _Walk(vocabulary, findings).shape(node)
    return findings


class _Walk:
    """One way through an expression; `shape` gives the fields of each part, or None where they are not known."""

    def __init__(self, vocabulary: Vocabulary, findings: Findings) -> None:
        self._vocabulary = vocabulary
        self._findings = findings

    def shape(self, node: nodes.Node) -> Shape | None:
        """Check a node and all below it."""
        shape = None
        match node:
            case nodes.Name():
                shape = self._name(node)
            case nodes.Getattr():
                shape = self._below(node.node, node.attr)
            case nodes.Getitem():
                shape = self._item(node)
            case nodes.Filter():
                shape = self._filter(node)
            case nodes.Or():
                shape = _either(self.shape(node.left), self.shape(node.right))
            case nodes.CondExpr():
                shape = self._conditional(node)
            case nodes.Test():
                self._test(node)
            case nodes.Call():
                self._call(node)
            case _:
                self._other(node)
        return shape

    def _other(self, node: nodes.Node) -> None:
        """A node whose fields are not known, or one that the language does not have."""
        if isinstance(node, nodes.Expr) and type(node) not in KINDS:
            name = type(node).__name__.lower()
            self._problem(_WAYS_OUT.get(type(node), f"`{name}` is not part of the language"))
        else:
            for child in node.iter_child_nodes():
                self.shape(child)

    def _name(self, node: nodes.Name) -> Shape | None:
        names = self._vocabulary.names
        if node.name == "fetched":
            self._problem(f"say what of `fetched` is meant; {choices('', self._fetched_names())}")
        elif node.name not in names:
            self._problem(f"unknown name `{node.name}`; {choices(node.name, [*names, 'fetched'])}")
        self._findings.names.add(node.name)
        return names.get(node.name)

    def _item(self, node: nodes.Getitem) -> Shape | None:
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return self._below(node.node, node.arg.value)
        above = self.shape(node.node)
        self.shape(node.arg)
        return above if isinstance(node.arg, nodes.Const | nodes.Neg) else None

    def _below(self, node: nodes.Expr, key: str) -> Shape | None:
        if isinstance(node, nodes.Name) and node.name == "fetched":
            self._fetched(key)
            return None
        above = self.shape(node)
        if above is None:
            return None
        paths = tuple(f"{path}.{key}" for path in above.paths)
        if key in above.fields:
            fields = above.fields[key]
            return None if fields is None else Shape(fields=fields, paths=paths)
        if not any(self._vocabulary.adds(path) for path in paths):
            self._unknown_field(key, above, paths)
        return None

    def _unknown_field(self, key: str, above: Shape, paths: tuple[str, ...]) -> None:
        sentence = f"`{paths[0]}`: `{above.paths[0]}` has no field `{key}`; {choices(key, above.fields)}"
        if paths[0].startswith("shop."):
            self._problem(sentence)
            return
        addition = next((path for path in paths if path.startswith("order.")), paths[0])
        self._findings.unknown_fields.append(f"{sentence}. Or add it: `fields: [{addition}]`")

    def _fetched(self, name: str) -> None:
        self._findings.fetched.add(name)
        if name not in self._vocabulary.fetched:
            self._problem(f"`fetched.{name}` is not read from this shop; {choices(name, self._fetched_names())}")

    def _fetched_names(self) -> list[str]:
        return sorted(self._vocabulary.fetched)

    def _filter(self, node: nodes.Filter) -> Shape | None:
        self._operands(node)
        known = self._vocabulary.filters.get(node.name)
        if known is None:
            self._problem(f"unknown filter `{node.name}`; {choices(node.name, self._vocabulary.filters)}")
            return None
        if not _has_starred(node):
            self._arguments(node, known)
        return None if known.gives is None else Shape(fields=known.gives, paths=(f"… | {node.name}",))

    def _arguments(self, node: nodes.Filter, known: Filter) -> None:
        """Whether the filter's function takes what it is given."""
        given = [None] * (len(node.args) + (2 if known.looks else 1))
        signature = inspect.signature(known.function)
        try:
            signature.bind(*given, **{str(keyword.key): None for keyword in node.kwargs})
        except TypeError as error:
            names = list(signature.parameters)[2 if known.looks else 1 :]
            wanted = f"it takes ({', '.join(names)})" if names else "it takes none"
            self._problem(f"filter `{node.name}`: wrong arguments, {error}; {wanted}")

    def _test(self, node: nodes.Test) -> None:
        self._operands(node)
        test = TESTS.get(node.name)
        if test is None:
            self._problem(f"unknown test `is {node.name}`; {choices(node.name, TESTS)}")
        elif len(inspect.signature(test).parameters) != 1 + len(node.args) or node.kwargs:
            self._problem(f"test `is {node.name}`: wrong number of arguments")

    def _operands(self, node: nodes.Filter | nodes.Test) -> None:
        """What a filter or test is given."""
        if _has_starred(node):
            self._problem(f"`{node.name}`: `*` and `**` are not part of the language: write the arguments out")
        for child in (node.node, *node.args, *[keyword.value for keyword in node.kwargs]):
            if child is not None:
                self.shape(child)

    def _conditional(self, node: nodes.CondExpr) -> Shape | None:
        self.shape(node.test)
        then = self.shape(node.expr1)
        return then if node.expr2 is None else _either(then, self.shape(node.expr2))

    def _call(self, node: nodes.Call) -> None:
        name = getattr(node.node, "attr", getattr(node.node, "name", ""))
        known = self._vocabulary.filters
        way_out = (
            f"write `value | {name}`"
            if name in known
            else f"filters are written `value | {next(iter(known), 'upper')}`"
        )
        self._problem(f"`{name}(...)`: there are no functions and no methods; {way_out}")

    def _problem(self, sentence: str) -> None:
        self._findings.problems.append(sentence)


def _has_starred(node: nodes.Filter | nodes.Test) -> bool:
    return node.dyn_args is not None or node.dyn_kwargs is not None


def _either(one: Shape | None, other: Shape | None) -> Shape | None:
    """The shape of `one or other`: a field of any of them will do."""
    if one is None or other is None:
        return None
    return Shape(fields=_united(one.fields, other.fields), paths=(*one.paths, *other.paths))


def _united(one: Fields, other: Fields) -> Fields:
    united: dict[str, Fields | None] = {**one, **other}
    for key in one.keys() & other.keys():
        left, right = one[key], other[key]
        united[key] = None if left is None or right is None else _united(left, right)
    return united
