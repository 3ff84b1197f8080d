"""What each kind of value takes, and the words for what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError, fields

from bridge.sortedpro.fields import Choice, Deprecated, Flag, Int32, ListOf, Number, Text, Time, WholeNumber, nearest


def refusal(field: fields.Field, value: object) -> str:
    """The one message with which a field refuses a value."""
    with pytest.raises(ValidationError) as caught:
        field.deserialize(value)
    (message,) = caught.value.messages
    return message


@pytest.mark.parametrize("value", [5, Decimal(5), True, ["x"], {"x": "y"}])
def test_text_takes_nothing_but_text(value):
    assert refusal(Text(), value) == "must be text"


def test_text_keeps_every_character():
    assert Text().deserialize("  Łódź 🫖\n") == "  Łódź 🫖\n"


def test_half_a_character_is_refused():
    assert "half a character" in refusal(Text(), "teapot \ud83e")


def test_blank_text_is_refused_where_something_must_stand():
    assert "blank" in refusal(Text(filled=True), " \t")


def test_a_pattern_must_match_the_whole_text():
    assert refusal(Text(pattern="[A-Z]{3}", form="three capitals"), "GBP\n") == "must be three capitals"


def test_optional_text_may_be_null_and_required_text_not():
    assert Text().deserialize(None) is None
    assert refusal(Text(required=True), None) == "must not be null; leave the field out or give it a value"


@pytest.mark.parametrize(
    ("value", "number"), [(3, "3"), (0.1, "0.1"), (Decimal("2.50"), "2.50"), (-7.25, "-7.25"), (10**20, str(10**20))]
)
def test_a_number_becomes_a_decimal_with_the_digits_it_shows(value, number):
    assert str(Number().deserialize(value)) == number


@pytest.mark.parametrize("value", ["1.5", True, False, [1], {}])
def test_what_is_no_number_is_refused(value):
    assert refusal(Number(), value) == "must be a number, not text or anything else"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"), Decimal("sNaN")])
def test_a_number_must_be_finite(value):
    assert "finite" in refusal(Number(above=0), value)


def test_a_number_beyond_a_dotnet_decimal_is_refused():
    # System.Decimal.MaxValue is 79,228,162,514,264,337,593,543,950,335.
    assert Number().deserialize(79228162514264337593543950335) == Decimal(79228162514264337593543950335)
    assert "or less" in refusal(Number(), 79228162514264337593543950336)


def test_a_weight_of_zero_is_refused_and_an_amount_of_zero_is_not():
    assert refusal(Number(above=0), 0) == "must be more than 0"
    assert Number(least=0).deserialize(0) == 0


@pytest.mark.parametrize("value", [2, Decimal(2), Decimal("2.00"), 2.0])
def test_a_whole_number_is_one_however_it_is_held(value):
    loaded = Int32().deserialize(value)
    assert (loaded, type(loaded)) == (2, int)


@pytest.mark.parametrize("value", ["2", True, 2.5, Decimal("2.01"), Decimal("NaN"), None])
def test_a_whole_number_is_not_made_from_anything_else(value):
    assert refusal(Int32(), value)


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, Decimal("1E+999999")])
def test_a_whole_number_has_32_bits(value):
    assert "or " in refusal(Int32(), value)


def test_the_ends_of_a_range_belong_to_it():
    field = WholeNumber(least=1, most=3)
    assert [field.deserialize(1), field.deserialize(3)] == [1, 3]
    assert refusal(field, 0) == "must be 1 or more"
    assert refusal(field, 4) == "must be 3 or less"


@pytest.mark.parametrize("value", ["true", 1, 0, "", []])
def test_a_flag_is_true_or_false_only(value):
    assert "true or false" in refusal(Flag(), value)


def test_a_choice_in_the_wrong_case_is_told_the_right_one():
    assert refusal(Choice("Kg", "Lbs"), "kg") == "must be one of Kg, Lbs; try Kg"


def test_a_choice_that_resembles_nothing_gets_the_list():
    assert refusal(Choice("Kg", "Lbs"), "stone") == "must be one of Kg, Lbs"


def test_a_choice_is_not_a_number():
    assert refusal(Choice("Outbound", "Inbound"), 0) == "must be one of Outbound, Inbound"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-24T09:30Z", datetime(2026, 12, 24, 9, 30, tzinfo=UTC)),
        ("2026-12-24T09:30:15+01:00", datetime(2026, 12, 24, 8, 30, 15, tzinfo=UTC)),
        ("2026-12-24T09:30:15.1234567Z", datetime(2026, 12, 24, 9, 30, 15, 123456, tzinfo=UTC)),
        ("2026-12-24T09:30:15.5-09:30", datetime(2026, 12, 24, 19, 0, 15, 500000, tzinfo=UTC)),
    ],
)
def test_a_time_with_a_zone_is_taken(text, moment):
    assert Time().deserialize(text) == moment


def test_a_time_keeps_its_offset():
    # The day that a customer asked for is the day there, which UTC may not share.
    assert Time().deserialize("2026-12-24T00:00:00+01:00").isoformat() == "2026-12-24T00:00:00+01:00"


def test_a_datetime_is_taken_as_it_is():
    moment = datetime(2026, 12, 24, tzinfo=timezone(timedelta(hours=-5)))
    assert Time().deserialize(moment) == moment


def test_an_offset_with_seconds_becomes_utc():
    # Amsterdam before 1937 was 19 minutes and 32 seconds ahead; ISO 8601 cannot write that.
    moment = datetime(1930, 1, 1, 12, 0, tzinfo=timezone(timedelta(minutes=19, seconds=32)))
    assert Time().deserialize(moment).isoformat() == "1930-01-01T11:40:28+00:00"


@pytest.mark.parametrize("value", ["2026-12-24T09:30:00", datetime(2026, 12, 24)])  # noqa: DTZ001
def test_a_time_without_a_zone_is_refused(value):
    assert "no time zone" in refusal(Time(), value)


def test_a_bare_date_is_refused():
    assert "a date without a time" in refusal(Time(), "2026-12-24")


@pytest.mark.parametrize(
    "value", ["tomorrow", "2026-02-31T00:00:00Z", "2026-12-24 09:30:00Z", "2026-12-24T09:30:00.12345678Z", 20261224, ""]
)
def test_what_is_no_time_is_refused_with_an_example(value):
    assert refusal(Time(), value) == "must be a time such as 2026-12-24T09:30:00+01:00"


def test_an_offset_of_more_than_14_hours_is_refused():
    assert "14 hours" in refusal(Time(), "2026-12-24T00:00:00+15:00")


@pytest.mark.parametrize("value", ["x", 1, None])
def test_an_old_name_is_refused_with_the_new_one(value):
    assert refusal(Deprecated("Quantity"), value) == "is not taken by SortedPRO any more; use Quantity"


@pytest.mark.parametrize("value", ["ab", {"a": 1}, 5])
def test_a_list_is_made_of_nothing_else(value):
    assert refusal(ListOf(Text()), value) == "must be a list"


def test_an_empty_list_is_refused_where_something_must_stand():
    assert refusal(ListOf(Text(), filled=True), []) == "must have at least one entry"


@pytest.mark.parametrize(
    ("name", "meant"),
    [("Metadata", "MetaData"), ("PostCode", "Postcode"), ("Adresses", "Addresses"), ("Colour", None)],
)
def test_the_nearest_name_is_found_whatever_its_case(name, meant):
    assert nearest(name, ["MetaData", "Postcode", "Addresses"]) == meant


@given(st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.decimals(), st.booleans(), st.datetimes()))
def test_no_value_breaks_a_field(value):
    for field in (Text(filled=True), Number(above=0), Int32(), Flag(), Choice("Kg"), Time(), Deprecated("x")):
        try:
            field.deserialize(value)
        except ValidationError as error:
            assert all(isinstance(message, str) for message in error.messages)
