"""After sending: later bodies compared with the one that was sent, and goods that were left out kept in sight."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from bridge.backoff import CLAIM
from bridge.decide import Body, Decision, Known, Needs, Send, Skip, Wait, decide
from bridge.errors import BridgeError, ShopTrouble, WriteBackRefused
from bridge.forward import evidence, sending, standing, writing_back
from bridge.forward.looking import Looking
from bridge.forward.tools import Tools
from bridge.platforms.base import Fetched, Json, Look, PartOf, Shipping
from bridge.platforms.routing import SKIP, Route
from bridge.shops import Shop
from bridge.sortedpro.contract import encode
from bridge.store import ledger, products
from bridge.store.database import transaction
from bridge.store.doorbell import ring

log = structlog.get_logger()

_MOST = 8  # places named in a difference
_ADDED = "goods were added after it was sent: the shop is asked about them"
_ROUNDS = 6  # reads in a row; each asks for something else


@dataclass(frozen=True, kw_only=True)
class _Change:
    """How a shop order differs from what was sent: in words ("" for not at all), and with values for the history."""

    words: str = ""
    detail: list[dict[str, Any]] = field(default_factory=list)
    ends: bool = False  # nothing of the order is to be shipped any more
    may_lack: bool = True  # it may want goods that were not sent; not where it is as it was

    @property
    def is_none(self) -> bool:
        """Whether nothing differs."""
        return not self.words


def follow(tools: Tools, order: ledger.Order) -> None:
    """Do what a sent order wants: compare a newer body, try a tag again, look at lines that were left out.

    Of one in doubt, which goes on to wait for a person, SortedPRO is asked what it shows.
    """
    order = compare(tools, order)
    if order.state == "in_doubt":
        order = extended(tools, order)
        again = evidence.gather(tools, order)
        with transaction(tools.engine) as connection:
            ledger.rest(connection, order, due_at=again, now=tools.clock(), tries=0)
        return
    if order.state == "done" and order.warning and order.warning_tries < writing_back.WARNINGS:
        order = _try_again(tools, extended(tools, order))
    if order.state == "done" and (order.left_out or order.unsent):
        order = _watch(tools, extended(tools, order))
    now = tools.clock()
    with transaction(tools.engine) as connection:
        again = writing_back.next_visit(order, order.warning, now)
        ledger.rest(connection, order, due_at=again, now=now, tries=0)


def compare(tools: Tools, order: ledger.Order) -> ledger.Order:
    """Set or clear the flag `changed` where something came since the sending; the claim is kept.

    A shop that only does not show the order any more proves nothing: the flag stays as it is.
    """
    if order.revision == order.compared and not order.must_read:
        return order
    looking = Looking(tools, order)
    gone = looking.read(frozenset({"order"})) if order.must_read else None
    order = looking.order
    values: dict[str, Any] = {"compared": order.revision}
    if gone is not None or order.must_read:
        values["must_read"] = ledger.read_unless_newer(order)
    change = _deleted(gone) if isinstance(gone, Skip) else _difference(looking)
    if change.is_none and isinstance(gone, Wait):
        with transaction(tools.engine) as connection:
            return ledger.note(connection, order, **values)
    if change.ends:
        values |= {"unsent": "", "left_out": []}
    elif change.may_lack and _more_is_wanted(tools, looking.order):
        values["unsent"] = order.unsent or _ADDED
    if change.is_none:
        change = _shipped_by_others(looking)
    return _flag(tools, looking.order, change, values)


def _deleted(gone: Skip) -> _Change:
    return _Change(words=f"do not ship: {gone.reason}", ends=True)


def _flag(tools: Tools, order: ledger.Order, change: _Change, values: dict[str, Any]) -> ledger.Order:
    now = tools.clock()
    with transaction(tools.engine) as connection:
        if change.is_none:
            if order.changed:
                ledger.remark(connection, order, "the shop order is again as it was sent", now=now)
            return ledger.note(connection, order, changed=False, change="", **values)
        if change.words != order.change:
            ledger.remark(connection, order, change.words, now=now, code="changed", detail=change.detail)
            log.warning("changed after sending", shop=order.shop, order=order.label, reference=order.reference)
        return ledger.note(connection, order, changed=True, change=change.words, **values)


def extended(tools: Tools, order: ledger.Order) -> ledger.Order:
    """The order with a whole claim before it, because more calls follow. Raises ClaimLost."""
    with transaction(tools.engine) as connection:
        return ledger.extend(connection, order, tools.clock() + CLAIM)


def _difference(looking: Looking) -> _Change:
    """What is different between the body that was sent and the newest one, decided and rendered by the same code."""
    tools, order, shop = looking.tools, looking.order, looking.shop
    assert order.body_id is not None
    newest = tools.body(shop, order.body_id)
    ended = shop.platform.ended(newest.content.order)
    if ended:
        return _Change(words=f"do not ship: {ended}", ends=True)
    with transaction(tools.engine) as connection:
        attempt = ledger.sent_attempt(connection, order)
        text = products.mapping_text(connection, attempt.mapping_version) if attempt else None
    if attempt is None:
        return _Change()  # adopted: the bridge did not send it, so it has nothing to compare with
    if text is None:
        raise BridgeError("the mapping that the order was sent with is not stored")
    then = replace(tools.stored_mapping(shop, attempt.mapping_version, text), mode="live")
    anew = shop.platform.reread(newest.content.order, attempt.fetched)
    if anew and isinstance(gone := looking.read(anew), Skip):
        return _deleted(gone)
    sent = tools.body(shop, attempt.body_id)
    before = shop.platform.comparable(sent.content.order, attempt.fetched)
    read = {**attempt.fetched, **looking.data} if anew else attempt.fetched
    after = shop.platform.comparable(newest.content.order, read)
    if before == after:
        return _Change(may_lack=False)  # our own echo, mostly: nothing that could decide otherwise
    return _told(_decided(then, sent, attempt, *before), _decided(then, newest, attempt, *after))


def _known(attempt: ledger.Attempt) -> Known:
    """What was known at the sending, of what was sent: goods that came later are no change of it."""
    known = Known.from_json(attempt.known)
    return replace(known, only=attempt.lines, route=Route(**attempt.route)) if attempt.lines else known


def _decided(shop: Shop, body: Body, attempt: ledger.Attempt, order: Json, fetched: Mapping[str, Json]) -> Decision:
    """The decision as it would have been at the sending, about what `comparable` left of body and reads."""
    plain = Body(content=replace(body.content, order=order, host=""), received_at=attempt.clock)
    return decide(shop, plain, Fetched(data=fetched, complete=True), _known(attempt), attempt.clock)


def _told(sent: Decision, now: Decision) -> _Change:
    """The difference of two decisions."""
    if not isinstance(now, Send):
        if type(now) is type(sent) and now == sent:
            return _Change()
        reason = getattr(now, "reason", None) or "it can no longer be mapped"
        return _Change(words=f"changed after sending; it would not be sent now: {reason}")
    before = dict(_leaves(json.loads(encode(sent.payload)) if isinstance(sent, Send) else {}))
    after = dict(_leaves(json.loads(encode(now.payload))))
    places = [place for place in {**before, **after} if before.get(place) != after.get(place)]
    if not places:
        return _Change()
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


def _try_again(tools: Tools, order: ledger.Order) -> ledger.Order:
    """Try the tag or note that failed once more; the reference itself stands already. A busy shop costs no try."""
    try:
        warning = "; ".join(writing_back.put(tools, order))
    except (ShopTrouble, WriteBackRefused) as trouble:
        if isinstance(trouble, ShopTrouble) and trouble.retry_after:
            return order
        warning = str(trouble)
    with transaction(tools.engine) as connection:
        if not warning:
            ledger.remark(connection, order, "tag and note are complete", now=tools.clock())
        return ledger.note(connection, order, warning=warning, warning_tries=order.warning_tries + 1)


def _more_is_wanted(tools: Tools, order: ledger.Order) -> bool:
    """Whether the newest body has goods that stand in no part, by the body and what was read at the sending alone."""
    if order.body_id is None:
        return False
    with transaction(tools.engine) as connection:
        attempt = ledger.sent_attempt(connection, order)
        rows = ledger.parts_of(connection, order) if order.parts > 1 else [order]
    found = standing.of_parts(tools, rows)
    if found.unclear:
        return False  # there is nothing to hold it against
    shop = tools.shop(order.shop)
    content, fetched = tools.body(shop, order.body_id).content, attempt.fetched if attempt else {}
    part = PartOf(number=rows[-1].part + 1, taken=found.taken, gone=ledger.numbers(order.gone))
    return bool(standing.by_the_body(shop, content.order, fetched, tools.clock(), part))


def _shipped_by_others(looking: Looking) -> _Change:
    """Goods that were sent, and lie by now where the mapping says that someone else ships them: both would."""
    if SKIP not in looking.shop.mapping.routing.locations.rows.values() or looking.read(frozenset({"order"})):
        return _Change()
    assert looking.body is not None
    look = _look(looking, PartOf())
    taken = standing.of_parts(looking.tools, [looking.order]).taken
    return _Change(words=standing.shipped_by_others(looking.shop.platform.shipping(look), taken))


def _watch(tools: Tools, order: ledger.Order) -> ledger.Order:
    """Goods in no part yet: still to come, gone, or free to ship now, which a person must know or the mapping sends.

    The first sent part watches for all.
    """
    looking = Looking(tools, order)
    with transaction(tools.engine) as connection:
        rows = ledger.parts_of(connection, order)
        first = ledger.first_sent(rows)
        if first is None or first.id != order.id:
            return ledger.note(connection, order, left_out=[], unsent="")
    gone = looking.read(frozenset({"order"}))
    if isinstance(gone, Skip):
        return _flag(tools, looking.order, _deleted(gone), {"left_out": [], "unsent": ""})
    found = standing.of_parts(tools, rows)
    if gone is not None or found.unclear or any(ledger.is_open(one) for one in rows):
        return looking.order  # not shown proves nothing, and a part that is open takes what is free
    known = Known(
        part=rows[-1].part + 1, taken=found.taken, gone=ledger.numbers(order.gone), released=frozenset(order.released)
    )
    decision = _next_part(looking, known)
    if decision is None or isinstance(decision, Skip):
        return _told_rest(looking, Shipping(lines=()))
    part = PartOf(number=known.part, taken=known.taken, gone=known.gone)
    return _told_rest(looking, looking.shop.platform.shipping(_look(looking, part)))


def _next_part(looking: Looking, known: Known) -> Decision | None:
    """What would become of a further part now; None where the shop no longer has the order."""
    for _ in range(_ROUNDS):
        assert looking.body is not None
        fetched, now = Fetched(data=looking.data), looking.tools.clock()
        decision = decide(looking.shop, looking.body, fetched, known, now)
        if not isinstance(decision, Needs):
            return decision
        if looking.read(decision.keys) is not None:
            return None
    raise BridgeError("the order asks for more after every read")


def _look(looking: Looking, part: PartOf) -> Look:
    assert looking.body is not None
    content, now = looking.body.content, looking.tools.clock()
    return standing.look_at(looking.shop, content.order, looking.data, now, part, complete=True)


def _told_rest(looking: Looking, shipping: Shipping) -> ledger.Order:
    """Say on the order what is not sent, or open the next part for it where the mapping wants that."""
    tools, order, now = looking.tools, looking.order, looking.tools.clock()
    unsent = standing.named(shipping)
    waiting = [sending.as_json(one) for one in shipping.left_out if one.may_ship]
    sends = bool(shipping.lines) and looking.shop.mapping.policy.send_later_items
    with transaction(tools.engine) as connection:
        if unsent != order.unsent and (unsent or order.unsent != _ADDED):
            words = unsent or "nothing that may ship is left unsent"
            ledger.remark(connection, order, words, now=now, code="not_sent")
        rows = ledger.parts_of(connection, order, lock=True) if sends else []
        # With a body that came since it is looked at again, and a part that a person opened takes what is free.
        as_read = any(one.id == order.id and one.revision == order.revision for one in rows)
        if as_read and not any(ledger.is_open(one) for one in rows):
            event = f"opened for what {order.label} lacks (later_items: send): {unsent}"
            ledger.open_part(connection, order, rows, event=event, actor="worker", now=now)
            ring(connection)
            unsent = ""
        return ledger.note(connection, order, left_out=waiting, unsent=unsent)
