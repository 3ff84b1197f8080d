"""Orders in doubt: what a lost answer leads to by each policy, what the bridge finds out, and late answers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from bridge import actions
from bridge.backoff import next_evidence
from bridge.sandbox.faults import Fault, drop_after, drop_before, html, status
from bridge.sandbox.server import Answer
from bridge.sandbox.shopify import shopify_order
from bridge.store import queries
from bridge.store.database import transaction
from bridge.store.ledger import Order
from tests.forward.conftest import Rig, make_rig, write_mappings

# Every way to lose an answer: SortedPRO made the order, did not, or nobody can say.
LOST = {
    "made, then dropped": drop_after(),
    "dropped at once": drop_before(),
    "500": status(500),
    "a proxy's page": html(502),
    "408": status(408),
    "201 without a reference": status(201, body=b"[]"),
}


def shopify(rig: Rig, number: int = 1001) -> str:
    return rig.world.shopify.add_order(shopify_order(number, at=rig.clock()))


def act(rig: Rig, action: Callable[..., Order], *more: object) -> Order:
    return action(rig.bridge.engine, rig.order("#1001"), *more, who="kim", reason="seen", now=rig.clock())


def in_time(rig: Rig) -> None:
    """Work for so long that whatever is tried again by itself has been."""
    for _ in range(14):
        rig.later(hours=1)
        rig.bridge.probe_destinations()
        rig.settle()


@pytest.fixture
def doubtful(rig: Rig) -> Rig:
    """#1001 is in doubt since 09:00; SortedPRO has it as EO-000-002-000."""
    shopify(rig)
    rig.world.sortedpro.behave(drop_after())
    rig.settle()
    assert (rig.order("#1001").state, rig.clock()) == ("in_doubt", datetime(2026, 12, 1, 9, 0, tzinfo=UTC))
    return rig


# --- the two policies ------------------------------------------------------------------------------------------------
class Killed(BaseException):
    """The end of a process: nothing in the bridge catches it."""


def die_at(rig: Rig, point: str) -> None:
    """Let a worker take the next order and die when it comes to this point."""

    def reach(reached: str) -> None:
        if reached == point:
            raise Killed

    worker = rig.bridge.forwarder
    with pytest.raises(Killed):
        replace(worker, tools=replace(worker.tools, reach=reach)).forward_next()


def lose_every_answer(rig: Rig) -> list[str]:
    """Send an order into each way of losing the answer, and two with a worker that dies; their names."""
    for number, point in ((1001, "begun"), (1002, "answered")):
        shopify(rig, number)
        rig.deliver()
        die_at(rig, point)
    rig.later(minutes=1)  # past the deadline of those two
    numbers = range(1003, 1003 + len(LOST))
    for number, fault in zip(numbers, LOST.values(), strict=True):
        rig.world.sortedpro.behave(fault, match=f"shopify-{number}")
        shopify(rig, number)
    rig.settle()
    in_time(rig)
    return [f"#{number}" for number in (1001, 1002, *numbers)]


def test_hold_never_sends_two(rig: Rig) -> None:
    names = lose_every_answer(rig)
    assert {name: rig.order(name).state for name in names} == dict.fromkeys(names, "in_doubt")
    # Made are those whose answer was lost after it: of the worker that died with it, and the first of LOST.
    assert Counter(rig.sent()) == {"shopify-1002": 1, "shopify-1003": 1}


def test_send_again_never_sends_none(database, world, clock, tmp_path) -> None:
    extra = "destination: { on_unknown_outcome: send_again }\n"
    rig = make_rig(database, write_mappings(tmp_path / "m", world, extra), world, clock)
    names = lose_every_answer(rig)
    states, sent = {name: rig.order(name).state for name in names}, Counter(rig.sent())
    rig.bridge.close()
    assert states == dict.fromkeys(names, "done")
    # The price: two of each that had been made before its answer was lost.
    twice = {"#1002", "#1003"}
    assert sent == {f"shopify-{name[1:]}": 2 if name in twice else 1 for name in names}


# --- evidence --------------------------------------------------------------------------------------------------------
def evidence(rig: Rig) -> list[str]:
    with transaction(rig.bridge.engine) as connection:
        story = queries.story(connection, rig.order("#1001"))
    return [event.words for event in story if event.code == "evidence"]


