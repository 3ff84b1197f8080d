"""What a shop's points still pay for, by the cost figures that come with every GraphQL answer.

https://shopify.dev/docs/api/usage/limits
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from bridge.http import Budget
from bridge.platforms.base import Json
from bridge.platforms.shopify.answers import SHORTEST_WAIT

LONGEST_WAIT = timedelta(minutes=1)  # a bucket fills in 20 s
_PATIENCE = timedelta(seconds=2)  # of a thread with queries that are on their way
# Queries whose points are low, and enough to go on with, so that not every one of them waits anew; and the parts of the
# bucket that these never pass, however dear a query is.
_LOW, _ENOUGH = 2, 4
_LOW_PART, _ENOUGH_PART = 0.5, 0.75


class Points:
    """The bucket of one shop as its answers tell it. Threads share it; the last answer counts."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._costs: dict[str, float] = {}  # by document: the most that it was said to cost
        self._reserved = 0.0  # for queries on their way; Shopify gives back what they did not need
        self._level = math.inf  # with what is reserved
        self._rest_until: datetime | None = None

    @contextmanager
    def reserved(self, document: str, budget: Budget) -> Iterator[None]:
        """Hold the points of a query while it is on its way.

        Its whole requested cost must be there before it runs, mostly ten times what it needs, so that a few queries at
        once empty a full bucket for a moment: the next one waits until they are back, `_PATIENCE` at most.
        """
        with self._changed:
            cost = self._costs.get(document, 0.0)
            self._changed.wait_for(lambda: self._fits(cost), timeout=min(budget.left(), _PATIENCE).total_seconds())
            self._reserved += cost
        try:
            yield
        finally:
            with self._changed:
                self._reserved = max(0.0, self._reserved - cost)
                self._changed.notify_all()

    def _fits(self, cost: float) -> bool:
        return not self._reserved or self._reserved + cost <= self._level

    def note(self, document: str, value: Mapping[str, Json], now: datetime) -> None:
        """Take in the figures of an answer, after its points are given back; without figures it tells nothing.

        The dearest query counts and not the last: after a cheap write comes a read.
        """
        figures = _figures(value)
        if figures is None:
            return
        requested, available, rate, most = figures
        with self._changed:
            self._costs[document] = requested
            dearest = max(self._costs.values())
            self._level = available + self._reserved
            self._rest_until = None
            if self._level < min(_LOW * dearest, _LOW_PART * most):
                missing = min(_ENOUGH * dearest, _ENOUGH_PART * most) - self._level
                self._rest_until = now + waited(missing, rate)

    def rest_until(self) -> datetime | None:
        """When there is enough again; None while there is."""
        return self._rest_until


def wait(value: Mapping[str, Json]) -> timedelta | None:
    """How long the bucket needs until it holds what a throttled query asked for; None where the figures do not tell."""
    figures = _figures(value)
    if figures is None:
        return None
    requested, available, rate, _ = figures
    return waited(requested - available, rate)


def waited(missing: float, rate: float) -> timedelta:
    """The time in which `missing` points come back at `rate` points a second; never none, a minute at most."""
    seconds = min(math.ceil(missing / rate), LONGEST_WAIT.total_seconds())
    return max(timedelta(seconds=seconds), SHORTEST_WAIT)


def _figures(value: Mapping[str, Json]) -> tuple[float, float, float, float] | None:
    """Points: requested by the query, available now, coming back each second, and the most there can be."""
    try:
        cost = value["extensions"]["cost"]
        status = cost["throttleStatus"]
        requested, available = float(cost["requestedQueryCost"]), float(status["currentlyAvailable"])
        rate, most = float(status["restoreRate"]), float(status.get("maximumAvailable") or math.inf)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return None
    return (requested, available, rate, most) if rate > 0 and math.isfinite(requested + available) else None
