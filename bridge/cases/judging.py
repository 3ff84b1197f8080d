"""Judging a case: where what was found differs from what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bridge.cases.expected import Expected
from bridge.cases.paths import MISSING, get, steps
from bridge.cases.sheet import ABSENT, NULLS, NUMBER, Plain
from bridge.cases.suite import Case, Suite
from bridge.cases.trying import Found, found_of
from bridge.cases.writing import written
from bridge.errors import Problem

Json = Any

_LONGEST = 200  # characters of a value that a difference shows


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that is not as expected; both sides in words, a line each."""

    where: str  # "decision", "problems", or a path of the request
    expected: Sequence[str]
    found: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A case that was tried."""

    case: Case
    found: Found
    differences: Sequence[Difference]


def judge(suite: Suite, names: str = "") -> list[Verdict]:
    """Try the cases of a suite, or those with `names` in their name. Raises ConfigurationError as `found_of` does."""
    return [
        Verdict(case=case, found=found, differences=list(differences(case.expected, found)))
        for case, found in found_of(suite, names)
    ]


def differences(expected: Expected, found: Found) -> Iterator[Difference]:
    """Where they differ; with another decision nothing else is compared."""
    if expected.decision != found.decision:
        words = (
            f"{expected.decision}: {said}" if (said := expected.reason or expected.reason_has) else expected.decision
        )
        yield Difference(where="decision", expected=[words], found=list(_told(found)))
        return
    yield from _reason(expected, found)
    for path, wanted in expected.values.items():
        yield from _value(path, wanted, get(found.payload, steps(path)))
    if expected.payload is not None:
        yield from _value("", expected.payload, found.payload)
    if expected.priority is not None and expected.priority != found.priority:
        yield Difference(where="priority", expected=[expected.priority], found=[found.priority])
    missing = [note for note in expected.notes if not any(note in one for one in found.notes)]
    if missing:
        yield Difference(where="notes", expected=missing, found=list(found.notes) or ["none"])
    if expected.problems is not None:
        yield from _problems(expected.problems, found.problems)


def equal(wanted: Json, found: Json) -> bool:
    """Whether a value is the expected one."""
    return not any(_value("", wanted, found))


def _told(found: Found) -> Iterator[str]:
    """A decision with its reason and its problems."""
    yield f"{found.decision}: {found.reason}" if found.reason else found.decision
    yield from (str(problem) for problem in found.problems)


def _reason(expected: Expected, found: Found) -> Iterator[Difference]:
    reason = found.reason or ""
    if expected.reason is not None and expected.reason != reason:
        yield Difference(where="reason", expected=[expected.reason], found=[reason or "none"])
    if expected.reason_has is not None and expected.reason_has not in reason:
        yield Difference(where="reason", expected=[f"has: {expected.reason_has}"], found=[reason or "none"])
    if expected.until is not None and expected.until != found.until:
        until = found.until.isoformat() if found.until else "no time of its own"
        yield Difference(where="until", expected=[expected.until.isoformat()], found=[until])


# ---------------------------------------------------------------------------------------------------------------------
# Values
# ---------------------------------------------------------------------------------------------------------------------
def _value(path: str, wanted: Json, found: Json) -> Iterator[Difference]:
    """Where a value differs from the expected one; objects and lists are compared whole, down to their leaves."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key in dict.fromkeys([*wanted, *found]):
            below = f"{path}.{key}" if path else key
            yield from _value(below, wanted.get(key, ABSENT), found.get(key, MISSING))
    elif isinstance(wanted, list) and isinstance(found, list):
        for index in range(max(len(wanted), len(found))):
            one = wanted[index] if index < len(wanted) else ABSENT
            other = found[index] if index < len(found) else MISSING
            yield from _value(f"{path}[{index}]", one, other)
    elif not _same(wanted, found):
        yield Difference(where=path or "payload", expected=[_shown(wanted)], found=[_shown(found)])


def _same(wanted: Json, found: Json) -> bool:
    """Whether a single value is the expected one: without quotes it may be a text or what the text reads as."""
    if wanted == ABSENT:
        return found is MISSING
    if not isinstance(wanted, Plain):
        return isinstance(wanted, str) and wanted == found
    if isinstance(found, bool):
        return wanted.text == ("true" if found else "false")
    if isinstance(found, int | Decimal):
        return bool(NUMBER.fullmatch(wanted.text)) and Decimal(wanted.text) == found
    if found is None:
        return wanted.text in NULLS
    return isinstance(found, str) and wanted.text == found


def _shown(value: Json) -> str:
    text = written(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


# ---------------------------------------------------------------------------------------------------------------------
# Problems
# ---------------------------------------------------------------------------------------------------------------------
def _problems(expected: Sequence[Mapping[str, str]], found: Sequence[Problem]) -> Iterator[Difference]:
    """Expected problems that were not found, and those that nobody expected; each problem answers to one."""
    left = list(found)
    missing = []
    for wanted in sorted(expected, key=len, reverse=True):  # the most telling first, so that it gets its own
        one = next((problem for problem in left if _fits(wanted, problem)), None)
        if one is None:
            missing.append(written(dict(wanted)))
        else:
            left.remove(one)
    if missing or left:
        nothing = ["no other"]
        yield Difference(
            where="problems", expected=missing or nothing, found=[str(problem) for problem in left] or nothing
        )


def _fits(wanted: Mapping[str, str], problem: Problem) -> bool:
    return (
        wanted.get("target", problem.target) == problem.target
        and wanted.get("message_has", "") in problem.message
        and wanted.get("found", problem.found) == problem.found
    )
