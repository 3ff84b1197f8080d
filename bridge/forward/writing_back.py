"""The reference back on the shop order. Its trouble never leads to another Create Order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from bridge.backoff import next_try
from bridge.decide import Body
from bridge.errors import ShopTrouble, WriteBackRefused
from bridge.forward import standing
from bridge.forward.tools import Tools
from bridge.http import Budget
from bridge.platforms.base import PartOf, Record
from bridge.store import destinations, ledger, overwriting
from bridge.store.database import autocommit, transaction

log = structlog.get_logger()

_CALLS = 30.0  # seconds for the calls of one write-back
_HOUR = timedelta(hours=1)
_TURN = timedelta(seconds=2)  # another part of the order is being written back
WARNINGS = 10  # tries for a tag or a note, after which it is left


def write_back(tools: Tools, order: ledger.Order, body: Body | None = None) -> None:
    """Leave reference and record on the shop order; `created` becomes `done`, or stays with its problem.

    `body` is the one that was sent, where the caller has it at hand. Two parts of one order never write at once.
    """
    if order.parts > 1 and _gives_way(tools, order):
        return
    try:
        warnings = put(tools, order, body)
    except ShopTrouble as trouble:
        _later(tools, order, str(trouble), trouble.code, trouble.retry_after, pauses=trouble.pauses)
        return
    except WriteBackRefused as refusal:
        _later(tools, order, str(refusal), refusal.code, _HOUR, pauses=False)
        return
    tools.reach("reference_written")
    now = tools.clock()
    words = f"{order.reference} stands on the shop order"
    how = f"{words} in place of another" if overwriting.is_allowed(order) else words
    with autocommit(tools.engine) as connection:
        ledger.move(
            connection, order, "done", event="; ".join([how, *warnings]), reason=words, now=now,
            released=overwriting.used(order),
            lines=_lines(tools, order), warning="; ".join(warnings),
            due_at=next_visit(order, "; ".join(warnings), now), not_before=None, tries=0, warning_tries=0,
        )  # fmt: skip
    tools.reach("done")
    log.info("written back", shop=order.shop, order=order.label, reference=order.reference)


def _lines(tools: Tools, order: ledger.Order) -> Mapping[str, str]:
    """What the order stands for; one that a person adopted for all that it wants now."""
    if order.lines or order.sent_attempt is not None or order.body_id is None:
        return order.lines
    shop = tools.shop(order.shop)
    content = tools.body(shop, order.body_id).content
    return ledger.as_text(standing.by_the_body(shop, content.order, {}, tools.clock(), PartOf()))


def _gives_way(tools: Tools, order: ledger.Order) -> bool:
    """Whether another part of the order is being written back: then this one is looked at again in a moment."""
    now = tools.clock()
    with transaction(tools.engine) as connection:
        if not ledger.another_writes(connection, order, now):
            return False
        ledger.rest(connection, order, due_at=now + _TURN * (1 + tools.chance()), now=now)
        return True


def put(tools: Tools, order: ledger.Order, body: Body | None = None) -> list[str]:
    """Write the reference; returns warnings. Raises ShopTrouble, WriteBackRefused."""
    assert order.body_id is not None
    assert order.reference is not None
    shop = tools.shop(order.shop)
    body = body or tools.body(shop, order.body_id)
    record = Record(
        order_id=order.order_id,
        order_key=body.content.order_key,
        part=order.part,
        reference=order.reference,
        destination=shop.destination.host,
        written_at=tools.clock(),
    )
    client, overwrite = tools.fetcher.clients[order.shop], overwriting.is_allowed(order)
    return list(client.write_reference(body.content, record, Budget(_CALLS), overwrite=overwrite))


def next_visit(order: ledger.Order, warning: str, now: datetime) -> datetime | None:
    """When a sent order is looked at again: at once for a newer body, later for a tag or for lines that may ship."""
    if order.revision != order.compared:
        return now
    if order.unsent and order.state == "created":
        return now
    times = [now + _HOUR] if order.left_out or order.unsent else []
    if warning and order.warning_tries < WARNINGS:
        times.append(now + timedelta(minutes=2 ** min(order.warning_tries, 6)))
    return min(times, default=None)


def _later(tools: Tools, order: ledger.Order, words: str, code: str, wait: timedelta | None, *, pauses: bool) -> None:
    """The order stays `created`, with its problem and the time of the next try."""
    now = tools.clock()
    when = now + (min(wait, _HOUR) if wait else next_try(order.tries, tools.chance))
    with transaction(tools.engine) as connection:
        if pauses and destinations.pause_shop(connection, order.shop, reason=words, code=code, now=now):
            log.error("shop paused", shop=order.shop, reason=words)
        if (order.trouble_code, order.trouble) != (code, words):
            ledger.remark(connection, order, f"not written back yet: {words}", now=now, code=code)
        ledger.postpone(connection, order, not_before=when, trouble=words, code=code, now=now)
    log.warning("not written back yet", shop=order.shop, order=order.label, reason=words, next_try=str(when))
