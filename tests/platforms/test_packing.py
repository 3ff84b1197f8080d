"""Which lines travel together, and that packages add up to their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.language import Table
from bridge.platforms.base import Fetched, Look, ShopFacts
from bridge.platforms.packing import packages
from bridge.platforms.shopify import PLATFORM as SHOPIFY
from bridge.platforms.woocommerce import PLATFORM as WOOCOMMERCE

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
Line = dict[str, Any]


def look(order: Mapping[str, Any] | None = None) -> Look:
    shop = ShopFacts(name="shop", platform="any", domain="shop.example")
    return Look(order=order or {}, fetched=Fetched(complete=True), now=NOON, shop=shop)


def line(identity: int, quantity: Any, grams: int | None = 400, **more: Any) -> Line:
    weight = None if grams is None else Decimal(grams)
    return {"id": identity, "sku": f"SKU-{identity}", "quantity": quantity, "weight_g": weight, **more}


def packed(lines: list[Line], *arguments: Any) -> list[list[tuple[str, Any]]]:
    """Reference and quantity of each line in each package."""
    return [
        [(found["reference"], found["quantity"]) for found in package["lines"]]
        for package in packages(look(), lines, *arguments)
    ]


TWO_AND_THREE = [line(1, 2), line(2, 3)]


# --- Ways of packing -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("per", [None, "", "order"])
def test_order_travels_in_one_package(per: str | None) -> None:
    assert packed(TWO_AND_THREE, per) == [[("1", 2), ("2", 3)]]


def test_each_line_travels_in_a_package() -> None:
    assert packed(TWO_AND_THREE, "line") == [[("1", 2)], [("2", 3)]]


def test_each_unit_travels_in_a_package_with_a_reference_of_its_own() -> None:
    assert packed(TWO_AND_THREE, "unit") == [[("1", 1)], [("1-2", 1)], [("2", 1)], [("2-2", 1)], [("2-3", 1)]]


@pytest.mark.parametrize("limit", ["1000", 1000, Decimal(1000)])
def test_limit_fills_the_first_package_with_room(limit: Any) -> None:
    # 1: 800 g; of 2 (600 g) one each in two more; 3 (200 g) fits into the first, which it fills
    lines = [line(1, 2), line(2, 2, 600), line(3, 1, 200), line(4, 2, 300)]
    assert packed(lines, limit) == [[("1", 2), ("3", 1)], [("2", 1), ("4", 1)], [("2-2", 1), ("4-2", 1)]]


def test_unit_above_the_limit_travels_alone() -> None:
    lines = [line(1, 1, 100), line(2, 2, 1500), line(3, 1, 100)]
    assert packed(lines, "1000") == [[("1", 1), ("3", 1)], [("2", 1)], [("2-2", 1)]]


def test_unit_of_exactly_the_limit_fits() -> None:
    assert packed([line(1, 4, 500)], 1000) == [[("1", 2)], [("1-2", 2)]]


def test_limit_counts_unknown_weights_by_the_default_and_says_so() -> None:
    at = look()
    assert len(packages(at, [line(1, 3, None)], "1000", "500")) == 2
    assert at.kept["notes"] == ["no weight for SKU-1: the default of 500 g is taken"]


def test_limit_without_any_weight_is_told() -> None:
    with pytest.raises(ValueError, match="default in grams"):
        packages(look(), [line(1, 3, None)], "1000")


def test_other_ways_need_no_weight() -> None:
    assert packed([line(1, 2, None)], "unit") == [[("1", 1)], [("1-2", 1)]]


@pytest.mark.parametrize("per", ["order", "line", "unit", "1000"])
def test_measured_goods_are_never_split(per: str) -> None:
    # 2.5 m of 600 g each: one piece of 1500 g
    assert packed([line(1, Decimal("2.5"), 600)], per, None, {"SKU-1": {"own": "yes"}}) == [[("1", Decimal("2.5"))]]


def test_measured_goods_count_with_their_whole_weight() -> None:
    # 800 g and 1.5 m of 400 g: 1400 g
    assert packed([line(1, 2), line(2, Decimal("1.5"))], "1399") == [[("1", 2)], [("2", Decimal("1.5"))]]
    assert packed([line(1, 2), line(2, Decimal("1.5"))], "1400") == [[("1", 2), ("2", Decimal("1.5"))]]


def test_units_follow_those_of_earlier_parts_and_packages() -> None:
    lines = [line(1, 3, before=2, ordered=6)]
    found = [package["lines"][0] for package in packages(look(), lines, "unit")]
    assert [(one["before"], one["reference"], one["ordered"]) for one in found] == [
        (2, "1", 6),
        (3, "1-2", 6),
        (4, "1-3", 6),
    ]


def test_package_says_its_place_and_its_units() -> None:
    found = packages(look(), [line(1, 2), line(2, Decimal("1.5"))], "line")
    assert [(one["number"], one["count"], one["quantity"], one["size"]) for one in found] == [
        (1, 2, 2, ""),
        (2, 2, 1, ""),
    ]


def test_order_without_lines_has_no_package() -> None:
    assert packages(look(), [], "order") == []
    assert packages(look(), [line(1, 0)], "line") == []


def test_line_without_an_id_has_no_reference() -> None:
    assert packed([{"quantity": 2}], "unit") == [[("", 1)], [("", 1)]]


@pytest.mark.parametrize("platform", [SHOPIFY, WOOCOMMERCE])
def test_check_of_mappings_knows_what_a_package_holds(platform: Any) -> None:
    fields = platform.filters["packages"].gives
    (package,) = packages(look(), [line(1, 2, before=0, location=None, methods=[], pickup_point=None, ordered=2)])
    assert package.keys() == fields.keys()
    assert package["lines"][0].keys() <= fields["lines"].keys()


# --- Sizes -----------------------------------------------------------------------------------------------------------
SIZES = Table(
    {
        "sku-1": "SMALL",
        "SKU-2": {"size": "LONG", "own": "yes"},
        "product:33": {"size": "BOX"},
        "vendor:Acme Ltd": "CRATE",
        "SKU-9": {"own": "no"},
    }
)


def sizes_of(lines: list[Line], sizes: Any = SIZES, per: str = "order") -> list[str]:
    return [package["size"] for package in packages(look(), lines, per, None, sizes)]


def test_package_has_the_size_that_its_lines_agree_on() -> None:
    assert sizes_of([line(1, 2), line(11, 1, sku="Sku-1")]) == ["SMALL"]


def test_package_of_several_sizes_has_none() -> None:
    assert sizes_of([line(1, 2), line(3, 1, product_id=33)]) == [""]
    assert sizes_of([line(1, 2), line(3, 1)]) == [""]


def test_size_is_found_by_sku_then_product_then_vendor() -> None:
    lines = [line(1, 1, product_id=33), line(3, 1, product_id=33, vendor="ACME ltd"), line(4, 1, vendor="ACME ltd")]
    assert sizes_of(lines, per="line") == ["SMALL", "BOX", "CRATE"]


def test_row_any_is_for_all_others() -> None:
    assert sizes_of([line(1, 1), line(4, 1, sku=None)], {**SIZES, "any": "MEDIUM"}, "line") == ["SMALL", "MEDIUM"]


@pytest.mark.parametrize("per", ["order", "9000"])
def test_goods_of_their_own_travel_unit_by_unit_and_the_rest_as_ever(per: str) -> None:
    lines = [line(1, 2), line(2, 2), line(3, 1)]
    assert packed(lines, per, None, SIZES) == [[("1", 2), ("3", 1)], [("2", 1)], [("2-2", 1)]]


@pytest.mark.parametrize("sizes", [None, "", {}])
def test_without_a_table_there_are_no_sizes(sizes: Any) -> None:
    assert sizes_of([line(1, 2)], sizes) == [""]


@pytest.mark.parametrize("row", [True, ["SMALL"], {"size": "SMALL", "alone": "yes"}, {"own": "maybe"}, {"own": 1}])
def test_row_that_is_none_is_told_with_the_right_ones(row: Any) -> None:
    with pytest.raises(ValueError, match="own: yes"):
        sizes_of([line(1, 2)], {"SKU-1": row})


@pytest.mark.parametrize(
    ("lines", "arguments", "sentence"),
    [
        ("text", (), r"order \| to_ship \| packages"),
        (["text"], (), r"order \| to_ship \| packages"),
        ([], ("parcel",), "'order', 'line', 'unit'"),
        ([], (0,), "'order', 'line', 'unit'"),
        ([], (True,), "'order', 'line', 'unit'"),
        ([], ("order", None, "SMALL"), "`tables`"),
        ([line(1, 501)], ("unit",), "more than 500 packages"),
    ],
)
def test_mistake_is_told_with_the_way_out(lines: Any, arguments: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        packages(look(), lines, *arguments)


# --- Packages add up -------------------------------------------------------------------------------------------------
def amounts(most: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(min_value=0, max_value=most, places=2)


@st.composite
def lines_of_any_platform(draw: st.DrawFn) -> Line:
    """A line as it ships: some of its units may be in other parts, others refunded."""
    measured = draw(st.integers(0, 9)) == 0
    quantity = draw(st.decimals(Decimal("0.1"), 9, places=1)) if measured else draw(st.integers(1, 9))
    before, refunded = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    return {
        "id": draw(st.integers(1, 10**12)),
        "sku": draw(st.sampled_from(["", None, "A", "B", "C"])),
        "vendor": draw(st.sampled_from(["Acme", None])),
        "quantity": quantity,
        "before": before,
        "ordered": before + quantity + refunded,
        "weight_g": draw(st.none() | st.decimals(0, 2000, places=1)),
    }


@st.composite
def shopify_orders(draw: st.DrawFn) -> tuple[Mapping[str, Any], list[Line]]:
    """Lines with discounts and taxes; Shopify sells whole units."""
    lines = []
    for found in draw(st.lists(lines_of_any_platform(), min_size=1, max_size=6, unique_by=lambda one: one["id"])):
        whole = {**found, "quantity": int(found["quantity"]) + 1}
        whole["ordered"] = whole["before"] + whole["quantity"]
        price, taken = draw(amounts(500)), draw(st.integers(0, 100))
        total = price * whole["ordered"]
        whole["price"] = str(price)
        whole["discount_allocations"] = [{"amount": str((total * taken / 100).quantize(Decimal("0.01")))}]
        whole["tax_lines"] = [{"price": str((total * (100 - taken) / 600).quantize(Decimal("0.01")))}]
        lines.append(whole)
    return {"taxes_included": draw(st.booleans()), "line_items": lines}, lines


@st.composite
def woocommerce_orders(draw: st.DrawFn) -> tuple[Mapping[str, Any], list[Line]]:
    """Lines with totals after discounts."""
    lines = draw(st.lists(lines_of_any_platform(), min_size=1, max_size=6, unique_by=lambda one: one["id"]))
    whole = [{**found, "total": str(draw(amounts(900))), "total_tax": str(draw(amounts(90)))} for found in lines]
    return {"line_items": whole}, whole


ROWS = {"A": {"size": "LONG", "own": "yes"}, "B": "SMALL", "vendor:Acme": "CRATE"}
PER = st.sampled_from(["order", "line", "unit", "300", "1500", "20000"])
TABLES = st.sampled_from([{}, ROWS])


def added_up(platform: Any, order: Mapping[str, Any], lines: list[Line], per: str, sizes: Any, zero: Any) -> None:
    """Check that packages of an order are the order: in units, weight and value."""
    at = look(order)

    def use(name: str, found: list[Line], *arguments: Any) -> Decimal:
        value: Decimal = platform.filters[name].function(at, found, *arguments)
        return value

    made = platform.filters["packages"].function(at, lines, per, "500", sizes)
    assert sorted(units_of(made)) == sorted(units_of([{"lines": lines}]))
    for name, arguments in (
        ("total_weight", ("500",)),
        ("goods_value", ("gross", zero)),
        ("goods_value", ("net", zero)),
    ):
        assert sum(use(name, one["lines"], *arguments) for one in made) == use(name, lines, *arguments)
    references = [found["reference"] for one in made for found in one["lines"]]
    assert len(references) == len(set(references))
    if per.isdigit():
        assert all(one["quantity"] == 1 or use("total_weight", one["lines"], "500") <= int(per) for one in made)


def units_of(made: list[Mapping[str, Any]]) -> Iterator[tuple[Any, Any, Any]]:
    """Every unit by line and place; measured goods are one, with their measure."""
    for one in made:
        for found in one["lines"]:
            measured = found["quantity"] != int(found["quantity"])
            for place in range(1 if measured else int(found["quantity"])):
                yield found["id"], found["before"] + place, found["quantity"] if measured else 1


@given(order=shopify_orders(), per=PER, sizes=TABLES, zero=st.sampled_from([None, "0.01"]))
def test_packages_of_a_shopify_order_add_up_to_it(
    order: tuple[Mapping[str, Any], list[Line]], per: str, sizes: Any, zero: Any
) -> None:
    added_up(SHOPIFY, *order, per, sizes, zero)


@given(order=woocommerce_orders(), per=PER, sizes=TABLES, zero=st.sampled_from([None, "0.01"]))
def test_packages_of_a_woocommerce_order_add_up_to_it(
    order: tuple[Mapping[str, Any], list[Line]], per: str, sizes: Any, zero: Any
) -> None:
    added_up(WOOCOMMERCE, *order, per, sizes, zero)
