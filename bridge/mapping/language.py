"""The nouns of the mapping language: field names, filters, tables, times to wait for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Union

from bridge.errors import BridgeError

Json = Any  # a value as JSON has it: numbers are int or Decimal

# The field names of an object, each with the names below it: None below means "not checked further".
# A list's names are those of its entries.
Fields = Mapping[str, Union["Fields", None]]


class Gives(Enum):
    """What becomes of the fields of what goes into a filter."""

    SAME = "same"  # what comes out has them: a list's entry, or some of its entries
    FIELD = "field"  # what comes out stood under the field that `Filter.key` names
    EITHER = "either"  # what comes out went in as the value or as an argument


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A filter that expressions may use."""

    function: Callable[..., Any]  # gets None for a missing value; raises ValueError with a sentence that shows no value
    looks: bool = False  # the function's first argument is the look (platforms.base.Look), before the value
    takes_missing: bool = False  # else a null or missing value gives missing without a call
    # For the check at the start:
    gives: Fields | Gives | None = None  # the field names of what comes out
    key: str = ""  # the argument that names a field of what goes in
    waits: bool = False  # an Until comes out


class Table(dict[str, Json]):
    """One of a mapping's tables: rows by key, all of them text."""

    def __init__(self, rows: Mapping[str, Json], *, name: str = "table") -> None:
        super().__init__(rows)
        self.name = name


@dataclass(frozen=True, kw_only=True)
class Until:
    """A time to wait for; true while it lies ahead."""

    time: datetime
    holds: bool

    def __bool__(self) -> bool:
        """Whether the time still lies ahead."""
        return self.holds


class NoValue(BridgeError):
    """An expression has no value for this order.

    The message is a sentence for the mapping's author without any value of the order; `found` is the value.
    """

    def __init__(self, message: str, *, found: Json = None) -> None:
        self.found = found
        super().__init__(message)
