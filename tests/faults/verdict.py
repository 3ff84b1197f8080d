"""The rules by which every fault is judged: nothing lost, doubled or stuck, and the reference written once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridge.store.ledger import Order


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How one shop order stands in the shop, in the ledger and in SortedPRO."""

    name: str
    order: Order | None
    story: Sequence[str]
    made: Sequence[str]  # SortedPRO's references of what was made of it
    written: str | None  # the reference on the shop order
    writes: int  # how often its record was written
    cancelled: bool
    refused: bool  # SortedPRO was told to refuse it
    sends_again: bool  # the policy for unknown outcomes
    paused: bool  # its destination
    stranger: str = ""  # another reference that stood on the shop order

    def told(self) -> str:
        """All of it in words."""
        order = self.order
        stands = f"{order.state}, due {order.due_at}, claimed until {order.claimed_until}" if order else "no such order"
        made, written = ", ".join(self.made) or "nothing", self.written or "nothing"
        head = f"{self.name}: {stands}; SortedPRO has {made}; the shop order carries {written}, {self.writes} written"
        return "\n    ".join([head, *self.story])


def judge(standing: Standing, *, settled: bool = False) -> list[str]:
    """What is wrong with it, each with its story; `settled` where a person has ended every doubt."""
    return [f"{words}\n  {standing.told()}" for words in _wrong(standing, settled=settled)]


def _wrong(standing: Standing, *, settled: bool) -> Iterator[str]:
    order = standing.order
    if order is None:
        yield "lost: it was acknowledged"
        return
    if len(standing.made) > 1 and not standing.sends_again:
        yield "doubled: there is more than one order in SortedPRO"
    conflict = bool(standing.stranger) and order.trouble_code == "write_back_conflict" and not settled
    if order.claimed_until is not None or (_is_due(order) and not conflict):
        yield "stuck: something is still to be done"
    if not (order.state == "created" and conflict):  # a person must look at that
        yield from _wrong_by_state(standing, order, settled=settled)
    if order.state in {"skipped", "failed", "queued"} and standing.made:
        yield "SortedPRO has it, and the bridge does not know"
    if order.state != "done" and (standing.written or "") != standing.stranger:
        yield "the shop order carries a reference too early"


def _is_due(order: Order) -> bool:
    return order.due_at is not None and order.state not in {"queued", "in_doubt"}


def _wrong_by_state(standing: Standing, order: Order, *, settled: bool) -> Iterator[str]:
    match order.state:
        case "done":
            yield from _wrong_when_done(standing, order)
        case "in_doubt":
            yield from _wrong_in_doubt(standing, order, settled=settled)
        case "skipped" if not standing.cancelled:
            yield "lost: it was to be shipped"
        case "failed" if not standing.refused or order.code != "refused":
            yield "lost: nothing is wrong with it"
        case "queued" if not standing.paused:
            yield "stuck: nothing holds its destination back"
        case "received" | "waiting" | "held" | "sending" | "created":
            yield f"stuck: {order.state}"


def _wrong_when_done(standing: Standing, order: Order) -> Iterator[str]:
    if order.reference not in standing.made:
        yield "lost: SortedPRO does not have it"
    if standing.written != order.reference:
        yield "the shop order does not carry its reference"
    if standing.writes != 1:
        yield "the reference was not written once"
    if standing.cancelled and "do not ship" not in order.change:
        yield "nobody is told that it was cancelled after it was sent"
    if not standing.cancelled and order.changed:
        yield "a change is told that there was not"


def _wrong_in_doubt(standing: Standing, order: Order, *, settled: bool) -> Iterator[str]:
    if settled:
        yield "stuck: a person has settled it"
    if standing.sends_again:
        yield "stuck: the policy is to send it again"
    if standing.cancelled and "do not ship" not in order.change:
        yield "nobody is told that it was cancelled while it was in doubt"
