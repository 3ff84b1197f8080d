"""Whether a destination takes an order now: its breaker, its harmless reads, what it asked for, and its rate."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Row, delete, func, insert, select, update

from bridge.store import destinations as accounts
from bridge.store import ledger, pacing
from bridge.store.database import transaction
from bridge.store.pacing import CROWDED, NoRoom
from bridge.store.tables import destinations, orders, shops
from tests.conftest import Clock
from tests.journeys.site import until

WORDS = "answer 500"


class Gate:
    """The destination `sorted`, one call at a time; a chance of 0.5 adds nothing to any wait."""

    def __init__(self, engine: Engine, clock: Clock, rate: float | None = None) -> None:
        self.engine = engine
        self.clock = clock
        with transaction(engine) as connection:
            accounts.announce_destination(
                connection, "sorted", url="https://a.example", credentials="x", concurrency=2, rate=rate
            )

    def enter(self, attempt: uuid.UUID | None = None, *, turn_taken: bool = False) -> NoRoom | None:
        attempt = attempt or uuid.uuid4()
        with transaction(self.engine) as connection:
            no_room = pacing.enter(connection, "sorted", "red", attempt, self.clock(), turn_taken=turn_taken)
            if no_room is None:
                # On its way, but past its deadline, so that it takes no room.
                values = {"shop": "red", "platform": "shopify", "order_id": str(attempt), "destination": "sorted"}
                values |= {"state": "sending", "attempt_id": attempt, "deadline": self.clock() - timedelta(seconds=1)}
                values |= {"first_seen_at": self.clock(), "state_since": self.clock()}
                connection.execute(insert(orders).values(**values))
            return no_room

    def forget(self, attempt: uuid.UUID) -> None:
        """Its order is no longer on its way."""
        with transaction(self.engine) as connection:
            connection.execute(delete(orders).where(orders.c.attempt_id == attempt))

    def entered(self) -> uuid.UUID:
        """The attempt of an order that was let through."""
        attempt = uuid.uuid4()
        assert self.enter(attempt) is None
        return attempt

    def hear(self, attempt: uuid.UUID, kind: str, *, retry_after: float | None = None) -> bool:
        wait = None if retry_after is None else timedelta(seconds=retry_after)
        self.forget(attempt)
        with transaction(self.engine) as connection:
            return pacing.note_outcome(
                connection, "sorted", attempt, kind=kind, words=WORDS, retry_after=wait, now=self.clock(),
                chance=lambda: 0.5,
            )  # fmt: skip

    def answer(self, *kinds: str) -> None:
        """Let one order after the other through, with these outcomes."""
        for kind in kinds:
            self.hear(self.entered(), kind)

    def due_probes(self) -> list[str]:
        with transaction(self.engine) as connection:
            return pacing.to_probe(connection, ["sorted"], self.clock())

    def probe(self, words: str = "") -> None:
        """The harmless read that is due now, with what is wrong."""
        assert self.due_probes() == ["sorted"]
        with transaction(self.engine) as connection:
            pacing.probed(connection, "sorted", words, self.clock(), lambda: 0.5)

    def bury(self, attempt: uuid.UUID) -> None:
        with transaction(self.engine) as connection:
            pacing.trial_died(connection, attempt, self.clock(), lambda: 0.5)
        self.forget(attempt)

    def write(self, **values: Any) -> None:
        with transaction(self.engine) as connection:
            connection.execute(update(destinations).values(**values))

    @property
    def row(self) -> Row[Any]:
        with transaction(self.engine) as connection:
            return connection.execute(select(destinations)).one()

    @property
    def breaker(self) -> str:
        return self.row.breaker

    def next_probe(self) -> float:
        """Seconds until the harmless read."""
        return (self.row.probe_at - self.clock()).total_seconds()


@pytest.fixture
def gate(engine: Engine, clock: Clock) -> Gate:
    return Gate(engine, clock)


@pytest.fixture
def on_trial(gate: Gate) -> Gate:
    """The first order was unknown, and the harmless read went well."""
    gate.answer("unknown")
    gate.probe()
    return gate


# --- what opens the breaker ------------------------------------------------------------------------------------------
def test_first_unknown_outcome_opens_it_and_is_probed_at_once(gate: Gate) -> None:
    assert gate.hear(gate.entered(), "unknown")
    assert (gate.breaker, gate.row.breaker_since, gate.next_probe()) == ("open", gate.clock(), 0)
    assert gate.enter() == NoRoom(words="sorted is tried by a harmless read first: answer 500")


@pytest.mark.parametrize(
    ("kinds", "breaker"),
    [
        (["unreachable"] * 2, ""),
        (["unreachable"] * 3, "open"),
        (["busy"] * 3, "open"),
        (["busy", "unreachable", "busy"], "open"),
        (["busy", "busy", "created", "busy", "busy"], ""),
        (["unreachable", "unreachable", "refused", "unreachable", "unreachable"], ""),
        (["misconfigured", "none"] * 3, ""),
    ],
)
def test_three_failures_in_a_row_open_it(gate: Gate, kinds: list[str], breaker: str) -> None:
    gate.answer(*kinds)
    assert gate.breaker == breaker


def test_answers_of_those_still_on_the_way_change_nothing_while_it_is_open(gate: Gate) -> None:
    late = [gate.entered() for _ in range(3)]
    gate.hear(late[0], "unknown")
    probe_at = gate.row.probe_at
    assert [gate.hear(late[1], "created"), gate.hear(late[2], "unknown")] == [False, False]
    assert (gate.breaker, gate.row.probe_at, gate.row.trials) == ("open", probe_at, 0)


# --- the harmless read -----------------------------------------------------------------------------------------------
def test_due_probe_is_made_by_one_worker_alone(gate: Gate) -> None:
    gate.answer("unknown")
    assert [gate.due_probes(), gate.due_probes()] == [["sorted"], []]


def test_probe_of_a_worker_that_died_is_made_by_another_20_seconds_later(gate: Gate) -> None:
    gate.answer("unknown")
    gate.due_probes()
    gate.clock.forward(seconds=19)
    assert gate.due_probes() == []
    gate.clock.forward(seconds=1)
    assert gate.due_probes() == ["sorted"]


def test_bad_probe_is_made_again_after_2_seconds_doubled_up_to_a_minute(gate: Gate) -> None:
    gate.answer("unknown")
    waits = []
    for _ in range(8):
        gate.probe("away")
        waits.append(gate.next_probe())
        gate.clock.forward(seconds=waits[-1])
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    assert gate.enter() == NoRoom(words="sorted is tried by a harmless read first: away")


def test_paused_destination_is_not_probed(gate: Gate) -> None:
    gate.answer("unknown")
    gate.write(paused_at=gate.clock(), pause_reason="by Kim")
    assert gate.due_probes() == []


def test_probe_that_ends_after_a_person_resumed_changes_nothing(gate: Gate) -> None:
    gate.answer("unknown")
    gate.due_probes()
    with transaction(gate.engine) as connection:
        accounts.resume_destination(connection, "sorted")
        pacing.probed(connection, "sorted", "away", gate.clock(), lambda: 0.5)
    assert (gate.breaker, gate.row.probe_at) == ("", None)


# --- the one order on trial ------------------------------------------------------------------------------------------
def test_good_probe_lets_exactly_one_order_through(on_trial: Gate) -> None:
    on_trial.entered()
    assert on_trial.enter() == NoRoom(words="one order is tried on sorted first: answer 500")


@pytest.mark.parametrize("kind", ["created", "refused"])
def test_answer_to_the_trial_closes_it(on_trial: Gate, kind: str) -> None:
    on_trial.answer(kind)
    row = on_trial.row
    assert (row.breaker, row.breaker_since, row.breaker_reason, row.trials, row.failures) == ("", None, "", 0, 0)
    assert [on_trial.enter(), on_trial.enter()] == [None, None]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("unknown", [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]),
        ("unreachable", [2, 2, 2, 4, 8, 16, 32, 60, 60, 60, 60]),  # it leaves no doubt, so there is no harm in trying
        ("busy", [2, 2, 2, 4, 8, 16, 32, 60, 60, 60, 60]),
    ],
)
def test_failed_trials_are_the_further_apart_the_more_they_cost(on_trial: Gate, kind: str, expected: list[int]) -> None:
    waits = []
    for _ in range(11):
        on_trial.answer(kind)
        waits.append(on_trial.next_probe())
        on_trial.clock.forward(seconds=waits[-1])
        on_trial.probe()
    assert waits == expected


@pytest.mark.parametrize("kind", ["none", "misconfigured"])
def test_trial_that_was_not_made_is_left_to_another_order(on_trial: Gate, kind: str) -> None:
    on_trial.answer(kind)
    assert (on_trial.breaker, on_trial.enter()) == ("trial", None)


@pytest.mark.parametrize("kind", ["created", "unknown", "none"])
def test_answer_of_an_earlier_order_does_not_decide_the_trial(gate: Gate, kind: str) -> None:
    earlier = gate.entered()
    gate.answer("unknown")
    gate.probe()
    trial = gate.entered()
    gate.hear(earlier, kind)
    assert (gate.breaker, gate.row.trial_attempt) == ("trial", trial)


def test_trial_whose_worker_died_counts_as_failed(on_trial: Gate) -> None:
    waits = []
    for _ in range(2):
        on_trial.bury(on_trial.entered())
        waits.append(on_trial.next_probe())
        on_trial.clock.forward(seconds=waits[-1])
        on_trial.probe()
    assert waits == [10, 20]


def test_death_of_another_order_leaves_the_trial(on_trial: Gate) -> None:
    trial = on_trial.entered()
    on_trial.bury(uuid.uuid4())
    assert (on_trial.breaker, on_trial.row.trial_attempt) == ("trial", trial)


def test_late_answer_of_a_trial_that_counts_as_failed_does_not_close_it(on_trial: Gate) -> None:
    trial = on_trial.entered()
    on_trial.bury(trial)
    on_trial.hear(trial, "created")
    assert on_trial.breaker == "open"


def test_person_who_resumes_closes_it_and_ends_the_quiet(on_trial: Gate) -> None:
    on_trial.hear(on_trial.entered(), "busy", retry_after=600)
    with transaction(on_trial.engine) as connection:
        accounts.resume_destination(connection, "sorted")
    assert (on_trial.breaker, on_trial.row.trials, on_trial.enter()) == ("", 0, None)


# --- what it asked for -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("asked", "kept"), [(30, 30), (3600, 3600), (86400, 3600)])
def test_retry_after_is_kept_for_an_hour_at_most(gate: Gate, asked: float, kept: float) -> None:
    gate.hear(gate.entered(), "busy", retry_after=asked)
    gate.clock.forward(seconds=kept - 1)
    assert isinstance(gate.enter(), NoRoom)
    gate.clock.forward(seconds=1)
    assert gate.enter() is None


def test_shorter_retry_after_does_not_end_a_longer_one(gate: Gate) -> None:
    first, second = gate.entered(), gate.entered()
    gate.hear(first, "busy", retry_after=60)
    gate.hear(second, "busy", retry_after=5)
    assert gate.enter() == NoRoom(words="sorted asked for quiet until 09:01:00 UTC")


def test_probe_waits_for_the_end_of_the_quiet(gate: Gate) -> None:
    on_the_way = [gate.entered() for _ in range(3)]
    for attempt in on_the_way:
        gate.hear(attempt, "busy", retry_after=60)
    assert (gate.breaker, gate.next_probe()) == ("open", 60)


# --- rate ------------------------------------------------------------------------------------------------------------
def test_turns_are_half_a_second_apart_at_two_a_second(engine: Engine, clock: Clock) -> None:
    gate = Gate(engine, clock, rate=2)
    start = clock()
    assert gate.enter() is None
    turns = [found.turn - start for found in (gate.enter(), gate.enter(), gate.enter()) if found and found.turn]
    assert [turn.total_seconds() for turn in turns] == [0.5, 1, 1.5]
    clock.forward(seconds=0.5)
    assert gate.enter(turn_taken=True) is None


def test_turn_further_off_than_a_worker_waits_is_not_taken(engine: Engine, clock: Clock) -> None:
    gate = Gate(engine, clock, rate=0.25)
    assert gate.enter() is None
    assert [gate.enter(), gate.enter()] == [NoRoom(words="sorted takes 0.25 orders a second", lost=True)] * 2
    clock.forward(seconds=4)
    assert gate.enter() is None


def test_turns_that_nobody_took_are_not_saved_up(engine: Engine, clock: Clock) -> None:
    gate = Gate(engine, clock, rate=2)
    gate.entered()
    clock.forward(minutes=10)
    gate.entered()
    assert gate.enter() == NoRoom(words="", turn=clock() + timedelta(seconds=0.5))


def test_a_trial_that_nobody_makes_any_more_keeps_nothing_back(on_trial: Gate) -> None:
    """As the release before leaves it, which knows of no trials, where it expires the order on trial."""
    on_trial.forget(on_trial.entered())
    assert on_trial.enter() is None


# --- shops that want the same place ----------------------------------------------------------------------------------
FIRST = NoRoom(words="sorted takes an order of another shop first", lost=True)


def crowded(gate: Gate, **about: Any) -> NoRoom | None:
    """What an order of `red` hears, which has had the last place, while one of `blue` that had none is in hand."""
    now = gate.clock()
    shop = {"begun_at": None}
    order = {"code": "no_room", "claimed_until": now + timedelta(seconds=40), "tries": 0}
    with transaction(gate.engine) as connection:
        for name in ("red", "blue"):
            accounts.announce_shop(connection, name, credentials="x", destination="sorted")
        connection.execute(update(shops).where(shops.c.name == "red").values(begun_at=now - timedelta(seconds=5)))
        blue = shop | {name: value for name, value in about.items() if name in shop}
        connection.execute(update(shops).where(shops.c.name == "blue").values(**blue))
        row = {"shop": "blue", "platform": "shopify", "order_id": "7", "destination": "sorted", "state": "queued"}
        row |= {"due_at": now, "first_seen_at": now, "state_since": now}
        row |= order | {name: value for name, value in about.items() if name in order}
        connection.execute(insert(orders).values(**row))
    gate.write(concurrency=1, crowded_until=now + CROWDED)
    return gate.enter()


def test_last_place_is_left_to_the_order_that_had_none_before(gate: Gate) -> None:
    assert crowded(gate) == FIRST


def test_last_place_is_left_to_what_was_tried_before_too(gate: Gate) -> None:
    assert crowded(gate, tries=1) == FIRST


@pytest.mark.parametrize(
    "about",
    [
        pytest.param({"code": "busy"}, id="it lost no place"),
        pytest.param({"claimed_until": None}, id="nobody has it in hand"),
        pytest.param({"claimed_until": timedelta(seconds=37)}, id="it hangs with its shop"),
        pytest.param({"begun_at": timedelta(seconds=-1)}, id="its shop had one later"),
    ],
)
def test_nobody_gives_way_to_an_order_that_is_not_next(gate: Gate, about: dict[str, Any]) -> None:
    moments = {name: gate.clock() + one if isinstance(one, timedelta) else one for name, one in about.items()}
    assert crowded(gate, **moments) is None


def test_shop_that_takes_a_place_of_a_crowded_destination_has_had_its_turn(gate: Gate) -> None:
    assert crowded(gate, begun_at=gate.clock() - timedelta(seconds=1)) is None
    with transaction(gate.engine) as connection:
        begun = {row.name: row.begun_at for row in connection.execute(select(shops.c.name, shops.c.begun_at))}
    assert begun == {"red": gate.clock(), "blue": gate.clock() - timedelta(seconds=1)}


def test_resuming_a_shop_waits_for_a_beginning_and_does_not_stop_it(gate: Gate) -> None:
    assert crowded(gate, code="busy") is None
    with transaction(gate.engine) as connection:
        connection.execute(update(orders).values(shop="red", not_before=gate.clock()))
        order = ledger.get(connection, connection.execute(select(func.min(orders.c.id))).scalar_one())
    failed: list[BaseException] = []

    def resume() -> None:
        try:
            with transaction(gate.engine) as connection:
                accounts.resume_shop(connection, "red")
        except Exception as error:  # noqa: BLE001 - asserted below
            failed.append(error)

    person = threading.Thread(target=resume)
    with transaction(gate.engine) as connection:  # what a beginning does: the destination, the shop, the order
        assert pacing.enter(connection, "sorted", "red", uuid.uuid4(), gate.clock(), turn_taken=False) is None
        person.start()
        until(lambda: _waits_for_a_lock(gate.engine), seconds=15, what=lambda: "the person waits for nothing")
        ledger.move(connection, order, "queued", event="as a sending does", now=gate.clock(), keep_claim=True)
    person.join()
    assert not failed


def _waits_for_a_lock(engine: Engine) -> bool:
    with transaction(engine) as connection:
        waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        return connection.exec_driver_sql(waiting).first() is not None
