"""The names of a mapping: its tables, its `let` names, and what they stand for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from bridge.errors import BridgeError
from bridge.mapping.check import FIELD_PATH, Vocabulary
from bridge.mapping.document import Document
from bridge.mapping.evaluate import FAULTS, Evaluator, Names
from bridge.mapping.expressions import Checked, Expressions
from bridge.mapping.grammar import is_template, names_in
from bridge.mapping.language import Fields, Filter, Gives, NoValue, Table
from bridge.mapping.shapes import Shape, below_path, place_of, tree, with_added
from bridge.mapping.tree import Json, List, Map, Node, Scalar, plain, walk
from bridge.mapping.waiting import Waits

_SHOP: Fields = {"name": {}, "platform": {}, "domain": {}}
_OWN = frozenset({"order", "shop", "now", "fetched"})
_WORDS = frozenset({"and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"})
_ROUTING = ("locations", "services", "pickup_points")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Naming:
    """What expressions of a mapping may name, and how it comes to a value."""

    vocabulary: Vocabulary
    values: Mapping[str, Any]  # the tables
    lazy: Mapping[str, Evaluator]  # lets by name, and `fetched.NAME`
    lets: Mapping[str, Checked]
    made: frozenset[str]  # the names that come of how an order's goods ship

    def behind(self, names: Iterable[str]) -> set[str]:
        """The lets among `names` and all that those use in turn."""
        found: set[str] = set()
        waiting = [name for name in names if name in self.lets]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [other for other in self.lets[name].names if other in self.lets]
        return found


def name_problem(name: str, taken: Iterable[str]) -> str:
    """A sentence where a let, table or `as` cannot be called so, else ""."""
    if name in _OWN or name in taken:
        return f"the name `{name}` is taken: choose another"
    if not _NAME.fullmatch(name) or name in _WORDS:
        return f"`{name}` is no name: use letters, digits and _, and no word of the language"
    return ""


def naming(
    document: Document,
    expressions: Expressions,
    *,
    fields: Fields,
    fetched: Mapping[str, Callable[[Any], Any]],
    filters: Mapping[str, Filter],
    made: Mapping[str, Callable[[Any], Any]],
) -> Naming:
    """The names of a document; what is wrong with them goes to `expressions`."""
    tables = _tables(document, expressions, made)
    added = tree(_added(document, expressions))
    vocabulary = Vocabulary(
        names={
            "order": Shape(fields=with_added(fields, added.get("order") or {}), paths=("order",)),
            "shop": Shape(fields=_SHOP, paths=("shop",)),
            "now": None,
            **dict.fromkeys(made),
            **dict.fromkeys(tables),
        },
        fetched=frozenset(fetched),
        filters=filters,
        given={
            name: _given(name, spec.gives, fields, added)
            for name, spec in filters.items()
            if spec.gives is not None and not isinstance(spec.gives, Gives)
        },
        added=added,
    )
    lets = _Lets(document, expressions, vocabulary)
    return Naming(
        vocabulary=lets.vocabulary,
        values=tables,
        lets=lets.checked,
        made=frozenset(made),
        lazy={
            **{f"fetched.{name}": _read(name, function) for name, function in fetched.items()},
            **{name: _made(function) for name, function in made.items()},
            **{name: _let(name, checked) for name, checked in lets.checked.items()},
        },
    )


class _Lets:
    """Compiles the lets, each after those that it names."""

    def __init__(self, document: Document, expressions: Expressions, vocabulary: Vocabulary) -> None:
        section = document.section("let")
        self.vocabulary = vocabulary
        self.checked: dict[str, Checked] = {}
        self._expressions = expressions
        self._scalars = _texts(section)
        for name, scalar in self._scalars.items():
            problem = name_problem(name, vocabulary.names)
            self._expressions.report(scalar, [problem] if problem else [], source=f"let.{name}")
        # Names that come later are known, so that the check of one let finds them; their fields follow.
        self.vocabulary = replace(vocabulary, names={**dict.fromkeys(self._scalars), **vocabulary.names})
        for name in self._scalars:
            self._compile(name, ())

    def _compile(self, name: str, above: tuple[str, ...]) -> None:
        if name in self.checked:
            return
        if name in above:
            circle = " -> ".join([*above[above.index(name) :], name])
            self._expressions.report(
                self._scalars[name], [f"these names need each other: {circle}"], source=f"let.{name}"
            )
            return
        scalar = self._scalars[name]
        for other in names_in(scalar):
            if other in self._scalars:
                self._compile(other, (*above, name))
        checked = self._expressions.bare(scalar, self.vocabulary)
        self.checked[name] = checked
        self.vocabulary = self.vocabulary.with_name(name, checked.shape, waiting=checked.waits is not Waits.NOT)


def _given(name: str, gives: Fields, order: Fields, added: Fields) -> Shape:
    """What comes out of a filter; lines of the order that it gives have what `fields:` adds to lines."""
    place = place_of(gives, order)
    of_order = below_path(added.get("order") or {}, place)
    fields = with_added(with_added(gives, of_order), added.get(name) or {})
    return Shape(fields=fields, paths=(f"(… | {name})", name, *([f"order.{place}"] if place else [])))


def _tables(document: Document, expressions: Expressions, taken: Iterable[str]) -> dict[str, Table]:
    section = document.section("tables")
    tables: dict[str, Table] = {}
    for name, node in section.entries.items() if isinstance(section, Map) else ():
        problem = name_problem(name, {*taken, *tables})
        expressions.report(node, [problem] if problem else [], source=f"tables.{name}")
        _report_templates(node, f"tables.{name}", expressions)
        rows = plain(node)
        tables[name] = Table(rows if isinstance(rows, dict) else {}, name=name)
    for name in _ROUTING:
        routes = document.section(name)
        if routes is not None:
            _report_templates(routes, name, expressions)
    return tables


def _report_templates(node: Node, name: str, expressions: Expressions) -> None:
    """A table's rows are not evaluated."""
    for path, below in walk(node, name):
        if isinstance(below, Scalar) and is_template(below):
            expressions.report(below, ["a table holds plain text: put the expression where it is used"], target=path)


