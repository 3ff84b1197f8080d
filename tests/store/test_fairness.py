"""Which order is claimed next: by shop, by priority, by age, new before tried, and none whose way is shut."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, update

from bridge.store import destinations as accounts
from bridge.store import ledger
from bridge.store.database import transaction
from bridge.store.tables import destinations, orders, shops
from tests.conftest import Clock


@dataclass
class Queue:
    """Orders put straight into the ledger, and who takes them; each claim is a second after the one before."""

    engine: Engine
    clock: Clock
    claimed: list[ledger.Order] = field(default_factory=list)

    def put(self, shop: str, names: Iterable[str], state: str = "queued", *, age: float = 60, **values: Any) -> None:
        """Orders that are due for `age` seconds now."""
        due = self.clock() - timedelta(seconds=age)
        about = {
            "shop": shop, "platform": "shopify", "state": state, "due_at": due, "first_seen_at": due,
            "state_since": due, "destination": "sorted", **values,
        }  # fmt: skip
        with transaction(self.engine) as connection:
            connection.execute(insert(orders), [{**about, "name": name, "order_id": name} for name in names])

    def claim(self) -> str | None:
        """The name of the order that is taken now."""
        self.clock.forward(seconds=1)
        with transaction(self.engine) as connection:
            order = ledger.claim(connection, self.clock(), uuid.uuid4())
        return order and order.name

    def claims(self, count: int) -> list[str | None]:
        return [self.claim() for _ in range(count)]

    def write(self, table: Any, name: str, **values: Any) -> None:
        with transaction(self.engine) as connection:
            connection.execute(update(table).where(table.c.name == name).values(**values))

    def on_the_way(self, name: str, deadline: datetime, shop: str = "amber") -> None:
        """An order whose call is being made."""
        self.put(shop, [name], "sending", attempt_id=uuid.uuid4(), deadline=deadline, not_before=deadline)


@pytest.fixture
def queue(engine: Engine, clock: Clock) -> Queue:
    with transaction(engine) as connection:
        for shop in ("amber", "blue"):
            accounts.announce_shop(connection, shop, credentials="x", destination="sorted")
        accounts.announce_destination(
            connection, "sorted", url="https://a.example", credentials="x", concurrency=2, rate=None
        )
    return Queue(engine, clock)


def far(queue: Queue) -> datetime:
    return queue.clock() + timedelta(hours=1)


# --- between shops ---------------------------------------------------------------------------------------------------
def test_single_order_is_claimed_second_at_the_latest_however_long_another_shops_queue(queue: Queue) -> None:
    queue.put("amber", [f"a{number}" for number in range(2000)])
    queue.put("blue", ["b1"])
    assert "b1" in queue.claims(2)
    queue.claim()
    for name in ("b2", "b3", "b4"):  # also where it was served a moment ago
        queue.put("blue", [name], age=0)
        assert name in queue.claims(2)


def test_shop_whose_orders_are_all_claimed_stops_no_other(queue: Queue) -> None:
    queue.put("amber", ["a1"], claimed_until=far(queue))
    queue.put("blue", ["b1", "b2"])
    assert sorted(map(str, queue.claims(2))) == ["b1", "b2"]


# --- within a shop ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("state", ["received", "queued"])
def test_priority_goes_before_age(queue: Queue, state: str) -> None:
    for name, age, priority in (("old", 90, 0), ("older", 99, 0), ("next day", 10, 1), ("same day", 5, 2)):
        queue.put("amber", [name], state, age=age, priority=priority)
    assert queue.claims(3) == ["same day", "next day", "older"]


def test_received_and_queued_orders_are_one_row_by_priority_and_age(queue: Queue) -> None:
    queue.put("amber", ["queued, old"], "queued", age=90)
    queue.put("amber", ["received, older"], "received", age=99)
    queue.put("amber", ["received, next day"], "received", priority=1)
    assert queue.claims(3) == ["received, next day", "received, older", "queued, old"]


def test_of_new_and_tried_orders_each_fourth_turn_is_of_the_tried(queue: Queue) -> None:
    queue.put("amber", [f"tried {number}" for number in range(100)], age=3600, tries=1)
    queue.put("amber", [f"new {number}" for number in range(12)], age=1)
    kinds = [str(name).split()[0] for name in queue.claims(12)]
    assert kinds == ["new", "new", "new", "tried"] * 3


def test_tried_orders_alone_are_taken_at_each_turn(queue: Queue) -> None:
    queue.put("amber", ["1", "2", "3"], tries=5)
    assert None not in queue.claims(3)


def test_order_is_not_taken_before_its_next_try(queue: Queue) -> None:
    queue.put("amber", ["later"], not_before=queue.clock() + timedelta(seconds=3))
    assert queue.claims(3) == [None, None, "later"]


# --- a destination in the way ----------------------------------------------------------------------------------------
@pytest.fixture
def three(queue: Queue) -> Queue:
    """One order each that is to be sent, to be looked at, and to be written back."""
    for state, reference in (("queued", None), ("received", None), ("created", "EO-000-000-001")):
        queue.put("amber", [state], state, reference=reference)
    return queue


def taken(queue: Queue) -> set[str | None]:
    return set(queue.claims(4)) - {None}


def test_full_destination_leaves_what_is_not_sent_alone_and_goes_on_writing_back(three: Queue) -> None:
    for name in ("one", "two"):
        three.on_the_way(name, far(three))
    assert taken(three) == {"created"}


def test_order_past_its_deadline_holds_no_room(three: Queue) -> None:
    three.on_the_way("one", far(three))
    three.on_the_way("dead", three.clock())
    assert set(three.claims(4)) == {"dead", "created", "received", "queued"}


def test_destination_whose_next_turn_is_far_off_counts_as_full(three: Queue) -> None:
    three.write(destinations, "sorted", next_at=far(three))
    assert taken(three) == {"created"}


@pytest.mark.parametrize(
    "values",
    [
        {"paused_at": True, "pause_reason": "key"},
        {"quiet_until": True},
        {"breaker": "open"},
    ],
)
def test_shut_destination_has_its_received_orders_looked_at_and_nothing_sent(three: Queue, values: Any) -> None:
    three.write(destinations, "sorted", **{name: far(three) if one is True else one for name, one in values.items()})
    assert taken(three) == {"created", "received"}


def test_destination_on_trial_takes_an_order_while_none_is_tried(three: Queue) -> None:
    three.write(destinations, "sorted", breaker="trial")
    assert taken(three) == {"created", "received", "queued"}


# --- a shop in the way -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("column", ["paused_at", "quiet_until"])
def test_of_a_shop_in_the_way_only_what_died_while_it_was_sent_is_taken(three: Queue, column: str) -> None:
    three.on_the_way("dead", three.clock())
    three.on_the_way("alive", far(three))
    three.write(shops, "amber", **{column: far(three)})
    assert taken(three) == {"dead"}


def test_shop_in_the_way_stops_no_other(three: Queue) -> None:
    three.write(shops, "amber", paused_at=three.clock())
    three.put("blue", ["b1"])
    assert taken(three) == {"b1"}
