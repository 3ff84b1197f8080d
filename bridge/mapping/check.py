"""Checks of an expression at the start: what may stand in it, the names it uses, the fields it reads."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from jinja2 import nodes

from bridge.mapping.evaluate import KINDS
from bridge.mapping.language import Fields, Filter, Gives
from bridge.mapping.operators import TESTS
from bridge.mapping.shapes import NOTHING, Shape, either
from bridge.mapping.waiting import Waits, waits
from bridge.mapping.wording import choices

FIELD_PATH = re.compile(r"[A-Za-z_]\w*(\.[\w-]+)+")  # what may stand under `fields:`
_WAYS_OUT: Mapping[type[nodes.Node], str] = {
    nodes.Slice: "`[a:b]` is not part of the language: use `| truncate(n)`, `| first` or `| last`",
    nodes.Pow: "`**` is not part of the language: write the product out",
}


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What an expression may use."""

    names: Mapping[str, Shape | None]  # None: its fields are not checked
    fetched: frozenset[str]
    filters: Mapping[str, Filter]
    given: Mapping[str, Shape] = field(default_factory=dict)  # what comes out of filters that say its fields
    added: Fields = field(default_factory=dict)  # what the mapping adds under `fields:`
    waiting: frozenset[str] = frozenset()  # the names of `let` that may stand for a time to wait for

    def with_name(self, name: str, shape: Shape | None, *, waiting: bool = False) -> Vocabulary:
        """The same with one more name."""
        named = shape and shape.named(name, self.added.get(name) or {})
        names = frozenset({name}) if waiting else frozenset()
        return replace(self, names={**self.names, name: named}, waiting=self.waiting | names)


@dataclass(kw_only=True)
class Findings:
    """What a check found: sentences, and what the expression uses."""

    problems: list[str] = field(default_factory=list)
    unknown_fields: list[str] = field(default_factory=list)  # sentences; the caller knows how grave they are
    names: set[str] = field(default_factory=set)
    fetched: set[str] = field(default_factory=set)
    looking: set[str] = field(default_factory=set)  # filters that may look at what was read from the shop
    shape: Shape | None = None
    waits: Waits = Waits.NOT


def check(node: nodes.Expr, vocabulary: Vocabulary) -> Findings:
    """Walk through an expression; `evaluate` can run what has no problems."""
    findings = Findings()
    findings.shape = _Walk(vocabulary, findings).shape(node)
    findings.waits = waits(node, vocabulary.filters, vocabulary.waiting)
    return findings


