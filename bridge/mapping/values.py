"""The `order` of a compiled mapping: constants, templates, objects and lists that render one plain dict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

from bridge.errors import NotRead, Problem
from bridge.mapping.evaluate import FAULTS, Evaluator, Names, unheard_of
from bridge.mapping.language import NoValue
from bridge.mapping.tree import Json
from bridge.mapping.wording import kind, shorten


class _Absent:
    """The type of ABSENT."""


ABSENT: Final = _Absent()  # what is left out


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a value of the request came from."""

    file: str
    line: int
    template: str  # the text of the file; "" for objects and lists


@dataclass(kw_only=True)
class Rendering:
    """One rendering under way. `filled` counts the templates that did not come out empty."""

    names: Names
    problems: list[Problem] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    sources: dict[str, Source] = field(default_factory=dict)
    filled: int = 0

    def evaluate(self, expression: Expression, path: str) -> Json:
        """The value of an expression, or ABSENT where it failed or asks for what is not read."""
        try:
            return expression.evaluate(self.names)
        except NoValue as error:
            self.fail(expression.source, path, str(error), error.found)
        except FAULTS as error:
            self.fail(expression.source, path, unheard_of(error), None)
        except NotRead as error:
            self.asked |= error.keys
            self.failed.add(path)
            self.filled += 1
        return ABSENT

    def fail(self, source: Source, path: str, message: str, found: Json) -> None:
        """Note that there is no value for a path; what is around it is not left out for that."""
        self.problems.append(
            Problem(
                message=message,
                target=path,
                source=source.template,
                file=source.file,
                line=source.line,
                found=shorten(found),
                code="mapping",
            )
        )
        self.failed.add(path)
        self.filled += 1


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A runnable expression and where it stands."""

    evaluate: Evaluator
    source: Source


class Value(Protocol):
    """A part of the request that can be rendered."""

    @property
    def has_templates(self) -> bool:
        """Whether something in it may come out empty."""

    def render(self, run: Rendering, path: str) -> Json:
        """The value for a path, or ABSENT where it is left out."""


@dataclass(frozen=True, kw_only=True)
class Constant:
    """A value that stands in the file."""

    value: Json
    source: Source
    has_templates: bool = False

    def render(self, run: Rendering, path: str) -> Json:
        """The value; never counts as filled."""
        run.sources[path] = self.source
        return self.value


@dataclass(frozen=True, kw_only=True)
class Templated:
    """A text with expressions."""

    expression: Expression
    has_templates: bool = True

    def render(self, run: Rendering, path: str) -> Json:
        """The value, or ABSENT where it is empty."""
        expression = self.expression
        run.sources[path] = expression.source
        value = run.evaluate(expression, path)
        if value is ABSENT or value is None or (value.__class__ in _EMPTIABLE and not value):
            return ABSENT
        run.filled += 1
        return value


_EMPTIABLE = frozenset({str, list, tuple, dict})


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A value behind a `when`, which is decided first."""

    when: Expression
    value: Value

    @property
    def has_templates(self) -> bool:
        """As of the value; a `when` gives nothing to the request."""
        return self.value.has_templates

    def render(self, run: Rendering, path: str) -> Json:
        """The value, or ABSENT where the `when` does not hold or fails."""
        run.sources[path] = self.when.source
        holds = run.evaluate(self.when, path)
        return self.value.render(run, path) if holds is not ABSENT and holds else ABSENT


@dataclass(frozen=True, kw_only=True)
class Object:
    """An object: left out where it has templates and all came out empty, constants notwithstanding."""

    fields: tuple[tuple[str, Value], ...]
    source: Source
    has_templates: bool

    def render(self, run: Rendering, path: str) -> Json:
        """A dict, or ABSENT."""
        before = run.filled
        run.sources[path] = self.source
        prefix = f"{path}." if path else ""
        rendered = {}
        for name, below in self.fields:
            value = below.render(run, prefix + name)
            if value is not ABSENT:
                rendered[name] = value
        return ABSENT if self.has_templates and run.filled == before else rendered


@dataclass(frozen=True, kw_only=True)
class Each:
    """One entry for each value of a list."""

    values: Expression
    name: str
    entry: Value
    before: Expression | None = None  # a `when` that does not use the name, so it is decided once
    has_templates: bool = True

    def extend(self, run: Rendering, path: str, rendered: list[Json]) -> None:
        """Add the entries to a list that stands at `path`."""
        if self.before is not None:
            holds = run.evaluate(self.before, path)
            if holds is ABSENT or not holds:
                return
        values = run.evaluate(self.values, path)
        if values is ABSENT or values is None:
            return
        if not isinstance(values, list | tuple):
            run.fail(self.values.source, path, f"`each` wants a list and found {kind(values)}", values)
            return
        for value in values:
            run.names[self.name] = value
            _append(self.entry, run, path, rendered)
        run.names.pop(self.name, None)


@dataclass(frozen=True, kw_only=True)
class Entries:
    """A list: its entries in order, those of an `each` among them. An empty one is left out."""

    entries: tuple[Value | Each, ...]
    source: Source
    has_templates: bool

    def render(self, run: Rendering, path: str) -> Json:
        """A list, or ABSENT."""
        run.sources[path] = self.source
        rendered: list[Json] = []
        for entry in self.entries:
            if isinstance(entry, Each):
                entry.extend(run, path, rendered)
            else:
                _append(entry, run, path, rendered)
        return rendered or ABSENT


def _append(entry: Value, run: Rendering, path: str, rendered: list[Json]) -> None:
    """Add an entry. One that failed keeps its place, as None, so that the contract's paths fit."""
    place = f"{path}[{len(rendered)}]"
    value = entry.render(run, place)
    if value is not ABSENT:
        rendered.append(value)
    elif place in run.failed:
        rendered.append(None)
