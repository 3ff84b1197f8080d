"""Exact numbers: reading what shops write as text, and rounding as shops do."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from bridge.mapping.wording import kind

# Decimal() itself would also take "1_000", "NaN", "1e999999" and digits of other scripts.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_NUMBERS = (Decimal, int)  # a tuple: `Decimal | int` would be made anew at each of a hundred calls for an order
_LONGEST = 20  # digits before the point; more is no amount, and arithmetic beyond 28 digits is no longer exact


def decimal(value: object) -> Decimal | None:
    """The number that a JSON value stands for: "10.00", 10 and Decimal are numbers, "" and None are none (None).

    Raises ValueError, with a sentence that does not show the value, for anything else: other text, true and false,
    NaN, floats (JSON is parsed to Decimal), numbers of more than 20 digits before the point.
    """
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if not _NUMBER.fullmatch(text):
            raise ValueError("this text is no number; a number has digits and at most one point: 1234.50")
        return Decimal(text) if len(text) <= _LONGEST else _bounded(Decimal(text))
    if isinstance(value, _NUMBERS) and not isinstance(value, bool):
        return _bounded(Decimal(value))
    raise ValueError(f"a number is needed here, not {kind(value)}")


def rounded(value: Decimal, places: int) -> Decimal:
    """`value` with exactly `places` decimal places, halves away from zero, as shops round money."""
    return value.quantize(_step(places), rounding=ROUND_HALF_UP)


@lru_cache(maxsize=32)
def _step(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)


def _bounded(number: Decimal) -> Decimal:
    """The number itself, if it is finite and of a size that can be an amount, a weight or a count."""
    if not number.is_finite() or number.adjusted() >= _LONGEST:
        raise ValueError(f"this number has more than {_LONGEST} digits before the point, or is none")
    return number
