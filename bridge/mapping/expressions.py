"""The expressions of one mapping: each is parsed, checked and made runnable, and what is wrong is collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from jinja2 import nodes

from bridge.errors import Problem
from bridge.mapping import grammar
from bridge.mapping.check import Vocabulary, check
from bridge.mapping.evaluate import Builder, Evaluator
from bridge.mapping.language import Filter
from bridge.mapping.shapes import Shape
from bridge.mapping.tree import Node, Scalar
from bridge.mapping.waiting import ELSEWHERE, LOST, Waits


@dataclass(frozen=True, kw_only=True)
class Checked:
    """An expression that may run, with what it uses."""

    scalar: Scalar
    evaluate: Evaluator
    names: frozenset[str] = frozenset()
    fetched: frozenset[str] = frozenset()
    looking: frozenset[str] = frozenset()  # filters that may look at what was read from the shop
    unknown_fields: tuple[str, ...] = ()
    shape: Shape | None = None
    waits: Waits = Waits.NOT

    @property
    def text(self) -> str:
        """The expression as it stands in the file, without space around it."""
        return self.scalar.text.strip()


class Expressions:
    """Compiles the expressions of one mapping; `problems` and `warnings` grow meanwhile."""

    def __init__(self, filters: Mapping[str, Filter]) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.names: set[str] = set()  # all that the expressions use
        self._filters = filters

    def bare(self, scalar: Scalar, vocabulary: Vocabulary, target: str = "", *, rule: bool = False) -> Checked:
        """Compile a rule, a `let`, an `each` or a `when`. A `rule` notices what of `fetched` is absent."""
        build = Builder(filters=self._filters, notices_absent=rule)

        def compiled() -> Checked:
            node = grammar.expression(scalar)
            return self._checked(scalar, [node], vocabulary, target, lambda: build.expression(node))

        return self._guarded(scalar, target, compiled)

    def template(
        self, scalar: Scalar, vocabulary: Vocabulary, target: str = "", *, wants_text: bool = False
    ) -> Checked:
        """Compile a text with expressions; where the place wants text, a number becomes its digits."""
        build = Builder(filters=self._filters)

        def compiled() -> Checked:
            template = grammar.template(scalar)
            found = [piece for piece in template.pieces if not isinstance(piece, str)]
            make = build.digits if wants_text else build.template
            return self._checked(scalar, found, vocabulary, target, lambda: make(template))

        return self._guarded(scalar, target, compiled)

    def report(
        self, node: Node, messages: Iterable[str], *, target: str = "", source: str = "", found: str = ""
    ) -> None:
        """Problems at a node's place; `source` is its text where not given."""
        text = source or (node.text.strip() if isinstance(node, Scalar) else "")
        for message in messages:
            self.problems.append(replace(_problem(node, message, target, text), found=found))

    def report_fields(self, checked: Checked, *, grave: bool, target: str = "") -> None:
        """Unknown field names: problems where an order could be decided wrongly, else warnings."""
        place = self.problems if grave else self.warnings
        for message in checked.unknown_fields:
            place.append(_problem(checked.scalar, message, target, checked.text))

    def report_waits(self, checked: Checked, *, may_wait: bool, target: str = "") -> None:
        """An `until` that nothing would look at again for."""
        if checked.waits is not Waits.NOT and not may_wait:
            self.report(checked.scalar, [ELSEWHERE], target=target)
        elif checked.waits is Waits.LOSES:
            self.report(checked.scalar, [LOST], target=target)

    def _guarded(self, scalar: Scalar, target: str, compiled: Callable[[], Checked]) -> Checked:
        """What was compiled, or a stand-in beside the problem: the start stops anyway."""
        try:
            return compiled()
        except ValueError as error:
            self.report(scalar, [str(error)], target=target)
            return Checked(scalar=scalar, evaluate=_nothing)

    def _checked(
        self,
        scalar: Scalar,
        found: list[nodes.Expr],
        vocabulary: Vocabulary,
        target: str,
        build: Callable[[], Evaluator],
    ) -> Checked:
        """Check the expressions of a scalar, and build its evaluator where nothing is wrong."""
        findings = [check(node, vocabulary) for node in found]
        problems = [message for finding in findings for message in finding.problems]
        self.report(scalar, problems, target=target)
        names = frozenset[str]().union(*[finding.names for finding in findings])
        self.names |= names
        return Checked(
            scalar=scalar,
            evaluate=_nothing if problems else build(),
            names=names,
            fetched=frozenset().union(*[finding.fetched for finding in findings]),
            looking=frozenset().union(*[finding.looking for finding in findings]),
            unknown_fields=tuple(message for finding in findings for message in finding.unknown_fields),
            shape=findings[0].shape if len(findings) == 1 else None,
            waits=next((finding.waits for finding in findings if finding.waits is not Waits.NOT), Waits.NOT),
        )


def _nothing(_: object) -> None:
    """Stands in for what could not be compiled."""


def _problem(node: Node, message: str, target: str, source: str) -> Problem:
    return Problem(message=message, target=target, source=source, file=node.file, line=node.line, code="mapping")
