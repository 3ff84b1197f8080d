"""Syntax trees to functions: each node of a checked expression becomes one closure over the names of a look."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from jinja2 import nodes

from bridge.errors import BridgeError, NotRead
from bridge.mapping import operators
from bridge.mapping.grammar import Template
from bridge.mapping.language import Filter, NoValue
from bridge.mapping.operators import Value
from bridge.mapping.wording import kind

_NUMBERS = frozenset({int, Decimal})
# What a filter or a calculation with an unheard-of value may raise.
FAULTS = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RuntimeError)


class Names(dict[str, Value]):
    """The names of one look. What `lazy` makes (lets, `fetched.NAME`) is made when first asked for, and kept."""

    __slots__ = ("_failed", "_lazy", "absent", "look")

    def __init__(self, look: Value, values: Mapping[str, Value], lazy: Mapping[str, Evaluator]) -> None:
        super().__init__(values)
        self.look = look
        self.absent = False  # set when a rule reads a name under `fetched` of which nothing is there
        self._lazy = lazy
        self._failed: dict[str, BridgeError] = {}

    def __missing__(self, name: str) -> Value:
        """Make a name's value. Raises NoValue or NotRead, the same each time."""
        if name in self._failed:
            raise self._failed[name]
        try:
            value = self._lazy[name](self)
        except (NoValue, NotRead) as error:
            self._failed[name] = error
            raise
        self[name] = value
        return value


Evaluator = Callable[[Names], Value]


@dataclass(frozen=True, kw_only=True)
class Builder:
    """Makes evaluators of checked expressions."""

    filters: Mapping[str, Filter]
    notices_absent: bool = False

    def template(self, template: Template) -> Evaluator:
        """The evaluator of a text with expressions; one that is a single expression keeps its type."""
        pieces = template.pieces
        if len(pieces) == 1 and not isinstance(pieces[0], str):
            return self.expression(pieces[0])
        return _joined([_constant(piece) if isinstance(piece, str) else self.expression(piece) for piece in pieces])

    def digits(self, template: Template) -> Evaluator:
        """The same for a place that wants text: a number becomes its digits."""
        evaluate = self.template(template)

        def written(names: Names) -> Value:
            value = evaluate(names)
            return operators.text(value) if value.__class__ in _NUMBERS else value

        return written

    def expression(self, node: nodes.Expr) -> Evaluator:
        """The evaluator of an expression."""
        return _BUILDERS[type(node)](self, node)


# ---------------------------------------------------------------------------------------------------------------------
# Names and what stands below them
# ---------------------------------------------------------------------------------------------------------------------
def _constant(value: Value) -> Evaluator:
    return lambda _: value


def _const(_: Builder, node: nodes.Const) -> Evaluator:
    # Jinja's lexer makes floats of 0.1; its shortest text is what stood there.
    return _constant(Decimal(repr(node.value)) if isinstance(node.value, float) else node.value)


def _name(_: Builder, node: nodes.Name) -> Evaluator:
    return operator.itemgetter(node.name)


def _attribute(build: Builder, node: nodes.Getattr) -> Evaluator:
    key = node.attr
    if isinstance(node.node, nodes.Name):
        name = node.node.name
        if name == "fetched":
            return _fetched(build, key)
        return _key_of_name(name, key)
    above = build.expression(node.node)

    def read(names: Names) -> Value:
        value = above(names)
        return value.get(key) if value.__class__ is dict else operators.below(value, key)

    return read


def _key_of_name(name: str, key: str) -> Evaluator:
    """`name.key`, the commonest expression."""

    def read(names: Names) -> Value:
        value = names[name]
        return value.get(key) if value.__class__ is dict else operators.below(value, key)

    return read


def _fetched(build: Builder, key: str) -> Evaluator:
    """`fetched.key`; a rule notices that nothing is there."""
    name = f"fetched.{key}"
    if not build.notices_absent:
        return operator.itemgetter(name)

    def read(names: Names) -> Value:
        value = names[name]
        names.absent = names.absent or value is None
        return value

    return read


def _item(build: Builder, node: nodes.Getitem) -> Evaluator:
    if isinstance(node.node, nodes.Name) and node.node.name == "fetched" and isinstance(node.arg, nodes.Const):
        return _fetched(build, node.arg.value)
    above, key = build.expression(node.node), build.expression(node.arg)
    return lambda names: operators.item(above(names), key(names))


# ---------------------------------------------------------------------------------------------------------------------
# Filters and tests
# ---------------------------------------------------------------------------------------------------------------------
def _filter(build: Builder, node: nodes.Filter) -> Evaluator:
    name, spec = node.name, build.filters[node.name]
    function, looks, takes_missing = spec.function, spec.looks, spec.takes_missing
    operand = build.expression(_present(node.node))
    arguments = [build.expression(argument) for argument in node.args]
    keywords = {str(keyword.key): build.expression(keyword.value) for keyword in node.kwargs}

    def filtered(names: Names) -> Value:
        value = operand(names)
        if value is None and not takes_missing:
            return None
        values = [names.look, value] if looks else [value]
        if arguments:
            values += [argument(names) for argument in arguments]
        named: dict[str, Value] = {key: argument(names) for key, argument in keywords.items()} if keywords else {}
        try:
            return function(*values, **named)
        except FAULTS as error:
            raise _filter_failed(name, error, value) from error

    return filtered


def unheard_of(error: Exception) -> str:
    """A sentence for what Python cannot calculate; its own words may hold a value of the order."""
    return f"this cannot be calculated ({type(error).__name__}): check the values that go into it"


