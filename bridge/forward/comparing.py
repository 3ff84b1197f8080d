"""After sending: later bodies compared with the one that was sent, and goods that were left out kept in sight."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bridge.decide import Body, Decision, Known, Send, Skip, Wait, decide
from bridge.errors import BridgeError, NotRead, ShopTrouble, WriteBackRefused
from bridge.forward import sending, standing, writing_back
from bridge.forward.looking import Looking
from bridge.forward.parts import Parts
from bridge.platforms.base import Fetched, Json, PartOf, Shipping
from bridge.platforms.routing import SKIP, Route
from bridge.shops import Shop
from bridge.sortedpro.contract import encode
from bridge.store import ledger, products
from bridge.store.database import transaction
from bridge.store.doorbell import ring
from bridge.store.ledger.claims import CLAIM

log = structlog.get_logger()

_MOST = 8  # places named in a difference
_ADDED = "goods were added after it was sent: the shop is asked about them"
_ROUNDS = 6  # reads in a row; each asks for something else


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
    if order.state == "done" and order.part == 1 and (order.left_out or order.unsent):
        order = _look_at_rest(parts, extended(parts, order))
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
    change = _deleted(gone) if isinstance(gone, Skip) else _difference(looking) or _shipped_by_others(looking)
    if isinstance(gone, Wait) and change is None:
        with transaction(parts.engine) as connection:
            return ledger.note(connection, order, **values)
    if not isinstance(gone, Skip) and _more_is_wanted(parts, looking.order):
        values["unsent"] = order.unsent or _ADDED
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


def _known(attempt: ledger.Attempt) -> Known:
    """What was known at the sending, of what was sent: goods that came later are no change of it."""
    known = Known.from_json(attempt.known)
    return replace(known, only=attempt.lines, route=Route(**attempt.route)) if attempt.lines else known


def _decided(shop: Shop, body: Body, attempt: ledger.Attempt, order: Json, fetched: Mapping[str, Json]) -> Decision:
    """The decision as it would have been at the sending, about what `comparable` left of body and reads."""
    plain = Body(content=replace(body.content, order=order), received_at=attempt.clock)
    return decide(shop, plain, Fetched(data=fetched, complete=True), _known(attempt), attempt.clock)


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


def _more_is_wanted(parts: Parts, order: ledger.Order) -> bool:
    """Whether the newest body has goods that stand in no part, by the body and what was read at the sending alone."""
    if order.part > 1 or order.body_id is None or not order.lines:
        return False  # the first part keeps watch for all; without lines there is nothing to hold it against
    with transaction(parts.engine) as connection:
        attempt = ledger.sent_attempt(connection, order)
        taken = ledger.quantities_of(ledger.parts_of(connection, order))
    shop = parts.shop(order.shop)
    content, fetched = parts.body(shop, order.body_id).content, attempt.fetched if attempt else {}
    return bool(standing.by_the_body(shop, content.order, fetched, parts.clock(), PartOf(taken=taken)))


def _shipped_by_others(looking: Looking) -> _Change | None:
    """Goods that were sent, and lie by now where the mapping says that someone else ships them: both would."""
    if SKIP not in looking.shop.mapping.routing.locations.rows.values() or looking.read(frozenset({"order"})):
        return None
    shipping = _shipping(looking, PartOf())
    words = standing.shipped_by_others(shipping, ledger.quantities_of([looking.order])) if shipping else ""
    return _Change(words=words, detail=[]) if words else None


def _look_at_rest(parts: Parts, order: ledger.Order) -> ledger.Order:
    """Goods in no part yet: still to come, gone, or free to ship now, which a person must know or the mapping sends."""
    looking = Looking(parts, order)
    gone = looking.read(frozenset({"order"}))
    if isinstance(gone, Skip):
        return _flag(parts, looking.order, _deleted(gone), {"left_out": []})
    if gone is not None or not order.lines:
        return looking.order  # not shown proves nothing
    with transaction(parts.engine) as connection:
        all_parts = ledger.parts_of(connection, looking.order)
    shipping = _shipping(looking, PartOf(taken=ledger.quantities_of(all_parts)))
    if shipping is None or any(ledger.is_open(one) for one in all_parts):
        return looking.order  # a further part is open already: it takes what is free
    return _told_rest(looking, shipping)


def _shipping(looking: Looking, part: PartOf) -> Shipping | None:
    """What ships beside all parts, read from the shop; None where the shop no longer has the order."""
    for _ in range(_ROUNDS):
        assert looking.body is not None
        content, now = looking.body.content, looking.parts.clock()
        look = standing.look_at(looking.shop, content.order, looking.data, now, part, complete=False)
        try:
            return looking.shop.platform.shipping(look)
        except NotRead as error:
            if looking.read(error.keys) is not None:
                return None
    raise BridgeError("the order asks for more after every read")


def _told_rest(looking: Looking, shipping: Shipping) -> ledger.Order:
    """Say on the order what is not sent, or open the next part for it where the mapping wants that."""
    parts, order, now = looking.parts, looking.order, looking.parts.clock()
    unsent = standing.named(shipping)
    waiting = [sending.as_json(one) for one in shipping.left_out if one.may_ship]
    sends = bool(shipping.lines) and looking.shop.mapping.policy.send_later_items and not order.changed
    with transaction(parts.engine) as connection:
        if unsent != order.unsent and (unsent or order.unsent != _ADDED):
            words = unsent or "nothing that may ship is left unsent"
            ledger.remark(connection, order, words, now=now, code="not_sent")
        if sends:
            event = f"opened for what {order.label} lacks (later_items: send): {unsent}"
            all_parts = ledger.parts_of(connection, order, lock=True)
            ledger.open_part(connection, order, all_parts, event=event, actor="worker", now=now)
            ring(connection)
        return ledger.note(connection, order, left_out=waiting, unsent="" if sends else unsent)