NOT_PACKED = "SortedPRO has no consignment with our reference shopify-1001: not packed, which proves nothing"


def test_packed_order_is_found_by_our_reference_and_told_once(doubtful: Rig) -> None:
    doubtful.later(hours=1)
    doubtful.settle()
    doubtful.world.sortedpro.pack("EO-000-002-000")
    for _ in range(2):
        doubtful.later(hours=6)
        doubtful.settle()
    packed = (
        "SortedPRO has 1 consignment with our reference shopify-1001 (EC-000-00G-000): the order exists and was "
        "packed; look it up there and settle with --exists"
    )
    assert evidence(doubtful) == [NOT_PACKED, packed]
    assert doubtful.order("#1001").state == "in_doubt"


def test_nothing_is_searched_in_the_first_hour_whatever_comes(doubtful: Rig) -> None:
    doubtful.world.sortedpro.pack("EO-000-002-000")
    doubtful.later(minutes=10)
    doubtful.world.shopify.tag(doubtful.order("#1001").order_id, "vip")
    doubtful.settle()
    assert evidence(doubtful) == []
    assert doubtful.order("#1001").due_at == datetime(2026, 12, 1, 10, 0, tzinfo=UTC)


def test_search_that_fails_is_no_trouble_and_made_again(doubtful: Rig) -> None:
    doubtful.world.sortedpro.pack("EO-000-002-000")
    doubtful.world.sortedpro.busy()
    doubtful.later(hours=1)
    doubtful.settle()
    order = doubtful.order("#1001")
    assert (evidence(doubtful), order.state, order.trouble, order.tries) == ([], "in_doubt", "", 0)
    assert order.due_at == datetime(2026, 12, 1, 16, 0, tzinfo=UTC)
    doubtful.world.sortedpro.clear()
    doubtful.later(hours=6)
    doubtful.settle()
    assert len(evidence(doubtful)) == 1


def test_a_wrong_key_is_no_trouble_of_the_order(doubtful: Rig) -> None:
    doubtful.world.sortedpro.api_key = "another"
    doubtful.later(hours=1)
    doubtful.settle()
    order = doubtful.order("#1001")
    assert (evidence(doubtful), order.state, order.trouble) == ([], "in_doubt", "")


def test_search_ends_after_a_week(doubtful: Rig) -> None:
    for _ in range(8):
        doubtful.later(days=1)
        doubtful.settle()
    assert (evidence(doubtful), doubtful.order("#1001").due_at) == ([NOT_PACKED], None)


