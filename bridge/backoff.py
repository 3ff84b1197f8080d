"""How long to wait before the next look or try."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

_FIRST = timedelta(seconds=10)
_LONGEST = timedelta(hours=1)
GIVE_UP = timedelta(days=7)  # of an unbroken row of unreachable answers

# When to look again at an order that waits for something only the shop knows.
_LOOKS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15))


def next_try(tries: int, chance: Callable[[], float]) -> timedelta:
    """The wait after `tries` failures before this one: 10 s, doubled each time up to 1 h, 20 % more or less.

    `chance` gives a number from 0 to 1 (random.random).
    """
    doubled: timedelta = _FIRST * 2 ** min(tries, 12)
    return min(doubled, _LONGEST) * (0.8 + 0.4 * chance())


def next_look(looks: int) -> timedelta:
    """The wait after `looks` looks before this one: 1, 2, 5, 15 minutes, then an hour each."""
    return _LOOKS[looks] if looks < len(_LOOKS) else _LONGEST
