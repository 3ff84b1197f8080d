"""The general filters, each by what a mapping's author relies on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Undefined

from bridge.mapping.filters import FILTERS
from bridge.mapping.filters.amounts import cm, decimal, integer, kg, round_to, total, total_weight
from bridge.mapping.filters.lists import default, first, join, last, length, lookup, pluck, where
from bridge.mapping.filters.places import country_name, e164, subdivision
from bridge.mapping.filters.text import (
    first_words,
    last_word,
    lines,
    lower,
    reference,
    replace,
    strip_tags,
    trim,
    truncate,
    unescape,
    upper,
)
from bridge.mapping.filters.times import date, isoformat, plus, until
from bridge.mapping.language import Table

README = Path(__file__).parent.parent.parent / "README.md"
MISSING = Undefined()
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


SIZES = Table({"SKU-1": "SMALL", "0123": "LARGE"}, name="package_size")


@dataclass(frozen=True, kw_only=True)
class Look:
    """What `until` sees of an order."""

    now: datetime


# ---------------------------------------------------------------------------------------------------------------------
# Numbers
# ---------------------------------------------------------------------------------------------------------------------
def test_text_becomes_an_exact_number() -> None:
    assert str(decimal("10.00")) == "10.00"


def test_empty_text_is_a_missing_number() -> None:
    assert (decimal(""), integer(" "), round_to(""), kg(""), cm("")) == (None, None, None, None, None)


def test_text_that_is_no_number_names_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"\| replace\(',', '\.'\)"):
        decimal("1,50")


@pytest.mark.parametrize("value", ["2", 2, Decimal("2.0")])
def test_a_whole_number_becomes_an_integer(value: object) -> None:
    assert integer(value) == 2
    assert type(integer(value)) is int


def test_a_fraction_is_no_integer() -> None:
    with pytest.raises(ValueError, match=r"\| round"):
        integer("2.5")


@pytest.mark.parametrize(
    ("value", "places", "result"),
    [
        ("1.005", 2, "1.01"),
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("1", 2, "1.00"),
        (Decimal("0.125"), Decimal(2), "0.13"),
    ],
)
def test_halves_are_rounded_up(value: object, places: object, result: str) -> None:
    assert str(round_to(value, places)) == result


def test_rounding_without_places_gives_a_whole_number() -> None:
    rounded = round_to(Decimal("2.5"))
    assert (rounded, type(rounded)) == (3, int)


def test_places_that_are_no_number_are_named() -> None:
    with pytest.raises(ValueError, match="the number of places must be a whole number"):
        round_to(Decimal(1), "1.5")


def test_abs_takes_the_sign_away() -> None:
    assert FILTERS["abs"].function("-1.50") == Decimal("1.50")


def test_a_sum_counts_missing_numbers_as_nothing() -> None:
    assert total(["1.50", 2, None, ""]) == Decimal("3.50")


@pytest.mark.parametrize(
    ("value", "unit", "kilograms"),
    [
        ("500", "g", "0.5"),
        ("100000", "g", "100"),
        ("1.5", "kg", "1.5"),
        (1, "lb", "0.45359"),  # 0.45359237
        (1, "lbs", "0.45359"),
        ("1", "OZ", "0.02835"),  # 0.028349523125
        (0, "g", "0"),
    ],
)
def test_weights_become_kilograms_of_five_places(value: object, unit: str, kilograms: str) -> None:
    assert str(kg(value, unit)) == kilograms


def test_a_weight_without_a_unit_is_in_grams() -> None:
    assert kg(Decimal(250)) == Decimal("0.25")


@pytest.mark.parametrize(
    ("value", "unit", "centimetres"),
    [("15", "mm", "1.5"), ("15", "cm", "15"), ("0.5", "m", "50"), ("1.5", "in", "3.81"), (1, "yd", "91.44")],
)
def test_lengths_become_centimetres(value: object, unit: str, centimetres: str) -> None:
    assert str(cm(value, unit)) == centimetres


@pytest.mark.parametrize("unit", ["stone", MISSING, None])
def test_an_unknown_unit_is_answered_with_the_known_ones(unit: object) -> None:
    with pytest.raises(ValueError, match="known are g, kg, lb, lbs, oz"):
        kg("1", unit)


def test_the_weight_of_all_lines_counts_quantities_and_defaults() -> None:
    # 2 x 250 g + 3 x 100 g
    goods = [{"quantity": 2, "weight_g": Decimal(250)}, {"quantity": 3, "weight_g": None}]
    assert total_weight(goods, "100") == Decimal(800)


def test_a_weight_of_zero_is_an_unknown_weight() -> None:
    assert total_weight([{"quantity": 1, "weight_g": Decimal(0)}], 100) == Decimal(100)


def test_a_line_without_weight_and_default_is_a_problem_that_names_the_line() -> None:
    goods = [{"quantity": 1, "weight_g": Decimal(5)}, {"quantity": 1, "weight_g": None}]
    with pytest.raises(ValueError, match=r"line 2 has no weight.*total_weight\(500\)"):
        total_weight(goods)


# ---------------------------------------------------------------------------------------------------------------------
# Text
# ---------------------------------------------------------------------------------------------------------------------
def test_case_and_blanks() -> None:
    assert (upper("straße"), lower("ÉTÉ"), trim("  a b ")) == ("STRASSE", "été", "a b")


@pytest.mark.parametrize(("number", "digits"), [(1001, "1001"), (Decimal("1E+2"), "100"), (Decimal("1.50"), "1.50")])
def test_a_number_is_taken_as_its_digits(number: object, digits: str) -> None:
    assert upper(number) == digits


@pytest.mark.parametrize(("value", "what"), [(True, "true or false"), ([], "a list"), ({}, "a map")])
def test_what_is_no_text_is_refused_in_words(value: object, what: str) -> None:
    with pytest.raises(ValueError, match=f"not {what}"):
        upper(value)


def test_truncating_leaves_no_ellipsis_and_no_blank() -> None:
    assert (truncate("Orchard Row", 8), truncate("Row", 8)) == ("Orchard", "Row")


@pytest.mark.parametrize("length", [0, -1, "x", MISSING])
def test_a_length_that_is_none_is_refused(length: object) -> None:
    with pytest.raises(ValueError, match=r"the length must be|a number"):
        truncate("abc", length)


def test_replacing() -> None:
    assert (replace("1,50", ",", "."), replace("a-b", "-", MISSING)) == ("1.50", "ab")


def test_replacing_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        replace("abc", "", "-")


def test_woocommerce_names_are_unescaped() -> None:
    assert unescape("Lampe &amp; Schirm 3&#8243;") == "Lampe & Schirm 3\N{DOUBLE PRIME}"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Lamp <small>red</small>", "Lamp red"),
        ("one<br/>two</p><p>three", "one two three"),
        ("3 < 4 > 2", "3 < 4 > 2"),
        ("H<sub>2</sub>O", "H2O"),
        ("plain", "plain"),
    ],
)
def test_tags_go_and_comparisons_stay(text: str, plain: str) -> None:
    assert strip_tags(text) == plain


def test_lines_are_those_with_something_in_them() -> None:
    assert lines(" Flat 2 \r\n\r\n4 Orchard Row\n") == ["Flat 2", "4 Orchard Row"]


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("shopify-#1001", "shopify-1001"),
        ("#1001", "1001"),
        ("No. 7/8 (b)", "No-7-8-b"),
        ("Zoë-Straße", "Zoe-Stra-e"),
        ("№ 5", "No-5"),
        ("заказ-17", "17"),
        ("", ""),
    ],
)
def test_a_reference_has_letters_digits_and_hyphens(text: str, short: str) -> None:
    assert reference(text) == short


@given(st.text(min_size=1))
def test_a_reference_never_has_anything_else(text: str) -> None:
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")
    assert set(reference(f"shop {text}")) <= allowed


def test_a_reference_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="put one in front"):
        reference("заказ")


@pytest.mark.parametrize(
    ("name", "parts"),
    [("Ann Mary Lee", ("Ann Mary", "Lee")), ("  Ann   Lee ", ("Ann", "Lee")), ("Cher", ("", "Cher")), ("", ("", ""))],
)
def test_the_last_word_of_a_name_is_the_last_name(name: str, parts: tuple[str, str]) -> None:
    assert (first_words(name), last_word(name)) == parts


# ---------------------------------------------------------------------------------------------------------------------
# Lists, tables, missing values
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", [None, MISSING, "", "  "])
def test_the_default_stands_for_what_is_missing_or_empty(value: object) -> None:
    assert default(value, "x") == "x"


@pytest.mark.parametrize("value", [0, False, "a", Decimal(0)])
def test_the_default_leaves_what_is_there(value: object) -> None:
    assert default(value, "x") is value


def test_a_row_is_found_by_its_key() -> None:
    assert lookup("SKU-1", SIZES) == "SMALL"


def test_keys_are_compared_as_text() -> None:
    assert (lookup(7, {"7": "a"}), lookup(True, {"true": "b"}), lookup("0123", SIZES)) == ("a", "b", "LARGE")


def test_the_default_is_taken_for_a_missing_row_and_a_missing_key() -> None:
    assert (lookup("SKU-2", SIZES, "MEDIUM"), lookup(None, SIZES, "MEDIUM"), lookup("x", SIZES, None)) == (
        "MEDIUM",
        "MEDIUM",
        None,
    )


def test_a_missing_key_without_default_gives_missing() -> None:
    assert lookup(MISSING, SIZES) is None


def test_a_missing_row_without_default_names_table_and_key() -> None:
    with pytest.raises(ValueError, match='table package_size has no row "SKU-2"'):
        lookup("SKU-2", SIZES)


def test_looking_up_in_what_is_no_table_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a table of this file"):
        lookup("a", "b")


def test_the_ends_of_a_list() -> None:
    assert (first([1, 2]), last([1, 2]), first([]), last([])) == (1, 2, None, None)


def test_lengths_of_lists_and_text() -> None:
    assert (length([1, 2]), length("abc"), length({})) == (2, 3, 0)


def test_joining_leaves_out_what_is_empty() -> None:
    assert (join(["a", "", None, MISSING, 3]), join(["a", "b"], " / ")) == ("a, 3", "a / b")


def test_values_of_a_list_are_found_by_key() -> None:
    meta = [{"key": "vat", "value": "GB1"}, {"key": "gift", "value": None}, {"key": "vat", "value": "GB2"}]
    assert pluck(where(meta, "key", "vat"), "value") == ["GB1", "GB2"]
    assert pluck(meta, "value") == ["GB1", "GB2"]


def test_where_without_a_value_wants_something_there() -> None:
    assert where([{"sku": ""}, {"sku": "a"}, {}], "sku") == [{"sku": "a"}]


def test_where_missing_finds_what_is_missing() -> None:
    assert where([{"sku": None}, {"sku": "a"}, {}], "sku", MISSING) == [{"sku": None}, {}]


@pytest.mark.parametrize("filter_of_lists", [first, last, join, total])
def test_what_is_no_list_is_refused_in_words(filter_of_lists: Callable[[object], object]) -> None:
    with pytest.raises(ValueError, match="a list is needed here, not a text"):
        filter_of_lists("abc")


def test_entries_that_are_no_maps_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="an entry is a text"):
        pluck(["a"], "key")


# ---------------------------------------------------------------------------------------------------------------------
# Phones, countries, regions
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("typed", "country", "number"),
    [
        ("01632 960001", "GB", "+441632960001"),
        ("01632 960001", "gb", "+441632960001"),
        ("+44 (0)1632 960001", "US", "+441632960001"),
        ("0044 1632 960 001", "GB", "+441632960001"),
        ("441632960001", "GB", "+441632960001"),
        ("01632 960001 ext 4", "GB", "+441632960001"),
        ("555-555-SHIP", "US", "+15555557447"),
    ],
)
def test_phones_become_e164(typed: str, country: str, number: str) -> None:
    assert e164(typed, country) == number


@pytest.mark.parametrize(
    ("typed", "country", "kept"),
    [
        ("01632 960001", MISSING, "01632960001"),
        ("01632 960001", "XX", "01632960001"),
        ("12", "GB", "12"),
        ("+999 12", "GB", "+99912"),
        ("01632 960001 or 960002", "GB", "01632960001960002"),
    ],
)
def test_a_wrong_phone_is_kept_as_digits(typed: str, country: object, kept: str) -> None:
    assert e164(typed, country) == kept


@pytest.mark.parametrize("typed", ["", "n/a", "+"])
def test_a_phone_without_digits_is_missing(typed: str) -> None:
    assert e164(typed, "GB") is None


@given(st.text(max_size=40), st.sampled_from(["GB", "US", "", "DE", "?"]))
def test_any_text_makes_a_phone_or_none(typed: str, country: str) -> None:
    number = e164(typed, country)
    assert number is None or set(number) <= set("+0123456789")


@pytest.mark.parametrize(
    ("code", "name"), [("GB", "United Kingdom"), ("de", "Germany"), ("Germany", "Germany"), ("QQ", "QQ"), ("", "")]
)
def test_countries_have_english_names(code: str, name: str) -> None:
    assert country_name(code) == name


@pytest.mark.parametrize(
    ("code", "country", "name"),
    [
        ("TX", "US", "Texas"),
        ("US-TX", "", "Texas"),
        ("DE-NW", "DE", "Nordrhein-Westfalen"),
        ("JP13", "JP", "Tokyo"),
        ("CW", "IE", "Carlow"),
        ("B", "ES", "Barcelona"),
        ("Rutland", "GB", "Rutland"),
        ("US-TX", "CA", "US-TX"),
        ("TX", MISSING, "TX"),
    ],
)
def test_regions_have_names(code: str, country: object, name: str) -> None:
    assert subdivision(code, country) == name


# ---------------------------------------------------------------------------------------------------------------------
# Times
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text", ["2026-12-01T12:00:00Z", "2026-12-01T12:00:00", "2026-12-01T13:00:00+01:00", "2026-12-01 12:00"]
)
def test_text_becomes_a_time_in_utc(text: str) -> None:
    assert date(text) == NOON
    assert date(text).tzinfo is UTC  # type: ignore[union-attr]


def test_a_format_reads_other_dates() -> None:
    assert date("24/12/2026", "%d/%m/%Y") == datetime(2026, 12, 24, tzinfo=UTC)


def test_a_time_stays_one() -> None:
    assert date(NOON.astimezone(timezone(timedelta(hours=5)))) == NOON


def test_empty_text_is_a_missing_time() -> None:
    assert (date(""), plus("", days=1), isoformat(""), until(Look(now=NOON), "")) == (None, None, None, None)


@pytest.mark.parametrize(
    ("text", "form"), [("soon", None), ("24.12.2026", "%d/%m/%Y"), ("0001-01-01T00:00+01:00", None)]
)
def test_text_that_is_no_time_names_the_way_out(text: str, form: str | None) -> None:
    with pytest.raises(ValueError, match=r"date\('%d/%m/%Y'\)"):
        date(text, form)


def test_times_are_moved() -> None:
    assert plus(NOON, days=1, hours=-2, minutes=30) == datetime(2026, 12, 2, 10, 30, tzinfo=UTC)


def test_a_time_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="years 1 to 9999"):
        plus(NOON, days=10**9)


def test_a_time_is_written_with_its_zone() -> None:
    assert isoformat("2026-12-01T13:00:00+01:00") == "2026-12-01T12:00:00+00:00"


@pytest.mark.parametrize(("text", "holds"), [("2026-12-01T12:00:01Z", True), ("2026-12-01T12:00:00Z", False)])
def test_until_holds_until_its_time(text: str, holds: bool) -> None:
    waited = until(Look(now=NOON), text)
    assert waited is not None
    assert (waited.time, waited.holds) == (datetime.fromisoformat(text), holds)


# ---------------------------------------------------------------------------------------------------------------------
# The list of filters
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_stands_in_the_readme(name: str) -> None:
    assert f"`{name}" in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_says_what_it_does(name: str) -> None:
    assert FILTERS[name].function.__doc__
