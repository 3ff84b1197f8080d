"""Trying a case: its body goes the way of a webhook's, and `decide` says what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import simplejson

from bridge import shops
from bridge.cases.suite import Case, Suite
from bridge.decide import Adopt, Body, Decision, Hold, Needs, Send, Skip, Unmappable, Wait, decide
from bridge.errors import BridgeError, ConfigurationError, Problem
from bridge.platforms.base import Fetched, OrderBody
from bridge.ranking import ranked
from bridge.shops import Shop
from bridge.sortedpro.contract import encode

Json = Any

NO_PRIORITY = "none"  # no rule of `priority` holds


@dataclass(frozen=True, kw_only=True)
class Found:
    """What became of an order, in the words of `bridge mapping render`; `needs` names the keys to be read."""

    decision: str
    reason: str | None = None
    until: datetime | None = None
    payload: Json | None = None  # the request's JSON, numbers as int and Decimal
    priority: str = NO_PRIORITY  # the name of the rule
    problems: Sequence[Problem] = ()
    notes: Sequence[str] = ()


def found_of(suite: Suite, names: str = "") -> Iterator[tuple[Case, Found]]:
    """Try every case of a suite, or those with `names` in their name.

    Raises ConfigurationError where the mapping (with what a case lays over it) is wrong, before any case is tried.
    """
    chosen = [case for case in suite.cases if names in case.name]
    loaded = _shops(suite, chosen)
    for case in chosen:
        yield case, _found(loaded[case.layers], case)


def _shops(suite: Suite, cases: Sequence[Case]) -> Mapping[str, Shop]:
    """The shop for each set of layers, each mapping compiled once."""
    loaded: dict[str, Shop] = {}
    problems: list[Problem] = []
    for case in cases:
        if case.layers not in loaded:
            try:
                loaded[case.layers] = shops.load_offline(suite.mapping, suite.variables, case.over)
            except ConfigurationError as error:
                problems += error.problems
                continue
        problems += _unknown_keys(suite, case, loaded[case.layers])
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    return loaded


def _unknown_keys(suite: Suite, case: Case, shop: Shop) -> Iterator[Problem]:
    """What a case says was read, by a key that the platform's client never gives."""
    known = {key.partition(":")[0] for key in shop.platform.keys}
    for key in case.fetched or ():
        if key.partition(":")[0] not in known:
            message = f"`{key}` is not read from {shop.platform.name}: `fetched` has {', '.join(shop.platform.keys)}"
            yield Problem(message=message, source=case.name, file=suite.file, line=case.line, code="case")


def _found(shop: Shop, case: Case) -> Found:
    """What becomes of a case's order."""
    content = shop.platform.read(simplejson.dumps(case.order, use_decimal=True).encode(), "")
    if not isinstance(content, OrderBody):
        return Found(decision="ignored", reason=content.outcome)
    by = ranked(shop, content, case.now)
    found = _decided(shop, case, content)
    return replace(found, priority=by.rule or NO_PRIORITY, notes=[*found.notes, *by.notes])


def _decided(shop: Shop, case: Case, content: OrderBody) -> Found:
    fetched = Fetched(data=case.fetched or {}, complete=case.fetched is None)
    body = Body(content=content, received_at=case.now)
    try:
        return _as_found(decide(shop, body, fetched, case.known, case.now))
    except BridgeError as error:
        return _in_error(str(error))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        if case.fetched is None:
            raise
        words = f"what was fetched does not have the form that the bridge reads ({type(error).__name__}: {error})"
        return _in_error(words)


def _in_error(message: str) -> Found:
    return Found(decision="error", problems=[Problem(message=message, source="order")])


def _as_found(decision: Decision) -> Found:  # noqa: PLR0911 - one for each decision
    match decision:
        case Send(payload=payload, notes=notes):
            request = json.loads(encode(payload), parse_float=Decimal)
            return Found(decision="send", payload=request, notes=notes)
        case Wait(reason=reason, until=until):
            return Found(decision="wait", reason=reason, until=until)
        case Skip(reason=reason):
            return Found(decision="skip", reason=reason)
        case Hold(problem=problem):
            return Found(decision="hold", reason=problem.message)
        case Adopt(reference=reference):
            return Found(decision="adopt", reason=f"the shop order carries {reference} already")
        case Unmappable(problems=problems, notes=notes):
            return Found(decision="error", problems=problems, notes=notes)
        case Needs(keys=keys):
            return Found(decision="needs", reason=", ".join(sorted(keys)))
