"""What `decide` asked for, read from the shop or taken from what was read lately."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from bridge.http import Budget
from bridge.platforms.base import Client, OrderBody, Read
from bridge.store import products
from bridge.store.database import transaction

# What one shop's orders share, so it is kept for a while under its key.
_KEPT = ("product:", "units", "regions:")


@dataclass(frozen=True, kw_only=True)
class Fetcher:
    """Reads for one order at a time; holds no database connection while a shop is asked."""

    engine: Engine
    clients: Mapping[str, Client]  # by shop
    max_age: timedelta  # of what is kept
    clock: Callable[[], datetime]

    def read(self, shop: str, order_id: str, body: OrderBody | None, keys: frozenset[str], budget: Budget) -> Read:
        """Read `keys` for an order of a configured shop. Raises ShopTrouble where it does not answer as it should."""
        now = self.clock()
        keepable = frozenset(key for key in keys if key.startswith(_KEPT))
        known: dict[str, Any] = {}
        if keepable and body is not None:
            with transaction(self.engine) as connection:
                known = products.cached(connection, shop, keepable, now - self.max_age)
        missing = keys - known.keys()
        if not missing:
            return Read(data=known)
        read = self.clients[shop].fetch(order_id, body, missing, budget)
        fresh = {key: value for key, value in read.data.items() if key.startswith(_KEPT)}
        if fresh:
            with transaction(self.engine) as connection:
                products.keep(connection, shop, fresh, now)
        return Read(data={**known, **read.data}, body=read.body, gone=read.gone)
