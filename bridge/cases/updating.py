"""Accepting what was found: the expected parts of a tests file are replaced, all else stays byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from bridge.cases.expected import WITH_REASON, Expected
from bridge.cases.judging import Verdict, differences, equal
from bridge.cases.paths import MISSING, get, steps
from bridge.cases.sheet import nodes
from bridge.cases.suite import Suite
from bridge.cases.trying import Found
from bridge.cases.writing import block, written
from bridge.errors import Problem

Json = Any


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A stretch of the file's text and what takes its place."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Updated:
    """A tests file with the findings accepted."""

    text: str
    count: int  # of changed cases
    kept: Sequence[str]  # names of failed cases that share their `expect` with others and were left alone


def updated(suite: Suite, verdicts: Sequence[Verdict]) -> Updated:
    """The file's text with the findings of failed cases in the place of what they expected.

    Comments, order and spelling of everything else stay; a list or object that is replaced loses the comments in it.
    """
    uses = Counter(id(node) for node in nodes(suite.root))
    edits: list[Edit] = []
    kept: list[str] = []
    failed = [verdict for verdict in verdicts if verdict.differences]
    for verdict in failed:
        expected = verdict.case.expected
        if any(uses[id(node)] > 1 for node in nodes(expected.node)):
            kept.append(verdict.case.name)
        else:
            edits += _Rewriting(suite.text, expected, verdict.found).edits()
    return Updated(text=_edited(suite.text, edits), count=len(failed) - len(kept), kept=kept)


def _edited(text: str, edits: Sequence[Edit]) -> str:
    for edit in sorted(edits, key=lambda one: one.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


# ---------------------------------------------------------------------------------------------------------------------
# What a case should say now
# ---------------------------------------------------------------------------------------------------------------------
def _news(expected: Expected, found: Found) -> dict[str, Json]:
    """The keys of an `expect` that are no longer right with what they should say; MISSING takes one out."""
    given = {key.value for key, _ in expected.node.value}
    news: dict[str, Json] = {}
    if expected.decision != found.decision:
        news["decision"] = found.decision
    news |= _reason_news(expected, found, given)
    if "until" in given and expected.until != found.until:
        news["until"] = found.until.isoformat() if found.until else MISSING
    if "values" in given and found.payload is None:
        news["values"] = MISSING
    if "payload" in given and not equal(expected.payload, found.payload):
        news["payload"] = MISSING if found.payload is None else found.payload
    if "priority" in given and expected.priority != found.priority:
        news["priority"] = MISSING if found.decision == "ignored" else found.priority
    if not all(any(note in one for one in found.notes) for note in expected.notes):
        news["notes"] = list(found.notes) or MISSING
    return news | _problem_news(expected, found, given)


def _reason_news(expected: Expected, found: Found, given: Collection[str]) -> dict[str, Json]:
    key = "reason_has" if "reason_has" in given else "reason"
    if found.decision not in WITH_REASON:
        return {key: MISSING} if key in given else {}
    holds = expected.reason == found.reason if expected.reason else (expected.reason_has or "") in (found.reason or "")
    is_wanted = key in given or expected.decision != found.decision
    return {key: found.reason} if is_wanted and not (key in given and holds) else {}


def _problem_news(expected: Expected, found: Found, given: Collection[str]) -> dict[str, Json]:
    if found.decision != "error":
        return {"problems": MISSING} if "problems" in given else {}
    same_decision = expected.decision == found.decision
    if same_decision and not any(one.where == "problems" for one in differences(expected, found)):
        return {}
    with_found = any("found" in one for one in expected.problems or ())
    return {"problems": [_problem(one, with_found=with_found) for one in found.problems]}


def _problem(problem: Problem, *, with_found: bool) -> Mapping[str, str]:
    told = {"target": problem.target, "message_has": problem.message, "found": problem.found if with_found else ""}
    return {key: value for key, value in told.items() if value}


# ---------------------------------------------------------------------------------------------------------------------
# Where it stands
# ---------------------------------------------------------------------------------------------------------------------
class _Rewriting:
    """One `expect` on its way to what was found."""

    def __init__(self, text: str, expected: Expected, found: Found) -> None:
        self._text = text
        self._expected = expected
        self._found = found
        self._entries = list(expected.node.value)
        self._is_flow = bool(expected.node.flow_style)
        self._column = self._entries[0][0].start_mark.column

    def edits(self) -> Iterator[Edit]:
        """What is to be changed in the file; no two overlap."""
        news = _news(self._expected, self._found)
        names = [key.value for key, _ in self._entries]
        added = [(name, value) for name, value in news.items() if name not in names]
        dropped = [index for index, name in enumerate(names) if news.get(name) is MISSING]
        for key, value in self._entries:
            if key.value in news and news[key.value] is not MISSING:
                yield self._replacement(value, news[key.value])
            elif key.value == "values" and "values" not in news:
                yield from self._values(value)
        slots = dropped[: len(added)]  # a new key takes the place of one that goes
        for index, entry in zip(slots, added, strict=False):
            key, value = self._entries[index]
            yield Edit(start=key.start_mark.index, end=self._end(value), text=self._entry(*entry))
        yield from self._removals(dropped[len(slots) :])
        if len(added) > len(slots):
            yield self._addition(added[len(slots) :])

    def _values(self, node: yaml.MappingNode) -> Iterator[Edit]:
        """The values that are no longer right, each by itself."""
        for key, value in node.value:
            found = get(self._found.payload, steps(key.value))
            if not equal(self._expected.values[key.value], found):
                yield self._replacement(value, found)

    def _replacement(self, node: yaml.Node, value: Json) -> Edit:
        """A value in the place of another: a block where one stood, else on one line."""
        start = node.start_mark.index
        is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style
        text = block(value, node.start_mark.column) if is_block else written(value)
        gap = " " if self._text[start - 1 : start] == ":" else ""  # behind a key without a value
        return Edit(start=start, end=self._end(node), text=gap + self._lines(text))

    def _removals(self, dropped: Sequence[int]) -> Iterator[Edit]:
        """Keys taken out: their lines, or in a flow map what stands between the others."""
        kept = [index for index in range(len(self._entries)) if index not in dropped]
        for index in dropped:
            key, value = self._entries[index]
            start, end = key.start_mark.index, self._end(value)
            if not self._is_flow:
                yield Edit(start=start - key.start_mark.column, end=self._line_end(end, with_break=True), text="")
            elif index > kept[0]:
                yield Edit(start=self._end(self._entries[index - 1][1]), end=end, text="")
            elif index == 0:
                yield Edit(start=start, end=self._entries[kept[0]][0].start_mark.index, text="")

    def _addition(self, added: Sequence[tuple[str, Json]]) -> Edit:
        """Keys behind the last one."""
        end = self._end(self._entries[-1][1])
        entries = [self._entry(name, value) for name, value in added]
        if self._is_flow:
            return Edit(start=end, end=end, text="".join(f", {entry}" for entry in entries))
        place = self._line_end(end, with_break=False)
        margin = self._break + " " * self._column
        return Edit(start=place, end=place, text="".join(margin + entry for entry in entries))

    def _entry(self, name: str, value: Json) -> str:
        text = f"{name}: {written(value)}" if self._is_flow else block({name: value}, self._column)
        return self._lines(text)

    @property
    def _break(self) -> str:
        return "\r\n" if "\r\n" in self._text else "\n"

    def _lines(self, text: str) -> str:
        """A text with the file's own line breaks."""
        return text.replace("\n", self._break)

    def _line_end(self, index: int, *, with_break: bool) -> int:
        """Where the line of a place ends, before or behind its break."""
        place = self._text.find("\n", index)
        if place < 0:
            return len(self._text)
        return place + 1 if with_break else place - self._text[:place].endswith("\r")

    def _end(self, node: yaml.Node) -> int:
        """Where a node's own text ends: YAML's mark of a block stands behind the comments after it."""
        if isinstance(node, yaml.MappingNode) and not node.flow_style:
            return self._end(node.value[-1][1])
        if isinstance(node, yaml.SequenceNode) and not node.flow_style:
            return self._end(node.value[-1])
        start, end = node.start_mark.index, node.end_mark.index
        return int(start + len(self._text[start:end].rstrip()))
