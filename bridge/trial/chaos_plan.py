"""What happens in a soak, and when: orders, faults and kills, drawn from a seed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import Literal

What = Literal[
    "add",
    "add unpaid",
    "add on hold",
    "add partly on hold",
    "add from two places",
    "change",
    "more",
    "fewer",
    "cancel",
    "pay",
    "release",
    "release and tag",
]
Victim = Literal["worker", "web", "web process", "database", "database process"]

SHOPIFY = ("shopify", "shopify-two")
WOOCOMMERCE = ("woocommerce", "woocommerce-two")
SEND_AGAIN = "shopify-again"  # its destination sends again what had no answer; those of the others hold it
SEND_LATER = ("shopify-two", "woocommerce-two", SEND_AGAIN)  # send goods that come later by themselves
SHOPS = (*SHOPIFY, *WOOCOMMERCE, SEND_AGAIN)
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
# What becomes of orders: how many of a hundred, how placed, what then and within how many seconds. The rest are placed,
# paid and left alone. Only Shopify knows of holds and of places to ship from.
_LIVES: Sequence[tuple[int, What, What | None, float]] = (
    (15, "add", "change", 15.0),
    (10, "add", "cancel", 15.0),
    (10, "add unpaid", "pay", 10.0),
    (6, "add", "more", 15.0),
    (6, "add", "fewer", 15.0),
)
_SHOPIFY_LIVES: Sequence[tuple[int, What, What | None, float]] = (
    (5, "add on hold", "release", 10.0),
    (4, "add partly on hold", "release and tag", 10.0),
    (4, "add from two places", None, 0.0),
)
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
                {name: SHOP_FAULTS if name in WOOCOMMERCE else SHOPIFY_FAULTS for name in SHOPS},
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

    draw = chance.randrange(100)
    for share, first, then, within in (*_LIVES, *(_SHOPIFY_LIVES if shop not in WOOCOMMERCE else ())):
        if draw < share:
            yield Happening(at=at, shop=shop, number=number, what=first)
            if then is not None:
                later = min(at + chance.uniform(0.0, within), seconds)
                yield Happening(at=later, shop=shop, number=number, what=then)
            return
        draw -= share
    yield Happening(at=at, shop=shop, number=number, what="add")


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
