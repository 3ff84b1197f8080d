"""The kinds of value in a Create Order request: strict fields that convert nothing and explain what they refuse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from marshmallow import Schema, ValidationError, missing
from marshmallow import fields as marshmallow_fields

T = TypeVar("T")

INT32_LEAST, INT32_MOST = -(2**31), 2**31 - 1
DECIMAL_MOST = Decimal(2**96 - 1)  # System.Decimal.MaxValue: SortedPRO's numbers are .NET decimals
_OFFSET_MOST = timedelta(hours=14)  # System.DateTimeOffset allows no more

# .NET writes seven fractional digits ("2019-06-17T13:23:44.3774435Z"); Python keeps six of them.
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,7})?)?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

_TIME_WORDS = "must be a time such as 2026-12-24T09:30:00+01:00"
_WORDS: dict[str, str | list[Any] | dict[Any, Any]] = {
    "required": "is missing; SortedPRO needs it",
    "null": "must not be null; leave the field out or give it a value",
}


class _Field(marshmallow_fields.Field[T], Generic[T]):
    """What all fields share: only a required or a nullable value is told apart here, nothing is converted."""

    def __init__(self, *, required: bool = False, nullable: bool = False) -> None:
        super().__init__(required=required, allow_none=nullable, error_messages=_WORDS)

    def _validate(self, value: object) -> None:
        """Each kind of field judges in `_deserialize`; there are no validators beside it to be put together."""


class Text(_Field[str]):
    """Text and nothing else. `filled` refuses blank text; `pattern` must match the whole, `form` says how it looks."""

    def __init__(
        self, *, required: bool = False, filled: bool = False, pattern: str | None = None, form: str = ""
    ) -> None:
        super().__init__(required=required, nullable=not required)
        self._filled = filled
        self._pattern = re.compile(pattern, re.ASCII) if pattern else None
        self._form = form

    def _deserialize(self, value: object, *_: object, **__: object) -> str:
        if not isinstance(value, str):
            raise ValidationError("must be text")
        if self._filled and not value.strip():
            raise ValidationError("must not be blank; leave the field out or give it a value")
        if not _is_unicode(value):
            raise ValidationError("has half a character in it; repair or remove it where the text comes from")
        if self._pattern is not None and not self._pattern.fullmatch(value):
            raise ValidationError(f"must be {self._form}")
        return value


class Number(_Field[Decimal]):
    """A finite number, kept as Decimal. `above` is a bound outside the range, `least` and `most` lie inside it."""

    def __init__(
        self,
        *,
        required: bool = False,
        nullable: bool = False,
        above: int | None = None,
        least: int | Decimal = -DECIMAL_MOST,
        most: int | Decimal = DECIMAL_MOST,
    ) -> None:
        super().__init__(required=required, nullable=nullable)
        self._above = above
        self._least = least
        self._most = most

    def _deserialize(self, value: object, *_: object, **__: object) -> Decimal:
        number = _decimal(value)
        if number is None:
            raise ValidationError("must be a number, not text or anything else")
        if not number.is_finite():
            raise ValidationError("must be a finite number; check the calculation")
        if self._above is not None and number <= self._above:
            raise ValidationError(f"must be more than {self._above}")
        _check_range(number, self._least, self._most)
        return number


class WholeNumber(_Field[int]):
    """A whole number between `least` and `most`, kept as int; 2.0 is one (as in JSON Schema), "2" and true are not."""

    def __init__(self, *, least: int, most: int, required: bool = False, nullable: bool = False) -> None:
        super().__init__(required=required, nullable=nullable)
        self._least = least
        self._most = most

    def _deserialize(self, value: object, *_: object, **__: object) -> int:
        number = _decimal(value)
        if number is None or not number.is_finite():
            raise ValidationError("must be a whole number")
        _check_range(number, self._least, self._most)
        if number != int(number):
            raise ValidationError("must be a whole number, without decimals")
        return int(number)


class Int32(WholeNumber):
    """A whole number of 32 bits, as .NET's int; shop ids do not fit."""

    def __init__(
        self, *, least: int = INT32_LEAST, most: int = INT32_MOST, required: bool = False, nullable: bool = False
    ) -> None:
        super().__init__(least=least, most=most, required=required, nullable=nullable)


