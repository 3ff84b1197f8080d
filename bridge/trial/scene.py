"""What a scene of the story is: one shop order, what happens to it, and how it must come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.store.ledger import Order
from bridge.trial.stage import Stage

# Puts the order with this number into its shop, ordered at this time; gives the shop's id of it.
Begin = Callable[[Stage, int, datetime], str]
Act = Callable[[Stage, Order], None]


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something that happens as soon as the bridge has brought the order to a state."""

    state: str
    act: Act


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One order of the story."""

    shop: str
    number: int
    shows: str  # in words, for the table
    begin: Begin
    steps: Sequence[Step] = ()  # one after the other
    state: str = "done"  # how it ends; "" where the bridge makes no order of it
    reason: str = ""  # must occur in the reason that it ends with
    history: str = ""  # must occur in the order's story
    sent: bool = True  # whether SortedPRO has it in the end, exactly once
    carries: str = ""  # must occur in what SortedPRO got, as JSON
    look: str = ""  # where to look next; {name} is the order's

    @property
    def name(self) -> str:
        """What people call the order."""
        return f"#{self.number}"

    @property
    def next_look(self) -> str:
        """Where to look next, for people."""
        return (self.look or 'bridge order show "{name}"').format(name=self.name)
