"""Leaving reference and record on a WooCommerce order: idempotent, beside those of other parts, never over another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any

from bridge.errors import ShopTrouble, WriteBackConflict, WriteBackRefused
from bridge.http import Budget
from bridge.platforms.base import OrderBody, Record
from bridge.platforms.woocommerce import reading
from bridge.platforms.woocommerce.api import Api, Reply
from bridge.platforms.woocommerce.records import (
    RECORD_META,
    is_reference,
    meta_values,
    own_records,
    records_on,
    references_in,
    rows_naming,
    written,
)
from bridge.platforms.woocommerce.settings import WooCommerceSettings

_NO_ORDER = frozenset({"woocommerce_rest_shop_order_invalid_id", "woocommerce_rest_order_invalid_id"})
_GONE = (
    "the shop no longer has this order (deleted, in the trash, or its id was given to another); "
    "its SortedPRO order exists all the same: cancel it there if it must not ship. "
    "`bridge order settle --write-back keep` ends this"
)
_TWO_REFERENCES = (
    "find out in SortedPRO which order is right and cancel the other; take the other reference off the shop order (the "
    "bridge looks again every hour), or end it with `bridge order settle NAME --write-back keep|overwrite`"
)


def write_reference(
    api: Api, settings: WooCommerceSettings, body: OrderBody, record: Record, budget: Budget, *, overwrite: bool = False
) -> Sequence[str]:
    """Write what is not there yet: the reference and the record as meta data, then a private note.

    Writing meta data makes WooCommerce send the order once more, even if nothing changes, so it is left alone where all
    is well; a note sends nothing (measured, 8.9.3 and 11.0.1). A note that fails is a warning. Two parts of one order
    may not be written at once: the later would undo the earlier. With `overwrite` our reference takes the place of any
    that would be a conflict.
    """
    found = reading.order(api, body.order_id, budget)
    if found is None or is_another(found.document, body):
        raise WriteBackRefused(_GONE, code="order_gone")
    if not _is_written(found.document, settings.meta, record):
        if not overwrite:
            _refuse_conflict(found.document, settings.meta, record)
        _write_meta(api, settings.meta, record, found.document, budget)
    return _note(api, settings.note.replace("{reference}", record.reference), record, budget) if settings.note else ()


def is_another(order: Mapping[str, Any], body: OrderBody) -> bool:
    """A shop restored from an old copy gives ids a second time; the order key tells them apart."""
    key = str(order.get("order_key") or "")
    return bool(key and body.order_key and key != body.order_key)


def _is_written(order: Mapping[str, Any], meta: str, record: Record) -> bool:
    stands = own_records(order)
    return (
        bool(stands)
        and not stands[0].also
        and any(_says_the_same(one, record) for one in stands)
        and meta_values(order, meta) == [_references(stands)]
    )


def _says_the_same(stands: Record, record: Record) -> bool:
    """Whether two records differ in nothing but their time."""
    same_part = (stands.reference, stands.part, stands.destination)
    return same_part == (record.reference, record.part, record.destination)


def _refuse_conflict(order: Mapping[str, Any], meta: str, record: Record) -> None:
    """Raise WriteBackConflict where another reference stands for this part, or one of no part.

    References that were copied from another order with its record do not count.
    """
    stands = own_records(order)
    if not stands and records_on(order):
        return
    for one in stands:
        if one.part == record.part and not _says_the_same(one, record):
            raise WriteBackConflict(
                f"the order carries {one.reference} of {one.destination}{_of_part(record)}, so {record.reference} of "
                f"{record.destination} was not written; {_TWO_REFERENCES}"
            )
    known = {record.reference, *(one.reference for one in stands)}
    others = [text for value in meta_values(order, meta) for text in references_in(value) if text not in known]
    if others:
        named = ", ".join(text for text in others if is_reference(text))  # other texts may say anything
        which = f" ({named})" if named else ""
        raise WriteBackConflict(
            f"the order's custom field {meta} holds another text{which}, so {record.reference} was not written; if it "
            f"is no reference, empty the field; if it is one, {_TWO_REFERENCES}"
        )
    if also := [text for text in (stands[0].also if stands else ()) if text not in known]:
        raise WriteBackConflict(
            f"beside {record.reference} the order carries {', '.join(also)}, so nothing was written; {_TWO_REFERENCES}"
        )


def _write_meta(api: Api, meta: str, record: Record, order: Mapping[str, Any], budget: Budget) -> None:
    """Write the record beside those of other parts that stand there, and over references of no part.

    By key without id: WooCommerce changes the first row of a key and removes further ones (measured, 11.0.1). It has no
    way to write only where nothing has changed since the reading, so its answer is looked at.
    """
    stands = own_records(order)
    merged = sorted([*(one for one in stands if one.part != record.part), record], key=lambda one: one.part)
    rows: list[dict[str, Any]] = [
        {"key": meta, "value": _references(merged)},
        {"key": RECORD_META, "value": written(*merged)},
    ]
    # A stranger beside our record stands under a key of its own: a row with its id is changed in place.
    strangers = {*stands[0].also} - {record.reference} if stands else set()
    rows += [{**row, "value": _references(merged)} for row in rows_naming(order, strangers, but={meta, RECORD_META})]
    reply = api.put(f"orders/{record.order_id}", {"meta_data": rows}, budget)
    if reply.code in _NO_ORDER:
        raise WriteBackRefused(_GONE, code="order_gone")
    if not reply.ok:
        raise WriteBackRefused(
            f"the shop refused the reference with {_named(reply)}; look into the shop's log: the bridge tries again "
            "every hour"
        )
    _check_written(reply, merged)


def _check_written(reply: Reply, merged: Sequence[Record]) -> None:
    """Raise ShopTrouble where a record is not on the order as the shop gives it back."""
    found = own_records(reply.document) if isinstance(reply.document, Mapping) else ()
    lost = [str(one.part) for one in merged if not any(_says_the_same(stands, one) for stands in found)]
    if lost:
        raise ShopTrouble(
            f"the shop took the reference, but then lacked the record of part {', '.join(lost)}: something else wrote "
            "to the order at the same moment; the bridge reads the order and tries again",
            code="write_back_raced",
        )


def _references(parts: Sequence[Record]) -> str:
    """What people read in the order's custom field."""
    return ", ".join(dict.fromkeys(one.reference for one in parts))


def _of_part(record: Record) -> str:
    return f" as its part {record.part}" if record.part > 1 else ""


def _note(api: Api, text: str, record: Record, budget: Budget) -> Sequence[str]:
    """A private note, unless one with the reference stands there; repeating a note would store it twice."""
    path = f"orders/{record.order_id}/notes"
    try:
        notes = api.read(path, budget)
        if any(record.reference in unescape(str(note.get("note"))) for note in notes if isinstance(note, Mapping)):
            return ()
        reply = api.post(path, {"note": text, "customer_note": False}, budget)
    except ShopTrouble as trouble:
        return (f"the order's note could not be written: {trouble}",)
    return () if reply.ok else (f"the shop refused the order's note with {_named(reply)}",)


def _named(reply: Reply) -> str:
    return f"{reply.code[:80] or 'an unknown error'} (HTTP {reply.status})"
