"""What must hold of the ledger after every step, whatever has happened: design.md's constraints and promises.

Each promise is a function of what is seen in the database and of what was told beside it: what SortedPRO really made,
what shops acknowledged, and what people decided. It gives a sentence for each breach.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from tests.store.ledger_watch import News, Seen

NOTHING_MADE = frozenset({"refused", "misconfigured", "busy", "unreachable"})
GOES_ON = frozenset({"received", "queued", "sending", "created"})  # states in which the bridge itself has to act
SENT = frozenset({"created", "done", "in_doubt"})
ONCE = "overwrite_reference"  # a released code that is used up


@dataclass(frozen=True, kw_only=True)
class Made:
    """An order in SortedPRO."""

    reference: str
    attempt: UUID
    quantities: Mapping[str, int]  # by SKU


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A Create Order request left a worker, and what the database said of it then."""

    attempt: UUID
    is_begun: bool  # its order was on its way by this very attempt
    is_late: bool  # its deadline had passed


@dataclass(kw_only=True)
class Told:
    """What the database cannot know, or is not to be believed in alone."""

    policies: Mapping[str, str]  # on_unknown_outcome, by destination
    asked: list[Asked] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    answered: dict[UUID, str] = field(default_factory=dict)  # references that a worker was told and had written down
    owners: dict[UUID, object] = field(default_factory=dict)  # which worker was given an id, of a claim or an attempt
    acknowledged: set[tuple[str, bytes]] = field(default_factory=set)
    wanted: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)  # the most, by line id and by SKU
    foreign: dict[tuple[str, str], str] = field(default_factory=dict)  # another's reference that is on a shop order
    shown: dict[tuple[str, str], str] = field(default_factory=dict)  # what is on the shop orders as their references
    gone: set[tuple[str, str]] = field(default_factory=set)  # shop orders in the trash
    # What people decided, all of it kept up to date by `Promises`:
    excused: set[UUID] = field(default_factory=set)  # attempts after which an order was to be sent again at a risk
    answered_for: set[UUID] = field(default_factory=set)  # attempts of which a person said what became of them
    closed: dict[int, str] = field(default_factory=dict)  # rows that are not to be sent until a person says so
    stated: dict[int, set[str]] = field(default_factory=dict)  # references that people named for a row
    paused: set[str] = field(default_factory=set)  # shops and destinations
    released: dict[int, set[str]] = field(default_factory=dict)

    def is_excused(self, attempt: UUID, destination: str, doubted: bool) -> bool:
        """Whether a person, or the policy `send_again`, takes it upon them that there may be a second order."""
        return attempt in self.excused or (doubted and self.policies[destination] == "send_again")


# --- when an order is claimed or an attempt begins -------------------------------------------------------------------
def destination_is_open(news: News, told: Told) -> Iterator[str]:
    """Nothing begins for a destination that is paused, that wants quiet, or whose breaker is open."""
    for one in news.begins:
        if one.paused or one.destination in told.paused:
            yield f"{one.attempt} was begun while {one.destination} was paused"
        if one.quiet:
            yield f"{one.attempt} was begun while {one.destination} wanted quiet"
        if one.breaker == "open":
            yield f"{one.attempt} was begun while the breaker of {one.destination} was open"


def trial_is_of_one(news: News, told: Told) -> Iterator[str]:
    """While a destination is on trial one order alone is on its way to it."""
    for one in news.begins:
        if one.breaker == "trial" and one.beside_on_trial:
            yield f"{one.attempt} was begun while another order was tried on {one.destination}"


def room_is_kept(news: News, told: Told) -> Iterator[str]:
    """No more orders are on their way to a destination than it takes at once."""
    for one in news.begins:
        if one.on_the_way > one.concurrency:
            yield f"{one.attempt} was begun as number {one.on_the_way} on the way to {one.destination}"


def begins_with_own_claim(news: News, told: Told) -> Iterator[str]:
    """Only the worker that has the order's claim begins, and never with one that was to be expired."""
    for one in news.begins:
        if one.claim is None or one.claimed_row != one.row_id:
            yield f"{one.attempt} was begun without a claim"
        elif told.owners.get(one.claim) is not told.owners.get(one.attempt):
            yield f"{one.attempt} was begun by a worker while the claim was another's"
        elif one.claimed_as == "sending":
            yield f"{one.attempt} was begun by whoever was to find out that an earlier one had died"


def begins_with_newest_body(news: News, told: Told) -> Iterator[str]:
    """Nothing is sent that a newer body has overtaken."""
    for one in news.begins:
        if one.body != one.newest_body:
            yield f"{one.attempt} was begun with an older body than the newest"


