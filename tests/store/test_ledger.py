"""What the ledger promises: claims, room, late answers, and that nobody overwrites another's work."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.exc import IntegrityError

from bridge.backoff import CLAIM
from bridge.errors import ClaimLost, ReferenceTaken
from bridge.platforms.base import OrderBody, digest
from bridge.store import destinations, inbox, ledger, queries
from bridge.store.database import autocommit, transaction
from bridge.store.ledger.sending import DEADLINE
from bridge.store.tables import destinations as accounts
from bridge.store.tables import orders
from tests.conftest import Clock


@pytest.fixture
def book(engine: Engine, clock: Clock) -> Book:
    with transaction(engine) as connection:
        for shop in ("red", "blue"):
            destinations.announce_shop(connection, shop, credentials="x", destination="sorted")
        destinations.announce_destination(
            connection, "sorted", url="https://a.example", credentials="x", concurrency=2, rate=None
        )
    return Book(engine, clock)


class Book:
    """The ledger, one call at a time, each in its own transaction."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock

    def receive(self, number: int, shop: str = "red", *, key: str = "", minutes: int = 0) -> ledger.Receipt:
        """A body of order `number`, modified `minutes` after nine."""
        modified = Clock().now + timedelta(minutes=minutes)
        body = f"{shop} {number} {key} {minutes}".encode()
        content = OrderBody(
            order={}, order_id=str(number), order_key=key, name=f"#{number}", created_at=modified, modified_at=modified
        )
        with transaction(self.engine) as connection:
            row = inbox.row(
                shop=shop, via="webhook", body=body, body_hash=digest(body), received_at=self.clock(),
                outcome="", order_id=str(number), order_key=key, modified_at=modified,
            )  # fmt: skip
            stored = inbox.store(connection, row)
            order = ledger.find_or_open(
                connection, shop=shop, platform="shopify", order_id=str(number), order_key=key, now=self.clock()
            )
            return ledger.receive(
                connection, order, content, inbox_id=stored, body_hash=digest(body), now=self.clock(), priority=0
            )

    def claim(self) -> ledger.Order | None:
        with transaction(self.engine) as connection:
            return ledger.claim(connection, self.clock(), uuid.uuid4())

    def claimed(self) -> ledger.Order:
        order = self.claim()
        assert order is not None
        return order

    def move(self, order: ledger.Order, state: str, **changes) -> ledger.Order:
        with transaction(self.engine) as connection:
            return ledger.move(connection, order, state, event="test", now=self.clock(), **changes)

    def begin(self, order: ledger.Order, reference: str | None = None, lines=None, beside=frozenset(), rest=False):
        with transaction(self.engine) as connection:
            return ledger.begin_send(
                connection, order, self.attempt(order, lines), customer_reference=reference or order.name, left_out=(),
                now=self.clock(), beside=beside, rest=rest, fulfilled={},
            )  # fmt: skip

    def begin_alone(self, order: ledger.Order, reference: str | None = None, remarks=()) -> ledger.Order:
        with autocommit(self.engine) as connection:
            return ledger.begin_alone(
                connection, order, self.attempt(order), customer_reference=reference or order.name, left_out=(),
                fulfilled={}, remarks=remarks, now=self.clock(),
            )  # fmt: skip

    def attempt(self, order: ledger.Order, lines=None) -> ledger.Attempt:
        return ledger.Attempt(
            id=uuid.uuid4(), destination="sorted", payload=b"{}", fetched={}, known={}, mapping_version="v",
            body_id=order.body_id or 0, clock=self.clock(), lines=lines or {}, route={},
        )  # fmt: skip

    def tried(self, number: int) -> int:
        """How many attempts stand in the ledger."""
        with transaction(self.engine) as connection:
            return len(queries.tried(connection, self.order(number)))

    def set_destination(self, **values) -> None:
        with transaction(self.engine) as connection:
            connection.execute(update(accounts).values(**values))

    def beside(self, order: ledger.Order) -> frozenset[object]:
        with transaction(self.engine) as connection:
            return ledger.marks(ledger.parts_of(connection, order), but=order)

    def end(self, attempt_id: uuid.UUID, outcome: str = "created", reference: str | None = None):
        with transaction(self.engine) as connection:
            return ledger.end_send(
                connection, attempt_id, outcome=outcome, status=201, message="", reference=reference, answer=b"",
                now=self.clock(),
            )  # fmt: skip

    def order(self, number: int, shop: str = "red") -> ledger.Order:
        with transaction(self.engine) as connection:
            (found,) = queries.find_by_name(connection, f"#{number}", shop=shop)
        return found


