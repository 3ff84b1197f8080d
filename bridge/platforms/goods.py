"""The arithmetic of order lines that all platforms share: parts of a line's value that add up to the whole."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from bridge.mapping.numbers import decimal, rounded
from bridge.platforms.base import Look, Shipping

__all__ = ["decimal", "once_a_look", "part_of", "per_unit"]


def once_a_look(shipping: Callable[[Look], Shipping]) -> Callable[[Look], Shipping]:
    """`shipping` worked out once for each look: `decide`, rules and values all ask for it. A NotRead is not kept."""

    def asked(look: Look) -> Shipping:
        if "shipping" not in look.kept:
            look.kept["shipping"] = shipping(look)
        found: Shipping = look.kept["shipping"]
        return found

    return asked


def part_of(total: Decimal, quantity: Decimal | int, of: Decimal | int, *, places: int = 2) -> Decimal:
    """The value of the first `quantity` of `of` units that together are worth `total`; halves round up.

    Cumulative, so that parts add up: what units 3 to 5 are worth is `part_of(t, 5, n) - part_of(t, 2, n)`. No units
    of none are worth 0. Raises ValueError where `of` is negative, or 0 for units that are there.
    """
    if not quantity:
        return rounded(Decimal(0), places)
    if of <= 0:
        raise ValueError("a line of no units cannot be divided; its quantity in the order must be above 0")
    return rounded(total * Decimal(quantity) / Decimal(of), places)


def per_unit(value: Decimal, quantity: Decimal | int, *, places: int = 2) -> Decimal:
    """The value of one of `quantity` units, halves up; raises ValueError for a quantity of 0 or less."""
    if quantity <= 0:
        raise ValueError("a line of no units has no value per unit; its quantity must be above 0")
    return rounded(value / Decimal(quantity), places)