def test_order_without_a_reference_of_ours_cannot_be_searched_and_says_so(database, world, clock, tmp_path) -> None:
    extra = 'order: { OrderReferenceProvidedByCustomer: "{{ order.note }}" }\n'
    rig = make_rig(database, write_mappings(tmp_path / "m", world, extra), world, clock)
    rig.world.shopify.add_order({**shopify_order(1001, at=rig.clock()), "note": ""})
    rig.world.sortedpro.behave(drop_after())
    rig.settle()
    rig.later(hours=1)
    rig.settle()
    told, order = evidence(rig), rig.order("#1001")
    rig.bridge.close()
    assert told == ["it has no OrderReferenceProvidedByCustomer, so SortedPRO cannot be searched for it"]
    assert (order.state, order.due_at) == ("in_doubt", None)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-12-01T09:00", "2026-12-01T10:00"),
        ("2026-12-01T09:59", "2026-12-01T10:00"),
        ("2026-12-01T10:00", "2026-12-01T16:00"),
        ("2026-12-01T15:59", "2026-12-01T16:00"),
        ("2026-12-08T03:59", "2026-12-08T04:00"),  # the last one
        ("2026-12-08T04:00", None),
    ],
)
def test_times_of_the_search_hang_on_the_doubt_alone(now: str, expected: str | None) -> None:
    since = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
    found = next_evidence(since, datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == (datetime.fromisoformat(expected).replace(tzinfo=UTC) if expected else None)


# --- what a person says ----------------------------------------------------------------------------------------------
def test_dropped_doubt_stays_dropped_though_the_shop_order_changes(doubtful: Rig) -> None:
    act(doubtful, actions.settle, actions.Settled())
    doubtful.later(minutes=1)
    doubtful.world.shopify.tag(doubtful.order("#1001").order_id, "vip")
    in_time(doubtful)
    assert (doubtful.order("#1001").state, doubtful.sent()) == ("skipped", ["shopify-1001"])


def test_reference_that_an_earlier_attempt_made_is_settled_for_that_attempt(doubtful: Rig) -> None:
    first = doubtful.order("#1001").attempt_id
    doubtful.world.sortedpro.behave(drop_before())
    act(doubtful, actions.settle, actions.Settled(send_again=True))
    in_time(doubtful)
    lines = doubtful.order("#1001").lines
    assert doubtful.order("#1001").attempt_id != first
    settled = act(doubtful, actions.settle, actions.Settled(exists="EO-000-002-000", attempt=first))
    assert (settled.sent_attempt, settled.lines) == (first, lines)
    in_time(doubtful)
    assert (doubtful.order("#1001").state, doubtful.sent()) == ("done", ["shopify-1001"])


def test_reference_of_another_order_is_refused(doubtful: Rig) -> None:
    shopify(doubtful, 1002)
    in_time(doubtful)
    reference = doubtful.order("#1002").reference
    with pytest.raises(actions.ActionRefused, match="is the reference of another order already"):
        act(doubtful, actions.settle, actions.Settled(exists=reference))


# --- answers that come too late --------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Held(Fault):
    """SortedPRO makes the order, or does what is given, and keeps its answer back until it is told."""

    kind: str = "create_then_hang"
    instead: Fault | None = None
    made: threading.Event = field(default_factory=threading.Event)
    told: threading.Event = field(default_factory=threading.Event)

    def play(self, act: Callable[[], Answer]) -> Answer:
        done = self.instead.play(act) if self.instead else act()
        self.made.set()
        assert self.told.wait(15)
        return done


def in_flight(rig: Rig, fault: Held) -> threading.Thread:
    """A worker in the midst of sending the next order; it ends soon after the fault is told to answer."""
    rig.world.sortedpro.behave(fault)
    worker = threading.Thread(target=rig.bridge.forwarder.forward_next)
    worker.start()
    assert fault.made.wait(15)
    return worker


class Late:
    """#1001 is in doubt, since its deadline has passed; the answer, EO-000-002-000, is still under way."""

    def __init__(self, rig: Rig, state: str = "in_doubt") -> None:
        self.rig = rig
        self.fault = Held()
        shopify(rig)
        rig.deliver()
        self.worker = in_flight(rig, self.fault)
        rig.later(seconds=31)
        rig.work()
        assert rig.order("#1001").state == state

    def comes(self) -> Order:
        """Let the answer come, and work on; the order."""
        self.arrives()
        in_time(self.rig)
        return self.rig.order("#1001")

    def arrives(self) -> None:
        """Let the answer come."""
        self.fault.told.set()
        self.worker.join()


def test_late_answer_ends_the_doubt(rig: Rig) -> None:
    order = Late(rig).comes()
    assert (order.state, order.reference, order.alarm) == ("done", "EO-000-002-000", "")


def test_late_answer_after_it_was_sent_again_tells_of_two_orders(rig: Rig) -> None:
    late = Late(rig)
    act(rig, actions.settle, actions.Settled(send_again=True))
    in_time(rig)
    order = late.comes()
    assert (order.state, order.reference) == ("done", "EO-000-002-001")
    assert order.alarm == ("two orders in SortedPRO: EO-000-002-000 came late, and another was made or is being made")
    assert order.alarm in rig.story("#1001")


def test_late_answer_of_a_dropped_order_counts(rig: Rig) -> None:
    late = Late(rig)
    act(rig, actions.settle, actions.Settled())
    order = late.comes()
    assert (order.state, order.reference, order.alarm) == ("done", "EO-000-002-000", "")


def test_late_answer_that_says_what_a_person_said_changes_nothing(rig: Rig) -> None:
    late = Late(rig)
    act(rig, actions.settle, actions.Settled(exists="EO-000-002-000"))
    rig.settle()
    told = rig.story("#1001")
    order = late.comes()
    assert (order.state, order.reference, order.alarm, rig.story("#1001")) == ("done", "EO-000-002-000", "", told)


def test_late_answer_with_another_reference_than_a_person_gave_tells_of_two_orders(rig: Rig) -> None:
    late = Late(rig)
    act(rig, actions.settle, actions.Settled(exists="EO-000-009-XYZ"))
    rig.settle()
    order = late.comes()
    assert (order.reference, order.alarm[:40]) == ("EO-000-009-XYZ", "two orders in SortedPRO: EO-000-002-000 ")


# How the second call ends after the first one's answer has come; by what SortedPRO has then.
SECOND = {"refused": status(400), "busy": status(429), "misconfigured": status(401), "unknown": status(500)}


@pytest.mark.parametrize("end", SECOND)
def test_late_answer_counts_where_the_call_after_it_made_nothing(rig: Rig, end: str) -> None:
    late = Late(rig)
    act(rig, actions.settle, actions.Settled(send_again=True))
    rig.later(minutes=5)
    rig.bridge.probe_destinations()
    second = Held(instead=SECOND[end])
    worker = in_flight(rig, second)
    late.arrives()
    assert "another was made or is being made" in rig.order("#1001").alarm
    second.told.set()
    worker.join()
    in_time(rig)
    order = rig.order("#1001")
    assert (order.state, order.reference) == ("done", "EO-000-002-000")
    assert ("may have made another" in order.alarm) == (end == "unknown")
    assert rig.sent() == ["shopify-1001"]


def test_late_answer_counts_where_the_worker_of_the_call_after_it_dies(database, world, clock, tmp_path) -> None:
    extra = "destination: { on_unknown_outcome: send_again }\n"
    rig = make_rig(database, write_mappings(tmp_path / "m", world, extra), world, clock)
    late = Late(rig, state="received")
    rig.later(minutes=5)
    rig.bridge.probe_destinations()
    die_at(rig, "begun")
    late.arrives()
    rig.later(minutes=1)
    in_time(rig)
    order, sent = rig.order("#1001"), rig.sent()
    rig.bridge.close()
    assert (order.state, order.reference, sent) == ("done", "EO-000-002-000", ["shopify-1001"])
    assert "may have made another" in order.alarm


def test_late_answer_to_an_older_body_is_compared_with_the_newest(rig: Rig) -> None:
    late = Late(rig)
    act(rig, actions.settle, actions.Settled(send_again=True))
    order_id = rig.order("#1001").order_id
    address = rig.world.shopify.order(order_id).body["shipping_address"]
    rig.world.shopify.change(order_id, shipping_address={**address, "address1": "2 Other Lane"})
    rig.deliver()
    rig.later(minutes=5)
    rig.bridge.probe_destinations()
    second = Held(instead=status(429))
    worker = in_flight(rig, second)
    late.arrives()
    second.told.set()
    worker.join()
    in_time(rig)
    order = rig.order("#1001")
    assert (order.state, order.reference, order.changed) == ("done", "EO-000-002-000", True)


def test_late_answer_beside_a_doubt_says_that_there_may_be_two(rig: Rig) -> None:
    late = Late(rig)
    act(rig, actions.settle, actions.Settled(send_again=True))
    rig.later(minutes=5)
    rig.bridge.probe_destinations()
    rig.world.sortedpro.behave(drop_before())
    rig.settle()
    assert rig.order("#1001").state == "in_doubt"
    order = late.comes()
    assert (order.state, order.reference) == ("done", "EO-000-002-000")
    assert "may have made another" in order.alarm


def test_two_late_answers_before_a_third_call_that_made_nothing_tell_of_two_orders(rig: Rig) -> None:
    first = Late(rig)
    act(rig, actions.settle, actions.Settled(send_again=True))
    rig.later(minutes=5)
    rig.bridge.probe_destinations()
    second = Held()
    slow = in_flight(rig, second)
    rig.later(seconds=31)
    rig.work()
    act(rig, actions.settle, actions.Settled(send_again=True))
    rig.later(minutes=5)
    rig.bridge.probe_destinations()
    third = Held(instead=status(429))
    last = in_flight(rig, third)
    for fault, worker in ((second, slow), (first.fault, first.worker), (third, last)):
        fault.told.set()
        worker.join()
    in_time(rig)
    order = rig.order("#1001")
    assert (order.state, order.reference) == ("done", "EO-000-002-000")
    assert order.alarm == "two orders in SortedPRO: EO-000-002-000 and EO-000-002-001 came late"