def _added(document: Document, expressions: Expressions) -> Iterable[str]:
    """The field paths under `fields:`."""
    section = document.section("fields")
    for node in section.entries if isinstance(section, List) else ():
        path = plain(node)
        if isinstance(path, str) and FIELD_PATH.fullmatch(path):
            yield path
        elif isinstance(path, str):
            expressions.report(node, ["a field is written from its root: `fields: [order.pickup_store]`"])


def _texts(section: Node | None) -> dict[str, Scalar]:
    """The texts of a section by name; what is none has its problem from the document."""
    entries = section.entries if isinstance(section, Map) else {}
    return {name: node for name, node in entries.items() if isinstance(node, Scalar) and node.parts is not None}


def _let(name: str, checked: Checked) -> Evaluator:
    """A let's value; its trouble names it and its place."""
    evaluate = checked.evaluate
    scalar = checked.scalar
    place = f"in `let` {name}" + (f" ({PurePath(scalar.file).name}:{scalar.line})" if scalar.line else "")

    def made(names: Names) -> Json:
        try:
            return evaluate(names)
        except NoValue as error:
            raise NoValue(f"{place}: {error}", found=error.found) from error

    return made


def _made(function: Callable[[Any], Any]) -> Evaluator:
    """A name whose value comes of the look."""
    return lambda names: function(names.look)


def _read(name: str, function: Callable[[Any], Any]) -> Evaluator:
    """A value under `fetched`, or NotRead."""

    def read(names: Names) -> Json:
        try:
            return function(names.look)
        except BridgeError:
            raise
        except FAULTS as error:
            message = f"`fetched.{name}` is not as expected ({type(error).__name__})"
            raise NoValue(message) from error

    return read
