"""Which doubts had a cause: an answer that SortedPRO did not give, or a process that died while it waited. Pure.

The rest of the soak may not excuse a doubt: a bridge that put every order in doubt would keep every other promise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from bridge.trial.chaos_wire import Call

LIMIT = timedelta(seconds=20)  # that the bridge waits for an answer
# Between begin_send's time and the arrival of the call, and between its answer and the commit, on a busy machine.
_SLACK = timedelta(seconds=1.5)
_RETURN = timedelta(seconds=6)  # until a worker that waits for the database notices that it is back

# What the ledger says of an attempt whose deadline passed without an outcome.
DIED = "the process ended before an answer was written down"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A Create Order call, as the ledger has it."""

    id: UUID
    order: int  # the ledger's row
    started_at: datetime
    ended_at: datetime | None
    outcome: str  # "" while it is under way
    message: str

    @property
    def is_doubtful(self) -> bool:
        """Whether the bridge does not know what became of it."""
        return self.outcome in {"", "unknown"}

    @property
    def died(self) -> bool:
        """Whether nobody wrote down how it ended."""
        return not self.outcome or self.message == DIED


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A time in which something was taken away, and how many calls that may have cost their answer at most."""

    what: Literal["worker", "database", "sortedpro"]
    since: datetime
    until: datetime  # of the database: when it was there again
    most: int


def baseless(
    attempts: Sequence[Attempt], calls: Mapping[str, Call], cuts: Sequence[Cut]
) -> Iterator[tuple[Attempt, str]]:
    """The attempts of unknown outcome that nothing explains, each with why not."""
    charged: Counter[int] = Counter()  # by the place of the cut
    outages = sorted((cut for cut in cuts if cut.what == "database"), key=lambda cut: cut.since)
    for attempt in sorted((one for one in attempts if one.is_doubtful), key=lambda one: one.started_at):
        call = calls.get(str(attempt.id))
        if not attempt.died and call is not None and not _was_told(attempt, call):
            continue
        causes = _deaths(attempt, call, outages) if attempt.died else {"sortedpro": _end(attempt)}
        found = [place for place, cut in enumerate(cuts) if _meets(attempt, cut, causes.get(cut.what))]
        free = next((place for place in found if charged[place] < cuts[place].most), None)
        if free is None:
            yield attempt, _why(attempt, call, is_full=bool(found))
        else:
            charged[free] += 1


def _was_told(attempt: Attempt, call: Call) -> bool:
    """Whether SortedPRO told what became of the call, in time."""
    return call.tells and call.over_at is not None and call.over_at - attempt.started_at < LIMIT


def _end(attempt: Attempt) -> datetime:
    assert attempt.ended_at is not None
    return min(attempt.ended_at, attempt.started_at + LIMIT)


def _deaths(attempt: Attempt, call: Call | None, outages: Sequence[Cut]) -> dict[str, datetime]:
    """What may have kept an outcome from being written down, each with the time until which it may have begun.

    Without the database a worker waits with what it knows until it is there again, so that alone loses no outcome; but
    of a beginning whose commit was not answered nobody knows whether it was stored, and no call is made.
    """
    if call is None:
        until = attempt.started_at + _SLACK
        return {"worker": until, "database": until}
    until = min(call.over_at or attempt.started_at + LIMIT, attempt.started_at + LIMIT) + _SLACK
    for outage in outages:
        if outage.since <= until and outage.until >= attempt.started_at:
            until = max(until, outage.until + _RETURN)
    return {"worker": until}


def _meets(attempt: Attempt, cut: Cut, until: datetime | None) -> bool:
    return until is not None and cut.since <= until and cut.until >= attempt.started_at


def _why(attempt: Attempt, call: Call | None, *, is_full: bool) -> str:
    words = f"attempt {attempt.id} of {attempt.started_at:%H:%M:%S} ({attempt.message or 'no outcome'})"
    if is_full:
        return f"{words}: more such than what was killed then can have had under way"
    if call is None:
        return f"{words}: it never came to SortedPRO, and nothing was in its way"
    if call.tells:
        return f"{words}: SortedPRO answered it, and no worker died then"
    return f"{words}: no worker died then"
