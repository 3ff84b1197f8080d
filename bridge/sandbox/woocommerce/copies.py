"""New orders made of old ones, with their meta data: renewals of subscriptions, and duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from bridge.sandbox.woocommerce.order import key_of, times_of, worked_out

Json = dict[str, Any]


def made_of(
    body: Mapping[str, Any],
    number: int,
    *,
    at: datetime,
    home: str,
    status: str,
    created_via: str,
    meta: Mapping[str, Any] = MappingProxyType({}),
) -> Json:
    """An order of today with the goods, addresses and meta data of `body`, and ids, key and times of its own.

    Meta data of plugins goes along, ours too: WooCommerce Subscriptions copies all but a list of WooCommerce's own keys
    (`wcs_copy_order_meta`, https://github.com/Automattic/woocommerce-subscriptions-core).
    """
    kept = [row for row in body["meta_data"] if row["key"] not in meta]
    rows = [*kept, *({"key": key, "value": value} for key, value in meta.items())]
    copy = {
        **body,
        "id": number,
        "number": str(number),
        "order_key": key_of(number),
        "status": status,
        "created_via": created_via,
        "transaction_id": "",
        **times_of("created", at),
        **times_of("modified", at),
        **times_of("completed", None),
        **times_of("paid", at if status == "processing" else None),
        "meta_data": [{**row, "id": number * 100 + place} for place, row in enumerate(rows)],
        "line_items": _renumbered(body["line_items"], number * 10),
        "shipping_lines": _renumbered(body["shipping_lines"], number * 10 + 8),
        "coupon_lines": [],
        "refunds": [],
    }
    return {**copy, **worked_out(copy, home)}


def _renumbered(lines: Sequence[Json], first: int) -> list[Json]:
    return [{**line, "id": first + place} for place, line in enumerate(lines)]
