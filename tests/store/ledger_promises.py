"""What must hold of the ledger after every step, whatever has happened: design.md's constraints and promises.

`Promises` knows what the ledger cannot know, what SortedPRO really made, and what people took upon themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from bridge.platforms.base import digest
from bridge.store.tables import attempts, history, inbox, orders
from tests.store.ledger_world import ROOM, SHOPS, World

NOTHING_MADE = frozenset({"refused", "misconfigured", "busy", "unreachable"})
GOES_ON = frozenset({"received", "queued", "sending", "created"})  # states in which the bridge itself has to act
ONCE = "overwrite_reference"  # a released code that is used up

_ROWS = select(
    *(
        orders.c.id,
        orders.c.shop,
        orders.c.order_id,
        orders.c.order_key,
        orders.c.part,
        orders.c.state,
        orders.c.reason,
    ),
    *(orders.c.code, orders.c.trouble, orders.c.trouble_code, orders.c.due_at, orders.c.released, orders.c.alarm),
    *(orders.c.destination, orders.c.attempt_id, orders.c.deadline, orders.c.reference, orders.c.lines),
    *(orders.c.body_modified_at, orders.c.revision, orders.c.compared),
).order_by(orders.c.id)
_STORY = select(history.c.order, history.c.from_state, history.c.to_state, history.c.event).order_by(history.c.id)
_BODIES = select(inbox.c.shop, inbox.c.order_id, inbox.c.order_key, inbox.c.hash, inbox.c.modified_at)
_TRIED = select(attempts.c.id, attempts.c.order, attempts.c.destination, attempts.c.outcome)


@dataclass
class Promises:
    """What is checked, and what it is checked against."""

    world: World
    excused: set[UUID] = field(default_factory=set)  # attempts whose second a person or the policy has answered for
    released: dict[int, set[str]] = field(default_factory=dict)
    acknowledged: set[tuple[str, bytes]] = field(default_factory=set)
    wanted: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)  # the most, by line id and by SKU
    broken: list[str] = field(default_factory=list)  # seen in a worker's thread

    def received(self, shop: str, body: bytes) -> None:
        """A webhook was acknowledged."""
        self.acknowledged.add((shop, digest(body)))

    def ordered(self, shop: str, order_id: int) -> None:
        """The shop order is new or was edited."""
        most = self.wanted.setdefault((shop, str(order_id)), Counter())
        now: Counter[str] = Counter()
        for line in self.world.shops[shop].order(order_id)["line_items"]:
            now[str(line["id"])] += line["quantity"]
            now[line["sku"]] += line["quantity"]
        most |= now

    def excuse(self, row_id: int) -> None:
        """A person decides about an order, knowing what was tried."""
        self.excused |= {one.id for one in self._attempts() if one.order == row_id}

    def heard(self, attempt: UUID) -> None:
        """SortedPRO hears a Create Order call: no earlier one of this part may have made an order."""
        tried = self._attempts()
        row_id = next(one.order for one in tried if one.id == attempt)
        self._nothing_before(tried, row_id, attempt)

    def begun(self, ids: list[UUID]) -> None:
        """A worker that was given `ids` committed a `sending`.

        It holds the claim, and no earlier attempt of an order that is being sent may have made it.
        """
        tried = self._attempts()
        with self.world.bridge.engine.begin() as connection:
            sending = select(orders.c.id, orders.c.attempt_id, orders.c.claim_id).where(orders.c.state == "sending")
            rows = connection.execute(sending).all()
        for row in rows:
            self._nothing_before(tried, row.id, row.attempt_id)
            if row.attempt_id in ids and row.claim_id not in ids:
                self.broken.append(f"{row.attempt_id} was begun by a worker whose claim is another's")

    def check(self) -> None:
        """Everything, after a step."""
        assert not self.broken, self.broken
        with self.world.bridge.engine.begin() as connection:
            rows = connection.execute(_ROWS).all()
            story = connection.execute(_STORY).all()
            bodies = connection.execute(_BODIES).all()
            tried = connection.execute(_TRIED).all()
        self._rows_are_sound(rows)
        self._room_is_kept(rows)
        self._story_is_unbroken(rows, story)
        self._bodies_are_kept(rows, bodies)
        self._goods_stand_once(rows)
        self._made_once(rows, tried)

    def check_end(self) -> None:
        """After everything was repaired and all work is done: nothing is stuck, lost or unaccounted for."""
        self.check()
        with self.world.bridge.engine.begin() as connection:
            rows = connection.execute(_ROWS).all()
        tried, by_id = self._attempts(), {row.id: row for row in rows}
        parts = {one.id: one.order for one in tried}
        for row in rows:
            shop_order = self.world.shops[row.shop].order(int(row.order_id))
            there = shop_order["status"] != "trash"
            assert row.state not in GOES_ON or (row.state == "created" and not there), f"stuck: {_told(row)}"
            if row.state == "done" and there:
                told = str(self.world.shops[row.shop].reference_of(int(row.order_id)) or "")
                assert row.reference in told or "left as it is" in row.reason, f"not written back: {_told(row)}"
        for made in self.world.made:
            row = by_id[parts[made.attempt]]
            known = row.reference == made.reference or row.alarm or row.state == "in_doubt"
            assert known or self._is_excused(made.attempt, tried), f"{made.reference} is forgotten: {_told(row)}"

    # --- each promise ------------------------------------------------------------------------------------------------
    def _rows_are_sound(self, rows: Sequence[Row[Any]]) -> None:
        references = [row.reference for row in rows if row.reference is not None]
        assert len(references) == len(set(references)), "a reference stands twice"
        for row in rows:
            assert row.trouble_code != "internal_error", _told(row)
            assert (row.reference is not None) == (row.state in {"created", "done"}), _told(row)
            if row.state == "sending":
                assert None not in {row.attempt_id, row.deadline}, _told(row)
            if row.state in GOES_ON:
                assert row.due_at is not None, f"nobody looks again: {_told(row)}"
            released = {code for code in row.released if not code.startswith(ONCE)}
            before = self.released.setdefault(row.id, set())
            assert before <= released, f"a release was forgotten: {_told(row)}"
            before |= released

    def _room_is_kept(self, rows: Sequence[Row[Any]]) -> None:
        now = self.world.clock()
        away = Counter(row.destination for row in rows if row.state == "sending" and row.deadline > now)
        assert all(count <= ROOM for count in away.values()), f"more on the way than there is room: {away}"

    def _story_is_unbroken(self, rows: Sequence[Row[Any]], story: Sequence[Row[Any]]) -> None:
        states: dict[int, str] = {}
        for event in story:
            before = states.get(event.order, event.from_state)
            assert event.from_state == before, f"order {event.order}: {before}, then {event.from_state} {event.event}"
            states[event.order] = event.to_state
        for row in rows:
            assert states.get(row.id) == row.state, f"no history of how it came to {_told(row)}"

    def _bodies_are_kept(self, rows: Sequence[Row[Any]], bodies: Sequence[Row[Any]]) -> None:
        kept = {(one.shop, bytes(one.hash)) for one in bodies}
        assert self.acknowledged <= kept, "an acknowledged webhook is not stored"
        for row in rows:
            times = [
                one.modified_at
                for one in bodies
                if (one.shop, one.order_id, one.order_key) == (row.shop, row.order_id, row.order_key)
                and one.modified_at
            ]
            assert row.body_modified_at == max(times, default=None), f"not its newest body: {_told(row)}"

    def _goods_stand_once(self, rows: Sequence[Row[Any]]) -> None:
        held: dict[tuple[str, str], Counter[str]] = {}
        for row in rows:
            mine = held.setdefault((row.shop, row.order_id), Counter())
            mine.update({line: int(Decimal(quantity)) for line, quantity in row.lines.items()})
        for key, lines in held.items():
            assert lines <= self.wanted[key], f"goods stand in two parts: {key} {lines} of {self.wanted[key]}"

    def _made_once(self, rows: Sequence[Row[Any]], tried: Sequence[Row[Any]]) -> None:
        """Of one shop order no goods are made twice, and of one part no second order."""
        by_id, parts = {row.id: row for row in rows}, {one.id: one.order for one in tried}
        unsettled = [made for made in self.world.made if not self._is_excused(made.attempt, tried)]
        once = Counter(parts[made.attempt] for made in unsettled)
        assert all(count == 1 for count in once.values()), f"made twice: {self.world.made}"
        goods: dict[tuple[str, str], Counter[str]] = {}
        for made in unsettled:
            row = by_id[parts[made.attempt]]
            goods.setdefault((row.shop, row.order_id), Counter()).update(made.quantities)
        for key, quantities in goods.items():
            assert quantities <= self.wanted[key], f"more was made than wanted: {quantities} of {self.wanted[key]}"

    # --- what may be -------------------------------------------------------------------------------------------------
    def _nothing_before(self, tried: Sequence[Row[Any]], row_id: int, attempt: UUID) -> None:
        for one in tried:
            earlier = one.order == row_id and one.id < attempt and one.outcome not in NOTHING_MADE  # ids are counted up
            if earlier and not self._is_excused(one.id, tried):
                words = one.outcome or "no answer yet"
                self.broken.append(f"{attempt} is sent while {one.id} ({words}) may have made the order")

    def _is_excused(self, attempt: UUID, tried: Sequence[Row[Any]]) -> bool:
        """Whether a person, or the policy `send_again`, takes it upon them that there may be a second order."""
        one = next(one for one in tried if one.id == attempt)
        if one.outcome == "unknown" and SHOPS[one.destination.removeprefix("sorted-")] == "send_again":
            self.excused.add(attempt)  # for good, whatever comes late
        return attempt in self.excused

    def _attempts(self) -> Sequence[Row[Any]]:
        with self.world.bridge.engine.begin() as connection:
            return connection.execute(_TRIED).all()


def _told(row: Row[Any]) -> str:
    return f"{row.shop} #{row.order_id} part {row.part}: {row.state} ({row.code or row.reason}; {row.trouble})"
