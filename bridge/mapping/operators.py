"""What the operators and tests of the language do: missing and null are one, numbers are numbers, text is text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from types import UnionType
from typing import Any

from bridge.mapping.language import NoValue, Table
from bridge.mapping.wording import kind

Value = Any  # a JSON value, a time, or what a filter made; None is null as well as missing

_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")


# ---------------------------------------------------------------------------------------------------------------------
# Reading below a value
# ---------------------------------------------------------------------------------------------------------------------
def below(value: Value, key: str) -> Value:
    """What stands under a key, None where there is no such key.

    An empty list counts as an empty map: PHP, and so WooCommerce, writes `[]` for both.
    """
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, list | tuple) and value:
        raise NoValue(
            f"`.{key}` reads a key of a map and found a list: take an entry with [0], or `each:`", found=value
        )
    return None


def item(value: Value, key: Value) -> Value:
    """What stands at an index of a list (from the end where negative) or under a key of a map, else None."""
    if isinstance(value, list | tuple) and isinstance(key, int) and not isinstance(key, bool):
        return value[key] if -len(value) <= key < len(value) else None
    if isinstance(value, Mapping):
        return value.get(_table_key(key) if isinstance(value, Table) else key) if _is_plain(key) else None
    if isinstance(value, list | tuple) and value:
        raise NoValue(f"a list has numbered entries: [0] is the first; this is {kind(key)}", found=key)
    return None


def _table_key(key: Value) -> Value:
    """A table's keys are texts, whatever the order has."""
    return text(key) if key is not None and not isinstance(key, str) else key


def _is_plain(key: Value) -> bool:
    return key is None or isinstance(key, str | int | Decimal)


# ---------------------------------------------------------------------------------------------------------------------
# Text
# ---------------------------------------------------------------------------------------------------------------------
def text(value: Value) -> str:
    """A value inside longer text: "" for null, plain digits for numbers. Raises NoValue for lists and maps."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise NoValue(f"{kind(value)} cannot stand inside text: take one of its values, or `| join`", found=value)


# ---------------------------------------------------------------------------------------------------------------------
# Arithmetic
# ---------------------------------------------------------------------------------------------------------------------
def add(left: Value, right: Value) -> Value:
    """The sum of two numbers, or two lists one after the other."""
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return [*left, *right]
    return _number(left, "+") + _number(right, "+")


def subtract(left: Value, right: Value) -> Value:
    """The difference of two numbers."""
    return _number(left, "-") - _number(right, "-")


def multiply(left: Value, right: Value) -> Value:
    """The product of two numbers."""
    return _number(left, "*") * _number(right, "*")


def divide(left: Value, right: Value) -> Value:
    """The quotient of two numbers, always a Decimal."""
    return Decimal(_number(left, "/")) / _divisor(right, "/")


def divide_whole(left: Value, right: Value) -> Value:
    """How many times a number holds another."""
    return _number(left, "//") // _divisor(right, "//")


def remainder(left: Value, right: Value) -> Value:
    """What a whole division leaves."""
    return _number(left, "%") % _divisor(right, "%")


def negative(value: Value) -> Value:
    """A number with its sign changed."""
    return -_number(value, "-")


def positive(value: Value) -> Value:
    """A number as it is."""
    return _number(value, "+")


def _number(value: Value, operator: str) -> Value:
    """The value if it is a number. Raises NoValue with the way out."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    if value is None:
        raise NoValue(f"`{operator}` wants numbers and one is missing: give it a value with `| default(0)`")
    joining = ", join texts with `~`" if operator == "+" else ""
    raise NoValue(f"`{operator}` wants numbers and found {kind(value)}: use `| decimal`{joining}", found=value)


def _divisor(value: Value, operator: str) -> Value:
    number = _number(value, operator)
    if not number:
        raise NoValue(f"`{operator}` cannot divide by 0: guard it with `... if ... else ...`", found=0)
    return number


# ---------------------------------------------------------------------------------------------------------------------
# Comparison
# ---------------------------------------------------------------------------------------------------------------------
def contains(values: Value, value: Value) -> bool:
    """`value in values`; nothing is in what is missing."""
    if values is None:
        return False
    if isinstance(values, str):
        if value is None:
            return False
        if not isinstance(value, str):
            raise NoValue(f"`in` looks for text in a text and found {kind(value)}", found=value)
        return value in values
    if isinstance(values, Mapping):
        return _is_plain(value) and (_table_key(value) if isinstance(values, Table) else value) in values
    if isinstance(values, list | tuple):
        return value in values
    raise NoValue(f"`in` looks into a list, a map or a text and found {kind(values)}", found=values)


def ordered(operator: str, compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value], bool]:
    """`<`, `<=`, `>` or `>=` for two numbers, two times or two texts that are no numbers."""

    def compared(left: Value, right: Value) -> bool:
        for value in (left, right):
            if value is None:
                raise NoValue(f"`{operator}` cannot compare with something missing: use `| default(...)` or `and`")
        if _are(left, right, int | Decimal) and not isinstance(left, bool) and not isinstance(right, bool):
            return compare(left, right)
        if _are(left, right, datetime):
            return compare(left, right)
        if not _are(left, right, str):
            raise NoValue(
                f"`{operator}` cannot compare {kind(left)} with {kind(right)}: use `| decimal` or `| date`",
                found=left if isinstance(left, str) else right,
            )
        if _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right):
            raise NoValue(f"`{operator}` would compare these numbers letter by letter: use `| decimal`", found=left)
        return compare(left, right)

    return compared


def _are(left: Value, right: Value, types: type | UnionType) -> bool:
    return isinstance(left, types) and isinstance(right, types)


# ---------------------------------------------------------------------------------------------------------------------
# Tests
# ---------------------------------------------------------------------------------------------------------------------
def _whole(value: Value) -> int:
    """The value if it is a whole number."""
    number = _number(value, "is")
    if number != int(number):
        raise NoValue("this test wants a whole number", found=value)
    return int(number)


def _divisible(value: Value, by: Value) -> bool:
    return _whole(value) % _whole(_divisor(by, "divisibleby")) == 0


TESTS: Mapping[str, Callable[..., bool]] = {
    "defined": lambda value: value is not None,
    "undefined": lambda value: value is None,
    "none": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | Decimal) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "mapping": lambda value: isinstance(value, Mapping),
    "sequence": lambda value: isinstance(value, list | tuple),
    "iterable": lambda value: isinstance(value, list | tuple | Mapping | str),
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "even": lambda value: _whole(value) % 2 == 0,
    "odd": lambda value: _whole(value) % 2 == 1,
    "divisibleby": _divisible,
    "in": lambda value, values: contains(values, value),
    "equalto": lambda value, other: bool(value == other),
    "==": lambda value, other: bool(value == other),
    "eq": lambda value, other: bool(value == other),
    "ne": lambda value, other: bool(value != other),
    "!=": lambda value, other: bool(value != other),
}
