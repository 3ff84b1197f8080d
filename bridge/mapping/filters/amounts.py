"""Filters for numbers, weights and lengths; all arithmetic is Decimal."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bridge.mapping import numbers
from bridge.mapping.filters.values import is_missing, list_of, map_of, text_of, whole

_PLACES = 5  # SortedPRO keeps five decimals of weights and lengths

# The pound is 0.45359237 kg by definition, the ounce a sixteenth of it (NIST Handbook 44, Appendix C).
_KILOGRAMS: Mapping[str, Decimal] = {
    "g": Decimal("0.001"),
    "kg": Decimal(1),
    "lb": Decimal("0.45359237"),
    "lbs": Decimal("0.45359237"),
    "oz": Decimal("0.028349523125"),
}
_CENTIMETRES: Mapping[str, Decimal] = {
    "mm": Decimal("0.1"),
    "cm": Decimal(1),
    "m": Decimal(100),
    "in": Decimal("2.54"),
    "yd": Decimal("91.44"),
}


def decimal(value: object) -> Decimal | None:
    """Text to a number for arithmetic: "10.00" to 10.00; empty text is missing."""
    try:
        return numbers.decimal(value)
    except ValueError as error:
        raise ValueError(f"{error}; bring text into that form first, such as | replace(',', '.')") from error


def integer(value: object) -> int | None:
    """A whole number of text or a number: "2" and 2.0 to 2; one with a fraction is a problem."""
    number = decimal(value)
    if number is None:
        return None
    if number != number.to_integral_value():
        raise ValueError("the number has a fraction; use | round where it may be rounded")
    return int(number)


def round_to(value: object, places: object = None) -> Decimal | int | None:
    """Round halves up: to a whole number, or with `round(2)` to two decimal places."""
    number = decimal(value)
    if number is None:
        return None
    if is_missing(places):
        return int(numbers.rounded(number, 0))
    return numbers.rounded(number, whole(places, "the number of places"))


def absolute(value: object) -> Decimal | None:
    """A number without its sign."""
    number = decimal(value)
    return None if number is None else abs(number)


def at_least(value: object, least: object) -> Decimal | None:
    """The number, or `least` where it is smaller: customs take no value of 0.

    In a template: `line | line_value | at_least('0.01')`.
    """
    number, floor = decimal(value), None if is_missing(least) else decimal(least)
    if floor is None:
        raise ValueError("at_least needs a number: at_least('0.01')")
    return None if number is None else max(number, floor)


def total(values: object) -> Decimal:
    """The sum of a list of numbers, missing ones and empty text counting as 0."""
    return sum((decimal(value) or Decimal(0) for value in list_of(values)), Decimal(0))


def kg(value: object, unit: object = "g") -> Decimal | None:
    """Kilograms of a weight in `unit`: g (which is meant without one), kg, lb, lbs or oz."""
    return _converted(value, unit, _KILOGRAMS)


def cm(value: object, unit: object = "cm") -> Decimal | None:
    """Centimetres of a length in `unit`: mm, cm (which is meant without one), m, in or yd."""
    return _converted(value, unit, _CENTIMETRES)


def total_weight(lines: object, default: object = None) -> Decimal:
    """Grams of all lines: quantity times the weight of one, or times `default` grams where the shop knows none."""
    instead = None if is_missing(default) else decimal(default)
    weight = Decimal(0)
    for position, entry in enumerate(list_of(lines), start=1):
        line = map_of(entry)
        one = line.get("weight_g") or instead
        if one is None:
            raise ValueError(
                f"line {position} has no weight; fill it in at the product in the shop, "
                "or give grams that count instead: total_weight(500)"
            )
        weight += one * (decimal(line.get("quantity")) or 0)
    return weight


def _converted(value: object, unit: object, factors: Mapping[str, Decimal]) -> Decimal | None:
    """`value` times the unit's factor, at most five decimals, without trailing zeros."""
    number = decimal(value)
    if number is None:
        return None
    factor = factors.get(text_of(unit).strip().lower())
    if factor is None:
        raise ValueError(f"the unit is not known; known are {', '.join(factors)}")
    # normalize() makes 1E+2 of 100, adding 0 makes 100 of that again.
    return numbers.rounded(number * factor, _PLACES).normalize() + 0