def nothing_before(news: News, told: Told) -> Iterator[str]:
    """Nothing is sent while an earlier attempt may have made the order, unless a person or the policy says so.

    Nobody says so of an attempt that is known to have made it.
    """
    for one in news.begins:
        for earlier, outcome in one.earlier.items():
            excused = told.is_excused(earlier, one.destination, earlier in one.doubted)
            if outcome == "created":
                yield f"{one.attempt} was begun although {earlier} had made the order"
            elif outcome not in NOTHING_MADE and not excused:
                yield f"{one.attempt} was begun while {earlier} ({outcome or 'no answer yet'}) may have made the order"


def closed_stays_closed(news: News, told: Told) -> Iterator[str]:
    """What a person has settled, dropped, adopted or taken out is not sent until a person says so."""
    for one in news.begins:
        if one.row_id in told.closed:
            yield f"{one.attempt} was begun although a person had said {told.closed[one.row_id]}"


def paused_shop_rests(news: News, told: Told) -> Iterator[str]:
    """Of a paused shop no order is worked on; one that died while it was sent is expired."""
    for one in news.claims:
        if (one.shop_paused or one.shop in told.paused) and one.state != "sending":
            yield f"order {one.row_id} ({one.state}) was claimed while {one.shop} was paused"


# --- at all times ----------------------------------------------------------------------------------------------------
def asked_for_once(seen: Seen, told: Told) -> Iterator[str]:
    """A request leaves once, after its attempt was written down and before its deadline."""
    count = Counter(one.attempt for one in told.asked)
    for one in told.asked:
        if not one.is_begun or one.is_late:
            yield f"{one.attempt} was sent {'after its deadline' if one.is_begun else 'without being written down'}"
        if count[one.attempt] > 1:
            yield f"{one.attempt} was sent {count[one.attempt]} times"


def rows_are_sound(seen: Seen, told: Told) -> Iterator[str]:
    """The constraints of the table, and no order that nobody looks at again."""
    for row in seen.rows:
        if row.trouble_code == "internal_error":
            yield f"internal error: {_told(row)}"
        if (row.reference is not None) != (row.state in {"created", "done"}):
            yield f"reference {row.reference}: {_told(row)}"
        if row.state == "sending" and None in {row.attempt_id, row.deadline}:
            yield f"sent by nothing: {_told(row)}"
        if row.state in GOES_ON and row.due_at is None:
            yield f"nobody looks again: {_told(row)}"


def releases_last(seen: Seen, told: Told) -> Iterator[str]:
    """What a person has released once is not held for it again."""
    for row in seen.rows:
        if not told.released.get(row.id, set()) <= lasting(row):
            yield f"a release was forgotten: {_told(row)}"


def references_are_their_own(seen: Seen, told: Told) -> Iterator[str]:
    """A reference stands once, and at the order that it was made or named for."""
    count = Counter(row.reference for row in seen.rows if row.reference is not None)
    parts = {one.id: one.order for one in seen.tried}
    made = {one.reference: parts[one.attempt] for one in told.made}
    for row in seen.rows:
        if count[row.reference] > 1:
            yield f"{row.reference} stands twice: {_told(row)}"
        own = row.reference is None or made.get(row.reference) == row.id
        if not own and row.reference not in told.stated.get(row.id, ()):
            yield f"{row.reference} is of another order: {_told(row)}"


def answers_count(seen: Seen, told: Told) -> Iterator[str]:
    """A reference that SortedPRO has told, however late, is written down and stands on its order or raises an alarm."""
    rows = {row.id: row for row in seen.rows}
    for one in seen.tried:
        if one.id in told.answered and one.reference != told.answered[one.id]:
            yield f"the answer {told.answered[one.id]} to {one.id} was not written down"
        row = rows[one.order]
        if one.reference not in {None, row.reference} and not row.alarm:
            yield f"{one.reference} came and is forgotten: {_told(row)}"


def refusal_is_of_newest_body(seen: Seen, told: Told) -> Iterator[str]:
    """A refusal fails only the body that was refused."""
    body = {one.id: one.body_id for one in seen.tried}
    for row in seen.rows:
        if (row.state, row.code) == ("failed", "refused") and body[row.attempt_id] != row.body_id:
            yield f"a body that came while an older one was sent is lost: {_told(row)}"


