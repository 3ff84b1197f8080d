"""A destination tried by a harmless read while its breaker is open, and stopped where it refuses its key or address."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import Connection

from bridge.errors import CallFailed, ConfigurationError
from bridge.forward.tools import Tools
from bridge.sections import Destination
from bridge.sortedpro.client import SortedPro
from bridge.store import destinations, pacing
from bridge.store.database import transaction

log = structlog.get_logger()


def probe(tools: Tools, now: datetime) -> None:
    """Try destinations whose breaker is open by a harmless read; where it goes well, one order may go."""
    with transaction(tools.engine) as connection:
        names = pacing.to_probe(connection, sorted(tools.destinations.keys() - tools.left(now)), now)
    for name in names:
        words, misconfigured = _probed(tools.destinations[name])
        with transaction(tools.engine) as connection:
            now = tools.clock()
            pacing.probed(connection, name, words, now, tools.chance)
            if misconfigured:
                one = next(shop.destination for shop in tools.shops.values() if shop.destination.name == name)
                refuse(tools, connection, one, words, now)
        log.warning("destination probed", destination=name, answer=words or "well")


def refuse(tools: Tools, connection: Connection, destination: Destination, words: str, now: datetime) -> bool:
    """Pause a destination that refuses its key or address.

    False where another key was told since this process began: then it alone is wrong, and leaves the destination to the
    others for a while.
    """
    if destinations.has_another_key(connection, destination.name, destination.credentials):
        tools.leave(destination.name, now)
        log.error("destination left to workers with its new key", destination=destination.name, reason=words)
        return False
    destinations.pause_destination(connection, destination.name, reason=words, code="misconfigured", now=now)
    log.error("destination paused", destination=destination.name, reason=words)
    return True


def _probed(account: SortedPro) -> tuple[str, bool]:
    """What is wrong with a destination, in words ("" for nothing), and whether it is its address or key."""
    try:
        account.list_locations(limit=pacing.PROBE_LIMIT)
    except CallFailed as error:
        return f"GET /shippinglocations: {error}", False
    except ConfigurationError as error:
        return "; ".join(problem.message for problem in error.problems), True
    return "", False
