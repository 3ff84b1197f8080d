"""The count at the end of a soak: shops, ledger and SortedPRO against each other. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from bridge.sandbox.sortedpro import CreatedOrder
from bridge.store.ledger import Order
from bridge.trial.chaos_world import ShopOrder

ON_THE_WAY = frozenset({"received", "waiting", "queued", "sending", "created"})

_Key = tuple[str, str]  # shop, and the shop's id of the order


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """An order that is not as was promised."""

    what: str
    shop: str
    order_id: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Count:
    """What there is of everything. `wrong` is empty where every promise was kept."""

    orders: int  # in the shops
    not_received: int  # of them no webhook was ever acknowledged
    in_sortedpro: int
    sent: int  # shop orders whose reference stands on them
    cancelled: int
    in_doubt_made: int  # SortedPRO has it
    in_doubt_not_made: int
    changed: int  # sent, and changed or cancelled afterwards: a person was told
    wrong: Sequence[Wrong] = field(default_factory=tuple)

    def of(self, what: str) -> int:
        """How many orders are wrong in one way."""
        return sum(one.what == what for one in self.wrong)


KINDS = {
    "double": "made twice in SortedPRO",
    "stray": "in SortedPRO, and the bridge does not know it",
    "lost": "acknowledged, should ship, and unknown to the bridge",
    "stopped": "should ship, and the bridge decided otherwise",
    "stuck": "still on its way when the time was over",
    "without reference": "sent, and its reference is not on the shop order",
    "not told": "cancelled after it was sent, and no person is told",
}


def make_count(
    shop_orders: Sequence[ShopOrder],
    acknowledged: Collection[_Key],
    ledger: Sequence[Order],
    made: Sequence[CreatedOrder],
) -> Count:
    """Count; `acknowledged` are the orders of which the bridge acknowledged a webhook."""
    rows: Mapping[_Key, list[Order]] = defaultdict(list)
    for row in ledger:
        rows[row.shop, row.order_id].append(row)
    references = Counter(one.customer_reference for one in made)
    doubtful = [row for row in ledger if row.state == "in_doubt"]
    made_all_the_same = sum(row.customer_reference in references for row in doubtful)
    wrong = [*_wrong_in_sortedpro(ledger, made)]
    for one in shop_orders:
        key = (one.shop, one.order_id)
        if key in acknowledged:
            wrong += _wrong_of(one, rows.get(key, []))
    return Count(
        orders=len(shop_orders),
        not_received=sum((one.shop, one.order_id) not in acknowledged for one in shop_orders),
        in_sortedpro=len(made),
        sent=sum(one.reference is not None for one in shop_orders),
        cancelled=sum(not one.ships for one in shop_orders),
        in_doubt_made=made_all_the_same,
        in_doubt_not_made=len(doubtful) - made_all_the_same,
        changed=sum(row.changed for row in ledger),
        wrong=wrong,
    )


def _wrong_in_sortedpro(ledger: Sequence[Order], made: Sequence[CreatedOrder]) -> list[Wrong]:
    """Orders of one reference of ours, and those that stand in no row of the ledger."""
    rows = {row.customer_reference: row for row in ledger}
    seen: dict[str, str] = {}
    wrong = []
    for one in made:
        row = rows.get(one.customer_reference)
        shop, order_id = (row.shop, row.order_id) if row else ("", str(one.metadata.get("ShopOrderId")))
        if one.customer_reference in seen:
            words = f"{one.customer_reference} is {seen[one.customer_reference]} and {one.reference}"
            wrong.append(Wrong(what="double", shop=shop, order_id=order_id, words=words))
        elif row is None or not (row.reference == one.reference or row.state in {"in_doubt", "sending"}):
            words = f"{one.reference} is {one.customer_reference}, of which the ledger says {_told(row)}"
            wrong.append(Wrong(what="stray", shop=shop, order_id=order_id, words=words))
        seen.setdefault(one.customer_reference, one.reference)
    return wrong


def _wrong_of(one: ShopOrder, rows: Sequence[Order]) -> list[Wrong]:
    """What is wrong with an order that the bridge has acknowledged."""
    if not rows:
        return [_wrong("lost", one, "no row in the ledger")] if one.ships else []
    wrong = []
    for row in rows:
        if row.state in ON_THE_WAY:
            wrong.append(_wrong("stuck", one, _told(row)))
        elif row.state == "done":
            if row.part == 1 and one.reference != row.reference:
                wrong.append(_wrong("without reference", one, f"{_told(row)}; on the shop order: {one.reference}"))
            if not one.ships and not row.changed:
                wrong.append(_wrong("not told", one, _told(row)))
        elif one.ships and row.state != "in_doubt":
            wrong.append(_wrong("stopped", one, _told(row)))
    return wrong


def _wrong(what: str, one: ShopOrder, words: str) -> Wrong:
    return Wrong(what=what, shop=one.shop, order_id=one.order_id, words=words)


def _told(row: Order | None) -> str:
    if row is None:
        return "nothing"
    words = row.reference or row.reason
    return f"{row.state} ({words}{'; ' + row.trouble if row.trouble else ''})"
