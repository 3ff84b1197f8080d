"""Filters for times; what comes out is an aware datetime in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from datetime import date as calendar_date
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from bridge.mapping.filters.values import is_missing, text_of, texts_of, whole
from bridge.mapping.language import Until

_CLOCK_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH_NAMES: Mapping[str, int] = {
    "sept": 9,
    **{name: number for number, month in enumerate(_MONTHS, start=1) for name in (month, month[:3])},
}
_ANY_MONTH = "|".join(sorted(_MONTH_NAMES, key=len, reverse=True))
# What a format of find_date may hold, as in strptime; "24th" is a day too.
_DIRECTIVES: Mapping[str, str] = {
    "%d": r"(?P<day>[0-3]?[0-9])(?:st|nd|rd|th)?",
    "%m": r"(?P<month>[01]?[0-9])",
    "%b": rf"(?P<name>{_ANY_MONTH})\.?",
    "%B": rf"(?P<name>{_ANY_MONTH})\.?",
    "%Y": r"(?P<year>[0-9]{4})",
    "%y": r"(?P<short_year>[0-9]{2})",
}
_CENTURY = 2000  # of a year in two digits: what is delivered lies near today


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


def day(value: object, zone: object) -> str | None:
    """The calendar day of a time in a zone, "2026-12-24".

    In a template: `now | day('Europe/London')`. A text that is a day without a time is that day in every zone.
    """
    found = _day_of(value, zone)
    return None if found is None else found.isoformat()


def at(value: object, time: object, zone: object) -> datetime | None:
    """That time of day, "14:00", on the day of a time or date in a zone.

    In a template: `now | at('14:00', 'Europe/London')`. A time that the clocks leave out in spring is an hour later;
    of two in autumn the first counts.
    """
    found = _day_of(value, zone)
    return None if found is None else _moment(found, clock_time(time), zone)


def find_date(value: object, formats: object, zone: object = "UTC") -> datetime | None:
    """The first date in a text that has one of the formats, as the start of that day in `zone`; missing without one.

    In a template: `order.shipping_lines[0].title | find_date(['%d/%m/%Y', '%d %B %Y'], 'Europe/London')`. A format is
    made of %d, %m or a month's English name (%B or %b, "December", "Dec"), and %Y or %y; "24th" is a day too. What
    looks like a date and is none ("31/02/2026") is passed over.
    """
    text = " ".join(text_of(value).split())
    wanted = [_pattern(form) for form in texts_of(formats)]
    found = sorted((match.start(), order, day) for order, form in enumerate(wanted) for match, day in _days(form, text))
    return start_of(found[0][-1], zone) if found else None


def isoformat(value: object) -> str | None:
    """A time as text, as the Create Order request wants it: "2026-12-24T15:30:00+00:00"."""
    time = date(value)
    return None if time is None else time.isoformat()


def until(look: _Clock, value: object) -> Until | None:
    """In a wait rule: holds until that time, when the order is looked at again."""
    time = date(value)
    return None if time is None else Until(time=time, holds=look.now < time)


def zone_of(name: object) -> ZoneInfo:
    """A time zone by its name; raises ValueError where there is none."""
    try:
        return ZoneInfo(text_of(name).strip())
    except (ValueError, LookupError, OSError) as error:
        raise ValueError("the zone is not known; zones have names such as 'Europe/London' or 'UTC'") from error


def clock_time(value: object) -> time:
    """A time of day in 24 hours, "14:00"; raises ValueError for what is none."""
    match = _CLOCK_TIME.fullmatch(text_of(value).strip())
    if match is None:
        raise ValueError("a time of day is written in 24 hours: '14:00'")
    return time(int(match[1]), int(match[2]))


def start_of(day: calendar_date, zone: object) -> datetime:
    """The moment when a day begins in a zone."""
    return _moment(day, time(), zone)


def _moment(day: calendar_date, clock: time, zone: object) -> datetime:
    try:
        return _utc(datetime.combine(day, clock, zone_of(zone)))
    except OverflowError as error:
        raise ValueError("the time lies beyond the years 1 to 9999") from error


def _day_of(value: object, zone: object) -> calendar_date | None:
    """The calendar day of a time in a zone; a text that is a day is that day."""
    moment = date(value)
    if moment is None:
        return None
    if isinstance(value, str) and _ISO_DAY.fullmatch(value.strip()):
        return moment.date()
    return moment.astimezone(zone_of(zone)).date()


@lru_cache(maxsize=256)
def _pattern(form: str) -> re.Pattern[str]:
    """What finds a date of that format. Raises ValueError for a format that does not say day, month and year."""
    pieces = re.split(r"(%.?)", " ".join(form.split()))
    try:
        found = "".join(_DIRECTIVES[piece] if piece.startswith("%") else re.escape(piece) for piece in pieces)
        pattern = re.compile(rf"(?<![0-9]){found}(?![0-9])", re.IGNORECASE)
    except (KeyError, re.error) as error:
        raise ValueError(f"a format of find_date holds each of {', '.join(_DIRECTIVES)} at most once") from error
    names = pattern.groupindex.keys()
    if "day" not in names or len(names) != 3 or len(names & {"month", "name"}) != 1:
        raise ValueError("a format of find_date says day, month and year, each once: '%d/%m/%Y'")
    return pattern


def _days(form: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str], calendar_date]]:
    """The dates of that format in a text, each with its place."""
    for match in form.finditer(text):
        parts = match.groupdict()
        month = _MONTH_NAMES[parts["name"].lower()] if "name" in parts else int(parts["month"])
        year = int(parts["year"]) if "year" in parts else _CENTURY + int(parts["short_year"])
        try:
            yield match, calendar_date(year, month, int(parts["day"]))
        except ValueError:
            continue


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