def story_is_unbroken(seen: Seen, told: Told) -> Iterator[str]:
    """The history tells each change of state."""
    states: dict[int, str] = {}
    for event in seen.story:
        before = states.get(event.order, event.from_state)
        if event.from_state != before:
            yield f"order {event.order}: {before}, then {event.from_state} {event.event}"
        states[event.order] = event.to_state
    for row in seen.rows:
        if states.get(row.id) != row.state:
            yield f"no history of how it came to {_told(row)}"


def bodies_are_kept(seen: Seen, told: Told) -> Iterator[str]:
    """What was acknowledged is stored, and each order has its newest body."""
    if told.acknowledged - {(one.shop, bytes(one.hash)) for one in seen.bodies}:
        yield "an acknowledged webhook is not stored"
    for row in seen.rows:
        key = (row.shop, row.order_id, row.order_key)
        times = [one.modified_at for one in seen.bodies if (one.shop, one.order_id, one.order_key) == key]
        if row.body_modified_at != max(filter(None, times), default=None):
            yield f"not its newest body: {_told(row)}"


def goods_stand_once(seen: Seen, told: Told) -> Iterator[str]:
    """No unit stands in two parts."""
    held: dict[tuple[str, str], Counter[str]] = {}
    for row in seen.rows:
        held.setdefault((row.shop, row.order_id), Counter()).update(_counted(row.lines))
    for key, lines in held.items():
        if not lines <= told.wanted[key]:
            yield f"goods stand in two parts: {key} {lines} of {told.wanted[key]}"


def goods_are_sent_once(seen: Seen, told: Told) -> Iterator[str]:
    """No unit was in two requests that may have made an order, whichever parts they were of."""
    rows = {row.id: row for row in seen.rows}
    sent: dict[tuple[str, str], Counter[str]] = {}
    for one in seen.tried:
        if one.outcome not in NOTHING_MADE and not _is_excused(one, told, seen):
            row = rows[one.order]
            sent.setdefault((row.shop, row.order_id), Counter()).update(_counted(one.lines))
    for key, lines in sent.items():
        if not lines <= told.wanted[key]:
            yield f"goods were sent twice: {key} {lines} of {told.wanted[key]}"


def made_once(seen: Seen, told: Told) -> Iterator[str]:
    """Of one part no second order is made, and of one shop order no goods twice."""
    rows, tried = {row.id: row for row in seen.rows}, {one.id: one for one in seen.tried}
    unexcused = [made for made in told.made if not _is_excused(tried[made.attempt], told, seen)]
    once = Counter(tried[made.attempt].order for made in unexcused)
    goods: dict[tuple[str, str], Counter[str]] = {}
    for made in unexcused:
        row = rows[tried[made.attempt].order]
        goods.setdefault((row.shop, row.order_id), Counter()).update(made.quantities)
        if once[row.id] > 1:
            yield f"{made.reference} is one of {once[row.id]}: {_told(row)}"
    for key, quantities in goods.items():
        if not quantities <= told.wanted[key]:
            yield f"more was made than wanted: {quantities} of {told.wanted[key]}"


def foreign_references_stay(seen: Seen, told: Told) -> Iterator[str]:
    """Another's reference on a shop order is replaced only where a person said so."""
    for key, reference in told.foreign.items():
        if reference not in told.shown.get(key, ""):
            yield f"{reference} was on {key} and is overwritten"


# --- at the end, when everything works again and nothing is left to do -----------------------------------------------
def nothing_is_stuck(seen: Seen, told: Told) -> Iterator[str]:
    """Whatever the bridge itself has to do is done; only people are waited for."""
    for row in seen.rows:
        gone = (row.shop, row.order_id) in told.gone
        waits = row.state == "created" and (gone or _in_conflict(row, told))
        if row.state in GOES_ON and not waits:
            yield f"stuck: {_told(row)}"
        if row.state == "in_doubt" and told.policies[row.destination] == "send_again":
            yield f"left in doubt against the policy: {_told(row)}"
        if row.state in SENT and row.revision != row.compared:
            yield f"something came after it was sent, and nobody looks at it: {_told(row)}"


def references_are_written_back(seen: Seen, told: Told) -> Iterator[str]:
    """A shop order that is done carries its reference, unless a person left it as it was."""
    for row in seen.rows:
        key = (row.shop, row.order_id)
        if row.state != "done" or key in told.gone or "left as it is" in row.reason:
            continue
        if row.reference not in told.shown[key]:
            yield f"not written back: {_told(row)}"


def made_orders_are_known(seen: Seen, told: Told) -> Iterator[str]:
    """The bridge knows what SortedPRO has, or knows that it does not know."""
    rows, tried = {row.id: row for row in seen.rows}, {one.id: one for one in seen.tried}
    for made in told.made:
        attempt = tried[made.attempt]
        row = rows[attempt.order]
        known = row.reference == made.reference or row.alarm or row.state == "in_doubt"
        taken_on = made.attempt in told.answered_for or _is_excused(attempt, told, seen)
        if not known and not taken_on:
            yield f"{made.reference} is forgotten: {_told(row)}"


