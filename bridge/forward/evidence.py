"""What SortedPRO shows of an order in doubt: whether it was packed, and whose order a reference is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from bridge.backoff import first_evidence, next_evidence
from bridge.errors import ActionRefused, CallFailed, ConfigurationError
from bridge.forward.tools import Tools
from bridge.sortedpro.client import ATTEMPT_MARK, SortedPro
from bridge.store import ledger, queries
from bridge.store.database import transaction

log = structlog.get_logger()

CODE = "evidence"  # of the history rows that say what was found
_LIMIT = timedelta(seconds=10)  # of a call; nobody but a person waits for its answer
_NAMED = 5  # consignments


# ---------------------------------------------------------------------------------------------------------------------
# Gathered by the worker
# ---------------------------------------------------------------------------------------------------------------------
def gather(tools: Tools, order: ledger.Order) -> datetime | None:
    """Look for consignments with the order's reference of ours, where it is time; returns when to look again.

    A consignment proves that the order exists, though it does not name it; none proves nothing. What was found goes
    into the history where it is news. A search that fails is no trouble of the order: the next one will do.
    """
    now, since = tools.clock(), order.state_since
    if now < first_evidence(since):
        return first_evidence(since)
    if not order.customer_reference:
        _tell(tools, order, "it has no OrderReferenceProvidedByCustomer, so SortedPRO cannot be searched for it", now)
        return None
    try:
        found = _client(tools, order).find_consignments(order.customer_reference, limit=_LIMIT)
    except (CallFailed, ConfigurationError) as error:
        log.warning("no evidence now", shop=order.shop, order=order.label, reason=str(error))
    else:
        _tell(tools, order, _words(found, order.customer_reference), now)
    return next_evidence(since, now)


def _client(tools: Tools, order: ledger.Order) -> SortedPro:
    client = tools.destinations.get(order.destination or "")
    if client is None:
        raise CallFailed(f"no mapping file names the destination {order.destination} any more")
    return client


def _words(found: Sequence[str], reference: str) -> str:
    if not found:
        return f"SortedPRO has no consignment with our reference {reference}: not packed, which proves nothing"
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    count = f"{len(found)} consignment{'' if len(found) == 1 else 's'}"
    return (
        f"SortedPRO has {count} with our reference {reference} ({', '.join(found[:_NAMED])}{more}): the order exists "
        "and was packed; look it up there and settle with --exists"
    )


def _tell(tools: Tools, order: ledger.Order, words: str, now: datetime) -> None:
    """Into the history, once in a doubt."""
    with transaction(tools.engine) as connection:
        if queries.said_last(connection, order, CODE) != words:
            ledger.remark(connection, order, words, now=now, code=CODE)


# ---------------------------------------------------------------------------------------------------------------------
# Asked for by a person
# ---------------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Found:
    """What SortedPRO says of a reference that a person has given."""

    attempt: UUID | None = None  # of the order, by which SortedPRO has it; None where it does not tell
    note: str = ""  # for the history: why it could not be proved
    asked: bool = True  # whether SortedPRO could be asked


def check(sortedpro: SortedPro, order: ledger.Order, reference: str, tried: Sequence[UUID]) -> Found:
    """See that a reference may be that of an order, of which `tried` are the attempts.

    Raises ActionRefused where SortedPRO has no such order, or made it by an attempt of another one, and
    ConfigurationError where address or key are wrong.
    """
    try:
        found = sortedpro.get_order(reference, limit=_LIMIT)
    except CallFailed as error:
        return Found(note=f"SortedPRO could not be asked: {error}", asked=False)
    if found is None:
        raise ActionRefused(f"SortedPRO has no order {reference}: look there again for the order of {order.label}")
    mark = _mark(found)
    if mark is None:
        return Found(note=f"SortedPRO shows no {ATTEMPT_MARK} with it")
    attempt = next((one for one in tried if str(one) == mark.lower()), None)
    if attempt is None:
        raise ActionRefused(
            f"{reference} was made by another attempt than those of {order.label}: it names {ATTEMPT_MARK} {mark}"
        )
    return Found(attempt=attempt)


def _mark(order: Mapping[str, Any]) -> str | None:
    """The attempt that an order of SortedPRO names in its metadata."""
    metadata = order.get("MetaData")
    entries = [entry for entry in metadata if isinstance(entry, Mapping)] if isinstance(metadata, list) else []
    marks = (entry.get("StringValue") for entry in entries if entry.get("KeyValue") == ATTEMPT_MARK)
    return next((mark.strip() for mark in marks if isinstance(mark, str) and mark.strip()), None)
