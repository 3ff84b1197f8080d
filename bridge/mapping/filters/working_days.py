"""Working days: when an order that comes in now is worked on, by cut-off, weekdays and public holidays."""

from __future__ import annotations

from datetime import date as calendar_date
from datetime import datetime, time, timedelta
from functools import lru_cache

from holidays import country_holidays, list_supported_countries

from bridge.mapping.filters.times import clock_time, date, start_of, zone_of
from bridge.mapping.filters.values import text_of, texts_of, whole
from bridge.mapping.wording import choices

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MOST_DAYS = 250
_DAY = timedelta(days=1)


def working_day(
    value: object,
    days: object = 0,
    cut_off: object = "14:00",
    zone: object = "Europe/London",
    holidays: object = "GB-ENG",
    closed: object = ("Sat", "Sun"),
) -> datetime | None:
    """The start, in `zone`, of the working day on which an order of that time is worked on, and `days` working days on.

    In a template: `now | working_day(days=1, cut_off='14:00', zone='Europe/London', holidays='GB-ENG')`. An order that
    comes after `cut_off` (local time; '' for none) or on a day off is worked on the next working day. Days off are the
    weekdays in `closed` and the public holidays, with their substitute days, of `holidays`: a country ('FR'), or one of
    its parts ('GB-ENG', 'DE-BY'), by ISO 3166; '' for none.
    """
    moment = date(value)
    if moment is None:
        return None
    further = whole(days, "days")
    if not 0 <= further <= _MOST_DAYS:
        raise ValueError(f"days must be a number from 0 to {_MOST_DAYS}")
    latest, off = _cut_off(cut_off), _closed(closed)
    calendar = text_of(holidays).strip().upper()
    local = moment.astimezone(zone_of(zone))
    try:
        day = _first_open(local.date(), off, calendar)
        if day == local.date() and local.time() > latest:  # on the stroke of it is in time
            further += 1
        for _ in range(further):
            day = _first_open(day + _DAY, off, calendar)
    except OverflowError as error:
        raise ValueError("the working day lies beyond the year 9999") from error
    return start_of(day, zone)


def _cut_off(value: object) -> time:
    """The day's cut-off; its end where there is none."""
    return clock_time(value) if text_of(value).strip() else time.max


def _first_open(day: calendar_date, closed: frozenset[int], calendar: str) -> calendar_date:
    """That day, or the first after it on which work is done."""
    while day.weekday() in closed or (calendar and day in _public_holidays(calendar, day.year)):
        day += _DAY
    return day


def _closed(value: object) -> frozenset[int]:
    """Names of weekdays, whole or their first three letters, as their numbers."""
    names = [name.strip().lower() for name in texts_of(value) if name.strip()]
    numbers = [number for name in names for number, day in enumerate(_WEEKDAYS) if name in (day, day[:3])]
    if len(numbers) < len(names):
        raise ValueError("closed must hold names of weekdays: ['Sat', 'Sun']")
    if len(set(numbers)) == len(_WEEKDAYS):
        raise ValueError("closed holds every day of the week; leave one open")
    return frozenset(numbers)


@lru_cache(maxsize=256)
def _public_holidays(calendar: str, year: int) -> frozenset[calendar_date]:
    """The public holidays of a year; a set, because the package's own calendars change while threads read them."""
    country, _, part = calendar.partition("-")
    try:
        return frozenset(country_holidays(country, subdiv=part or None, years=year))
    except NotImplementedError as error:  # the package's word for a calendar that it does not know
        raise ValueError(_unknown(country, part)) from error


def _unknown(country: str, part: str) -> str:
    """What is known in place of a calendar that is not."""
    known = list_supported_countries(include_aliases=False)
    if country in known:
        parts = [f"{country}-{known_part}" for known_part in known[country]]
        return f"holidays names no part of its country whose holidays are known; {choices(f'{country}-{part}', parts)}"
    return f"holidays names no country whose holidays are known, such as 'GB-ENG' or 'FR'; {choices(country, known)}"
