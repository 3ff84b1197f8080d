"""What `bridge order show` says of an order's turn: what it goes before, and what keeps it back beside itself."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from bridge import config
from bridge import shops as shop_files
from bridge.cli.opening import settings
from bridge.cli.pausing import DESTINATION, SHOP, standing, way_on
from bridge.errors import ConfigurationError
from bridge.shops import Shop
from bridge.store.ledger import Order

_UNSENT = frozenset({"received", "waiting", "held", "queued"})
_MOVED_BY_SHOP = frozenset({"received", "waiting", "queued", "created"})


def turn(connection: Connection, order: Order) -> list[str]:
    """Sentences; none for an order that nothing sets apart."""
    return [*_priority(order), *_kept_back(connection, order, datetime.now(UTC))]


def _priority(order: Order) -> list[str]:
    """The rule that ranks it, by the name that it has in the mapping as it is now."""
    if not order.priority or order.state not in _UNSENT:
        return []
    shop = _configured(order.shop)
    names = [rule.name for rule in reversed(shop.mapping.priority)] if shop else []
    name = f" ({names[order.priority - 1]})" if order.priority <= len(names) else ""
    return [f"priority {order.priority}{name}: it goes before its shop's orders of a lower one"]


def _configured(name: str) -> Shop | None:
    """A shop by its mapping file; None where that is gone or wrong."""
    try:
        for path in shop_files.files(settings().mappings):
            shop = shop_files.load_offline(path, config.environ())
            if shop.name == name:
                return shop
    except ConfigurationError:
        return None
    return None


def _kept_back(connection: Connection, order: Order, now: datetime) -> list[str]:
    """What its shop or its destination waits for."""
    kinds = (
        (SHOP, order.shop, order.state in _MOVED_BY_SHOP),
        (DESTINATION, order.destination, order.state == "queued"),
    )
    return [
        f"{kind.noun} {one.name}: {standing(one, now)}; {way_on(kind, one, now)}"
        for kind, name, counts in kinds
        if counts
        for one in kind.list(connection, now)
        if one.name == name and standing(one, now)
    ]