def _filter_failed(name: str, error: Exception, value: Value) -> NoValue:
    """Why a filter gave nothing. What Python itself says may hold a value of the order, so only sentences are shown."""
    if isinstance(error, ValueError) and error.args and not isinstance(error, UnicodeError):
        return NoValue(f"filter `{name}`: {error}", found=value)
    return NoValue(f"filter `{name}` cannot work with {kind(value)} ({type(error).__name__})", found=value)


def _test(build: Builder, node: nodes.Test) -> Evaluator:
    test = operators.TESTS[node.name]
    operand = build.expression(_present(node.node))
    arguments = [build.expression(argument) for argument in node.args]
    return lambda names: test(operand(names), *[argument(names) for argument in arguments])


def _present(node: nodes.Expr | None) -> nodes.Expr:
    """What a filter or test stands behind; it lacks only in Jinja's blocks, which the grammar does not let through."""
    return node if node is not None else nodes.Const(None)


# ---------------------------------------------------------------------------------------------------------------------
# Logic and comparison
# ---------------------------------------------------------------------------------------------------------------------
def _and(build: Builder, node: nodes.And) -> Evaluator:
    left, right = build.expression(node.left), build.expression(node.right)
    return lambda names: left(names) and right(names)


def _or(build: Builder, node: nodes.Or) -> Evaluator:
    left, right = build.expression(node.left), build.expression(node.right)
    return lambda names: left(names) or right(names)


def _not(build: Builder, node: nodes.Not) -> Evaluator:
    operand = build.expression(node.node)
    return lambda names: not operand(names)


def _conditional(build: Builder, node: nodes.CondExpr) -> Evaluator:
    test, then = build.expression(node.test), build.expression(node.expr1)
    otherwise = _constant(None) if node.expr2 is None else build.expression(node.expr2)
    return lambda names: then(names) if test(names) else otherwise(names)


_COMPARISONS: Mapping[str, Callable[[Value, Value], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "ne": lambda left, right: bool(left != right),
    "in": lambda left, right: operators.contains(right, left),
    "notin": lambda left, right: not operators.contains(right, left),
    "lt": operators.ordered("<", operator.lt),
    "lteq": operators.ordered("<=", operator.le),
    "gt": operators.ordered(">", operator.gt),
    "gteq": operators.ordered(">=", operator.ge),
}


def _compare(build: Builder, node: nodes.Compare) -> Evaluator:
    first = build.expression(node.expr)
    steps = [(_COMPARISONS[operand.op], build.expression(operand.expr)) for operand in node.ops]
    if len(steps) == 1:
        compare, second = steps[0]
        return lambda names: compare(first(names), second(names))

    def compared(names: Names) -> bool:
        left = first(names)
        for compare, operand in steps:
            right = operand(names)
            if not compare(left, right):
                return False
            left = right
        return True

    return compared


# ---------------------------------------------------------------------------------------------------------------------
# Arithmetic, text, lists and maps
# ---------------------------------------------------------------------------------------------------------------------
def _binary(function: Callable[[Value, Value], Value]) -> Callable[[Builder, Any], Evaluator]:
    def build_binary(build: Builder, node: nodes.BinExpr) -> Evaluator:
        left, right = build.expression(node.left), build.expression(node.right)
        return lambda names: function(left(names), right(names))

    return build_binary


def _unary(function: Callable[[Value], Value]) -> Callable[[Builder, Any], Evaluator]:
    def build_unary(build: Builder, node: nodes.UnaryExpr) -> Evaluator:
        operand = build.expression(node.node)
        return lambda names: function(operand(names))

    return build_unary


def _concat(build: Builder, node: nodes.Concat) -> Evaluator:
    return _joined([build.expression(piece) for piece in node.nodes])


def _joined(pieces: list[Evaluator]) -> Evaluator:
    text = operators.text
    return lambda names: "".join([text(piece(names)) for piece in pieces])


def _list(build: Builder, node: nodes.List | nodes.Tuple) -> Evaluator:
    items = [build.expression(item) for item in node.items]
    return lambda names: [item(names) for item in items]


def _map(build: Builder, node: nodes.Dict) -> Evaluator:
    items = [(build.expression(pair.key), build.expression(pair.value)) for pair in node.items]
    return lambda names: {operators.text(key(names)): value(names) for key, value in items}


_BUILDERS: Mapping[type[nodes.Node], Callable[[Builder, Any], Evaluator]] = {
    nodes.Const: _const,
    nodes.Name: _name,
    nodes.Getattr: _attribute,
    nodes.Getitem: _item,
    nodes.Filter: _filter,
    nodes.Test: _test,
    nodes.And: _and,
    nodes.Or: _or,
    nodes.Not: _not,
    nodes.CondExpr: _conditional,
    nodes.Compare: _compare,
    nodes.Add: _binary(operators.add),
    nodes.Sub: _binary(operators.subtract),
    nodes.Mul: _binary(operators.multiply),
    nodes.Div: _binary(operators.divide),
    nodes.FloorDiv: _binary(operators.divide_whole),
    nodes.Mod: _binary(operators.remainder),
    nodes.Neg: _unary(operators.negative),
    nodes.Pos: _unary(operators.positive),
    nodes.Concat: _concat,
    nodes.List: _list,
    nodes.Tuple: _list,
    nodes.Dict: _map,
}
KINDS = frozenset(_BUILDERS)
