"""From where, and by which way, goods ship: the mapping's tables of locations, services and pickup points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bridge.errors import Problem

SKIP = "skip"  # a location whose goods someone else ships
ANY = "any"  # the row of everything that no other row names
NONE = "none"  # the row of orders that name no shipping method

_LIMIT = 80  # letters of a foreign name in a message


@dataclass(frozen=True, kw_only=True)
class Route:
    """From where goods ship and how; lines of one part share it."""

    origin: str = ""  # a shipping location of SortedPRO; "" where the mapping has no table of locations
    service: str = ""  # a row of `services`; "" where the mapping has no row
    pickup_point: str = ""  # a shop location of SortedPRO; "" where it goes to an address

    def as_json(self) -> dict[str, str]:
        """For the attempt that is sent by it."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """One of the tables, and where it stands in the mapping."""

    name: str
    rows: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""
    line: int = 0

    def key_of(self, names: Sequence[str]) -> str | None:
        """The first of `names` that has a row, however its letters' case and blanks; else `any`; else None."""
        known = self._known
        return next((known[plain] for plain in map(_plain, names) if plain in known), known.get(ANY))

    @cached_property
    def _known(self) -> Mapping[str, str]:
        return {_plain(key): key for key in self.rows}

    def missing(self, what: str, names: Sequence[str], way_out: str) -> Problem:
        """The problem of a name without a row."""
        shown = " / ".join(dict.fromkeys(names))[:_LIMIT]
        return Problem(
            message=f'{what} "{shown}" has no row in `{self.name}`; {way_out}',
            source=self.name,
            file=self.file,
            line=self.line,
            found=shown,
            code=f"unknown_{self.name.removesuffix('s')}",
        )


@dataclass(frozen=True, kw_only=True)
class Routing:
    """The three tables of a mapping; one that it lacks has no rows."""

    locations: Lookup = field(default_factory=lambda: Lookup(name="locations"))
    services: Lookup = field(default_factory=lambda: Lookup(name="services"))
    pickup_points: Lookup = field(default_factory=lambda: Lookup(name="pickup_points"))

    def origin_of(self, line: Mapping[str, Any]) -> str | Problem:
        """From where a line ships, `SKIP` where someone else ships it; a problem for a location without a row."""
        if not self.locations.rows:
            return ""
        names = [str(line[key]) for key in ("location_id", "location") if line.get(key)]
        key = self.locations.key_of(names)
        if key is None and not names:  # offline: a body names no location
            key = next((row for row, origin in self.locations.rows.items() if origin != SKIP), None)
        if key is None:
            way_out = "give it the reference of a shipping location of SortedPRO, or `skip` where someone else ships it"
            return self.locations.missing("the location", [*reversed(names)] or ["(none)"], way_out)
        return str(self.locations.rows[key])

    def service_of(self, line: Mapping[str, Any]) -> str | Problem:
        """The row of a line's shipping method; "" for a table without rows, a problem for a method without one."""
        if not self.services.rows:
            return ""
        names = [str(name) for name in line.get("methods") or ()]
        key = self.services.key_of(names or [NONE])
        if key is None:
            way_out = "add it (with {} where it needs nothing), so that no fast order goes by a slow service"
            return self.services.missing("the shipping method", names or [NONE], way_out)
        return key

    def pickup_point_of(self, line: Mapping[str, Any]) -> str | Problem:
        """SortedPRO's reference of the point where the customer fetches a line; "" where it goes to an address."""
        names = line.get("pickup_point")
        if names is None:
            return ""
        key = self.pickup_points.key_of([str(name) for name in names])
        if key is None:
            way_out = "give it the reference of a shop location of SortedPRO"
            return self.pickup_points.missing("the pickup point", [str(name) for name in names] or ["(none)"], way_out)
        return str(self.pickup_points.rows[key])

    def route_of(self, line: Mapping[str, Any]) -> tuple[Route, Sequence[Problem]]:
        """A line's route, and what the tables do not know of it."""
        if self._only_route is not None and line.get("pickup_point") is None:
            return self._only_route, ()
        origin = self.origin_of(line)
        if origin == SKIP:
            return Route(origin=SKIP), ()
        found = (origin, self.service_of(line), self.pickup_point_of(line))
        problems = [one for one in found if isinstance(one, Problem)]
        origin, service, point = ("" if isinstance(one, Problem) else one for one in found)
        return Route(origin=origin, service=service, pickup_point=point), problems

    @cached_property
    def _only_route(self) -> Route | None:
        """The route of everything that goes to an address, in most shops."""
        if self.services.rows or set(self.locations.rows) - {ANY}:
            return None
        return Route(origin=str(self.locations.rows.get(ANY, "")))

    def row(self, route: Route) -> Any:
        """What the table of services says of a route's method."""
        return self.services.rows.get(route.service, {})


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
