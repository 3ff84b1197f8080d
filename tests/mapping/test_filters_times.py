"""Working days, days of a zone, dates in texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.filters.times import at, day, find_date
from bridge.mapping.filters.working_days import working_day


def utc(text: str) -> datetime:
    """A time in UTC of "2026-12-24 15:30"."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# ---------------------------------------------------------------------------------------------------------------------
# Working days
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("moment", "worked_on"),
    [
        ("2026-12-01 13:59", "2026-12-01"),
        ("2026-12-01 14:00", "2026-12-01"),  # on the stroke of the cut-off is in time
        ("2026-12-01 14:00:01", "2026-12-02"),
        ("2026-12-04 15:00", "2026-12-07"),  # Friday after it: Monday
        ("2026-12-05 15:00", "2026-12-07"),  # on Saturday the cut-off does not count
    ],
)
def test_an_order_after_the_cut_off_is_worked_on_the_next_working_day(moment: str, worked_on: str) -> None:
    assert working_day(utc(moment)) == utc(f"{worked_on} 00:00")


# Christmas Day 2026 is a Friday, Boxing Day a Saturday, its substitute Monday the 28th:
# https://www.gov.uk/bank-holidays
@pytest.mark.parametrize(
    ("moment", "days", "worked_on"),
    [
        ("2026-12-24 13:00", 0, "2026-12-24"),
        ("2026-12-24 14:30", 0, "2026-12-29"),
        ("2026-12-24 13:00", 1, "2026-12-29"),
        ("2026-12-26 09:00", 0, "2026-12-29"),
        ("2026-12-31 15:00", 0, "2027-01-04"),
    ],
)
def test_bank_holidays_and_their_substitutes_are_days_off(moment: str, days: int, worked_on: str) -> None:
    assert working_day(utc(moment), days=days) == utc(f"{worked_on} 00:00")


def test_parts_of_a_country_have_holidays_of_their_own() -> None:
    # 13 July 2026, for 12 July (a Sunday), is a bank holiday in Northern Ireland only; 6 January one in Bavaria.
    monday = utc("2026-07-13 09:00")
    assert working_day(monday, holidays="GB-NIR") == utc("2026-07-13 23:00")
    assert working_day(monday, holidays="GB-ENG") == utc("2026-07-12 23:00")
    epiphany = utc("2026-01-06 09:00")
    assert working_day(epiphany, zone="Europe/Berlin", holidays="DE-BY") == utc("2026-01-06 23:00")
    assert working_day(epiphany, zone="Europe/Berlin", holidays="de") == utc("2026-01-05 23:00")


def test_a_shop_may_work_on_holidays_and_weekends() -> None:
    christmas = utc("2026-12-25 09:00")
    assert working_day(christmas, holidays="", closed=["Sun"]) == utc("2026-12-25 00:00")
    assert working_day(christmas, days=2, holidays="", closed="sunday") == utc("2026-12-28 00:00")
    assert working_day(christmas, days=2, holidays="", closed=[]) == utc("2026-12-27 00:00")


def test_without_a_cut_off_the_whole_day_counts() -> None:
    assert working_day(utc("2026-12-01 23:59:59"), cut_off="") == utc("2026-12-01 00:00")


def test_days_begin_at_midnight_where_the_clocks_go() -> None:
    # Summer time begins on Sunday 29 March and ends on Sunday 25 October 2026: Friday is at +0, Monday at +1, and back.
    assert working_day(utc("2026-03-27 15:00")) == utc("2026-03-29 23:00")
    assert working_day(utc("2026-10-23 14:00")) == utc("2026-10-26 00:00")


def test_the_cut_off_is_in_the_shops_own_time() -> None:
    # 13:30 UTC in July is 14:30 in London, and 09:30 in New York.
    assert working_day(utc("2026-07-01 13:30")) == utc("2026-07-01 23:00")
    assert working_day(utc("2026-07-01 13:30"), zone="America/New_York", holidays="US") == utc("2026-07-01 04:00")


