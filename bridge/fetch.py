"""What `decide` asked for, read from the shop or taken from what was read lately."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from bridge.http import Budget
from bridge.platforms.base import Client, OrderBody, Read
from bridge.store import products
from bridge.store.database import transaction

# What one shop's orders share, so it is kept for a while under its key.
_KEPT = ("product:", "units", "regions:")
_MOST_KEPT = 1000  # in the memory of a process, of one to three kilobytes each


@dataclass(frozen=True, kw_only=True)
class Fetcher:
    """Reads for one order at a time; holds no database connection while a shop is asked."""

    engine: Engine
    clients: Mapping[str, Client]  # by shop
    max_age: timedelta  # of what is kept
    clock: Callable[[], datetime]
    # By shop and key, with the time when it was read; what lies here is never changed.
    _memory: dict[tuple[str, str], tuple[Any, datetime]] = field(default_factory=dict)

    def read(self, shop: str, order_id: str, body: OrderBody | None, keys: frozenset[str], budget: Budget) -> Read:
        """Read `keys` for an order of a configured shop. Raises ShopTrouble where it does not answer as it should."""
        now = self.clock()
        known = self._kept(shop, frozenset(key for key in keys if key.startswith(_KEPT)), now) if body else {}
        missing = keys - known.keys()
        if not missing:
            return Read(data=known)
        read = self.clients[shop].fetch(order_id, body, missing, budget)
        fresh = {key: value for key, value in read.data.items() if key.startswith(_KEPT)}
        if fresh:
            with transaction(self.engine) as connection:
                products.keep(connection, shop, fresh, now)
            self._remember({(shop, key): (value, now) for key, value in fresh.items()})
        return Read(data={**known, **read.data}, body=read.body, gone=read.gone)

    def _kept(self, shop: str, keys: frozenset[str], now: datetime) -> dict[str, Any]:
        """What was read lately, by this process or another."""
        found = {key: self._memory[shop, key] for key in keys if (shop, key) in self._memory}
        known = {key: value for key, (value, read_at) in found.items() if read_at > now - self.max_age}
        missing = keys - known.keys()
        if missing:
            with transaction(self.engine) as connection:
                others = products.cached(connection, shop, missing, now - self.max_age)
            self._remember({(shop, key): kept for key, kept in others.items()})
            known |= {key: value for key, (value, _) in others.items()}
        return known

    def _remember(self, values: Mapping[tuple[str, str], tuple[Any, datetime]]) -> None:
        if len(self._memory) > _MOST_KEPT:
            self._memory.clear()
        self._memory.update(values)
