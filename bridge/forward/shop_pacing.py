"""The one way to a shop for reads and write-backs: what its answers ask for holds for all workers.

A shop that asks for quiet, or whose points run low, is left alone until then. One that three orders in a row found down
is left alone for a growing time, and then tried by one order, so that it holds few threads back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy import Engine

from bridge.backoff import CLAIM
from bridge.errors import Problem, ShopTrouble, WriteBackRefused
from bridge.http import Budget
from bridge.platforms.base import Client, OrderBody, Read, Record
from bridge.store import shop_pacing
from bridge.store.database import transaction
from bridge.store.pacing import LONGEST_QUIET

log = structlog.get_logger()

T = TypeVar("T")

# Codes of what tells of the shop and not of one order, where more than one order meets it.
_DOWN = frozenset(
    {
        *("shop_unreachable", "shop_too_slow", "shop_status", "shop_error"),
        *("shop_unreadable", "shop_firewall", "shop_busy"),
    }
)
_BUSY = "shop_busy"  # meant for every caller, so it counts from the first
_FIRST, _LONGEST = timedelta(seconds=10), timedelta(minutes=5)  # of a shop that is down
_FRESH = timedelta(seconds=5)  # shorter than any quiet time of a shop that is down, so each worker knows of that
_RETURN = timedelta(seconds=5)  # after which an order comes again that met another one's trial


class PacedClient:
    """A shop's client that keeps the shop's pace. Threads share it; where all is well it asks the store every 5 s."""

    def __init__(
        self, client: Client, shop: str, *, engine: Engine, clock: Callable[[], datetime], chance: Callable[[], float]
    ) -> None:
        self._client = client
        self._shop = shop
        self._engine = engine
        self._clock = clock
        self._chance = chance
        self._fine_at: datetime | None = None  # when the store said that the shop answers; None where it may not
        self._failed: set[str] = set()  # orders that found it down since its last answer
        self._rest_told: datetime | None = None

    def fetch(self, order_id: str, body: OrderBody | None, keys: frozenset[str], budget: Budget) -> Read:
        """Read, as the client does; raises ShopTrouble also where the shop is to be left alone."""
        return self._paced(order_id, lambda: self._client.fetch(order_id, body, keys, budget))

    def write_reference(
        self, body: OrderBody, record: Record, budget: Budget, *, overwrite: bool = False
    ) -> Sequence[str]:
        """Write, as the client does; raises ShopTrouble also where the shop is to be left alone."""
        return self._paced(
            body.order_id, lambda: self._client.write_reference(body, record, budget, overwrite=overwrite)
        )

    def rest_until(self) -> datetime | None:
        """As the client says."""
        return self._client.rest_until()

    def check_access(self, budget: Budget) -> Sequence[Problem]:
        """Try the credentials at any time: a person waits, or a paused shop is probed."""
        return self._client.check_access(budget)

    def _paced(self, order_id: str, call: Callable[[], T]) -> T:
        tries = self._enter()
        try:
            result = call()
        except ShopTrouble as trouble:
            self._heed(order_id, trouble, tries=tries)
            raise
        except WriteBackRefused:
            self._answered()
            raise
        self._answered()
        return result

    def _enter(self) -> bool:
        """Whether this call is the trial of a shop that is down. Raises ShopTrouble where no call may be made."""
        now = self._clock()
        if self._fine_at is not None and now - self._fine_at < _FRESH:
            return False
        with transaction(self._engine) as connection:
            pace = shop_pacing.pace(connection, self._shop)
            down = pace.failures >= shop_pacing.DOWN
            tries = down and shop_pacing.begin_trial(connection, self._shop, until=now + CLAIM, now=now)
        self._fine_at = now if not pace.failures else None
        if (down or pace.refuses(now)) and not tries:
            message = "the shop is left alone for a while: it asked for it, or does not answer"
            raise ShopTrouble(message, code="shop_quiet", retry_after=_RETURN)
        return tries

    def _heed(self, order_id: str, trouble: ShopTrouble, *, tries: bool) -> None:
        """Leave the shop alone where the trouble is its own and not the order's."""
        if not trouble.retry_after and trouble.code in _DOWN:
            self._missed(order_id, trouble, tries=tries)
            return
        self._answered()
        if trouble.retry_after:
            self._fine_at = None
            until = self._clock() + min(trouble.retry_after, LONGEST_QUIET)
            self._quiet(until, str(trouble), trouble.code)

    def _missed(self, order_id: str, trouble: ShopTrouble, *, tries: bool) -> None:
        """No answer: counted once for each order, so that one which alone upsets the shop stops no other."""
        self._fine_at = None
        if order_id in self._failed and not tries and trouble.code != _BUSY:
            return
        self._failed.add(order_id)
        now = self._clock()
        with transaction(self._engine) as connection:
            if tries:
                shop_pacing.end_trial(connection, self._shop)
            failures = shop_pacing.count_failure(connection, self._shop, now)
        if failures >= shop_pacing.DOWN or (failures and trouble.code == _BUSY):
            doubled: timedelta = _FIRST * 2 ** min(max(failures - shop_pacing.DOWN, 0), 12)
            wait = min(doubled, _LONGEST) * (0.8 + 0.4 * self._chance())
            self._quiet(now + wait, str(trouble), trouble.code)

    def _answered(self) -> None:
        """The shop has answered; what its answer tells of its strength is told to all."""
        now = self._clock()
        self._failed.clear()
        if self._fine_at is None:
            with transaction(self._engine) as connection:
                shop_pacing.clear_failures(connection, self._shop)
            self._fine_at = now
        rest = self._client.rest_until()
        if rest is not None and rest > now and (self._rest_told is None or rest > self._rest_told):
            self._rest_told = rest
            self._quiet(rest, "its points for calls are nearly spent", shop_pacing.LOW)

    def _quiet(self, until: datetime, reason: str, code: str) -> None:
        with transaction(self._engine) as connection:
            shop_pacing.quiet_shop(connection, self._shop, until=until, reason=reason, code=code)
        log.warning("shop is left alone", shop=self._shop, reason=reason, until=str(until))
