"""Where `until` may stand: as the answer of a wait rule, so that its time is not lost."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import Enum

from jinja2 import nodes

from bridge.mapping.language import Filter

ELSEWHERE = "`until` says when to look again: it belongs under `wait:`, or in a `let` that only rules there use"
LOST = (
    "the time of `until` would be lost here: let it be the answer, at the end of an `and` or in a branch of `or` or "
    "`if`: `not order.test and (order.created_at | plus(hours=2) | until)`"
)


class Waits(Enum):
    """What an expression does with times to wait for."""

    NOT = "not"
    ANSWERS = "answers"  # an Until can only be its value
    LOSES = "loses"  # an Until goes into something else, which forgets its time


def waits(node: nodes.Expr, filters: Mapping[str, Filter], lets: Collection[str]) -> Waits:
    """Look for filters that give an Until, and for the names in `lets`, which stand for such expressions."""
    found = {id(part) for part in (node, *node.find_all(nodes.Expr)) if _gives_until(part, filters, lets)}
    if not found:
        return Waits.NOT
    return Waits.ANSWERS if found <= {id(part) for part in _answers(node)} else Waits.LOSES


def _gives_until(node: nodes.Expr, filters: Mapping[str, Filter], lets: Collection[str]) -> bool:
    if isinstance(node, nodes.Filter):
        return node.name in filters and filters[node.name].waits
    return isinstance(node, nodes.Name) and node.name in lets


def _answers(node: nodes.Expr) -> Iterator[nodes.Expr]:
    """The parts of an expression that can be its value wherever they are true."""
    match node:
        case nodes.And():
            yield from _answers(node.right)
        case nodes.Or():
            yield from _answers(node.left)
            yield from _answers(node.right)
        case nodes.CondExpr():
            yield from _answers(node.expr1)
            yield from _answers(node.expr2) if node.expr2 is not None else ()
        case _:
            yield node
