"""Parts of a line's value: exact, and adding up to the whole."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.platforms.goods import decimal, part_of, per_unit


@pytest.mark.parametrize(
    ("total", "quantity", "of", "value"),
    [
        ("10.00", 3, 3, "10.00"),
        ("10.00", 1, 3, "3.33"),
        ("10.00", 2, 3, "6.67"),
        ("0.05", 1, 2, "0.03"),  # 0.025: halves go up
        ("0.25", 1, 10, "0.03"),  # 0.025 again
        ("9.99", 0, 3, "0.00"),
        ("0.00", 0, 0, "0.00"),
        ("-0.05", 1, 2, "-0.03"),  # halves away from zero
    ],
)
def test_a_part_is_worth_its_share(total: str, quantity: int, of: int, value: str) -> None:
    assert str(part_of(Decimal(total), quantity, of)) == value


def test_a_plugin_may_sell_parts_of_a_unit() -> None:
    # 12.00 for 2.5 m, of which 1.25 m ship: half of it
    assert part_of(Decimal("12.00"), Decimal("1.25"), Decimal("2.5")) == Decimal("6.00")


@pytest.mark.parametrize("total", ["12.345", "1000", "0.1234567891"])
def test_all_units_are_worth_the_total_unrounded(total: str) -> None:
    assert (str(part_of(Decimal(total), 3, 3)), str(per_unit(Decimal(total), 1))) == (total, total)


@pytest.mark.parametrize(
    ("total", "part"),
    [
        ("10.000", "3.333"),  # Kuwaiti dinars have 3 places
        ("1000", "333.33"),
        ("10.0", "3.33"),
        ("1.00000000000000000000", "0.33333333"),  # 8 places at most
    ],
)
def test_a_part_has_the_places_of_the_total_and_two_at_least(total: str, part: str) -> None:
    assert (str(part_of(Decimal(total), 1, 3)), str(per_unit(Decimal(total), 3))) == (part, part)


def test_yen_have_no_places() -> None:
    assert str(part_of(Decimal(1000), 2, 3, places=0)) == "667"


@given(
    total=st.decimals(min_value=0, max_value=100_000, places=2),
    first=st.integers(min_value=0, max_value=500),
    rest=st.integers(min_value=0, max_value=500),
)
def test_two_shipments_of_a_line_add_up_to_the_line(total: Decimal, first: int, rest: int) -> None:
    units = first + rest + 1
    parts = [part_of(total, first, units), part_of(total, units, units) - part_of(total, first, units)]
    assert sum(parts) == total


@pytest.mark.parametrize("of", [0, -1])
def test_units_of_a_line_without_units_are_refused(of: int) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        part_of(Decimal("1.00"), 1, of)


def test_a_unit_is_worth_the_rounded_share() -> None:
    # 10.00 / 8 = 1.25; 10.00 / 3 = 3.333...
    assert (per_unit(Decimal("10.00"), 8), per_unit(Decimal("10.00"), 3)) == (Decimal("1.25"), Decimal("3.33"))


def test_no_units_have_no_value_each() -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        per_unit(Decimal("1.00"), 0)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("10.00", "10.00"),
        (" 10.5 ", "10.5"),
        ("-3", "-3"),
        (".5", "0.5"),
        (10, "10"),
        (Decimal("12.521008333333334"), "12.521008333333334"),
    ],
)
def test_numbers_of_shops_are_read_exactly(value: object, number: str) -> None:
    assert str(decimal(value)) == number


@pytest.mark.parametrize("value", ["", "  ", None])
def test_no_number_is_none(value: object) -> None:
    assert decimal(value) is None


@pytest.mark.parametrize(
    "value",
    ["1,50", "ten", "1_000", "NaN", "Infinity", "1e9", "٣", "1.2.3", "9" * 30, 10**30, Decimal("NaN"), 1.5, True, [1]],
)
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="number"):
        decimal(value)


def test_a_refusal_does_not_show_the_value() -> None:
    with pytest.raises(ValueError) as caught:
        decimal("4 Orchard Row")
    assert "Orchard" not in str(caught.value)
