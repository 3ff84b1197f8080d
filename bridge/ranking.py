"""What an order goes before within its shop, by the rules of `priority`, which see its body alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.platforms.base import Fetched, Look, OrderBody
from bridge.shops import Shop


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """Which rule of `priority` an order goes by."""

    rank: int = 0  # of n rules the first gives n, the last 1; higher goes first
    rule: str = ""
    notes: Sequence[str] = ()  # rules before it that could not be evaluated


def rank(shop: Shop, content: OrderBody, now: datetime) -> int:
    """How an order stands to others of its shop, by its body alone: higher goes first, 0 is none of the rules."""
    return ranked(shop, content, now).rank if shop.mapping.priority else 0


def ranked(shop: Shop, content: OrderBody, now: datetime) -> Ranked:
    """The first rule of `priority` that holds; one that cannot be evaluated gives no rank and stops no order."""
    rules = shop.mapping.priority
    look = Look(order=content.order, fetched=Fetched(complete=True), now=now, shop=shop.facts)
    scope = shop.mapping.scope(look)
    notes = []
    for place, rule in enumerate(rules):
        result = scope.rule(rule)
        if result.problem:
            notes.append(f"it gives no priority: {result.problem.message}")
        elif result.held:
            return Ranked(rank=len(rules) - place, rule=rule.name, notes=notes)
    return Ranked(notes=notes)