class Flag(_Field[bool]):
    """True or false; no text, no number."""

    def _deserialize(self, value: object, *_: object, **__: object) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("must be true or false, without quotes")
        return value


class Choice(_Field[str]):
    """One of SortedPRO's `names`, spelt exactly so."""

    def __init__(self, *names: str, required: bool = False, nullable: bool = False) -> None:
        super().__init__(required=required, nullable=nullable)
        self.names = names

    def _deserialize(self, value: object, *_: object, **__: object) -> str:
        if isinstance(value, str) and value in self.names:
            return value
        near = nearest(value, self.names) if isinstance(value, str) else None
        way_out = f"; try {near}" if near else ""
        raise ValidationError(f"must be one of {', '.join(self.names)}{way_out}")


class Time(_Field[datetime]):
    """A moment: ISO 8601 with date, time and zone, or an aware datetime; its offset is kept, below microseconds cut."""

    def _deserialize(self, value: object, *_: object, **__: object) -> datetime:
        moment = value if isinstance(value, datetime) else _read_time(value)
        offset = moment.utcoffset()
        if offset is None:
            raise ValidationError("has no time zone; end it with Z or an offset such as +01:00")
        if abs(offset) > _OFFSET_MOST:
            raise ValidationError("has an offset of more than 14 hours; check the time zone")
        # ISO 8601 has no offset with seconds; zones of before 1900 have.
        return moment if offset % timedelta(minutes=1) == timedelta(0) else moment.astimezone(UTC)


class Deprecated(_Field[object]):
    """A name that SortedPRO had once or has elsewhere; always refused, with the way out in `instead`."""

    def __init__(self, instead: str) -> None:
        super().__init__()
        self.instead = instead

    def deserialize(self, value: object, *_: object, **__: object) -> object:
        """Refuse whatever is given, null too."""
        if value is missing:
            return missing
        raise ValidationError(f"is not taken by SortedPRO any more; use {self.instead}")


class Part(marshmallow_fields.Nested):
    """An object with fields of its own."""

    def __init__(self, nested: type[Schema], *, required: bool = False) -> None:
        super().__init__(nested, required=required, allow_none=not required, error_messages=_WORDS)


class ListOf(marshmallow_fields.List[Any]):
    """A list whose entries are all of one field; `filled` refuses an empty one."""

    def __init__(self, entry: marshmallow_fields.Field[Any], *, required: bool = False, filled: bool = False) -> None:
        super().__init__(entry, required=required, allow_none=not required, error_messages=_WORDS)
        self._filled = filled

    def _deserialize(self, value: object, *place: object, **options: object) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise ValidationError("must be a list")
        if self._filled and not value:
            raise ValidationError("must have at least one entry")
        return super()._deserialize(value, *place, **options)


def nearest(name: str, names: Sequence[str]) -> str | None:
    """The one of `names` that a misspelt `name` probably meant, whatever its case; None where nothing is near."""
    by_lower = {known.lower(): known for known in names}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.55)
    return by_lower[found[0]] if found else None


def _decimal(value: object) -> Decimal | None:
    """A number as Decimal with the digits that it shows, None for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _check_range(number: Decimal, least: int | Decimal, most: int | Decimal) -> None:
    if number < least:
        raise ValidationError(f"must be {least} or more")
    if number > most:
        raise ValidationError(f"must be {most} or less")


def _is_unicode(text: str) -> bool:
    """Tell whether UTF-8 can write a text: half of a surrogate pair, which JSON can hold, it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_time(value: object) -> datetime:
    """The moment that a text says, naive where it has no zone."""
    if not isinstance(value, str):
        raise ValidationError(_TIME_WORDS)
    if _DATE.fullmatch(value):
        raise ValidationError("is a date without a time; write time and zone too, such as 2026-12-24T00:00:00Z")
    if not _TIME.fullmatch(value):
        raise ValidationError(_TIME_WORDS)
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:  # the 31st of February
        raise ValidationError(_TIME_WORDS) from error
