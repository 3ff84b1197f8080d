"""The count at the end of a soak: shops, senders, ledger and SortedPRO against each other. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bridge.sandbox.sortedpro import CreatedOrder
from bridge.store.ledger import Order
from bridge.trial.chaos_courier import Webhook
from bridge.trial.chaos_doubt import Attempt, Cut, baseless
from bridge.trial.chaos_shops import ShopOrder
from bridge.trial.chaos_wire import ATTEMPT, Call

ON_THE_WAY = frozenset({"received", "waiting", "queued", "sending", "created"})

_SENT = frozenset({"done", "in_doubt"})
_DO_NOT_SHIP = "do not ship"  # how the ledger's word of a change begins where nothing is to be shipped any more

_Key = tuple[str, str]  # shop, and the shop's id of the order


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What everybody says in the end."""

    shop_orders: Sequence[ShopOrder]
    webhooks: Sequence[Webhook]  # all that the shops' senders have insisted on
    stored: Collection[tuple[str, bytes]]  # shop and hash of every body that the bridge has
    ledger: Sequence[Order]
    attempts: Sequence[Attempt]
    made: Sequence[CreatedOrder]
    calls: Sequence[Call] = ()  # as they came to SortedPRO
    cuts: Sequence[Cut] = ()
    at: datetime  # when the ledger was read
    rests: bool = True  # whether nothing was on its way any more


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """An order that is not as was promised; without shop and order it is the whole that is not."""

    what: str
    shop: str = ""
    order_id: str = ""
    words: str


@dataclass(frozen=True, kw_only=True)
class Count:
    """What there is of everything. `wrong` is empty where every promise was kept."""

    orders: int  # in the shops
    parts: int  # rows of the ledger beyond one an order
    in_sortedpro: int
    sent: int  # shop orders on which a reference stands
    cancelled: int
    unknown: int  # Create Order calls of which the bridge did not hear what became
    died: int  # of them those whose process ended, or that never left it
    in_doubt_made: int  # SortedPRO has it
    in_doubt_not_made: int
    made_again: int  # by a destination's policy, after an answer that was lost
    changed: int  # sent, and changed or cancelled afterwards: a person was told
    wrong: Sequence[Wrong] = field(default_factory=tuple)

    def of(self, what: str) -> int:
        """How many are wrong in one way."""
        return sum(one.what == what for one in self.wrong)


KINDS = {
    "double": "made twice in SortedPRO, where no policy allows it",
    "stray": "in SortedPRO or in the ledger, and whose it is nobody knows",
    "lost": "not in the ledger, or SortedPRO lacks what the ledger says it made",
    "not received": "no webhook of it was ever acknowledged",
    "not acknowledged": "a webhook that was sent until the end",
    "not stored": "a webhook that was acknowledged, and the bridge does not have it",
    "stopped": "should ship, wholly or in part, and the bridge decided otherwise",
    "stuck": "still on its way, due or claimed when the time was over",
    "no rest": "the time was over before everything had come to rest",
    "without reference": "other references stand on the shop order than SortedPRO gave",
    "not told": "cancelled or changed after it was sent, and no person is told",
    "baseless": "in doubt, and neither SortedPRO nor a kill was the cause",
}


def make_count(seen: Seen) -> Count:
    """Count, and name whatever is not as was promised."""
    judge = _Judge(seen)
    wrong = [*judge.wrong()]
    doubtful = [row for row in seen.ledger if row.state == "in_doubt"]
    made_all_the_same = sum(bool(judge.made_of(row)) for row in doubtful)
    unknown = [one for one in seen.attempts if one.is_doubtful]
    return Count(
        orders=len(seen.shop_orders),
        parts=sum(row.part > 1 for row in seen.ledger),
        in_sortedpro=len(seen.made),
        sent=sum(bool(one.references) for one in seen.shop_orders),
        cancelled=sum(not one.ships for one in seen.shop_orders),
        unknown=len(unknown),
        died=sum(one.died for one in unknown),
        in_doubt_made=made_all_the_same,
        in_doubt_not_made=len(doubtful) - made_all_the_same,
        made_again=judge.made_again,
        changed=sum(row.changed for row in seen.ledger),
        wrong=wrong,
    )


