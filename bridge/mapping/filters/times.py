"""Filters for times; what comes out is an aware datetime in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from bridge.mapping.filters.values import is_missing, text_of, whole
from bridge.mapping.language import Until


class _Clock(Protocol):
    """What `until` needs of a look."""

    @property
    def now(self) -> datetime: ...


def date(value: object, format: object = None) -> datetime | None:  # noqa: A002 - the filter's argument
    """Text to a time: ISO 8601, or as `format` says ("%d/%m/%Y"); UTC where the text has no zone; "" is missing."""
    if isinstance(value, datetime):
        return _utc(value)
    text = text_of(value).strip()
    if not text:
        return None
    try:
        if is_missing(format):
            return _utc(datetime.fromisoformat(text))
        return _utc(datetime.strptime(text, text_of(format)))  # noqa: DTZ007 - _utc gives it a zone
    except (ValueError, OverflowError) as error:
        wanted = "ISO 8601, such as 2026-12-24T15:30:00Z" if is_missing(format) else "what its format says"
        raise ValueError(
            f"this text is no time as {wanted}; give the form it has: date('%d/%m/%Y') reads 24/12/2026"
        ) from error


def plus(value: object, days: object = 0, hours: object = 0, minutes: object = 0) -> datetime | None:
    """The time that is so much later, or with negative numbers so much earlier.

    In a template: `now | plus(days=2)`.
    """
    time = date(value)
    if time is None:
        return None
    try:
        return time + timedelta(
            days=whole(days, "days"), hours=whole(hours, "hours"), minutes=whole(minutes, "minutes")
        )
    except OverflowError as error:
        raise ValueError("the time lies beyond the years 1 to 9999; use smaller numbers") from error


def isoformat(value: object) -> str | None:
    """A time as text, as the Create Order request wants it: "2026-12-24T15:30:00+00:00"."""
    time = date(value)
    return None if time is None else time.isoformat()


def until(look: _Clock, value: object) -> Until | None:
    """In a wait rule: holds until that time, when the order is looked at again."""
    time = date(value)
    return None if time is None else Until(time=time, holds=look.now < time)


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