# --- bodies ----------------------------------------------------------------------------------------------------------
def test_older_body_does_not_win(book: Book) -> None:
    newest = book.receive(1, minutes=5).order
    receipt = book.receive(1, minutes=1)
    assert (receipt.newest, book.order(1).body_id) == (False, newest.body_id)


def test_of_equally_old_bodies_the_later_arrival_wins(book: Book) -> None:
    first = book.receive(1, minutes=5).order
    with book.engine.begin() as connection:
        connection.execute(update(orders).values(body_hash=b"another"))
    assert book.receive(1, minutes=5).newest
    assert book.order(1).body_id != first.body_id


@pytest.mark.parametrize(
    ("state", "expected"),
    [("waiting", "received"), ("queued", "received"), ("failed", "received"), ("skipped", "received"),
     ("held", "held"), ("in_doubt", "in_doubt")],
)  # fmt: skip
def test_newer_body_moves_what_is_not_sent(book: Book, state: str, expected: str) -> None:
    book.receive(1)
    book.move(book.claimed(), state)
    assert book.receive(1, minutes=1).order.state == expected


def test_newer_body_leaves_what_a_person_skipped(book: Book) -> None:
    book.receive(1)
    book.move(book.claimed(), "skipped", by_person=True)
    receipt = book.receive(1, minutes=1)
    assert (receipt.order.state, receipt.looked_at) == ("skipped", False)


def test_same_id_with_another_key_is_another_order(book: Book) -> None:
    book.receive(7, key="wc_order_a")
    book.receive(7, key="wc_order_b")
    with transaction(book.engine) as connection:
        assert len(queries.find_by_name(connection, "#7")) == 2


def test_body_fills_the_row_that_a_deletion_made(book: Book) -> None:
    with transaction(book.engine) as connection:
        made = ledger.ring(
            connection, shop="red", platform="woocommerce", order_id="7", event="gone", deletion=True, now=book.clock()
        )
    assert book.receive(7, key="wc_order_a").order.id == made.id


# --- claims ----------------------------------------------------------------------------------------------------------
def test_one_order_is_claimed_once(book: Book) -> None:
    book.receive(1)
    assert [book.claim() is not None, book.claim() is not None] == [True, False]


def test_claim_of_a_killed_worker_comes_free(book: Book) -> None:
    book.receive(1)
    first = book.claimed()
    book.clock.now += CLAIM
    assert book.claimed().id == first.id


def test_shops_take_turns_whatever_their_queues(book: Book) -> None:
    for number in range(1, 6):
        book.receive(number, "red")
    book.receive(9, "blue")
    book.clock.forward(seconds=1)
    first = book.claimed()
    book.clock.forward(seconds=1)
    assert {first.shop, book.claimed().shop} == {"red", "blue"}


def test_paused_shop_is_left_alone(book: Book) -> None:
    book.receive(1, "red")
    with transaction(book.engine) as connection:
        destinations.pause_shop(connection, "red", reason="no scope", code="missing_scope", now=book.clock())
    assert book.claim() is None


def test_queued_order_of_a_paused_destination_is_left_alone(book: Book) -> None:
    book.receive(1)
    book.move(book.claimed(), "queued", destination="sorted", due_at=book.clock())
    with transaction(book.engine) as connection:
        destinations.pause_destination(connection, "sorted", reason="key", code="misconfigured", now=book.clock())
    assert book.claim() is None


