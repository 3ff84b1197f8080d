"""How long to wait before the next look or try."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

_FIRST = timedelta(seconds=10)
_LONGEST = timedelta(hours=1)
CLAIM = timedelta(seconds=40)  # for which a worker has an order to itself, unless it asks for more
GIVE_UP = timedelta(days=7)  # of an unbroken row of unreachable answers

# When to look again at an order that waits for something only the shop knows.
_LOOKS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15))

# When SortedPRO is asked whether an order in doubt was packed: goods of an order lie on a packing bench an hour after
# it at the earliest, and after a week a person has settled it or nobody packs it any more.
_PACKED_FIRST = timedelta(hours=1)
_PACKED_AGAIN = timedelta(hours=6)
_PACKED_LAST = timedelta(days=7)


def next_try(tries: int, chance: Callable[[], float]) -> timedelta:
    """The wait after `tries` failures before this one: 10 s, doubled each time up to 1 h, 20 % more or less.

    `chance` gives a number from 0 to 1 (random.random).
    """
    doubled: timedelta = _FIRST * 2 ** min(tries, 12)
    return min(doubled, _LONGEST) * (0.8 + 0.4 * chance())


def next_look(looks: int) -> timedelta:
    """The wait after `looks` looks before this one: 1, 2, 5, 15 minutes, then an hour each."""
    return _LOOKS[looks] if looks < len(_LOOKS) else _LONGEST


def first_evidence(now: datetime) -> datetime:
    """When SortedPRO is first asked for consignments of an order that became doubtful `now`."""
    return now + _PACKED_FIRST


def next_evidence(since: datetime, now: datetime) -> datetime | None:
    """The first time after `now` at which it is asked, of a doubt that began at `since`; None after a week.

    By the clock of the doubt alone, so that what else makes the order due shifts nothing.
    """
    first = first_evidence(since)
    if now < first:
        return first
    following = first + _PACKED_AGAIN * ((now - first) // _PACKED_AGAIN + 1)
    return following if following - since <= _PACKED_LAST else None
