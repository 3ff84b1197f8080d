"""The arithmetic of order lines that all platforms share: parts of a line's value that add up to the whole."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from bridge.mapping.numbers import decimal, rounded
from bridge.platforms.base import Look, Shipping

__all__ = ["decimal", "once_a_look", "part_of", "per_unit"]

_MOST_PLACES = 8  # beside 20 digits before the point, which is all that Decimal keeps exactly


def once_a_look(shipping: Callable[[Look], Shipping]) -> Callable[[Look], Shipping]:
    """`shipping` worked out once for each look: `decide`, rules and values all ask for it. A NotRead is not kept."""

    def asked(look: Look) -> Shipping:
        if "shipping" not in look.kept:
            look.kept["shipping"] = shipping(look)
        found: Shipping = look.kept["shipping"]
        return found

    return asked


def part_of(total: Decimal, quantity: Decimal | int, of: Decimal | int, *, places: int | None = None) -> Decimal:
    """The value of the first `quantity` of `of` units that together are worth `total`; halves round up.

    All units are worth `total` itself. A part has as many places as the total, at least 2, or as `places` says.
    Cumulative, so that parts add up: what units 3 to 5 are worth is `part_of(t, 5, n) - part_of(t, 2, n)`. No units
    of none are worth 0. Raises ValueError where `of` is negative, or 0 for units that are there.
    """
    places = _places_of(total) if places is None else places
    if not quantity:
        return rounded(Decimal(0), places)
    if of <= 0:
        raise ValueError("a line of no units cannot be divided; its quantity in the order must be above 0")
    if quantity == of:
        return total
    return rounded(total * Decimal(quantity) / Decimal(of), places)


def per_unit(value: Decimal, quantity: Decimal | int, *, places: int | None = None) -> Decimal:
    """The value of one of `quantity` units, halves up, with places as in `part_of`; a single one is worth `value`.

    Raises ValueError for a quantity of 0 or less.
    """
    if quantity <= 0:
        raise ValueError("a line of no units has no value per unit; its quantity must be above 0")
    if quantity == 1:
        return value
    return rounded(value / Decimal(quantity), _places_of(value) if places is None else places)


def _places_of(amount: Decimal) -> int:
    """The decimal places of an amount: 2 at least, for shops write whole amounts short, and 3 in dinars."""
    exponent = amount.as_tuple().exponent
    return min(max(2, -exponent), _MOST_PLACES) if isinstance(exponent, int) else 2