def test_waits_that_a_call_asked_for_are_kept(book: Book) -> None:
    book.receive(1)
    with transaction(book.engine) as connection:
        order = ledger.claim(connection, book.clock(), uuid.uuid4())
        assert order is not None
        later = book.clock() + timedelta(seconds=30)
        ledger.postpone(connection, order, not_before=later, trouble="slow", code="slow", now=book.clock())
    assert book.claim() is None
    book.clock.forward(seconds=30)
    assert book.claim() is not None


def test_many_claimers_never_share_an_order(book: Book) -> None:
    for number in range(1, 31):
        book.receive(number, ("red", "blue")[number % 2])
    with ThreadPoolExecutor(4) as pool:
        claimed = [order.id for order in pool.map(lambda _: book.claim(), range(40)) if order]
    assert sorted(claimed) == sorted(set(claimed))
    assert len(claimed) == 30


def test_newer_body_during_a_look_keeps_the_order_due(book: Book) -> None:
    book.receive(1)
    order = book.claimed()
    book.receive(1, minutes=1)
    with pytest.raises(ClaimLost):
        book.move(order, "skipped", same_revision=True)
    with transaction(book.engine) as connection:
        ledger.release(connection, order, book.clock())
    assert book.claimed().revision == 2


def test_stale_worker_cannot_overwrite(book: Book) -> None:
    book.receive(1)
    stale = book.claimed()
    book.clock.now += CLAIM
    book.claimed()
    with pytest.raises(ClaimLost):
        book.move(stale, "skipped")


# --- sending ---------------------------------------------------------------------------------------------------------
def test_nothing_is_sent_when_a_newer_body_has_come(book: Book) -> None:
    book.receive(1)
    order = book.claimed()
    book.receive(1, minutes=1)
    with pytest.raises(ClaimLost):
        book.begin(order)


def test_destination_never_has_more_on_the_way_than_its_room(book: Book) -> None:
    for number in range(1, 9):
        book.receive(number)
    claimed = [book.claimed() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(book.begin, claimed))
    assert sum(isinstance(one, ledger.NoRoom) for one in begun) == 6
    with transaction(book.engine) as connection:
        assert queries.count_states(connection) == {"sending": 2, "queued": 6}


def test_order_under_way_is_not_claimed_before_its_deadline(book: Book) -> None:
    book.receive(1)
    book.begin(book.claimed())
    book.receive(1, minutes=1)
    book.clock.forward(seconds=29)
    assert book.claim() is None
    book.clock.forward(seconds=1)
    assert book.claimed().state == "sending"


def test_two_orders_cannot_have_one_customer_reference(book: Book) -> None:
    book.receive(1)
    book.receive(2)
    book.begin(book.claimed(), "ours-1")
    with pytest.raises(ReferenceTaken):
        book.begin(book.claimed(), "ours-1")
    with transaction(book.engine) as connection:
        assert ledger.reference_owner(connection, "sorted", "ours-1") == "red #1"


# --- beginning in one round trip -------------------------------------------------------------------------------------
def test_what_begins_alone_stands_as_what_begins_in_a_transaction(book: Book) -> None:
    for number in (1, 2):
        book.receive(number)
    orders = [book.begin_alone(book.claimed()), book.begin(book.claimed())]
    own = ("id", "order_id", "name", "body_id", "body_hash", "claim_id", "attempt_id", "customer_reference")
    alone, beside = ({key: value for key, value in vars(one).items() if key not in own} for one in orders)
    assert alone == beside
    assert (book.tried(1), book.tried(2)) == (1, 1)


