"""No interleaving of receipts, workers, deaths, time and people breaks what the ledger promises.

The machine draws what happens next; `ledger_promises` says after each step whether all still holds. A step that is not
possible just now does nothing, so that what is drawn never depends on what the database answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from bridge import actions
from bridge.config import Database
from bridge.errors import ActionRefused
from bridge.platforms.base import digest
from bridge.sandbox.webhooks import Packet
from bridge.sandbox.woocommerce import PRODUCTS, woo_order
from bridge.store import destinations, ledger, queries
from bridge.store.database import transaction
from bridge.store.tables import orders
from tests.store.ledger_promises import Promises
from tests.store.ledger_workers import Step
from tests.store.ledger_world import ANSWERS, SHOPS, World, open_world

SLOW = {"deadline": None, "report_multiple_bugs": False, "suppress_health_check": list(HealthCheck)}
SHORT = settings(max_examples=24, stateful_step_count=25, derandomize=True, database=None, **SLOW)

NAMES = st.sampled_from(tuple(SHOPS))
PICK = st.integers(0, 15)  # of a list, counted round
WORKERS = 3  # that stand still now and then; a fourth always works to the end
STOPS = ("claimed", "looked", "begun", "asked", "answered", "ended", "reference_written")
DEATHS = (*STOPS, "begin_written", "end_written")
GOING = st.builds(
    Step,
    until=st.sampled_from(("", "", "", *STOPS)),
    answer=st.sampled_from(ANSWERS),
    shop=st.sampled_from((*["well"] * 6, "away", "deaf")),
)
DYING = st.builds(
    Step, until=st.sampled_from(DEATHS), dies=st.just(True), answer=st.sampled_from(ANSWERS), shop=st.just("well")
)
CROWD = st.tuples(GOING, GOING, GOING)  # a step for each of them
DOUBTFUL = st.sampled_from(("made, lost", "made, 500", "500", "lost"))
DECISION = st.sampled_from(("send_again", "exists", "mistaken", "drop", "drop", "adopt", "elsewhere"))
SECONDS = st.sampled_from((1, 1, 11, 31, 31, 41, 41, 400, 4000, 700_000))
MOST = 16  # orders
ROUNDS = 4  # hours after which what waited for a claim, a backoff or a Retry-After has gone on

BUYERS: dict[str, Callable[[World, str, int], object]] = {
    "pays": lambda world, shop, number: world.shops[shop].pay(number),
    "has to pay": lambda world, shop, number: world.shops[shop].set_status(number, "pending"),
    "cancels": lambda world, shop, number: world.shops[shop].set_status(number, "cancelled"),
    "asks for a look": lambda world, shop, number: world.shops[shop].change(number, customer_note="look"),
    "writes a note": lambda world, shop, number: world.shops[shop].change(number, customer_note="thanks"),
    "adds goods": lambda world, shop, number: world.shops[shop].edit(
        number, [{"product_id": PRODUCTS[1].id, "quantity": 1}]
    ),
    "forgets the street": lambda world, shop, number: _street(world, shop, number, ""),
    "names the street": lambda world, shop, number: _street(world, shop, number, "1 High Street"),
    "changes nothing": lambda world, shop, number: world.shops[shop].saved(number),
    "is in the trash": lambda world, shop, number: world.shops[shop].trash(number),
    "has it sent by another": lambda world, shop, number: world.write_reference(shop, number),
}
WHAT = (
    *("replay", "risk", "release", "skip", "send_rest", "send_rest", "end_write_back", "overwrite"),
    *("send_again", "exists", "drop", "adopt", "elsewhere"),
)


def _street(world: World, shop: str, number: int, street: str) -> None:
    shipping = {**world.shops[shop].order(number)["shipping"], "address_1": street, "address_2": ""}
    world.shops[shop].change(number, shipping=shipping)


class LedgerMachine(RuleBasedStateMachine):
    """Two shops, a few orders, workers, and people who act on what they saw a while ago."""

    def __init__(self, world: World) -> None:
        super().__init__()
        world.begin()
        self.world = world
        self.promises = Promises(look=world.see, hear=world.news, told=world.told)
        self.bought: list[tuple[str, int]] = []
        self.mail: list[tuple[str, Packet]] = []  # on its way; what was delivered may come again
        self.undelivered: list[tuple[str, Packet]] = []
        self.seen: dict[int, ledger.Order] = {}
        self.is_sound = True

    # --- the shops ---------------------------------------------------------------------------------------------------
    @initialize()
    def begin_with_three_orders(self) -> None:
        for shop in ("red", "red", "blue"):
            self._buy(shop, "processing")

    @rule(shop=NAMES, status=st.sampled_from(("processing", "processing", "pending")))
    def buy(self, shop: str, status: str) -> None:
        if len(self.bought) < MOST:
            self._buy(shop, status)

    @rule(pick=PICK, what=st.sampled_from(tuple(BUYERS)))
    def buyer(self, pick: int, what: str) -> None:
        shop, number = self.bought[pick % len(self.bought)]
        BUYERS[what](self.world, shop, number)
        self._post(shop, number)

    @rule(pick=PICK, deletion=st.booleans())
    def ring_without_a_body(self, pick: int, deletion: bool) -> None:
        shop, number = self.bought[pick % len(self.bought)]
        content = {"id": number} if deletion else {"action": "woocommerce_order_status_processing", "arg": number}
        self._receive(shop, self.world.packet(shop, content, "order.deleted" if deletion else "action.x"))

    # --- the web process ---------------------------------------------------------------------------------------------
    @rule(pick=PICK, dies_at=st.sampled_from(("", "", "", "stored_written", "stored")))
    def deliver(self, pick: int, dies_at: str) -> None:
        """Any webhook that is on its way, so in any order."""
        self._deliver(pick, dies_at=dies_at)

    @rule(pick=PICK)
    def deliver_again(self, pick: int) -> None:
        delivered = [one for one in self.mail if one not in self.undelivered]
        if delivered:
            self._receive(*delivered[pick % len(delivered)])

    # --- the workers -------------------------------------------------------------------------------------------------
    @rule(until=st.sampled_from(STOPS), answer=st.sampled_from(ANSWERS))
    def begin_work(self, until: str, answer: str) -> None:
        """A worker that is idle takes up the next order."""
        idle = [number for number in range(WORKERS) if self.world.is_idle(number)]
        if idle:
            self.world.step((idle[0], Step(until=until, answer=answer)))

    @rule(pick=PICK, step=GOING)
    def go_on(self, pick: int, step: Step) -> None:
        standing = [number for number in range(WORKERS) if not self.world.is_idle(number)]
        self.world.step((standing[pick % len(standing)] if standing else 0, step))

    @rule(answer=st.sampled_from(ANSWERS))
    def work_to_the_end(self, answer: str) -> None:
        self.world.step((WORKERS, Step(answer=answer)))

    @rule(shop=NAMES, until=st.sampled_from(STOPS), late=GOING, other=GOING, seconds=st.sampled_from((31, 41)))
    def fall_behind(self, shop: str, until: str, late: Step, other: Step, seconds: int) -> None:
        """A worker stands still for longer than it may, another takes its order over, and then it goes on."""
        with self._alone(shop):
            self._work(shop, Step(until=until, answer=late.answer))
            self.world.clock.forward(seconds=seconds)
            self.world.step((1, other))
            self.world.step((0, late))

    @rule(
        shop=NAMES,
        until=st.sampled_from(("asked", "answered")),
        late=GOING,
        other=st.sampled_from(("nobody", "begun", "answered", "")),
    )
    def be_overtaken(self, shop: str, until: str, late: Step, other: str) -> None:
        """A worker's call outlasts its deadline, its order may be sent again, and then the first answer comes."""
        with self._alone(shop):
            self._work(shop, Step(until=until))
            self.world.clock.forward(seconds=31)
            self.world.step((WORKERS, Step()))
            self.settle(-1, "send_again")
            self.world.clock.forward(minutes=2)
            self.world.probe(answers=True)
            if other != "nobody":
                self.world.step((1, Step(until=other)))
            self.world.step((0, late))

    @rule(shop=NAMES, steps=CROWD)
    def crowd(self, shop: str, steps: tuple[Step, ...]) -> None:
        """More workers than there is room have looked at an order each, and want to send all at the same time."""
        with self._alone(shop):
            self._work(shop, *[Step(until="looked")] * WORKERS)
            self._work(shop, *[Step(until="begun")] * WORKERS)
            self._work(shop, *steps)

    @rule(shop=NAMES, steps=CROWD)
    def outage(self, shop: str, steps: tuple[Step, ...]) -> None:
        """SortedPRO breaks off: nothing goes while its harmless reads fail, then one order alone."""
        with self._alone(shop):
            self._work(shop, Step(until="looked"), Step(until="looked"))
            self.world.probes_answer = False
            self.world.step((WORKERS, Step(answer="500")))
            self._work(shop, Step(until="begun"))
            self.world.clock.forward(seconds=90)
            self.world.probe(answers=True)
            self._work(shop, *[Step(until="looked")] * WORKERS)
            self._work(shop, *[Step(until="begun")] * WORKERS)
            self._work(shop, *steps)

    @rule(shop=NAMES, what=st.sampled_from(tuple(BUYERS)))
    def edit_before_sending(self, shop: str, what: str) -> None:
        """A shop order changes after a worker has looked at it."""
        self._edit_at("looked", shop, what, "created")

    @rule(shop=NAMES, what=st.sampled_from(tuple(BUYERS)), answer=st.sampled_from(("refused", "refused", *ANSWERS)))
    def edit_on_the_way(self, shop: str, what: str, answer: str) -> None:
        """A shop order changes while SortedPRO is asked for it."""
        self._edit_at("asked", shop, what, answer)

    @rule(shop=NAMES, what=st.sampled_from(tuple(BUYERS)))
    def edit_while_it_is_written_back(self, shop: str, what: str) -> None:
        """A shop order changes as its reference comes onto it."""
        self._edit_at("reference_written", shop, what, "created")

    @rule(answer=DOUBTFUL, what=DECISION, edit=st.sampled_from(tuple(BUYERS)))
    def end_a_doubt(self, answer: str, what: str, edit: str) -> None:
        """Someone settles an order in doubt, and then its shop order changes."""
        with self._alone("red"):
            self._work("red", Step(answer=answer))
            self._decide_and_go_on(what, edit)

    @rule(answer=DOUBTFUL, what=DECISION)
    def end_a_doubt_about_added_goods(self, answer: str, what: str) -> None:
        """Goods are added to what was sent, the part with them is in doubt and settled, and more are added."""
        with self._alone("red"):
            self._work("red", Step())
            self._add_goods_for_a_part()
            self.world.step((0, Step(answer=answer)))
            self._decide_and_go_on(what, "adds goods")

    @rule(first=GOING, second=GOING)
    def two_parts_at_once(self, first: Step, second: Step) -> None:
        """A part that was taken out is replayed while the next one is open: both look at the same goods."""
        with self._alone("red"):
            self._work("red", Step())
            self._add_goods_for_a_part()
            self._act_on_part(2, "skip")
            self.world.step((0, Step()))  # which looks up its goods
            self._add_goods_for_a_part()
            self._act_on_part(2, "replay")
            self.world.step((0, Step(until="looked")), (1, Step(until="looked")))
            self.world.step((0, first), (1, second))

    @rule(shop=NAMES, whole=st.booleans(), until=st.sampled_from(STOPS), late=GOING)
    def pause_meanwhile(self, shop: str, whole: bool, until: str, late: Step) -> None:
        """A shop or its destination is paused while a worker has an order of it."""
        with self._alone(shop):
            self._work(shop, Step(until=until))
            self.pause(shop, whole)
            self._work(shop, late)
            self.world.step((WORKERS, Step()))

    @rule(worker=st.integers(0, WORKERS - 1), step=DYING)
    def die(self, worker: int, step: Step) -> None:
        self.world.step((worker, step))

    @rule(first=GOING, second=GOING, third=GOING)
    def work_at_once(self, first: Step, second: Step, third: Step) -> None:
        self.world.step((0, first), (1, second), (2, third))

    @rule(seconds=SECONDS, answers=st.sampled_from((True, True, False)))
    def pass_time(self, seconds: int, answers: bool) -> None:
        self.world.clock.forward(seconds=seconds)
        self.world.probe(answers=answers)

    # --- people ------------------------------------------------------------------------------------------------------
    @rule(pick=PICK, what=st.sampled_from(WHAT))
    def act(self, pick: int, what: str) -> None:
        order = self._row(pick)
        self.seen.setdefault(order.id, order)
        self._act(order, what)

    @rule(pick=PICK, what=st.sampled_from(WHAT))
    def act_on_what_was_seen(self, pick: int, what: str) -> None:
        """Someone acts on an order as it was when they looked at it, or looks at it first."""
        order = self._row(pick)
        self._act(self.seen.pop(order.id, order), what)

    @rule(pick=PICK, what=DECISION)
    def settle(self, pick: int, what: str) -> None:
        with transaction(self.world.bridge.engine) as connection:
            doubtful = connection.execute(select(orders.c.id).where(orders.c.state == "in_doubt")).scalars().all()
            found = [ledger.get(connection, one) for one in sorted(doubtful)]
        if found:
            self._act(found[pick % len(found)], what)

    @rule(shop=NAMES, whole=st.booleans())
    def pause(self, shop: str, whole: bool) -> None:
        """A shop, or the whole destination."""
        now = self.world.clock()
        self.promises.paused(_paused(shop, whole))
        with transaction(self.world.bridge.engine) as connection:
            if whole:
                destinations.pause_destination(connection, f"sorted-{shop}", reason="x", code="person", now=now)
            else:
                destinations.pause_shop(connection, shop, reason="x", code="person", now=now)

    @rule(shop=NAMES, whole=st.booleans())
    def resume(self, shop: str, whole: bool) -> None:
        self.promises.resumed(_paused(shop, whole))
        with transaction(self.world.bridge.engine) as connection:
            if whole:
                destinations.resume_destination(connection, f"sorted-{shop}")
            else:
                destinations.resume_shop(connection, shop)

    @rule(first=GOING, second=GOING)
    def repair(self, first: Step, second: Step) -> None:
        """Someone resumes what is paused, SortedPRO is seen to answer, and work goes on."""
        self._resume_all()
        self.world.clock.forward(minutes=2)
        self.world.probe(answers=True)
        self.world.step((WORKERS, Step()))
        self.world.step((0, first), (1, second))

    # --- what holds --------------------------------------------------------------------------------------------------
    @invariant()
    def promises_hold(self) -> None:
        self.is_sound = False
        self.promises.check()
        self.is_sound = True

    def teardown(self) -> None:
        """At last everything works, all webhooks come, and nothing is stuck or lost."""
        self.world.end_workers()
        try:
            if self.is_sound:
                self._come_to_rest()
        finally:
            self.world.end()

    def _come_to_rest(self) -> None:
        for shop, packet in self.undelivered:
            self.world.receive(shop, packet)
        self._resume_all()
        for _ in range(ROUNDS):
            claims = 0
            while self.world.bridge.forwarder.forward_next():
                claims += 1
                assert claims < 200, "the workers turn in circles"
            self.world.clock.forward(hours=1)
            self.world.probe(answers=True)
        self.promises.check_end()

    # --- how ---------------------------------------------------------------------------------------------------------
    @contextmanager
    def _alone(self, shop: str) -> Iterator[None]:
        """A shop whose next order is the only one to work on: all workers are free, nothing keeps it back or is due."""
        self.resume(shop, whole=True)
        self.resume(shop, whole=False)
        for number in range(WORKERS):
            if not self.world.is_idle(number):
                self.world.step((number, Step()))
        others = [name for name in SHOPS if name != shop and name not in self.world.told.paused]
        for name in others:
            self.pause(name, whole=False)
        for _ in range(MOST):
            if not self.world.bridge.forwarder.forward_next():
                break
        yield
        for name in others:
            self.resume(name, whole=False)

    def _work(self, shop: str, *steps: Step) -> None:
        """So many workers at once, each of whom finds an order if there are not too many."""
        for number, _ in enumerate(steps):
            if self.world.is_idle(number):
                self.buy(shop, "processing")
        self.world.step(*enumerate(steps))

    def _edit_at(self, point: str, shop: str, what: str, answer: str) -> None:
        with self._alone(shop):
            self._work(shop, Step(until=point))
            self._change_last(what)
            self.world.step((0, Step(answer=answer)))

    def _change_last(self, what: str) -> None:
        """Something happens to the newest order, and its shop tells of it."""
        self.buyer(len(self.bought) - 1, what)
        self._deliver(len(self.undelivered) - 1)

    def _add_goods_for_a_part(self) -> None:
        self._change_last("adds goods")
        for _ in range(2):  # one may have to do with the part before; the first part opens the next one
            if not any(ledger.is_open(one) for one in self._parts()):
                self.world.step((0, Step()))

    def _parts(self) -> list[ledger.Order]:
        """Of the newest order."""
        shop, number = self.bought[-1]
        with transaction(self.world.bridge.engine) as connection:
            return sorted(queries.find_by_name(connection, f"#{number}", shop=shop), key=lambda one: one.part)

    def _act_on_part(self, number: int, what: str) -> None:
        for one in self._parts():
            if one.part == number:
                self._act(one, what)

    def _decide_and_go_on(self, what: str, edit: str) -> None:
        self.settle(-1, what)
        self._change_last(edit)
        self.world.clock.forward(seconds=90)
        self.world.probe(answers=True)
        self.world.step(*((number, Step()) for number in range(WORKERS)))
        self.world.step((WORKERS, Step()))

    def _resume_all(self) -> None:
        for shop in SHOPS:
            self.resume(shop, whole=True)
            self.resume(shop, whole=False)

    def _buy(self, shop: str, status: str) -> None:
        number = 1 + len(self.bought)
        self.bought.append((shop, number))
        home = self.world.shops[shop].url
        self.world.shops[shop].add_order(woo_order(number, at=self.world.clock(), status=status, home=home))
        self._post(shop, number)
        self._deliver(len(self.undelivered) - 1)

    def _post(self, shop: str, number: int) -> None:
        self.world.ordered(shop, number)
        for packet in self.world.posted(shop):
            self.mail.append((shop, packet))
            self.undelivered.append((shop, packet))

    def _deliver(self, pick: int, *, dies_at: str = "") -> None:
        if self.undelivered:
            one = self.undelivered[pick % len(self.undelivered)]
            if self._receive(*one, dies_at=dies_at):
                self.undelivered.remove(one)

    def _receive(self, shop: str, packet: Packet, *, dies_at: str = "") -> bool:
        acknowledged = self.world.receive(shop, packet, dies_at=dies_at)
        if acknowledged:
            self.world.told.acknowledged.add((shop, digest(packet.body)))
        return acknowledged

    def _row(self, pick: int) -> ledger.Order:
        with transaction(self.world.bridge.engine) as connection:
            shop, number = self.bought[pick % len(self.bought)]
            rows = queries.find_by_name(connection, f"#{number}", shop=shop)
        return rows[pick % len(rows)]

    def _act(self, order: ledger.Order, what: str) -> None:
        about = {"who": "kim", "now": self.world.clock()}
        try:
            reference = ACTS[what](self, order, about)
        except ActionRefused:
            return
        self.promises.decided(order.id, what, reference if isinstance(reference, str) else None)
        if what == "overwrite":
            self.world.told.foreign.pop((order.shop, order.order_id), None)

    def exist(self, order: ledger.Order, about: dict[str, Any], reference: str) -> str:
        settled = actions.Settled(exists=reference)
        actions.settle(self.world.bridge.engine, order, settled, reason="seen", **about)
        return reference

    def adopt(self, order: ledger.Order, about: dict[str, Any], reference: str | None) -> str | None:
        destination = f"sorted-{order.shop}"
        actions.adopt(self.world.bridge.engine, order, reference, by="other", destination=destination, **about)
        return reference

    def _found(self, order: ledger.Order) -> str:
        """What a person finds in SortedPRO for an order in doubt, or thinks to find."""
        made = (one.reference for one in self.world.told.made if one.attempt == order.attempt_id)
        return next(made, None) or self.world.reference("SAW")

    def _of_another(self, order: ledger.Order) -> str:
        """What a person finds in SortedPRO, but of another order."""
        others = (one.reference for one in self.world.see().rows if one.reference and one.id != order.id)
        return next(others, None) or self.world.reference("SAW")


