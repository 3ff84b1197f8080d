"""What stored orders say of a mapping: shipping methods that have no row in `services`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from bridge.cli.opening import settings, store
from bridge.errors import BridgeError, ConfigurationError
from bridge.platforms.base import Fetched, Look, OrderBody
from bridge.platforms.routing import NONE
from bridge.shops import Shop
from bridge.store import queries
from bridge.store.database import transaction

_ORDERS = 2_000  # of each shop, the newest ones


def unknown_methods(shop: Shop) -> Iterator[str]:
    """A sentence for each shipping method of stored orders that would stop its orders; none where there is no store."""
    now = settings()
    if not shop.mapping.routing.services.rows or (now.database is None and not (now.data / "PG_VERSION").exists()):
        return
    try:
        bodies = _bodies(shop)
    except ConfigurationError as error:
        yield f"stored orders were not looked at for shipping methods: {error.problems[0]}"
        return
    counts = Counter(name for body in bodies for name in _without_row(shop, body))
    for name, count in counts.most_common():
        orders = "1 stored order has" if count == 1 else f"{count} stored orders have"
        yield f'{orders} the shipping method "{name}", which has no row in `services`: add it, or the next one fails'


def _bodies(shop: Shop) -> list[OrderBody]:
    with store() as engine, transaction(engine) as connection:
        stored = queries.newest_bodies(connection, shop.name, limit=_ORDERS)
    read = (shop.platform.read(body, topic) for body, topic in stored)
    return [content for content in read if isinstance(content, OrderBody)]


def _without_row(shop: Shop, body: OrderBody) -> set[str]:
    """The methods of an order's goods that have no row, by the name that people know best; by the body alone."""
    look = Look(order=body.order, fetched=Fetched(complete=True), now=datetime.now(UTC), shop=shop.facts)
    try:
        lines = shop.platform.shipping(look).lines
    except (BridgeError, ValueError):
        return set()  # a body that cannot be read for goods has troubles of its own
    named = [[str(name) for name in line.get("methods") or [NONE]] for line in lines]
    return {names[-1] for names in named if shop.mapping.routing.services.key_of(names) is None}
