"""Leaving reference and record on a WooCommerce order: idempotent, and never over another reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any

from bridge.errors import ShopTrouble, WriteBackConflict, WriteBackRefused
from bridge.http import Budget
from bridge.platforms.base import OrderBody, Record
from bridge.platforms.woocommerce import reading
from bridge.platforms.woocommerce.api import Api, Reply
from bridge.platforms.woocommerce.records import RECORD_META, identity, meta_values, record_on, written
from bridge.platforms.woocommerce.settings import WooCommerceSettings

_NO_ORDER = frozenset({"woocommerce_rest_shop_order_invalid_id", "woocommerce_rest_order_invalid_id"})
_GONE = (
    "the shop no longer has this order (deleted, in the trash, or its id was given to another); "
    "its SortedPRO order exists all the same: cancel it there if it must not ship"
)
_TWO_REFERENCES = (
    "find out in SortedPRO which order is right and cancel the other; take the other reference off the shop order: the "
    "bridge looks again every hour"
)


def write_reference(
    api: Api, settings: WooCommerceSettings, body: OrderBody, record: Record, budget: Budget
) -> Sequence[str]:
    """Write what is not there yet: the reference and the record as meta data, then a private note.

    Writing meta data makes WooCommerce send the order once more, even if nothing changes, so it is left alone where all
    is well; a note sends nothing (measured, 8.9.3 and 11.0.1). A note that fails is a warning.
    """
    found = reading.order(api, body.order_id, budget)
    if found is None or is_another(found.document, body):
        raise WriteBackRefused(_GONE, code="order_gone")
    if not _is_written(found.document, settings.meta, record):
        _refuse_conflict(found.document, settings.meta, record)
        _write_meta(api, settings.meta, record, budget)
    return _note(api, settings.note.replace("{reference}", record.reference), record, budget) if settings.note else ()


def is_another(order: Mapping[str, Any], body: OrderBody) -> bool:
    """A shop restored from an old copy gives ids a second time; the order key tells them apart."""
    key = str(order.get("order_key") or "")
    return bool(key and body.order_key and key != body.order_key)


def _is_written(order: Mapping[str, Any], meta: str, record: Record) -> bool:
    stands = record_on(order)
    return (
        meta_values(order, meta) == [record.reference]
        and stands is not None
        and not stands.also
        and stands.names(*identity(order))
        and (stands.reference, stands.part, stands.destination) == (record.reference, record.part, record.destination)
    )


def _refuse_conflict(order: Mapping[str, Any], meta: str, record: Record) -> None:
    """Raise WriteBackConflict where another reference stands, unless it was copied from another order."""
    stands = record_on(order)
    if stands is not None and not stands.names(*identity(order)):
        return
    if stands is not None and (stands.reference, stands.destination) != (record.reference, record.destination):
        raise WriteBackConflict(
            f"the order carries {stands.reference} of {stands.destination}, so {record.reference} of "
            f"{record.destination} was not written; {_TWO_REFERENCES}"
        )
    if any(value not in (None, "", record.reference) for value in meta_values(order, meta)):
        raise WriteBackConflict(
            f"the order's custom field {meta} holds another text, so {record.reference} was not written; if it is no "
            f"reference, empty the field; if it is one, {_TWO_REFERENCES}"
        )
    if stands is not None and stands.also:
        raise WriteBackConflict(
            f"beside {record.reference} the order carries {', '.join(stands.also)}, so nothing was written; "
            f"{_TWO_REFERENCES}"
        )


def _write_meta(api: Api, meta: str, record: Record, budget: Budget) -> None:
    """By key without id: WooCommerce changes the first row of a key and removes further ones (measured, 11.0.1)."""
    rows = [{"key": meta, "value": record.reference}, {"key": RECORD_META, "value": written(record)}]
    reply = api.put(f"orders/{record.order_id}", {"meta_data": rows}, budget)
    if reply.code in _NO_ORDER:
        raise WriteBackRefused(_GONE, code="order_gone")
    if not reply.ok:
        raise WriteBackRefused(
            f"the shop refused the reference with {_named(reply)}; look into the shop's log: the bridge tries again "
            "every hour"
        )


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
