"""Each promise of the ledger's property test complains of a breach of it, and of nothing where all is well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from tests.store import ledger_promises as promises
from tests.store.ledger_promises import Asked, Made, Promises, Told
from tests.store.ledger_watch import Begun, Claim, News, Seen

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
CLAIM, FIRST, SECOND, THIRD = (UUID(int=number) for number in range(1, 5))
KEY = ("red", "7")


# --- an order that is begun with all in order ------------------------------------------------------------------------
def begun(**values: Any) -> News:
    """The second attempt of order 1."""
    usual: dict[str, Any] = {
        "number": 2, "attempt": SECOND, "row_id": 1, "destination": "sorted-red", "claim": CLAIM, "claimed_row": 1,
        "claimed_as": "queued", "body": 5, "newest_body": 5, "paused": False, "quiet": False, "breaker": "",
        "period": 0, "beside_on_trial": 0, "on_the_way": 1, "concurrency": 1, "earlier": {}, "doubted": frozenset(),
    }  # fmt: skip
    return News(begins=[Begun(**usual | values)])


def claimed(state: str = "received", *, shop_paused: bool = False) -> News:
    return News(claims=[Claim(number=1, claim=CLAIM, row_id=1, shop="red", state=state, shop_paused=shop_paused)])


def told(policy: str = "hold", **values: Any) -> Told:
    usual: dict[str, Any] = {
        "owners": {CLAIM: "ann", FIRST: "ann", SECOND: "ann", THIRD: "ann"},
        "wanted": {KEY: Counter({"11": 1, "SKU-1": 1})},
        "shown": {KEY: ""},
    }
    return Told(policies={"sorted-red": policy}, **usual | values)


UNANSWERED = {"earlier": {FIRST: ""}}
IN_DOUBT = {"earlier": {FIRST: "unknown"}, "doubted": frozenset({FIRST})}
CAME_LATE = {"earlier": {FIRST: "created"}, "doubted": frozenset({FIRST})}


@pytest.mark.parametrize(
    ("promise", "news", "beside"),
    [
        pytest.param(promises.destination_is_open, begun(paused=True), told(), id="paused destination"),
        pytest.param(promises.destination_is_open, begun(), told(paused={"sorted-red"}), id="pause that is not stored"),
        pytest.param(promises.destination_is_open, begun(quiet=True), told(), id="quiet"),
        pytest.param(promises.destination_is_open, begun(breaker="open"), told(), id="open breaker"),
        pytest.param(promises.trial_is_of_one, begun(breaker="trial", beside_on_trial=1), told(), id="two on trial"),
        pytest.param(promises.room_is_kept, begun(on_the_way=2), told(), id="no room"),
        pytest.param(promises.begins_with_own_claim, begun(claim=None), told(), id="no claim"),
        pytest.param(promises.begins_with_own_claim, begun(claimed_row=2), told(), id="claim of another order"),
        pytest.param(
            promises.begins_with_own_claim, begun(), told(owners={CLAIM: "ann", SECOND: "bob"}), id="another's claim"
        ),
        pytest.param(promises.begins_with_own_claim, begun(claimed_as="sending"), told(), id="only to be expired"),
        pytest.param(promises.begins_with_newest_body, begun(newest_body=6), told(), id="newer body"),
        pytest.param(promises.nothing_before, begun(**UNANSWERED), told(), id="no answer yet"),
        pytest.param(promises.nothing_before, begun(**UNANSWERED), told("send_again"), id="no answer yet, send_again"),
        pytest.param(promises.nothing_before, begun(**IN_DOUBT), told(), id="in doubt"),
        pytest.param(promises.nothing_before, begun(**IN_DOUBT), told(answered_for={FIRST}), id="dropped"),
        pytest.param(promises.nothing_before, begun(**CAME_LATE), told("send_again"), id="by policy, answered"),
        pytest.param(promises.nothing_before, begun(**CAME_LATE), told(excused={FIRST}), id="at risk, answered"),
        *[
            pytest.param(promises.closed_stays_closed, begun(), told(closed={1: what}), id=what)
            for what in sorted(promises.CLOSING)
        ],
        pytest.param(promises.paused_shop_rests, claimed(shop_paused=True), told(), id="paused shop"),
        pytest.param(promises.paused_shop_rests, claimed(), told(paused={"red"}), id="shop's pause that is not stored"),
    ],
)
def test_breach_at_a_claim_or_a_beginning_is_told(
    promise: Callable[[News, Told], Iterator[str]], news: News, beside: Told
) -> None:
    assert len(list(promise(news, beside))) == 1


@pytest.mark.parametrize(
    ("news", "beside"),
    [
        pytest.param(begun(), told(), id="first attempt"),
        pytest.param(begun(breaker="trial"), told(), id="alone on trial"),
        pytest.param(begun(earlier={FIRST: "refused"}), told(), id="after a refusal"),
        pytest.param(begun(**IN_DOUBT), told(excused={FIRST}), id="at a person's risk"),
        pytest.param(begun(**IN_DOUBT), told("send_again"), id="by policy"),
        pytest.param(claimed("sending", shop_paused=True), told(paused={"red"}), id="expiry in a paused shop"),
    ],
)
def test_what_may_be_at_a_claim_or_a_beginning_is_left_alone(news: News, beside: Told) -> None:
    assert [words for promise in promises.OF_NEWS for words in promise(news, beside)] == []


# --- an order that is done -------------------------------------------------------------------------------------------
def row(**values: Any) -> SimpleNamespace:
    usual: dict[str, Any] = {
        "id": 1, "shop": "red", "order_id": "7", "order_key": "wc_1", "part": 1, "state": "done", "reason": "",
        "code": "", "trouble": "", "trouble_code": "", "due_at": None, "released": [], "alarm": "",
        "destination": "sorted-red", "attempt_id": FIRST, "deadline": NOW, "reference": "EO-1", "lines": {"11": "1"},
        "body_id": 5, "body_modified_at": NOW, "revision": 1, "compared": 1,
    }  # fmt: skip
    return SimpleNamespace(**usual | values)


def attempt(**values: Any) -> SimpleNamespace:
    usual: dict[str, Any] = {
        "id": FIRST, "order": 1, "destination": "sorted-red", "outcome": "created", "reference": "EO-1", "body_id": 5,
        "lines": {"11": "1"},
    }  # fmt: skip
    return SimpleNamespace(**usual | values)


def body(**values: Any) -> SimpleNamespace:
    usual = {"shop": "red", "order_id": "7", "order_key": "wc_1", "hash": b"a", "modified_at": NOW}
    return SimpleNamespace(**usual | values)


def event(order: int, before: str, after: str) -> SimpleNamespace:
    return SimpleNamespace(order=order, from_state=before, to_state=after, event="x")


STORY = [event(1, "received", "received"), event(1, "received", "sending"), event(1, "sending", "done")]
MADE = Made(reference="EO-1", attempt=FIRST, quantities={"SKU-1": 1})
MADE_TWICE = [MADE, Made(reference="EO-2", attempt=SECOND, quantities={"SKU-1": 1})]
SECOND_LOST = attempt(id=SECOND, outcome="unknown", reference=None)
ASKED = Asked(attempt=FIRST, is_begun=True, is_late=False)


def seen(*changed: SimpleNamespace, **values: Any) -> Seen:
    """The order, or `changed` in its place."""
    return replace(Seen(rows=changed or [row()], story=STORY, bodies=[body()], tried=[attempt()]), **values)


def told_of_it(policy: str = "hold", **values: Any) -> Told:
    usual: dict[str, Any] = {
        "asked": [ASKED], "made": [MADE], "answered": {FIRST: "EO-1"}, "acknowledged": {("red", b"a")},
        "shown": {KEY: "EO-1"},
    }  # fmt: skip
    return told(policy, **usual | values)


def part(**values: Any) -> SimpleNamespace:
    """A second part of the order, which was dropped."""
    usual = {"id": 2, "part": 2, "reference": None, "state": "skipped", "lines": {}, "attempt_id": SECOND}
    return row(**usual | values)


OF_A_PART = attempt(id=SECOND, order=2, outcome="unknown", reference=None)


@pytest.mark.parametrize(
    ("promise", "all_seen", "beside"),
    [
        pytest.param(
            promises.asked_for_once, seen(), told_of_it(asked=[replace(ASKED, is_begun=False)]), id="not written down"
        ),
        pytest.param(promises.asked_for_once, seen(), told_of_it(asked=[replace(ASKED, is_late=True)]), id="too late"),
        pytest.param(promises.rows_are_sound, seen(row(trouble_code="internal_error")), told_of_it(), id="fault"),
        pytest.param(promises.rows_are_sound, seen(row(reference=None)), told_of_it(), id="done without reference"),
        pytest.param(
            promises.rows_are_sound,
            seen(row(state="sending", due_at=NOW, reference=None, deadline=None)), told_of_it(), id="without deadline",
        ),
        pytest.param(
            promises.rows_are_sound, seen(row(state="queued", reference=None)), told_of_it(), id="never looked at again"
        ),
        pytest.param(promises.releases_last, seen(), told_of_it(released={1: {"look"}}), id="forgotten release"),
        pytest.param(
            promises.references_are_their_own, seen(row(reference="EO-9")), told_of_it(), id="another's reference"
        ),
        pytest.param(promises.answers_count, seen(row(reference="EO-9")), told_of_it(), id="late answer"),
        pytest.param(
            promises.answers_count, seen(tried=[attempt(reference=None)]), told_of_it(), id="answer not written down"
        ),
        pytest.param(
            promises.refusal_is_of_newest_body,
            seen(row(state="failed", code="refused", body_id=6)), told_of_it(), id="body that came meanwhile",
        ),
        pytest.param(promises.story_is_unbroken, seen(story=STORY[:-1]), told_of_it(), id="untold change"),
        pytest.param(promises.story_is_unbroken, seen(story=[STORY[0], STORY[2]]), told_of_it(), id="leap"),
        pytest.param(
            promises.bodies_are_kept, seen(), told_of_it(acknowledged={("red", b"b")}), id="acknowledged and not stored"
        ),
        pytest.param(
            promises.bodies_are_kept, seen(bodies=[body(), body(hash=b"b", modified_at=NOW + timedelta(seconds=1))]),
            told_of_it(), id="not the newest body",
        ),
        pytest.param(
            promises.goods_stand_once, seen(row(), part(lines={"11": "1"})), told_of_it(), id="goods in two parts"
        ),
        pytest.param(
            promises.goods_are_sent_once, seen(row(), part(), tried=[attempt(), OF_A_PART]), told_of_it(),
            id="goods in two requests",
        ),
        pytest.param(
            promises.goods_are_sent_once, seen(tried=[attempt(), SECOND_LOST]),
            told_of_it(closed={1: "drop"}, answered_for={SECOND}), id="sent again after a drop",
        ),
        pytest.param(
            promises.foreign_references_stay, seen(), told_of_it(foreign={KEY: "EO-OTHER"}), id="overwritten"
        ),
        pytest.param(
            promises.nothing_is_stuck, seen(row(state="created", due_at=NOW)), told_of_it(), id="not written back"
        ),
        pytest.param(
            promises.nothing_is_stuck, seen(row(state="in_doubt", reference=None)), told_of_it("send_again"),
            id="held against the policy",
        ),
        pytest.param(promises.nothing_is_stuck, seen(row(revision=2)), told_of_it(), id="later body not compared"),
        pytest.param(
            promises.references_are_written_back, seen(), told_of_it(shown={KEY: ""}), id="reference is missing"
        ),
        pytest.param(
            promises.made_orders_are_known, seen(row(state="skipped", reference=None)), told_of_it(), id="forgotten"
        ),
    ],
)  # fmt: skip
def test_breach_is_told(promise: Callable[[Seen, Told], Iterator[str]], all_seen: Seen, beside: Told) -> None:
    assert len(list(promise(all_seen, beside))) == 1


def test_request_that_leaves_twice_is_told() -> None:
    assert set(promises.asked_for_once(seen(), told_of_it(asked=[ASKED, ASKED]))) == {f"{FIRST} was sent 2 times"}


def test_reference_that_stands_twice_is_told() -> None:
    twice = seen(row(), part(state="done", reference="EO-1"))
    assert {words[:18] for words in promises.references_are_their_own(twice, told_of_it())} == {
        "EO-1 stands twice:", "EO-1 is of another",
    }  # fmt: skip


def test_second_order_of_one_part_is_told() -> None:
    twice = seen(tried=[attempt(), SECOND_LOST])
    assert [words[:12] for words in promises.made_once(twice, told_of_it(made=MADE_TWICE))] == [
        "EO-1 is one ", "EO-2 is one ", "more was mad",
    ]  # fmt: skip


def test_goods_that_were_made_in_two_parts_are_told() -> None:
    twice = seen(row(), part(), tried=[attempt(), OF_A_PART])
    assert [words[:8] for words in promises.made_once(twice, told_of_it(made=MADE_TWICE))] == ["more was"]


@pytest.mark.parametrize(
    ("all_seen", "beside"),
    [
        pytest.param(seen(), told_of_it(), id="done"),
        pytest.param(
            seen(row(reference="EO-SAW"), tried=[attempt(outcome="unknown", reference=None)]),
            told_of_it(
                made=[], answered={}, answered_for={FIRST}, stated={1: {"EO-SAW"}}, shown={KEY: "EO-SAW"},
            ),
            id="settled as it exists",
        ),
        pytest.param(
            seen(row(alarm="two orders"), tried=[attempt(), SECOND_LOST]),
            told_of_it(made=MADE_TWICE, excused={SECOND}), id="two at a person's risk",
        ),
        pytest.param(
            seen(row(state="created", due_at=NOW)), told_of_it(gone={KEY}, shown={KEY: ""}), id="shop order deleted"
        ),
        pytest.param(
            seen(row(state="created", due_at=NOW, trouble_code="write_back_conflict")),
            told_of_it(foreign={KEY: "EO-OTHER"}, shown={KEY: "EO-OTHER"}), id="conflict",
        ),
    ],
)  # fmt: skip
def test_what_may_be_is_left_alone(all_seen: Seen, beside: Told) -> None:
    story = [event(1, "received", all_seen.rows[0].state)]
    all_of_them = (*promises.AT_ALL_TIMES, *promises.AT_THE_END)
    assert [words for promise in all_of_them for words in promise(replace(all_seen, story=story), beside)] == []


# --- what people say -------------------------------------------------------------------------------------------------
class Talk:
    """Promises whose attempts come when the test says so."""

    def __init__(self) -> None:
        self.told, self.coming = told(), [begun(number=1, attempt=FIRST)]
        self.promises = Promises(look=seen, hear=lambda claim, begun: self._hear(), told=self.told)

    def _hear(self) -> News:
        return self.coming.pop(0) if self.coming else News()

    def say(self, *words: str) -> Talk:
        for what in words:
            self.promises.decided(1, what)
        return self

    def send_again(self) -> list[str]:
        """What is wrong about a second attempt after the first one was in doubt."""
        self.coming = [begun(**IN_DOUBT)]
        self.promises.paused("nothing")
        return self.promises.broken


@pytest.mark.parametrize("what", ["send_again", "risk"])
def test_person_may_send_again_at_a_risk(what: str) -> None:
    assert Talk().say(what).send_again() == []


@pytest.mark.parametrize("what", sorted(promises.CLOSING))
def test_what_a_person_closed_is_sent_again_only_after_a_replay_at_a_risk(what: str) -> None:
    assert len(Talk().say(what).send_again()) == 2  # closed, and in doubt
    assert len(Talk().say(what, "replay").send_again()) == 1  # still in doubt
    assert Talk().say(what, "risk").send_again() == []


def test_risk_is_taken_for_earlier_attempts_only() -> None:
    talk = Talk().say("risk")
    assert talk.send_again() == []
    talk.coming = [begun(number=3, attempt=THIRD, earlier={FIRST: "unknown", SECOND: "unknown"})]
    talk.promises.resumed("nothing")
    assert len(talk.promises.broken) == 1


def test_attempt_is_judged_by_what_was_said_before_it() -> None:
    talk = Talk()
    talk.coming += [begun(**IN_DOUBT)]
    talk.say("replay", "send_again")  # of which the first sees the first attempt, and the second sees the second
    assert len(talk.promises.broken) == 1
