"""Values and weights of parts of a line: exact, and adding up to the whole."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.platforms.base import Fetched, Look, ShopFacts
from bridge.platforms.goods import decimal, line_weight, part_of, per_unit, pieces, total_weight, worth

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def look() -> Look:
    return Look(
        order={}, fetched=Fetched(), now=NOON, shop=ShopFacts(name="shop", platform="any", domain="shop.example")
    )


def units(quantity: Any, before: Any = 0, ordered: Any = 3) -> dict[str, Any]:
    """Some units of a line of three."""
    return {"quantity": quantity, "before": before, "ordered": ordered}


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


# --- Units of a line -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("quantity", "before", "value"),
    [
        (1, 0, "3.33"),
        (1, 1, "3.34"),  # 6.67 - 3.33
        (1, 2, "3.33"),  # 10.00 - 6.67
        (2, 1, "6.67"),  # 10.00 - 3.33
        (3, 0, "10.00"),
        (5, 2, "3.33"),  # only one is left
        (1, 3, "0.00"),  # none is left
    ],
)
def test_units_are_worth_what_those_before_them_left(quantity: int, before: int, value: str) -> None:
    assert str(worth(Decimal("10.00"), units(quantity, before))) == value


def test_line_without_a_word_on_others_is_the_whole_line() -> None:
    assert worth(Decimal("10.00"), {"quantity": 3}) == Decimal("10.00")


def test_units_of_a_line_that_ordered_none_are_refused() -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        worth(Decimal("10.00"), units(1, ordered=0))


@given(
    total=st.decimals(min_value=0, max_value=100_000, places=2),
    stretches=st.lists(st.integers(min_value=1, max_value=50), min_size=1, max_size=8),
    zero=st.sampled_from([None, "", "0.01", "0.05", Decimal(1)]),
)
def test_stretches_of_a_line_add_up_to_the_line(total: Decimal, stretches: list[int], zero: Any) -> None:
    ordered = sum(stretches)
    values = [
        worth(total, units(quantity, sum(stretches[:place]), ordered), zero=zero)
        for place, quantity in enumerate(stretches)
    ]
    assert sum(values) == worth(total, units(ordered, ordered=ordered), zero=zero)
    assert not zero or all(value > 0 for value in values)


@pytest.mark.parametrize(
    ("total", "per", "zero", "value"),
    [
        ("0.00", "line", "0.01", "0.03"),
        ("0.00", "unit", "0.01", "0.01"),
        ("0.02", "line", "0.01", "0.03"),  # two thirds of a penny each
        ("0.03", "line", "0.05", "0.03"),
        ("10.00", "line", "0.01", "10.00"),
        ("0.00", "line", None, "0.00"),
        ("0.00", "line", "", "0.00"),
        ("0.00", "line", 0, "0.00"),
    ],
)
def test_units_worth_nothing_count_for_what_the_mapping_says(total: str, per: str, zero: Any, value: str) -> None:
    assert worth(Decimal(total), units(3), per=per, zero=zero) == Decimal(value)


def test_measured_goods_for_free_count_as_one_piece() -> None:
    # 1.5 m of cloth
    assert worth(Decimal("0.00"), units(Decimal("1.5"), ordered=Decimal("1.5")), zero="0.01") == Decimal("0.01")


@pytest.mark.parametrize("zero", ["-1", "free"])
def test_replacement_value_that_is_none_is_refused(zero: str) -> None:
    with pytest.raises(ValueError, match=r"above 0|no number"):
        worth(Decimal("0.00"), units(3), zero=zero)


@pytest.mark.parametrize(("quantity", "count"), [(3, 3), (Decimal("2.0"), 2), (Decimal("1.5"), 1), ("4", 4), (None, 0)])
def test_measured_goods_are_one_piece(quantity: Any, count: int) -> None:
    assert pieces(quantity) == count


# --- Weights ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("weight", [None, 0, Decimal(0)])
def test_missing_weight_and_weight_of_0_take_the_default(weight: Any) -> None:
    at = look()
    line = {"quantity": 3, "weight_g": weight, "sku": "SKU-7"}
    assert (line_weight(at, line, "500"), line_weight(at, line, 500, "unit")) == (1500, 500)
    assert at.kept["notes"] == ["no weight for SKU-7: the default of 500 g is taken"]


def test_known_weight_takes_no_default_and_no_note() -> None:
    at = look()
    assert line_weight(at, {"quantity": 2, "weight_g": Decimal(350), "sku": "SKU-7"}, "500") == 700
    assert at.kept == {}


def test_each_line_without_a_weight_is_told_of_once() -> None:
    at = look()
    lines = [{"quantity": 1, "sku": "A"}, {"quantity": 2, "sku": "", "name": "Cups &amp; Saucers"}, {"quantity": 1}]
    assert [total_weight(at, lines, "0.5") for _ in range(2)] == [2, 2]
    assert [note.partition(":")[0] for note in at.kept["notes"]] == [
        "no weight for A",
        "no weight for Cups & Saucers",
        "no weight for a line without a name",
    ]


@pytest.mark.parametrize("default", [None, "", 0, "0", -5])
def test_total_without_a_default_says_which_line_has_no_weight(default: Any) -> None:
    with pytest.raises(ValueError, match=r"line 2: the shop knows no weight .* default in grams"):
        total_weight(look(), [{"quantity": 1, "weight_g": 1}, {"quantity": 1}], default)


@pytest.mark.parametrize(("lines", "sentence"), [("text", "a list of lines"), (["text"], "line 1: .* wants a line")])
def test_total_weight_of_something_else_is_told(lines: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        total_weight(look(), lines, 500)


def test_weight_by_an_unknown_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="per='line' or per='unit'"):
        line_weight(look(), {"quantity": 1, "weight_g": 1}, None, "each")
