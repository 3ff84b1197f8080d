"""What a run of the bench measures, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

PARTS = ("mapping", "receipt", "forwarding")
LONG_PARTS = ("backlog", "history", "memory")  # that run only when they are asked for


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The sizes of a run; the defaults take about three minutes on two cores for PARTS."""

    parts: tuple[str, ...] = PARTS
    seconds: int = 15  # of receipt at a fixed rate
    rate: int = 50  # webhooks a second, for these
    rounds: int = 3  # of the bridge and its floors in turn
    connections: int = 32  # of the closed loop
    burst: int = 600  # webhooks of a closed loop's round
    orders: int = 200  # that are forwarded in a round
    concurrency: int | None = None  # of the worker and of its floor; None is the package's default
    lines: int = 5  # of an order
    latencies: tuple[int, ...] = (0, 20)  # of SortedPRO, in milliseconds
    backlog: int = 50_000  # orders
    history: int = 1_000_000  # orders, with three attempts each
    memory: int = 50_000  # orders

    @property
    def supply(self) -> int:
        """How many orders the fake shops must have."""
        costs = 4
        fixed = self.rate * (self.seconds + 1)
        bursts = self.rounds * (self.burst + self.connections)
        batches = self.rounds * self.orders
        needs = {
            "receipt": fixed + bursts,
            "forwarding": costs + self.orders + (batches * 2 + self.rounds * 64) * (len(self.latencies) + 1),
            "backlog": self.backlog + self.rounds * fixed,
            "history": 2 * (bursts + batches + self.orders),
            "memory": self.memory,
        }
        return sum(count for part, count in needs.items() if part in self.parts)
