"""A document made runnable: rules and values for one look at one order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from marshmallow import Schema

from bridge.errors import ConfigurationError, NotRead, Problem
from bridge.mapping.document import Document
from bridge.mapping.evaluate import FAULTS, Evaluator, Names, unheard_of
from bridge.mapping.expressions import Checked, Expressions
from bridge.mapping.language import Fields, Filter, NoValue, Until
from bridge.mapping.look import Look
from bridge.mapping.naming import Naming, naming
from bridge.mapping.request import compile_order
from bridge.mapping.targets import target_of
from bridge.mapping.tree import Json, Map, Scalar
from bridge.mapping.values import Object, Rendering, Source
from bridge.mapping.wording import shorten

_RULES = ("sent_elsewhere", "skip", "hold", "wait", "priority")
_RANKS = 9  # rules of `priority`


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of `sent_elsewhere`, `skip`, `hold`, `wait` or `priority`; its name is the reason."""

    name: str
    expression: str
    file: str
    line: int
    names_fetched: bool  # the expression itself names something under `fetched`
    uses_fetched: bool  # it or a `let` behind it does
    lets: frozenset[str]  # the `let` names that it depends on
    evaluate: Evaluator = field(repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """What a rule says of an order."""

    held: bool = False
    until: datetime | None = None  # where `time | until` holds
    asked: frozenset[str] = frozenset()  # not empty: it cannot say before these are read
    problem: Problem | None = None  # it could not be evaluated, which never counts as false
    used_fetched: bool = False
    passed_over: bool = False  # nothing more will be read, and it names what is not there


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A request as the mapping makes it, before the contract has seen it."""

    value: dict[str, Any]
    problems: tuple[Problem, ...]
    asked: frozenset[str]
    failed: frozenset[str]  # target paths without a value for a reason that is told already
    sources: Mapping[str, Source]  # by target path, those that came out empty too


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A mapping that can be run. `warnings` is what does not stop the start."""

    sent_elsewhere: tuple[Rule, ...]
    skip: tuple[Rule, ...]
    hold: tuple[Rule, ...]
    wait: tuple[Rule, ...]
    priority: tuple[Rule, ...]  # asked of the body alone
    warnings: tuple[Problem, ...]
    order: Object = field(repr=False)
    naming: Naming = field(repr=False)

    def scope(self, look: Look) -> Scope:
        """The names of one look; what `let` and `fetched` give is kept in it."""
        return Scope(self, look)


class Scope:
    """One look at one order through a mapping."""

    def __init__(self, compiled: Compiled, look: Look) -> None:
        self._order = compiled.order
        self._complete = look.fetched.complete
        shop = {"name": look.shop.name, "platform": look.shop.platform, "domain": look.shop.domain}
        values = {**compiled.naming.values, "order": look.order, "shop": shop, "now": look.now}
        self._names = Names(look, values, compiled.naming.lazy)

    def rule(self, rule: Rule) -> RuleResult:
        """Ask one rule. Raises nothing for an order's sake."""
        names = self._names
        names.absent = False
        problem, value, asked = None, None, frozenset[str]()
        try:
            value = rule.evaluate(names)
        except NotRead as error:
            asked = error.keys
        except NoValue as error:
            problem = _rule_problem(rule, str(error), error.found)
        except FAULTS as error:
            problem = _rule_problem(rule, unheard_of(error), None)
        if names.absent and self._complete and not asked:
            return RuleResult(passed_over=True, used_fetched=rule.uses_fetched)
        return RuleResult(
            held=bool(value),
            until=value.time if isinstance(value, Until) and value else None,
            asked=asked,
            problem=problem,
            used_fetched=rule.uses_fetched,
        )

    def render(self) -> Rendered:
        """Render the request. Raises nothing for an order's sake: each template's trouble stays with its field."""
        run = Rendering(names=self._names)
        value = self._order.render(run, "")
        return Rendered(
            value=value,
            problems=tuple(run.problems),
            asked=frozenset(run.asked),
            failed=frozenset(run.failed),
            sources=run.sources,
        )


def compile(  # noqa: A001 - read as `compiler.compile`
    document: Document,
    *,
    fields: Fields,
    fetched: Mapping[str, Callable[[Any], Any]],
    filters: Mapping[str, Filter],
    contract: Schema,
    made: Mapping[str, Callable[[Any], Any]],
) -> Compiled:
    """Compile a document for a platform's orders and a contract.

    `fields` are the names that orders have, `fetched` the names under `fetched` with what reads them from a look,
    `made` further names that come of a look. Raises ConfigurationError with every problem of the document, its
    expressions and its request.
    """
    expressions = Expressions(filters)
    names = naming(document, expressions, fields=fields, fetched=fetched, filters=filters, made=made)
    rules = {section: _rules(document, section, names, expressions) for section in _RULES}
    _report_lets(names, tuple(rule for section in rules.values() for rule in section), expressions)
    order = compile_order(document.section("order"), target_of(contract), names.vocabulary, expressions)
    _report_unused_waits(names, expressions)
    problems = [*document.problems, *expressions.problems]
    if document.section("order") is None:
        message = "the section is missing: it says what becomes of an order, in the request's own names"
        problems.append(Problem(message=message, source="order", file=document.file, code="mapping"))
    if problems:
        raise ConfigurationError(sorted(problems, key=lambda problem: (problem.file, problem.line)))
    return Compiled(**rules, warnings=tuple(expressions.warnings), order=order, naming=names)


def _rules(document: Document, section: str, names: Naming, expressions: Expressions) -> tuple[Rule, ...]:
    """The rules of a section in their order. What they and the lets behind them misname is a problem."""
    node = document.section(section)
    rules = []
    for name, scalar in node.entries.items() if isinstance(node, Map) else ():
        if not isinstance(scalar, Scalar) or scalar.parts is None:
            continue  # the document has a problem for it
        checked = expressions.bare(scalar, names.vocabulary, rule=True)
        expressions.report_fields(checked, grave=True)
        expressions.report_waits(checked, may_wait=section == "wait")
        behind = names.behind(checked.names)
        if section == "priority":
            expressions.report(scalar, _beyond_body([checked, *[names.lets[let] for let in behind]], names.made))
        rules.append(
            Rule(
                name=name,
                expression=checked.text,
                file=scalar.file,
                line=scalar.line,
                names_fetched=bool(checked.fetched),
                lets=frozenset(behind),
                uses_fetched=bool(checked.fetched) or any(names.lets[let].fetched for let in behind),
                evaluate=checked.evaluate,
            )
        )
    if section == "priority" and node is not None and len(rules) > _RANKS:
        expressions.report(node, [f"has at most {_RANKS} rules"], source=section)
    return tuple(rules)


def _beyond_body(used: Iterable[Checked], made: frozenset[str]) -> list[str]:
    """What a rule that is asked of the body alone, and the lets behind it, may not use."""
    found = set()
    for checked in used:
        found |= {f"`fetched.{name}`" for name in checked.fetched} | {f"filter `{name}`" for name in checked.looking}
        found |= {f"`{name}`" for name in checked.names & made}
    words = "may depend on what is read from the shop, and a rule of `priority` is asked before that: go by the order"
    return [f"{name} {words}" for name in sorted(found)]


def _report_lets(names: Naming, rules: tuple[Rule, ...], expressions: Expressions) -> None:
    """What a let misnames is a problem where a rule depends on it, else a warning."""
    used = frozenset[str]().union(*[rule.lets for rule in rules])
    for name, checked in names.lets.items():
        expressions.report_fields(checked, grave=name in used)


def _report_unused_waits(names: Naming, expressions: Expressions) -> None:
    """A let that waits is told of where it is used, unless that is in a wait rule; here are those without any use."""
    for name, checked in names.lets.items():
        expressions.report_waits(checked, may_wait=name in expressions.names)


def _rule_problem(rule: Rule, message: str, found: Json) -> Problem:
    return Problem(
        message=f"rule `{rule.name}`: {message}",
        source=rule.expression,
        file=rule.file,
        line=rule.line,
        found=shorten(found),
        code="mapping",
    )
