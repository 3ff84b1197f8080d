"""What happens in a soak, and when: orders, faults and kills, drawn from a seed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import Literal

What = Literal["add", "add unpaid", "add on hold", "change", "cancel", "pay", "release"]
Victim = Literal["worker", "web", "web process", "database", "database process"]

SHOPIFY = ("shopify", "shopify-two")
WOOCOMMERCE = ("woocommerce", "woocommerce-two")
SHOPS = (*SHOPIFY, *WOOCOMMERCE)
SORTEDPRO = "sortedpro"

SORTEDPRO_FAULTS = (
    "500",
    "503 without Retry-After",
    "a proxy's 502 page",
    "cut off before it is made",
    "cut off after it is made",
    "made, answered after the limit",
    "not made, no answer",
    "slow",
    "answer byte by byte",
    "429",
    "503 with Retry-After",
    "unreachable",
    "401",
)
SHOP_FAULTS = ("500", "429", "cut off before it acts", "cut off after it acted", "no answer", "slow", "unreachable")
SHOPIFY_FAULTS = (*SHOP_FAULTS, "no points left", "tokens revoked")

_FIRST_NUMBER = 20_001
_VICTIMS: Sequence[Victim] = (
    *("worker", "web", "worker", "database", "worker", "web process", "worker", "database process"),
)
# What becomes of an order, in hundredths: the rest is placed, paid and left alone.
_CHANGED, _CANCELLED, _PAID_LATE, _ON_HOLD = 15, 10, 10, 5
_BURSTS = 6
_BURST = 1.5  # seconds
_EVERY_FAULT = 5.0  # seconds between two faults of SortedPRO, and of the shops
_LONGEST_FAULT = 4.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Happening:
    """Something that happens to an order in a shop; `at` is in seconds from the beginning."""

    at: float
    shop: str
    number: int
    what: What


@dataclass(frozen=True, kw_only=True)
class Bout:
    """Some seconds in which SortedPRO or a shop misbehaves in one way."""

    at: float
    seconds: float
    place: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Kill:
    """SIGKILL to a process; `chance` (0 to 1) chooses among several of its kind."""

    at: float
    victim: Victim
    chance: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A soak's plan, each part in the order of its times."""

    happenings: Sequence[Happening]
    sortedpro: Sequence[Bout]
    shops: Sequence[Bout]
    kills: Sequence[Kill]


def make_plan(*, seed: int, orders: int, seconds: float, kills: int) -> Plan:
    """The plan of a seed: the same for the same arguments."""
    chance = Random(seed)  # noqa: S311 - a plan that can be repeated, no secret
    happenings = [one for number in range(orders) for one in _order(chance, number, seconds)]
    return Plan(
        happenings=sorted(happenings, key=lambda one: one.at),
        sortedpro=list(_bouts(chance, {SORTEDPRO: SORTEDPRO_FAULTS}, seconds)),
        shops=list(
            _bouts(
                chance,
                {**dict.fromkeys(SHOPIFY, SHOPIFY_FAULTS), **dict.fromkeys(WOOCOMMERCE, SHOP_FAULTS)},
                seconds,
            )
        ),
        kills=list(_kills(chance, kills, seconds)),
    )


def _order(chance: Random, place: int, seconds: float) -> Iterator[Happening]:
    """One order's life: half of them come in bursts, and nothing happens after the end."""
    shop, number = SHOPS[place % len(SHOPS)], _FIRST_NUMBER + place // len(SHOPS)
    at = chance.uniform(0.0, 0.9 * seconds)
    if chance.random() < 0.5:
        at = 0.9 * seconds * chance.randrange(_BURSTS) / _BURSTS + chance.uniform(0.0, _BURST)
    at = min(at, 0.9 * seconds)

    def then(what: What, most: float) -> Happening:
        return Happening(at=min(at + chance.uniform(0.0, most), seconds), shop=shop, number=number, what=what)

    draw = chance.randrange(100)
    first: What = "add"
    after: list[Happening] = []
    if draw < _CHANGED:
        after = [then("change", 15.0)]
    elif draw < _CHANGED + _CANCELLED:
        after = [then("cancel", 15.0)]
    elif draw < _CHANGED + _CANCELLED + _PAID_LATE:
        first, after = "add unpaid", [then("pay", 10.0)]
    elif draw < _CHANGED + _CANCELLED + _PAID_LATE + _ON_HOLD and shop in SHOPIFY:
        first, after = "add on hold", [then("release", 10.0)]
    yield Happening(at=at, shop=shop, number=number, what=first)
    yield from after


def _bouts(chance: Random, kinds: dict[str, Sequence[str]], seconds: float) -> Iterator[Bout]:
    """One bout after the other, every kind of every place in turn, with peace between them and at the end."""
    turns = [(place, kind) for place, own in kinds.items() for kind in own]
    chance.shuffle(turns)
    at = 0.0
    for place, kind in cycle(turns):
        at += chance.uniform(0.3, 1.7) * _EVERY_FAULT
        lasts = chance.uniform(0.5, _LONGEST_FAULT)
        if at + lasts > seconds:
            return
        yield Bout(at=at, seconds=lasts, place=place, kind=kind)
        at += lasts


def _kills(chance: Random, count: int, seconds: float) -> Iterator[Kill]:
    """`count` kills, one in each stretch of equal length, so that each finds something to interrupt."""
    victims = cycle(_VICTIMS)
    for number in range(count):
        at = seconds * (number + chance.uniform(0.1, 0.9)) / count
        yield Kill(at=at, victim=next(victims), chance=chance.random())
