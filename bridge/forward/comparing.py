"""After sending: later bodies compared with the one that was sent, and goods that were left out kept in sight."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import structlog

from bridge.decide import Body, Decision, Known, Send, Skip, Wait, decide
from bridge.errors import BridgeError, ShopTrouble, WriteBackRefused
from bridge.forward import writing_back
from bridge.forward.looking import Looking
from bridge.forward.parts import Parts
from bridge.platforms.base import Fetched, Json, Look, Shipping
from bridge.shops import Shop
from bridge.sortedpro.contract import encode
from bridge.store import ledger, products
from bridge.store.database import transaction
from bridge.store.ledger.claims import CLAIM

log = structlog.get_logger()

_MOST = 8  # places named in a difference


@dataclass(frozen=True, kw_only=True)
class _Change:
    """How a shop order differs from what was sent: in words, and with values for the history."""

    words: str
    detail: list[dict[str, Any]]


def follow(parts: Parts, order: ledger.Order) -> None:
    """Do what a sent order wants: compare a newer body, try a tag again, look at lines that were left out."""
    order = compare(parts, order)
    if order.state == "done" and order.warning and order.warning_tries < writing_back.WARNINGS:
        order = _try_again(parts, extended(parts, order))
    if order.state == "done" and order.left_out:
        order = _look_at_left_out(parts, extended(parts, order))
    now = parts.clock()
    with transaction(parts.engine) as connection:
        again = writing_back.next_visit(order, order.warning, now) if order.state == "done" else None
        ledger.rest(connection, order, due_at=again, now=now, tries=0)


def compare(parts: Parts, order: ledger.Order) -> ledger.Order:
    """Set or clear the flag `changed` where something came since the sending; the claim is kept.

    A shop that only does not show the order any more proves nothing: the flag stays as it is.
    """
    if order.revision == order.compared and not order.must_read:
        return order
    looking = Looking(parts, order)
    gone = looking.read(frozenset({"order"})) if order.must_read else None
    order = looking.order
    values: dict[str, Any] = {"compared": order.revision}
    if gone is not None or order.must_read:
        values["must_read"] = ledger.read_unless_newer(order)
    change = _deleted(gone) if isinstance(gone, Skip) else _difference(looking)
    if isinstance(gone, Wait) and change is None:
        with transaction(parts.engine) as connection:
            return ledger.note(connection, order, **values)
    return _flag(parts, looking.order, change, values)


def _deleted(gone: Skip) -> _Change:
    return _Change(words=f"do not ship: {gone.reason}", detail=[])


def _flag(parts: Parts, order: ledger.Order, change: _Change | None, values: dict[str, Any]) -> ledger.Order:
    now = parts.clock()
    with transaction(parts.engine) as connection:
        if change is None:
            if order.changed:
                ledger.remark(connection, order, "the shop order is again as it was sent", now=now)
            return ledger.note(connection, order, changed=False, change="", **values)
        if change.words != order.change:
            ledger.remark(connection, order, change.words, now=now, code="changed", detail=change.detail)
            log.warning("changed after sending", shop=order.shop, order=order.label, reference=order.reference)
        return ledger.note(connection, order, changed=True, change=change.words, **values)


def extended(parts: Parts, order: ledger.Order) -> ledger.Order:
    """The order with a whole claim before it, because more calls follow. Raises ClaimLost."""
    with transaction(parts.engine) as connection:
        return ledger.extend(connection, order, parts.clock() + CLAIM)


def _difference(looking: Looking) -> _Change | None:
    """What is different between the body that was sent and the newest one, decided and rendered by the same code."""
    parts, order, shop = looking.parts, looking.order, looking.shop
    assert order.body_id is not None
    newest = parts.body(shop, order.body_id)
    ended = shop.platform.ended(newest.content.order)
    if ended:
        return _Change(words=f"do not ship: {ended}", detail=[])
    with transaction(parts.engine) as connection:
        attempt = ledger.sent_attempt(connection, order)
        text = products.mapping_text(connection, attempt.mapping_version) if attempt else None
    if attempt is None:
        return None  # adopted: the bridge did not send it, so it has nothing to compare with
    if text is None:
        raise BridgeError("the mapping that the order was sent with is not stored")
    then = replace(parts.stored_mapping(shop, attempt.mapping_version, text), mode="live")
    anew = shop.platform.reread(newest.content.order, attempt.fetched)
    if anew and isinstance(gone := looking.read(anew), Skip):
        return _deleted(gone)
    sent = parts.body(shop, attempt.body_id)
    before = shop.platform.comparable(sent.content.order, attempt.fetched)
    read = {**attempt.fetched, **looking.data} if anew else attempt.fetched
    after = shop.platform.comparable(newest.content.order, read)
    if before == after:
        return None  # our own echo, mostly: nothing that could decide otherwise
    return _told(_decided(then, sent, attempt, *before), _decided(then, newest, attempt, *after))


def _decided(shop: Shop, body: Body, attempt: ledger.Attempt, order: Json, fetched: Mapping[str, Json]) -> Decision:
    """The decision as it would have been at the sending, about what `comparable` left of body and reads."""
    plain = Body(content=replace(body.content, order=order), received_at=attempt.clock)
    known = Known.from_json(attempt.known)
    return decide(shop, plain, Fetched(data=fetched, complete=True), known, attempt.clock)


def _told(sent: Decision, now: Decision) -> _Change | None:
    """The difference of two decisions, None where they are the same."""
    if not isinstance(now, Send):
        if type(now) is type(sent) and now == sent:
            return None
        reason = getattr(now, "reason", None) or "it can no longer be mapped"
        return _Change(words=f"changed after sending; it would not be sent now: {reason}", detail=[])
    before = dict(_leaves(json.loads(encode(sent.payload)) if isinstance(sent, Send) else {}))
    after = dict(_leaves(json.loads(encode(now.payload))))
    places = [place for place in {**before, **after} if before.get(place) != after.get(place)]
    if not places:
        return None
    more = f" and {len(places) - _MOST} more" if len(places) > _MOST else ""
    detail = [{"target": place, "sent": before.get(place), "now": after.get(place)} for place in places]
    return _Change(words=f"changed after sending: {', '.join(places[:_MOST])}{more}", detail=detail)


def _leaves(value: Json, place: str = "") -> Iterator[tuple[str, Json]]:
    """Every single value of a JSON document with its place: `Packages[0].Items[1].Sku`."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{index}]")
    else:
        yield place, value


