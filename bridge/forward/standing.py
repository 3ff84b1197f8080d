"""The goods of a sent order beside its parts: which stand in none yet, and which someone else ships by now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bridge.errors import BridgeError
from bridge.forward.tools import Tools
from bridge.mapping.evaluate import FAULTS
from bridge.platforms.base import Fetched, Json, Look, PartOf, Shipping
from bridge.platforms.parting import line_id, quantities
from bridge.shops import Shop
from bridge.store import ledger
from bridge.store.database import transaction

TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What some parts of an order have together."""

    taken: Mapping[str, Decimal]  # by line id
    unclear: str  # the first sent part of which nobody knows what it has; "" for none


def of_parts(tools: Tools, rows: Iterable[ledger.Order]) -> Standing:
    """What parts of an order have: by the attempt that sent them, else by what the ledger keeps.

    A release before quantities were kept has sent everything that shipped then. Raises ShopTrouble for a shop that is
    not configured any more.
    """
    taken: dict[str, Decimal] = {}
    unclear = ""
    for row in rows:
        lines = _sent(tools, row) if row.state in ledger.SENT else ledger.numbers(row.lines)
        unclear = unclear or ("" if lines or row.state not in ledger.SENT else row.label)
        for line, quantity in lines.items():
            taken[line] = taken.get(line, Decimal(0)) + quantity
    return Standing(taken=taken, unclear=unclear)


def _sent(tools: Tools, row: ledger.Order) -> Mapping[str, Decimal]:
    with transaction(tools.engine) as connection:
        attempt = ledger.sent_attempt(connection, row)
    if attempt is None or attempt.lines:
        return attempt.lines if attempt else ledger.numbers(row.lines)
    shop = tools.shop(row.shop)
    content = tools.body(shop, attempt.body_id).content
    look = look_at(shop, content.order, attempt.fetched, attempt.clock, PartOf(), complete=True)
    shipping = shop.platform.shipping(look)
    return quantities([*shipping.lines, *shipping.rest])


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
    """Quantities by line id of what an order wants shipped beside `part.taken`, whatever has left the shop already.

    A body that cannot be read for goods wants none: its other troubles are told where it is compared.
    """
    try:
        content, read = shop.platform.comparable(order, fetched)
        shipping = shop.platform.shipping(look_at(shop, content, read, now, part, complete=True))
    except (BridgeError, *FAULTS):
        return {}
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
