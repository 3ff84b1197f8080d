"""The rules for a shop order that may become several SortedPRO orders: each piece is sent once, in one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bridge.store.ledger import Order


@dataclass(frozen=True, kw_only=True)
class Goods:
    """What of a shop order is wanted and what was sent."""

    name: str
    parts: Sequence[Order]
    made: Sequence[str]  # SortedPRO's references of all that was made of it
    wanted: Mapping[str, int]  # pieces by SKU, as the shop order has them now
    sent: Mapping[str, int]  # pieces by SKU in all SortedPRO orders together
    written: str  # the references on the shop order

    def told(self) -> str:
        """All of it in words."""
        parts = ", ".join(
            f"part {one.part} {one.state} {one.reference or ''} {one.unsent}".strip() for one in self.parts
        )
        made = ", ".join(self.made) or "nothing"
        head = f"{self.name}: {parts}; SortedPRO has {made} with {dict(self.sent)}, wanted are {dict(self.wanted)}"
        return f"{head}; the shop order carries {self.written or 'nothing'}"


def judge_parts(goods: Goods, *, settled: bool = False) -> list[str]:
    """What is wrong with it; `settled` where a person has ended every doubt."""
    return [f"{words}\n  {goods.told()}" for words in _wrong(goods, settled=settled)]


def _wrong(goods: Goods, *, settled: bool) -> Iterator[str]:
    if not goods.parts:
        yield "lost: it was acknowledged"
    states = {one.state for one in goods.parts} - {"skipped"}  # one that was opened for goods which then went along
    if not states <= ({"done"} if settled else {"done", "in_doubt"}):
        yield "stuck"
    if len(goods.made) > len(goods.parts):
        yield "doubled: a part has more than one order in SortedPRO"
    if any(count > goods.wanted.get(sku, 0) for sku, count in goods.sent.items()):
        yield "doubled: more was sent than is wanted"
    if states == {"done"}:
        yield from _wrong_when_done(goods)


def _wrong_when_done(goods: Goods) -> Iterator[str]:
    if goods.sent != goods.wanted:
        yield "lost: not all that is wanted was sent"
    references = sorted(one.reference or "" for one in goods.parts if one.state == "done")
    if references != sorted(goods.made):
        yield "what the bridge knows is not what SortedPRO has"
    if sorted(goods.written.split(", ")) != references:
        yield "the shop order does not carry each reference once"
