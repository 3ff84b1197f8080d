"""What filters take a value for: missing, text, a list, a map, a whole number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from jinja2 import Undefined

from bridge.mapping.numbers import decimal
from bridge.mapping.wording import kind

Json = Any  # a value of an order, or what an expression made of one


def is_missing(value: object) -> bool:
    """Whether there is nothing: null, or a name that the order does not have."""
    return value is None or isinstance(value, Undefined)


def text_of(value: object) -> str:
    """The value as text: a number becomes its plain digits, missing becomes "".

    Raises ValueError for what is neither text nor a number.
    """
    if isinstance(value, str):
        return value
    if is_missing(value):
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"text is needed here, not {kind(value)}")


def texts_of(value: object) -> list[str]:
    """A list of texts, or one text as a list of it; missing entries are empty text, and a missing list is empty."""
    if is_missing(value):
        return []
    return [text_of(entry) for entry in value] if isinstance(value, list | tuple) else [text_of(value)]


def list_of(value: object) -> Sequence[Json]:
    """The value, if it is a list; raises ValueError otherwise."""
    if isinstance(value, list | tuple):
        return value
    raise ValueError(f"a list is needed here, not {kind(value)}")


def map_of(value: object) -> Mapping[str, Json]:
    """The value, if it is a map, as the entries of most lists are; raises ValueError otherwise."""
    if isinstance(value, Mapping):
        return value
    raise ValueError(f"a list of maps is needed here; an entry is {kind(value)}")


def whole(value: object, what: str) -> int:
    """An argument that must be a whole number, named `what` in the ValueError that is raised otherwise."""
    number = None if is_missing(value) else decimal(value)
    if number is None or number != number.to_integral_value():
        raise ValueError(f"{what} must be a whole number")
    return int(number)