def _paused(shop: str, whole: bool) -> str:
    """What a pause is of: the whole destination, or the shop alone."""
    return f"sorted-{shop}" if whole else shop


Act = Callable[[LedgerMachine, ledger.Order, dict[str, Any]], object]


def _action(function: Callable[..., object], *given: object, **named: object) -> Act:
    return lambda machine, order, about: function(
        machine.world.bridge.engine, order, *given, reason="seen", **named, **about
    )


ACTS: dict[str, Act] = {
    "replay": _action(actions.replay),
    "risk": _action(actions.replay, at_risk=True),
    "release": _action(actions.release),
    "skip": _action(actions.skip),
    "send_rest": _action(actions.send_rest),
    "end_write_back": _action(actions.end_write_back),
    "overwrite": _action(actions.overwrite),
    "send_again": _action(actions.settle, actions.Settled(send_again=True)),
    "drop": _action(actions.settle, actions.Settled()),
    "exists": lambda machine, order, about: machine.exist(order, about, machine._found(order)),
    "mistaken": lambda machine, order, about: machine.exist(order, about, machine._of_another(order)),
    "adopt": lambda machine, order, about: machine.adopt(order, about, machine.world.reference("ADP")),
    "elsewhere": lambda machine, order, about: machine.adopt(order, about, None),
}


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return open_world(database, tmp_path)


def test_no_interleaving_breaks_a_promise(world: World) -> None:
    """The same runs each time; others, and many more of them, with --hypothesis-profile=long."""
    chosen = settings(**SLOW) if settings.get_current_profile_name() == "long" else SHORT
    run_state_machine_as_test(lambda: LedgerMachine(world), settings=chosen)
    world.bridge.close()
