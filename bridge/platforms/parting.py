"""What of the shippable goods a look is about: those in no other part yet, that leave from one place by one way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from bridge.errors import Problem
from bridge.platforms.base import Json, LeftOut, Look, PartOf, Shipping
from bridge.platforms.routing import SKIP, Route, Routing

_NOTHING = Decimal(0)


def parted(shipping: Callable[[Look], Shipping]) -> Callable[[Look], Shipping]:
    """A platform's `shipping` for one part, worked out once for each look: `decide`, rules and values all ask for it.

    A NotRead is not kept.
    """

    def asked(look: Look) -> Shipping:
        if "shipping" not in look.kept:
            look.kept["shipping"] = part(shipping(look), look.part, look.routing)
        found: Shipping = look.kept["shipping"]
        return found

    return asked


def quantities(lines: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
    """Quantities by line id; a line may come in several entries."""
    found: dict[str, Decimal] = {}
    for line in lines:
        found[line_id(line)] = found.get(line_id(line), _NOTHING) + line["quantity"]
    return found


def line_id(line: Mapping[str, Any]) -> str:
    """A shipped line's id as text."""
    return str(line.get("id") or "")


def part(found: Shipping, of: PartOf, routing: Routing) -> Shipping:
    """What of all that ships belongs to the part that is looked at; the rest is for further parts.

    Of each line no more is given than no other part has: the sum over all parts never exceeds what the customer wants.
    """
    free = _Free(found, of)
    if of.only is not None:
        lines = [line for entry in found.lines if (line := free.line(entry)) is not None]
        return replace(found, lines=_merged(lines), left_out=(), route=of.route or Route())
    routed, skipped, problems = _routed(found.lines, free, routing)
    left_out = [one for one in map(free.left_out, found.left_out) if one is not None]
    routes = list(dict.fromkeys(route for route, _ in routed))
    first = routes[0] if routes else Route()
    return Shipping(
        wanted=found.wanted,
        fulfilled=found.fulfilled,
        elsewhere=quantities({"id": one.line_id, "quantity": Decimal(one.quantity)} for one in skipped),
        lines=_merged([line for route, line in routed if route == first]),
        rest=[line for route, line in routed if route != first],
        route=first,
        left_out=(*left_out, *skipped),
        notes=found.notes,
        problems=tuple(dict.fromkeys(problems)),
    )


@dataclass(kw_only=True)
class _Line:
    """What is known of all entries of one line together."""

    owed: Decimal  # units in other parts that have not left yet: they are among the entries
    most: Decimal  # how many units may still go into a part
    before: Decimal


class _Free:
    """Hands out the units of each line that stand in no other part, entry by entry, and only then what is left out."""

    def __init__(self, found: Shipping, of: PartOf) -> None:
        self._found = found
        self._of = of
        self._open = quantities(found.lines)
        self._lines: dict[str, _Line] = {}

    def line(self, entry: Json) -> Json | None:
        """The entry with what is free of it, None where nothing is.

        A line without an id cannot be told from what other parts have, so it goes with the first part or not at all.
        """
        if not line_id(entry):
            return None if self._of.number > 1 or self._of.taken else entry
        known = self._known(line_id(entry))
        open_units = Decimal(entry["quantity"])
        hidden = min(known.owed, open_units)
        known.owed -= hidden
        units = min(open_units - hidden, known.most)
        if units <= 0:
            return None
        before = known.before
        known.before += units
        known.most -= units
        return {**entry, "quantity": _whole(units), "before": _whole(before)}

    def left_out(self, one: LeftOut) -> LeftOut | None:
        """Goods left out, without those that other parts have."""
        known = self._known(one.line_id)
        hidden = min(known.owed, Decimal(one.quantity))
        known.owed -= hidden
        units = int(one.quantity - hidden)
        return replace(one, quantity=units) if units else None

    def _known(self, identity: str) -> _Line:
        if identity not in self._lines:
            self._lines[identity] = self._line(identity)
        return self._lines[identity]

    def _line(self, identity: str) -> _Line:
        taken = self._of.taken.get(identity, _NOTHING)
        if self._of.only is not None:
            return _Line(owed=_NOTHING, most=self._of.only.get(identity, _NOTHING), before=taken)
        gone = self._of.gone.get(identity, _NOTHING)
        wanted = self._found.wanted.get(identity, self._open.get(identity, _NOTHING)) - gone
        fulfilled = max(_NOTHING, self._found.fulfilled.get(identity, _NOTHING) - gone)
        return _Line(owed=max(_NOTHING, taken - fulfilled), most=wanted - max(taken, fulfilled), before=taken)


def _routed(
    entries: Sequence[Json], free: _Free, routing: Routing
) -> tuple[list[tuple[Route, Json]], list[LeftOut], list[Problem]]:
    """What is free with its route, what someone else ships, and what the tables do not know."""
    routed: list[tuple[Route, Json]] = []
    skipped: list[LeftOut] = []
    problems: list[Problem] = []
    for entry in entries:
        route, unknown = routing.route_of(entry)
        if route.origin == SKIP:
            skipped.append(_skipped(entry))
            continue
        line = free.line(entry)
        if line is not None:
            problems += unknown
            routed.append((route, line))
    return routed, skipped, problems


def _skipped(entry: Json) -> LeftOut:
    place = entry.get("location") or entry.get("location_id") or "another place"
    return LeftOut(
        line_id=line_id(entry),
        name=str(entry.get("sku") or entry.get("title") or entry.get("name") or entry.get("id") or ""),
        quantity=int(entry["quantity"]),
        reason=f"shipped from {place}, which `locations` leaves to others",
        may_ship=False,
    )


def _merged(lines: Sequence[Json]) -> list[Json]:
    """Entries of one line as one; those of one part differ in nothing else."""
    merged: dict[str, Json] = {}
    for position, line in enumerate(lines):
        key = line_id(line) or f"without an id {position}"
        known = merged.get(key)
        merged[key] = line if known is None else {**known, "quantity": known["quantity"] + line["quantity"]}
    return list(merged.values())


def _whole(number: Decimal) -> int | Decimal:
    return int(number) if number == number.to_integral_value() else number