def test_its_remarks_stand_in_the_history_after_it_in_their_order(book: Book) -> None:
    book.receive(1)
    order = book.begin_alone(book.claimed(), remarks=["no phone", "left out: a gift card"])
    with transaction(book.engine) as connection:
        story = queries.story(connection, order)[-3:]
    assert [(one.from_state, one.to_state, one.words) for one in story] == [
        ("received", "sending", "sending"),
        ("sending", "sending", "no phone"),
        ("sending", "sending", "left out: a gift card"),
    ]


@pytest.mark.parametrize(
    "shut",
    [
        {"paused_at": Clock().now, "pause_reason": "by a person"},
        {"breaker": "open"},
        {"breaker": "trial"},
        {"quiet_until": Clock().now + timedelta(seconds=1)},
        {"rate": 5.0},
        {"concurrency": 0},
    ],
)
def test_where_there_is_more_to_say_nothing_is_written(book: Book, shut) -> None:
    book.receive(1)
    claimed = book.claimed()
    book.set_destination(**shut)
    with pytest.raises(ClaimLost):
        book.begin_alone(claimed)
    assert (book.order(1).state, book.tried(1)) == ("received", 0)


def test_what_changed_since_it_was_decided_does_not_begin(book: Book) -> None:
    book.receive(1)
    claimed = book.claimed()
    book.receive(1, minutes=1)
    with pytest.raises(ClaimLost):
        book.begin_alone(claimed)
    assert (book.order(1).state, book.tried(1)) == ("received", 0)


def test_orders_that_begin_alone_at_once_find_no_more_room_than_there_is(book: Book) -> None:
    for number in range(1, 9):
        book.receive(number)

    def begin(order: ledger.Order) -> bool:
        try:
            return book.begin_alone(order).state == "sending"
        except ClaimLost:
            return False

    claimed = [book.claimed() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, claimed)) == 2


def test_a_reference_that_is_taken_ends_only_the_one_that_wants_it(book: Book) -> None:
    for number in (1, 2):
        book.receive(number)
    book.begin_alone(book.claimed(), "ours-1")
    second = book.claimed()
    with pytest.raises(ReferenceTaken):
        book.begin_alone(second, "ours-1")
    assert (book.order(2).state, book.tried(2)) == ("received", 0)
    assert book.begin_alone(second, "ours-2").state == "sending"


def test_process_that_died_while_sending_leaves_a_doubt(book: Book) -> None:
    book.receive(1)
    book.begin(book.claimed())
    book.clock.now += DEADLINE
    with transaction(book.engine) as connection:
        order = ledger.claim(connection, book.clock(), uuid.uuid4())
        assert order is not None
        ledger.expire(connection, order, book.clock())
    assert book.order(1).state == "in_doubt"


def test_late_answer_ends_the_doubt(book: Book) -> None:
    book.receive(1)
    begun = book.begin(book.claimed())
    book.clock.now += DEADLINE
    with transaction(book.engine) as connection:
        order = ledger.claim(connection, book.clock(), uuid.uuid4())
        assert order is not None
        ledger.expire(connection, order, book.clock())
    doubtful = book.end(begun.attempt_id, reference="EO-000-000-001")
    assert doubtful is not None
    assert doubtful.state == "in_doubt"


def test_late_answer_counts_after_the_order_was_taken_up_again(book: Book) -> None:
    book.receive(1)
    begun = book.begin(book.claimed())
    book.clock.now += DEADLINE
    book.move(book.claimed(), "received", due_at=book.clock())
    assert book.end(begun.attempt_id, reference="EO-000-000-001") is None
    with transaction(book.engine) as connection:
        ledger.late_reference(connection, begun.attempt_id, book.clock())
    assert (book.order(1).state, book.order(1).reference) == ("created", "EO-000-000-001")


