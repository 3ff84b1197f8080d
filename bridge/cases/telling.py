"""A failed case in words: what was expected and what was found, one below the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bridge.cases.judging import Verdict


def lines(verdict: Verdict) -> Iterator[str]:
    """The differences of a case, the place in one line and both sides below it."""
    for one in verdict.differences:
        yield f"  {one.where}"
        yield from _side("expected", one.expected)
        yield from _side("found", one.found)


def count(verdicts: Sequence[Verdict]) -> str:
    """How many passed and how many failed."""
    failed = sum(bool(one.differences) for one in verdicts)
    return f"{len(verdicts) - failed} passed" + (f", {failed} failed" if failed else "")


def _side(name: str, told: Sequence[str]) -> Iterator[str]:
    for index, line in enumerate(told):
        yield f"    {name if index == 0 else '':<10}{line}"
