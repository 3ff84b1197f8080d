"""The goods of a sent order beside its parts: which stand in none yet, and which someone else ships by now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from bridge.platforms.base import Fetched, Json, Look, PartOf, Shipping
from bridge.platforms.parting import line_id, quantities
from bridge.shops import Shop

TIMES = "\N{MULTIPLICATION SIGN}"


def look_at(
    shop: Shop, order: Json, fetched: Mapping[str, Any], now: datetime, part: PartOf, *, complete: bool
) -> Look:
    """A look at an order beside any mapping's rules and values."""
    return Look(
        order=order,
        fetched=Fetched(data=fetched, complete=complete),
        now=now,
        shop=shop.facts,
        routing=shop.mapping.routing,
        part=part,
    )


def by_the_body(shop: Shop, order: Json, fetched: Mapping[str, Any], now: datetime, part: PartOf) -> dict[str, Decimal]:
    """Quantities by line id of what an order wants shipped beside `part.taken`, whatever has left the house already."""
    content, read = shop.platform.comparable(order, fetched)
    shipping = shop.platform.shipping(look_at(shop, content, read, now, part, complete=True))
    return quantities([*shipping.lines, *shipping.rest])


def named(shipping: Shipping) -> str:
    """What ships and stands in no part, in words; "" for nothing."""
    lines = [f"{line['quantity']} {TIMES} {name_of(line)} not sent" for line in (*shipping.lines, *shipping.rest)]
    return "; ".join([*lines, *(problem.message for problem in shipping.problems)])


def shipped_by_others(shipping: Shipping, taken: Mapping[str, Decimal]) -> str:
    """What stands in a part and lies where someone else ships it by now, in words; "" for nothing."""
    words = []
    for one in shipping.left_out:
        others = shipping.elsewhere.get(one.line_id, Decimal(0))
        ours = shipping.wanted.get(one.line_id, others) - others
        twice = min(others, taken.get(one.line_id, Decimal(0)) - ours)
        if others and twice > 0:
            words.append(f"do not ship {twice} {TIMES} {one.name}: it is {one.reason}")
    return "; ".join(dict.fromkeys(words))


def name_of(line: Json) -> str:
    """What people call a line."""
    return str(line.get("sku") or line.get("title") or line.get("name") or line_id(line) or "goods")
