"""Compiles the `order` section against the contract: names checked, constants typed, templates made runnable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bridge.mapping.check import Vocabulary
from bridge.mapping.expressions import Checked, Expressions
from bridge.mapping.grammar import is_template
from bridge.mapping.naming import name_problem
from bridge.mapping.targets import ANYTHING, Target
from bridge.mapping.tree import List, Map, Node, Scalar, is_null, plain
from bridge.mapping.values import (
    ABSENT,
    Constant,
    Each,
    Entries,
    Expression,
    Guarded,
    Object,
    Source,
    Templated,
    Value,
)
from bridge.mapping.wording import choices, kind, shorten

# Words of the mapping language among the contract's names, which all begin with a capital.
_EACH_WORDS = frozenset({"each", "as", "value", "when"})
_VALUE_WORDS = frozenset({"value", "when"})


def compile_order(node: Node | None, contract: Target, vocabulary: Vocabulary, expressions: Expressions) -> Object:
    """The `order` section as something that renders. What is wrong goes to `expressions`."""
    if not isinstance(node, Map):
        return Object(fields=(), source=Source(file="", line=0, template=""), has_templates=False)
    if "when" in node.entries:
        words = "`when` guards a part of the order; whether it is sent at all stands under `skip:` and `wait:`"
        expressions.report(node.entries["when"], [words], source="order.when")
    # The request itself is never left out, so that the contract says what it lacks.
    return replace(_Order(expressions).fields(node, contract, vocabulary, ""), has_templates=False)


class _Order:
    """One way through the section; `path` is where a value goes in the request, `[]` for the entries of an `each`."""

    def __init__(self, expressions: Expressions) -> None:
        self._expressions = expressions

    def object(self, node: Map, target: Target, vocabulary: Vocabulary, path: str) -> Value:
        """A map as an object of the request, behind its `when` if it has one."""
        return self._guarded(self.fields(node, target, vocabulary, path), node, vocabulary, path)

    def fields(self, node: Map, target: Target, vocabulary: Vocabulary, path: str) -> Object:
        """The fields of an object."""
        fields = []
        for name, entry in node.entries.items():
            if name == "when":
                continue
            place = f"{path}.{name}" if path else name
            below = self._field(name, entry, target, place)
            if below is not None and not is_null(entry):
                fields.append((name, self.value(entry, below, vocabulary, place)))
        has_templates = any(value.has_templates for _, value in fields)
        return Object(fields=tuple(fields), source=_source(node), has_templates=has_templates)

    def value(self, node: Node, target: Target, vocabulary: Vocabulary, path: str) -> Value:
        """Whatever stands at a place, in the form that the contract wants there."""
        if isinstance(node, Scalar):
            return self._scalar(node, target, vocabulary, path)
        if isinstance(node, Map) and _is_each(node):
            if target.kind not in ("list", "any"):
                self._problem(node, path, "`each` makes a list, and one value is wanted here: take it out")
            return self._list((node,), node, target, vocabulary, path)
        if isinstance(node, Map) and _is_guarded(node):
            value = self.value(node.entries["value"], target, vocabulary, path)
            return self._guarded(value, node, vocabulary, path)
        if isinstance(node, List):
            if target.kind not in ("list", "any"):
                self._problem(node, path, f"one value is wanted here, not a list{_wanted(target)}")
            return self._list(node.entries, node, target, vocabulary, path)
        if isinstance(node, Map) and target.kind in ("object", "any"):
            return self.object(node, target, vocabulary, path)
        wanted = "a list: begin the entry with `- `, or use `each`" if target.kind == "list" else "one value, not a map"
        self._problem(node, path, f"the contract wants {wanted}")
        return Constant(value=None, source=_source(node))

    def _field(self, name: str, entry: Node, target: Target, path: str) -> Target | None:
        """The place under a field name, or None with a problem."""
        if target.kind == "any":
            return ANYTHING
        below = target.below(name)
        if below is None:
            self._problem(entry, path, f"the request has no field `{name}` here; {choices(name, target.names())}")
            return None
        if target.replacement(name):
            self._problem(entry, path, f"the field is not taken any more; use {target.replacement(name)}")
            return None
        return below

    # -----------------------------------------------------------------------------------------------------------------
    # Scalars
    # -----------------------------------------------------------------------------------------------------------------
    def _scalar(self, node: Scalar, target: Target, vocabulary: Vocabulary, path: str) -> Value:
        if is_template(node):
            checked = self._expressions.template(node, vocabulary, path, wants_text=target.wants_text)
            self._expressions.report_fields(checked, grave=False, target=path)
            self._expressions.report_waits(checked, may_wait=False, target=path)
            return Templated(expression=_expression(checked))
        if not node.text:
            return _constant(node, ABSENT)
        if any(variable.is_missing for variable in node.variables):
            return _constant(node, node.text)  # offline: `<NAME>` stands for whatever will be there
        if target.kind in ("object", "list"):
            wanted = "a map" if target.kind == "object" else "a list"
            self._problem(node, path, f"the contract wants {wanted} here, not a text{_wanted(target)}")
            return _constant(node, None)
        try:
            return _constant(node, target.constant(node.text))
        except ValueError as error:
            self._expressions.report(node, [str(error)], target=path, found=shorten(node.text))
            return _constant(node, None)

    # -----------------------------------------------------------------------------------------------------------------
    # Lists
    # -----------------------------------------------------------------------------------------------------------------
    def _list(self, nodes: Sequence[Node], node: Node, target: Target, vocabulary: Vocabulary, path: str) -> Value:
        """A list, in which an `each` adds its entries."""
        entry_target = target.entry or ANYTHING
        entries: list[Value | Each] = []
        for index, entry in enumerate(nodes):
            if isinstance(entry, Map) and _is_each(entry):
                each = self._each(entry, entry_target, vocabulary, f"{path}[]")
                entries += [each] if each else []
            else:
                entries.append(self.value(entry, entry_target, vocabulary, f"{path}[{index}]"))
        return Entries(
            entries=tuple(entries), source=_source(node), has_templates=any(entry.has_templates for entry in entries)
        )

    def _each(self, node: Map, target: Target, vocabulary: Vocabulary, path: str) -> Each | None:
        """`each`, `as`, `value` and perhaps `when`, which is asked for every entry where it uses the name."""
        words = node.entries
        unknown = [word for word in words if word not in _EACH_WORDS]
        missing = [word for word in ("each", "as", "value") if is_null(words.get(word))]
        if unknown or missing:
            trouble = f"has no `{unknown[0]}`" if unknown else f"lacks `{missing[0]}`"
            self._problem(node, path, f"`each` {trouble}; it is written with each, as, value and perhaps when")
            return None
        name = plain(words["as"])
        problem = name_problem(name, vocabulary.names) if isinstance(name, str) else "`as` must be a name"
        if problem:
            self._problem(words["as"], path, problem)
            return None
        values = self._bare(words["each"], vocabulary, path)
        inner = vocabulary.with_name(name, values.shape)
        entry = self.value(words["value"], target, inner, path)
        before = None
        if not is_null(words.get("when")):
            when = self._bare(words["when"], inner, path)
            before = None if name in when.names else _expression(when)
            entry = entry if before else Guarded(when=_expression(when), value=entry)
        return Each(values=_expression(values), name=name, entry=entry, before=before)

    # -----------------------------------------------------------------------------------------------------------------
    # Expressions and problems
    # -----------------------------------------------------------------------------------------------------------------
    def _guarded(self, value: Value, node: Map, vocabulary: Vocabulary, path: str) -> Value:
        """The value behind the map's `when`, if it has one."""
        if is_null(node.entries.get("when")):
            return value
        return Guarded(when=_expression(self._bare(node.entries["when"], vocabulary, path)), value=value)

    def _bare(self, node: Node, vocabulary: Vocabulary, path: str) -> Checked:
        if not isinstance(node, Scalar):
            self._problem(node, path, f"an expression is wanted here, not {kind(plain(node))}")
            return Checked(scalar=Scalar(parts=None, file=node.file, line=node.line), evaluate=lambda _: None)
        checked = self._expressions.bare(node, vocabulary, path)
        self._expressions.report_fields(checked, grave=False, target=path)
        self._expressions.report_waits(checked, may_wait=False, target=path)
        return checked

    def _problem(self, node: Node, path: str, message: str) -> None:
        self._expressions.report(node, [message], target=path)


def _is_each(node: Map) -> bool:
    return "each" in node.entries


def _is_guarded(node: Map) -> bool:
    """`{when, value}`: a single value with its condition."""
    return "value" in node.entries and node.entries.keys() <= _VALUE_WORDS


def _wanted(target: Target) -> str:
    names = target.names() if target.kind == "object" else target.entry.names() if target.entry else []
    return f"; it takes {', '.join(names)}" if names else ""


def _constant(node: Scalar, value: object) -> Constant:
    return Constant(value=value, source=_source(node))


def _expression(checked: Checked) -> Expression:
    return Expression(evaluate=checked.evaluate, source=_source(checked.scalar))


def _source(node: Node) -> Source:
    return Source(file=node.file, line=node.line, template=node.text.strip() if isinstance(node, Scalar) else "")