class _Judge:
    """What is seen, put so that it can be looked up, and what is wrong with it."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._shops: Mapping[_Key, ShopOrder] = {(one.shop, one.order_id): one for one in seen.shop_orders}
        self._owners = {one.customer_reference: one for one in seen.shop_orders}
        self._rows: dict[_Key, list[Order]] = defaultdict(list)
        for row in seen.ledger:
            self._rows[row.shop, row.order_id].append(row)
        self._made: dict[tuple[_Key, int], list[CreatedOrder]] = defaultdict(list)
        for made in seen.made:
            owner, part = self._owner(made)
            if owner is not None:
                self._made[(owner.shop, owner.order_id), part].append(made)
        self._doubtful: dict[int, set[str]] = defaultdict(set)  # by row: the attempts of which nobody knows
        for attempt in seen.attempts:
            if attempt.is_doubtful:
                self._doubtful[attempt.order].add(str(attempt.id))
        self.made_again = 0

    def wrong(self) -> Iterator[Wrong]:
        """Everything that is not as was promised."""
        if not self._seen.rests:
            waiting = sum(not one.acknowledged for one in self._seen.webhooks)
            yield Wrong(what="no rest", words=f"{waiting} webhooks are not acknowledged")
        yield from self._wrong_with_webhooks()
        yield from self._strays()
        for key, one in self._shops.items():
            yield from self._wrong_with(one, self._rows.get(key, []))
        yield from self._baseless()

    def made_of(self, row: Order) -> list[CreatedOrder]:
        """What SortedPRO made of a part."""
        return self._made.get(((row.shop, row.order_id), row.part), [])

    def _owner(self, made: CreatedOrder) -> tuple[ShopOrder | None, int]:
        """Whose SortedPRO order it is by its reference: further parts end in -2, -3."""
        whole, _, part = made.customer_reference.rpartition("-")
        owner, number = self._owners.get(made.customer_reference), 1
        if owner is None and part.isdecimal():
            owner, number = self._owners.get(whole), int(part)
        is_named = owner is not None and str(made.metadata.get("ShopOrderId")) == owner.order_id
        return (owner, number) if is_named else (None, 1)

    # --- Webhooks ----------------------------------------------------------------------------------------------------
    def _wrong_with_webhooks(self) -> Iterator[Wrong]:
        received = set()
        for one in self._seen.webhooks:
            if not one.acknowledged:
                yield Wrong(what="not acknowledged", shop=one.shop, order_id=one.order_id, words=one.topic)
                continue
            received.add((one.shop, one.order_id))
            if (one.shop, one.hash) not in self._seen.stored:
                yield Wrong(what="not stored", shop=one.shop, order_id=one.order_id, words=one.topic)
        for order in self._seen.shop_orders:
            if (order.shop, order.order_id) not in received:
                yield _wrong("not received", order, order.name)

    # --- SortedPRO ---------------------------------------------------------------------------------------------------
    def _strays(self) -> Iterator[Wrong]:
        """SortedPRO orders of no part that the ledger has, and rows of no shop order."""
        parts = {(row.shop, row.order_id, row.part) for row in self._seen.ledger}
        for made in self._seen.made:
            owner, part = self._owner(made)
            if owner is None or (owner.shop, owner.order_id, part) not in parts:
                words = f"{made.reference} is {made.customer_reference}, which the ledger does not have"
                order_id = str(made.metadata.get("ShopOrderId"))
                yield Wrong(what="stray", shop=owner.shop if owner else "", order_id=order_id, words=words)
        for row in self._seen.ledger:
            if (row.shop, row.order_id) not in self._shops:
                words = f"its shop has no such order: {_told(row)}"
                yield Wrong(what="stray", shop=row.shop, order_id=row.order_id, words=words)

    def _wrong_in_sortedpro(self, one: ShopOrder, row: Order) -> Iterator[Wrong]:
        """A row against what was made of it: exactly its reference, or in doubt that of its last attempt at most."""
        made = self.made_of(row)
        allowed = self._doubtful[row.id] if one.sends_again else set()
        if row.reference is not None:
            if row.reference not in {other.reference for other in made}:
                yield _wrong("lost", one, f"{_told(row)}, and SortedPRO has {_named(made)}")
            further = [other for other in made if other.reference != row.reference]
        elif row.state == "in_doubt":
            own = [other for other in made if other.metadata.get(ATTEMPT) == str(row.attempt_id)][:1]
            further = [other for other in made if other not in own]
        else:
            further = made
        for other in further:
            if other.metadata.get(ATTEMPT) in allowed and (row.state == "done" or row.alarm):
                self.made_again += 1
            elif row.state in _SENT | {"created"}:
                yield _wrong("double", one, f"{_told(row)}, and SortedPRO has {_named(made)}")
            else:
                yield _wrong("stray", one, f"{_told(row)}, and SortedPRO has {_named(made)}")

    # --- Orders ------------------------------------------------------------------------------------------------------
    def _wrong_with(self, one: ShopOrder, rows: Sequence[Order]) -> Iterator[Wrong]:
        if not rows:
            yield _wrong("lost", one, "no row in the ledger")
            return
        for row in rows:
            yield from self._wrong_with_state(one, row)
            yield from self._wrong_in_sortedpro(one, row)
        yield from _wrong_on_shop_order(one, rows)
        if one.ships and all(row.state in _SENT or row.part > 1 for row in rows):
            yield from self._wrong_with_goods(one, rows)

    def _wrong_with_state(self, one: ShopOrder, row: Order) -> Iterator[Wrong]:
        at = self._seen.at
        is_due = row.due_at is not None and row.due_at <= at
        is_claimed = row.claimed_until is not None and row.claimed_until > at
        if row.state in ON_THE_WAY or is_due or is_claimed:
            words = " and ".join(["due"] * is_due + ["claimed"] * is_claimed)
            yield _wrong("stuck", one, f"{_told(row)} {words}".strip())
        elif row.state == "in_doubt" and one.sends_again:
            yield _wrong("stuck", one, f"{_told(row)}, though the policy is to send it again")
        elif row.state in _SENT:
            if not one.ships and not (row.changed and row.change.startswith(_DO_NOT_SHIP)):
                yield _wrong("not told", one, f"cancelled: {_told(row)}")
        elif row.state != "skipped" or (one.ships and row.part == 1):
            yield _wrong("stopped", one, _told(row))

    def _wrong_with_goods(self, one: ShopOrder, rows: Sequence[Order]) -> Iterator[Wrong]:
        """An order whose parts are all sent, or in doubt, against the goods and the note that it has by now."""
        have: Counter[str] = Counter()
        notes: list[str] = []
        for row in (row for row in rows if row.state in _SENT):
            made = next((other for other in self.made_of(row) if other.reference == row.reference), None)
            have.update(units_of(made) if made else {line: int(float(units)) for line, units in row.lines.items()})
            notes += [note_of(made)] if made else []
        changed = any(row.changed for row in rows)
        named = changed or any(row.unsent or (row.left_out and row.state == "in_doubt") for row in rows)
        lacks = {line: units - have[line] for line, units in one.lines.items() if units > have[line]}
        more = {line: units - one.lines.get(line, 0) for line, units in have.items() if units > one.lines.get(line, 0)}
        if lacks and one.sends_later and all(row.state != "in_doubt" for row in rows):
            yield _wrong("stopped", one, f"not sent of its lines: {lacks}")
        elif lacks and not named:
            yield _wrong("not told", one, f"added, or free by now, and not sent: {lacks}")
        if more and not changed:
            yield _wrong("not told", one, f"sent, and not wanted any more: {more}")
        if any(note != one.note for note in notes) and not changed:
            yield _wrong("not told", one, "another note")

    # --- Doubts ------------------------------------------------------------------------------------------------------
    def _baseless(self) -> Iterator[Wrong]:
        rows = {row.id: row for row in self._seen.ledger}
        calls = {call.attempt: call for call in self._seen.calls}
        for attempt, words in baseless(self._seen.attempts, calls, self._seen.cuts):
            row = rows[attempt.order]
            yield Wrong(what="baseless", shop=row.shop, order_id=row.order_id, words=words)
        for row in self._seen.ledger:
            if row.state == "in_doubt" and str(row.attempt_id) not in self._doubtful[row.id]:
                yield Wrong(what="baseless", shop=row.shop, order_id=row.order_id, words=_told(row))


def units_of(made: CreatedOrder) -> Counter[str]:
    """The units of a SortedPRO order by line of the shop order."""
    units: Counter[str] = Counter()
    for package in made.body["Packages"]:
        for item in package["Items"]:
            units[item["ItemReferenceProvidedByCustomer"]] += int(item["Quantity"])
    return units


def note_of(made: CreatedOrder) -> str:
    """What a SortedPRO order says to the driver."""
    return next(filter(None, (where.get("SpecialInstructions") for where in made.body["Addresses"])), "")


def _wrong_on_shop_order(one: ShopOrder, rows: Sequence[Order]) -> Iterator[Wrong]:
    """The references on a shop order are those of its parts that are done; one that is created may stand there."""
    written = {row.reference for row in rows if row.state == "done"}
    standing = set(one.references)
    if not written <= standing <= {row.reference for row in rows}:
        words = f"{', '.join(map(_told, rows))}; on the shop order: {', '.join(one.references) or 'none'}"
        yield _wrong("without reference", one, words)


def _wrong(what: str, one: ShopOrder, words: str) -> Wrong:
    return Wrong(what=what, shop=one.shop, order_id=one.order_id, words=words)


def _named(made: Sequence[CreatedOrder]) -> str:
    return ", ".join(one.reference for one in made) or "none of it"


def _told(row: Order) -> str:
    words = row.reference or row.reason
    part = f"part {row.part} " if row.part > 1 else ""
    return f"{part}{row.state} ({words}{'; ' + row.trouble if row.trouble else ''})"
