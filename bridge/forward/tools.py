"""What forwarding works with; put together in one place, so that tests and the real thing differ only in arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from bridge.decide import Body
from bridge.errors import BridgeError, ShopTrouble
from bridge.fetch import Fetcher
from bridge.intake import Intake
from bridge.platforms.base import OrderBody
from bridge.shops import Shop
from bridge.sortedpro.client import SortedPro
from bridge.stops import Reach
from bridge.store import inbox, ledger, products
from bridge.store.database import autocommit, transaction

_LEAVE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What a worker has."""

    engine: Engine
    shops: Mapping[str, Shop]
    intake: Intake
    fetcher: Fetcher
    destinations: Mapping[str, SortedPro]
    stored_mapping: Callable[[Shop, str, str], Shop]  # a shop with an older mapping version, by version and its text
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    chance: Callable[[], float]
    pause: Callable[[float], None]  # time.sleep
    threads: int  # that forward at a time
    reach: Reach  # a named point of the journey, see stops.py
    stopping: Callable[[], bool]  # the process is about to end: no further Create Order call is begun
    _kept: set[str] = field(default_factory=set)  # mapping versions whose text is stored
    _left: dict[str, datetime] = field(default_factory=dict)  # destinations left to other workers, until when

    def keep_mapping(self, version: str, text: str, now: datetime) -> None:
        """Store the text of a mapping version, committed, once a process."""
        if version in self._kept:
            return
        with transaction(self.engine) as connection:
            products.keep_mapping(connection, version, text, now)
        self._kept.add(version)

    def shop(self, name: str) -> Shop:
        """The shop of an order. Raises ShopTrouble where no mapping file names it any more."""
        if name not in self.shops:
            message = f"no mapping file names the shop {name} any more: bring the file back, or its variables"
            raise ShopTrouble(message, code="shop_not_configured")
        return self.shops[name]

    def leave(self, destination: str, now: datetime) -> None:
        """Leave a destination to other workers for a while: this process has not its key."""
        self._left[destination] = now + _LEAVE

    def left(self, now: datetime) -> set[str]:
        """Destinations that are left to other workers."""
        return {name for name, until in self._left.items() if until > now}

    def claim(self, *, without: Sequence[str] = ()) -> ledger.Order | None:
        """Take the next order, of no shop in `without`."""
        with autocommit(self.engine) as connection:
            return ledger.claim(connection, self.clock(), self.new_id(), without=without)

    def body(self, shop: Shop, body_id: int) -> Body:
        """A stored body, parsed."""
        with autocommit(self.engine) as connection:
            stored = inbox.load(connection, body_id)
        content = shop.platform.read(stored.body, stored.topic)
        if not isinstance(content, OrderBody):
            raise BridgeError("a stored body is no order to this release")
        return Body(content=content, received_at=stored.received_at)
