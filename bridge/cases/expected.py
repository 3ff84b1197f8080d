"""What a case expects of its order: the section `expect`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import yaml

from bridge.cases.paths import lost, steps
from bridge.cases.sheet import Part, Sheet, wanted_of
from bridge.mapping.targets import target_of
from bridge.sortedpro.contract import CreateOrderSchema

Json = Any

DECISIONS = ("send", "wait", "skip", "hold", "adopt", "error", "ignored", "needs")
WITH_REASON = ("wait", "skip", "hold", "adopt", "ignored", "needs")
# What may be asked of which decisions: elsewhere it could never be judged.
ASKED: Mapping[str, Sequence[str]] = {
    "decision": DECISIONS,
    "reason": WITH_REASON,
    "reason_has": WITH_REASON,
    "until": ("wait",),
    "values": ("send",),
    "payload": ("send",),
    "priority": tuple(decision for decision in DECISIONS if decision != "ignored"),
    "notes": ("send", "error"),
    "problems": ("error",),
}
_PROBLEM = ("target", "message_has", "found")
_REQUEST = target_of(CreateOrderSchema())


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What shall become of an order. None where the case does not say."""

    node: yaml.MappingNode = field(repr=False)  # where it stands in the file
    decision: str
    reason: str | None = None
    reason_has: str | None = None
    until: datetime | None = None
    values: Mapping[str, Json] = field(default_factory=dict)  # by target path; sheet.ABSENT for nothing
    payload: Json | None = None
    priority: str | None = None  # the name of a rule, or trying.NO_PRIORITY
    notes: Sequence[str] = ()  # a part of each
    problems: Sequence[Mapping[str, str]] | None = None


def expected_of(sheet: Sheet, part: Part) -> Expected | None:
    """What stands under `expect`; None beside problems."""
    before = len(sheet.problems)
    parts = sheet.parts(part.node, "`expect`", ASKED)
    decision = _decision(sheet, part, parts)
    if decision is None or not isinstance(part.node, yaml.MappingNode):
        return None
    for name, one in parts.items():
        if decision not in ASKED[name]:
            words = f"`{name}` is never judged by decision {decision}, only by {', '.join(ASKED[name])}"
            sheet.problem(words, one.key)
    if {"reason", "reason_has"} <= parts.keys():
        sheet.problem("`reason` and `reason_has` exclude each other", parts["reason_has"].key)
    made = Expected(
        node=part.node,
        decision=decision,
        reason=_text(sheet, parts.get("reason")),
        reason_has=_text(sheet, parts.get("reason_has")),
        until=sheet.moment(parts["until"].node, "`until`") if "until" in parts else None,
        values=_values(sheet, parts.get("values")),
        payload=_payload(sheet, parts.get("payload")),
        priority=_text(sheet, parts.get("priority")),
        notes=_notes(sheet, parts.get("notes")),
        problems=_problems(sheet, parts.get("problems")),
    )
    return made if len(sheet.problems) == before else None


def _decision(sheet: Sheet, part: Part, parts: Mapping[str, Part]) -> str | None:
    if "decision" not in parts:
        sheet.problem(f"`expect` needs a `decision`: {', '.join(DECISIONS)}", part.key)
        return None
    decision = sheet.text_of(parts["decision"].node, "`decision`")
    if decision in DECISIONS:
        return decision
    if decision:
        sheet.problem(f"a decision is one of {', '.join(DECISIONS)}", parts["decision"].key, decision)
    return None


def _text(sheet: Sheet, part: Part | None) -> str | None:
    return sheet.text_of(part.node, f"`{part.name}`") if part else None


def _values(sheet: Sheet, part: Part | None) -> Mapping[str, Json]:
    """Expected values by target path; at a path that no request has `absent` could never fail, so it is a problem."""
    parts = sheet.parts(part.node, "`values`") if part else {}
    if part and not parts:
        sheet.problem("`values` says nothing: take it out, or name a path", part.key)
    for path, one in parts.items():
        try:
            trouble = lost(_REQUEST, steps(path))
        except ValueError as error:
            trouble = str(error)
        if trouble:
            sheet.problem(f"`{path}`: {trouble}", one.key)
    return {path: wanted_of(one.node) for path, one in parts.items()}


def _payload(sheet: Sheet, part: Part | None) -> Json | None:
    if part is None:
        return None
    if not isinstance(part.node, yaml.MappingNode):
        sheet.problem("`payload` must be the whole request", part.key)
    return wanted_of(part.node)


def _notes(sheet: Sheet, part: Part | None) -> Sequence[str]:
    notes = sheet.texts(part.node, "`notes`") if part else ()
    if part and not notes:
        sheet.problem("`notes` says nothing: take it out, or write a part of a note", part.key)
    return notes


def _problems(sheet: Sheet, part: Part | None) -> Sequence[Mapping[str, str]] | None:
    """The expected problems; each says at least one thing of it."""
    if part is None:
        return None
    found = []
    for node in sheet.entries(part.node, "`problems`"):
        parts = sheet.parts(node, "a problem", _PROBLEM)
        found.append({name: sheet.text_of(one.node, f"`{name}`") for name, one in parts.items()})
        if not parts:
            sheet.problem(f"a problem needs one of {', '.join(_PROBLEM)}", node)
    if not found:
        sheet.problem("`problems` says nothing: a decision `error` has at least one", part.key)
    return found