def test_a_missing_time_has_no_working_day() -> None:
    assert working_day("") is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"holidays": "GB-XXX"}, "GB-ENG"),
        ({"holidays": "QQ"}, "such as 'GB-ENG' or 'FR'.*Allowed: "),
        ({"zone": "London"}, "zones have names such as 'Europe/London'"),
        ({"zone": ""}, "zones have names"),
        ({"cut_off": "2pm"}, "written in 24 hours: '14:00'"),
        ({"cut_off": "24:00"}, "written in 24 hours"),
        ({"closed": ["Sat", "Funday"]}, r"names of weekdays: \['Sat', 'Sun'\]"),
        ({"closed": ["sux"]}, "names of weekdays"),
        ({"closed": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]}, "leave one open"),
        ({"days": -1}, "from 0 to 250"),
        ({"days": "1.5"}, "days must be a whole number"),
    ],
)
def test_wrong_arguments_are_answered_with_the_right_ones(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        working_day(utc("2026-12-01 09:00"), **arguments)


def test_a_day_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond the year 9999"):
        working_day(utc("9999-12-31 12:00"), days=3, holidays="")


@given(st.integers(0, 15 * 365 * 24), st.integers(0, 5))
def test_no_working_day_lies_before_its_order_nor_on_a_weekend(hours: int, days: int) -> None:
    moment = utc("2020-01-01 00:00") + timedelta(hours=hours)
    worked_on = working_day(moment, days=days, zone="UTC")
    assert worked_on is not None
    assert worked_on.date() >= moment.date()
    assert worked_on.weekday() < 5


# ---------------------------------------------------------------------------------------------------------------------
# Days and times of a zone
# ---------------------------------------------------------------------------------------------------------------------
def test_a_day_is_that_of_the_zone() -> None:
    late = utc("2026-12-24 23:30")
    assert (day(late, "Europe/London"), day(late, "Europe/Berlin")) == ("2026-12-24", "2026-12-25")
    assert (day("2026-12-24", "America/New_York"), day("", "UTC")) == ("2026-12-24", None)


def test_a_time_of_day_is_that_of_the_zone() -> None:
    # 14:00 in London is 14:00 UTC in winter and 13:00 in summer; in New York in winter 19:00.
    assert at(utc("2026-12-24 09:00"), "14:00", "Europe/London") == utc("2026-12-24 14:00")
    assert at(utc("2026-07-24 09:00"), "14:00", "Europe/London") == utc("2026-07-24 13:00")
    assert at("2026-12-24", "14:00", "America/New_York") == utc("2026-12-24 19:00")
    assert at("", "14:00", "UTC") is None


def test_a_time_that_the_clocks_leave_out_is_an_hour_later() -> None:
    # On 29 March 2026 London goes from 01:00 to 02:00: 01:30 does not exist and is taken as 02:30, 01:30 UTC.
    assert at("2026-03-29", "01:30", "Europe/London") == utc("2026-03-29 01:30")


def test_a_time_beyond_the_calendar_of_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="years 1 to 9999"):
        at("0001-01-01", "00:00", "Asia/Tokyo")


# ---------------------------------------------------------------------------------------------------------------------
# Dates in texts
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("Delivery on 24/12/2026", ["%d/%m/%Y", "%Y-%m-%d"]),
        ("2026-12-24T10:00:00 or later", ["%d/%m/%Y", "%Y-%m-%d"]),
        ("Thursday 24 December 2026, 8 to 12", "%d %B %Y"),
        ("December 24th, 2026", ["%B %d, %Y"]),
        ("24 dec. 2026", ["%d %b %Y"]),
        ("on 24.12.26!", ["%d.%m.%y"]),
        ("31/02/2026 no, 24/12/2026", ["%d/%m/%Y"]),
        ("24/12/2026 or 26/12/2026", ["%d/%m/%Y"]),
        ("2026-12-24 or 25/12/2026", ["%d/%m/%Y", "%Y-%m-%d"]),
        ("24  December\n2026", ["%d %B %Y"]),
    ],
)
def test_the_first_date_in_a_text_is_found(text: str, formats: object) -> None:
    assert find_date(text, formats) == utc("2026-12-24 00:00")


@pytest.mark.parametrize("text", ["", "Next day delivery", "124/12/2026", "24/12/20261", "31/02/2026", "24/13/2026"])
def test_a_text_without_a_date_has_none(text: str) -> None:
    assert find_date(text, ["%d/%m/%Y"]) is None


def test_of_two_formats_that_read_the_same_text_the_first_counts() -> None:
    assert find_date("03/04/2026", ["%m/%d/%Y", "%d/%m/%Y"]) == utc("2026-03-04 00:00")


def test_a_found_day_begins_in_its_zone() -> None:
    assert find_date("24/07/2026", ["%d/%m/%Y"], "Europe/London") == utc("2026-07-23 23:00")


@pytest.mark.parametrize(
    "form", ["%d/%m", "%d/%m/%Y %H", "%d/%d/%Y", "%d %m %B %Y", "%d %b %B %Y", "%", "", "tomorrow"]
)
def test_a_format_that_cannot_be_read_is_refused(form: str) -> None:
    with pytest.raises(ValueError, match="a format of find_date"):
        find_date("24/12/2026", [form])


@given(st.text(max_size=30), st.sampled_from(["%d/%m/%Y", "%d %B %Y", "%y%m%d"]))
def test_any_text_is_read(text: str, form: str) -> None:
    found = find_date(text, [form])
    assert found is None or found.tzinfo is UTC