def test_late_answer_beside_a_second_order_says_that_there_are_two(book: Book) -> None:
    book.receive(1)
    first = book.begin(book.claimed())
    book.clock.now += DEADLINE
    order = book.move(book.claimed(), "received", due_at=book.clock())
    second = book.begin(book.claimed())
    sending = book.end(second.attempt_id, reference="EO-000-000-002")
    assert sending is not None
    book.move(sending, "created", reference="EO-000-000-002", keep_claim=True)
    assert book.end(first.attempt_id, reference="EO-000-000-001") is None
    with transaction(book.engine) as connection:
        ledger.late_reference(connection, first.attempt_id, book.clock())
    after = book.order(1)
    assert (after.reference, order.id) == ("EO-000-000-002", after.id)
    assert "two orders in SortedPRO" in after.alarm


# --- constraints -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [
        "state = 'waiting', reference = 'EO-1'",
        "state = 'created'",
        "state = 'sending'",
        "state = 'lost'",
    ],
)
def test_database_refuses_impossible_rows(book: Book, change: str) -> None:
    book.receive(1)
    with pytest.raises(IntegrityError), book.engine.begin() as connection:
        connection.execute(text(f"update orders set {change}"))


def test_references_are_unique(book: Book) -> None:
    book.receive(1)
    book.receive(2)
    book.move(book.claimed(), "done", reference="EO-000-000-001")
    with pytest.raises(IntegrityError):
        book.move(book.claimed(), "done", reference="EO-000-000-001")


def test_every_move_leaves_a_line_in_the_history(book: Book) -> None:
    book.receive(1)
    book.move(book.claimed(), "waiting", reason="not paid")
    with transaction(book.engine) as connection:
        story = queries.story(connection, book.order(1))
    assert [(event.from_state, event.to_state) for event in story] == [
        ("received", "received"),
        ("received", "waiting"),
    ]


# --- parts -----------------------------------------------------------------------------------------------------------
def goods(**units: int) -> dict[str, Decimal]:
    return {line: Decimal(quantity) for line, quantity in units.items()}


def test_what_is_left_opens_one_further_part(book: Book) -> None:
    book.receive(1)
    book.begin(book.claimed(), lines=goods(a=2), rest=True)
    second = book.claimed()
    assert (second.part, second.parts, second.name) == (2, 2, "#1")
    with transaction(book.engine) as connection:
        first = ledger.parts_of(connection, second)[0]
    assert (first.lines, second.lines) == ({"a": "2"}, {})


def test_a_part_that_knew_too_little_of_the_others_is_not_sent(book: Book) -> None:
    book.receive(1)
    book.begin(book.claimed(), lines=goods(a=2), rest=True)
    with pytest.raises(ClaimLost, match="another part has other goods"):
        book.begin(book.claimed(), reference="#1-2", lines=goods(a=2))


def test_a_skipped_part_gives_its_goods_back(book: Book) -> None:
    book.receive(1)
    book.begin(book.claimed(), lines=goods(a=2), rest=True)
    second = book.claimed()
    begun = book.begin(second, reference="#1-2", lines=goods(b=1), beside=book.beside(second))
    assert isinstance(begun, ledger.Order)
    ended = book.end(begun.attempt_id, outcome="refused")
    book.move(ended, "skipped")
    with transaction(book.engine) as connection:
        assert [one.lines for one in ledger.parts_of(connection, second)] == [{"a": "2"}, {}]


def test_a_body_reaches_every_part(book: Book) -> None:
    book.receive(1)
    first = book.claimed()
    book.begin(first, lines=goods(a=2), rest=True)
    book.receive(1, minutes=5)
    with transaction(book.engine) as connection:
        parts = ledger.parts_of(connection, first)
    assert [one.revision for one in parts] == [2, 1]
    assert len({one.body_id for one in parts}) == 1


def test_of_many_at_once_no_more_than_the_limit_are_let_through(book: Book) -> None:
    for number in range(1, 9):
        book.receive(number)
    claimed = [book.claimed() for _ in range(8)]

    def admit(order: ledger.Order) -> bool:
        with transaction(book.engine) as connection:
            return ledger.admit(connection, order, 3, book.clock()) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(admit, claimed)) == 3