def _try_again(parts: Parts, order: ledger.Order) -> ledger.Order:
    """Try the tag or note that failed once more; the reference itself stands already."""
    try:
        warning = "; ".join(writing_back.put(parts, order))
    except (ShopTrouble, WriteBackRefused) as trouble:
        warning = str(trouble)
    with transaction(parts.engine) as connection:
        if not warning:
            ledger.remark(connection, order, "tag and note are complete", now=parts.clock())
        return ledger.note(connection, order, warning=warning, warning_tries=order.warning_tries + 1)


def _look_at_left_out(parts: Parts, order: ledger.Order) -> ledger.Order:
    """Goods that were not sent: still to come, gone, or free to ship now, which a person must know."""
    looking = Looking(parts, order)
    gone = looking.read(frozenset({"order"}))
    if isinstance(gone, Skip):
        return _flag(parts, looking.order, _deleted(gone), {"left_out": []})
    if gone is not None:
        return looking.order  # not shown proves nothing
    assert looking.body is not None
    shop, now = looking.shop, parts.clock()
    look = Look(
        order=looking.body.content.order, fetched=Fetched(data=looking.data, complete=True), now=now, shop=shop.facts
    )
    shipping = shop.platform.shipping(look)
    with transaction(parts.engine) as connection:
        attempt = ledger.sent_attempt(connection, looking.order)
    unsent, free = _unsent(parts, shop, looking.order, attempt, shipping)
    with transaction(parts.engine) as connection:
        if unsent != looking.order.unsent:
            words = unsent or "nothing that may ship is left unsent"
            ledger.remark(connection, looking.order, words, now=now, code="not_sent")
        waiting = [asdict(one) for one in shipping.left_out if one.may_ship]
        return ledger.note(connection, looking.order, left_out=[*waiting, *free], unsent=unsent)


def _unsent(
    parts: Parts, shop: Shop, order: ledger.Order, attempt: ledger.Attempt | None, shipping: Shipping
) -> tuple[str, list[dict[str, Any]]]:
    """What may ship now and was not in what was sent: in words ("" for nothing), and as lines left out."""
    if attempt is None:
        return "", []
    then = parts.body(shop, attempt.body_id)
    fetched = Fetched(data=attempt.fetched, complete=True)
    look = Look(order=then.content.order, fetched=fetched, now=attempt.clock, shop=shop.facts)
    sent = _quantities(shop.platform.shipping(look).lines)
    free = _quantities(shipping.lines)
    words, lines = [], []
    for one in {one["line_id"]: one for one in order.left_out}.values():
        extra = free.get(one["line_id"], 0) - sent.get(one["line_id"], 0)
        if extra > 0:
            words.append(f"{extra} x {one['name']} may ship now and stands in no SortedPRO order")
            lines.append({**one, "quantity": int(extra), "reason": "not sent"})
    return "; ".join(words), lines


def _quantities(lines: Sequence[Json]) -> dict[str, Any]:
    """Shipping quantities by line id."""
    found: dict[str, Any] = {}
    for line in lines:
        found[str(line["id"])] = found.get(str(line["id"]), 0) + line["quantity"]
    return found
