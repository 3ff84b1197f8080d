"""What forwarding works with; put together in one place, so that tests and the real thing differ only in arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from bridge.decide import Body
from bridge.errors import BridgeError, ShopTrouble
from bridge.fetch import Fetcher
from bridge.intake import Intake
from bridge.platforms.base import OrderBody
from bridge.shops import Shop
from bridge.sortedpro.client import SortedPro
from bridge.stops import Reach
from bridge.store import inbox, ledger, products
from bridge.store.database import transaction

_LOOKED_AT = frozenset({"received", "waiting", "queued"})  # states whose work begins with the newest body
_MOST_AT_HAND = 200


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
    _at_hand: dict[int, inbox.Stored] = field(default_factory=dict)  # bodies that were read with the claim

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

    def claim(self, *, without: Sequence[str] = ()) -> ledger.Order | None:
        """Take the next order, of no shop in `without`, and its newest body in the same transaction."""
        try:
            return self._claim(without, loads=True)
        except DBAPIError:  # a body that cannot be read is the trouble of its order, which meets it again
            return self._claim(without, loads=False)

    def _claim(self, without: Sequence[str], *, loads: bool) -> ledger.Order | None:
        with transaction(self.engine) as connection:
            order = ledger.claim(connection, self.clock(), self.new_id(), without=without)
            if loads and order is not None and order.body_id is not None and order.state in _LOOKED_AT:
                if len(self._at_hand) > _MOST_AT_HAND:  # of orders that came to nothing
                    self._at_hand.clear()
                self._at_hand[order.body_id] = inbox.load(connection, order.body_id)
        return order

    def body(self, shop: Shop, body_id: int) -> Body:
        """A stored body, parsed."""
        stored = self._at_hand.pop(body_id, None)
        if stored is None:
            with transaction(self.engine) as connection:
                stored = inbox.load(connection, body_id)
        content = shop.platform.read(stored.body, stored.topic)
        if not isinstance(content, OrderBody):
            raise BridgeError("a stored body is no order to this release")
        return Body(content=content, received_at=stored.received_at)