class _Walk:
    """One way through an expression; `shape` gives the fields of each part, or None where they are not known."""

    def __init__(self, vocabulary: Vocabulary, findings: Findings) -> None:
        self._vocabulary = vocabulary
        self._findings = findings

    def shape(self, node: nodes.Node) -> Shape | None:
        """Check a node and all below it."""
        return self._KINDS.get(type(node), _Walk._other)(self, node)

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

    def _attribute(self, node: nodes.Getattr) -> Shape | None:
        return self._below(node.node, node.attr)

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
        return self._field(self.shape(node), key)

    def _field(self, above: Shape | None, key: str) -> Shape | None:
        """What stands under a key of a value; a key that the value cannot have is noted."""
        if above is None:
            return None
        if key in above.fields:
            return above.below(key)
        if above.paths:
            self._unknown_field(key, above)
        return None

    def _unknown_field(self, key: str, above: Shape) -> None:
        paths = above.paths_below(key)
        sentence = f"`{paths[0]}`: `{above.paths[0]}` has no field `{key}`; {choices(key, above.fields)}"
        if paths[0].startswith("shop."):
            self._problem(sentence)
            return
        additions = [path for path in paths if FIELD_PATH.fullmatch(path)]
        addition = min(additions, key=lambda path: not path.startswith("order."), default="")
        self._findings.unknown_fields.append(f"{sentence}. Or add it: `fields: [{addition}]`" if addition else sentence)

    def _fetched(self, name: str) -> None:
        self._findings.fetched.add(name)
        if name not in self._vocabulary.fetched:
            self._problem(f"`fetched.{name}` is not read from this shop; {choices(name, self._fetched_names())}")

    def _fetched_names(self) -> list[str]:
        return sorted(self._vocabulary.fetched)

    def _filter(self, node: nodes.Filter) -> Shape | None:
        above, *others = self._operands(node)
        known = self._vocabulary.filters.get(node.name)
        if known is None:
            self._problem(f"unknown filter `{node.name}`; {choices(node.name, self._vocabulary.filters)}")
            return None
        if known.looks:
            self._findings.looking.add(node.name)
        arguments = {} if _has_starred(node) else self._arguments(node, known)
        key = arguments.get(known.key)
        name = key.value if isinstance(key, nodes.Const) else None
        under_key = self._field(above, name) if isinstance(name, str) else None
        match known.gives:
            case Gives.SAME:
                return above
            case Gives.FIELD:
                return under_key
            case Gives.EITHER:
                return either(above, *others)
        return self._vocabulary.given.get(node.name)

    def _arguments(self, node: nodes.Filter, known: Filter) -> Mapping[str, nodes.Expr | None]:
        """What the filter's function is given, by its own names; where it does not take that, none beside a problem."""
        first = [None, None] if known.looks else [None]
        signature = inspect.signature(known.function)
        try:
            named = {str(keyword.key): keyword.value for keyword in node.kwargs}
            return signature.bind(*first, *node.args, **named).arguments
        except TypeError as error:
            names = list(signature.parameters)[len(first) :]
            wanted = f"it takes ({', '.join(names)})" if names else "it takes none"
            self._problem(f"filter `{node.name}`: wrong arguments, {error}; {wanted}")
            return {}

    def _test(self, node: nodes.Test) -> None:
        self._operands(node)
        test = TESTS.get(node.name)
        if test is None:
            self._problem(f"unknown test `is {node.name}`; {choices(node.name, TESTS)}")
        elif len(inspect.signature(test).parameters) != 1 + len(node.args) or node.kwargs:
            self._problem(f"test `is {node.name}`: wrong number of arguments")

    def _operands(self, node: nodes.Filter | nodes.Test) -> list[Shape | None]:
        """What a filter or test is given, the value first."""
        if _has_starred(node):
            self._problem(f"`{node.name}`: `*` and `**` are not part of the language: write the arguments out")
        children = (node.node, *node.args, *[keyword.value for keyword in node.kwargs])
        return [None if child is None else self.shape(child) for child in children]

    def _either(self, node: nodes.Or | nodes.Add) -> Shape | None:
        return either(self.shape(node.left), self.shape(node.right))

    def _and(self, node: nodes.And) -> Shape | None:
        self.shape(node.left)  # where this is the value it is empty, so it has no fields
        return self.shape(node.right)

    def _conditional(self, node: nodes.CondExpr) -> Shape | None:
        self.shape(node.test)
        then = self.shape(node.expr1)
        return then if node.expr2 is None else either(then, self.shape(node.expr2))

    def _list(self, node: nodes.List | nodes.Tuple) -> Shape | None:
        return either(*[self.shape(item) for item in node.items])

    def _map(self, node: nodes.Dict) -> Shape | None:
        """A map that is written out; its fields are known where its keys are."""
        fields: dict[str, Fields | None] = {}
        for pair in node.items:
            self.shape(pair.key)
            below = self.shape(pair.value)
            if isinstance(pair.key, nodes.Const):
                fields[str(pair.key.value)] = below.fields if below else None
        return Shape(fields=fields) if all(isinstance(pair.key, nodes.Const) for pair in node.items) else None

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

    _KINDS: ClassVar[Mapping[type[nodes.Node], Callable[[_Walk, Any], Shape | None]]] = {
        nodes.Const: lambda _, __: NOTHING,
        nodes.Name: _name,
        nodes.Getattr: _attribute,
        nodes.Getitem: _item,
        nodes.Filter: _filter,
        nodes.Test: _test,
        nodes.Call: _call,
        nodes.Or: _either,
        nodes.Add: _either,
        nodes.And: _and,
        nodes.CondExpr: _conditional,
        nodes.List: _list,
        nodes.Tuple: _list,
        nodes.Dict: _map,
    }


def _has_starred(node: nodes.Filter | nodes.Test) -> bool:
    return node.dyn_args is not None or node.dyn_kwargs is not None