OF_NEWS = (
    destination_is_open,
    trial_is_of_one,
    room_is_kept,
    begins_with_own_claim,
    begins_with_newest_body,
    nothing_before,
    closed_stays_closed,
    paused_shop_rests,
)
AT_ALL_TIMES = (
    asked_for_once,
    rows_are_sound,
    releases_last,
    references_are_their_own,
    answers_count,
    refusal_is_of_newest_body,
    story_is_unbroken,
    bodies_are_kept,
    goods_stand_once,
    goods_are_sent_once,
    made_once,
    foreign_references_stay,
)
AT_THE_END = (nothing_is_stuck, references_are_written_back, made_orders_are_known)


# --- keeping count ---------------------------------------------------------------------------------------------------
AT_A_RISK = frozenset({"risk", "send_again"})  # may be sent again, whatever was made before
OPENING = frozenset({"replay", "release"}) | AT_A_RISK
CLOSING = frozenset({"exists", "mistaken", "drop", "adopt", "elsewhere", "skip"})


@dataclass(kw_only=True)
class Promises:
    """The promises of one run, and everything that they are held against.

    Claims and attempts are judged by what people had said until then: so each of the methods that tell of a person
    looks at what is new before it takes note.
    """

    look: Callable[[], Seen]
    hear: Callable[[int, int], News]  # what is new since the claim and the attempt of these numbers
    told: Told
    broken: list[str] = field(default_factory=list)
    tried: dict[int, set[UUID]] = field(default_factory=dict)  # attempts, by row
    _heard: tuple[int, int] = (0, 0)

    def check(self) -> None:
        """Everything, after a step."""
        self._judge_news()
        seen = self.look()
        self._judge(AT_ALL_TIMES, seen)
        for row in seen.rows:
            self.told.released.setdefault(row.id, set()).update(lasting(row))
        assert not self.broken, self.broken

    def check_end(self) -> None:
        """After everything was repaired and all work is done: nothing is stuck, lost or unaccounted for."""
        self.check()
        self._judge(AT_THE_END, self.look())
        assert not self.broken, self.broken

    def decided(self, row_id: int, what: str, reference: str | None = None) -> None:
        """A person has decided about an order, knowing what was tried."""
        self._judge_news()
        tried = self.tried.get(row_id, set())
        if what in AT_A_RISK:
            self.told.excused |= tried
        if what in OPENING:
            self.told.closed.pop(row_id, None)
        if what in CLOSING:
            self.told.closed[row_id] = what
            self.told.answered_for |= tried
        if reference is not None:
            self.told.stated.setdefault(row_id, set()).add(reference)

    def paused(self, name: str) -> None:
        """A person is about to pause a shop or a destination."""
        self._judge_news()
        self.told.paused.add(name)

    def resumed(self, name: str) -> None:
        """A person is about to resume a shop or a destination."""
        self._judge_news()
        self.told.paused.discard(name)

    def _judge_news(self) -> None:
        news = self.hear(*self._heard)
        for one in news.begins:
            self.tried.setdefault(one.row_id, set()).add(one.attempt)
        self._judge(OF_NEWS, news)
        numbers = zip(self._heard, (news.claims, news.begins), strict=True)
        claim, begun = (max([before, *(one.number for one in new)]) for before, new in numbers)
        self._heard = (claim, begun)

    def _judge(self, promises: tuple[Callable[..., Iterator[str]], ...], found: News | Seen) -> None:
        self.broken += [words for promise in promises for words in promise(found, self.told)]


def lasting(row: Any) -> set[str]:
    """The codes that a person has released for good."""
    return {code for code in row.released if not code.startswith(ONCE)}


def _is_excused(attempt: Any, told: Told, seen: Seen) -> bool:
    return told.is_excused(attempt.id, attempt.destination, attempt.id in seen.doubts)


def _in_conflict(row: Any, told: Told) -> bool:
    return row.trouble_code == "write_back_conflict" and (row.shop, row.order_id) in told.foreign


def _counted(lines: Mapping[str, str]) -> dict[str, int]:
    return {line: int(Decimal(quantity)) for line, quantity in lines.items()}


def _told(row: Row[Any]) -> str:
    return f"{row.shop} #{row.order_id} part {row.part}: {row.state} ({row.code or row.reason}; {row.trouble})"
