"""How many goods of a Shopify order are still to ship by the body, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.platforms.base import Look, OrderBody
from bridge.platforms.shopify import PLATFORM

Order = Callable[..., OrderBody]
LookAt = Callable[..., Look]


def apply(name: str, *arguments: Any, **settings: Any) -> Any:
    """A filter of the platform."""
    return PLATFORM.filters[name].function(*arguments, **settings)


def line(**changes: Any) -> dict[str, Any]:
    """Three units for 10.00 each, without tax."""
    return {"id": 1, "quantity": 3, "price": "10.00", "requires_shipping": True, "gift_card": False, **changes}


def quantities(lines: list[dict[str, Any]]) -> list[int]:
    return [found["quantity"] for found in lines]


def shippable(*lines: dict[str, Any], **order: Any) -> list[int]:
    return quantities(apply("shippable", {"line_items": list(lines), **order}))


def test_all_of_a_new_order_ships(order: Order) -> None:
    assert quantities(apply("shippable", order().order)) == [2, 1]


def test_digital_goods_gift_cards_and_tips_do_not_ship(order: Order) -> None:
    assert apply("shippable", order("orders.create__only_digital_goods").order) == []


def test_gift_card_that_says_it_ships_does_not() -> None:
    assert shippable(line(gift_card=True)) == []


@pytest.mark.parametrize(
    ("current", "fulfillable", "ships"),
    [(3, 3, [3]), (2, 3, [2]), (3, 1, [1]), (0, 3, []), (3, 0, [])],
)
def test_current_quantity_is_bounded_by_the_fulfillable_one(current: int, fulfillable: int, ships: list[int]) -> None:
    assert shippable(line(current_quantity=current, fulfillable_quantity=fulfillable)) == ships


def test_older_body_counts_without_what_was_refunded(order: Order) -> None:
    # 2 mugs less 1 refunded, 1 vase less 1 refunded
    assert quantities(apply("shippable", order("orders.updated__refunded_before_current_quantity").order)) == [1]


def test_refunds_are_not_subtracted_twice_where_current_quantity_is_there() -> None:
    refunds = [{"refund_line_items": [{"line_item_id": 1, "quantity": 1}]}]
    assert shippable(line(current_quantity=2, fulfillable_quantity=2), refunds=refunds) == [2]


def test_body_without_fulfillable_quantity_counts_unless_fulfilled() -> None:
    assert shippable(line(), line(fulfillment_status="fulfilled")) == [3]


def test_weight_in_the_body_is_that_of_one_unit(order: Order) -> None:
    assert [found["weight_g"] for found in apply("shippable", order().order)] == [350, 1200]


def test_weight_of_0_is_unknown() -> None:
    assert apply("shippable", {"line_items": [line(grams=0)]})[0]["weight_g"] is None


def test_shipped_line_keeps_the_ordered_quantity() -> None:
    assert apply("shippable", {"line_items": [line(current_quantity=1)]})[0]["ordered"] == 3


@pytest.mark.parametrize("items", [None, "none", [1], {}])
def test_lines_that_are_no_list_are_told(items: object) -> None:
    with pytest.raises(ValueError, match="line_items"):
        apply("shippable", {"line_items": items})


def test_quantity_that_is_no_whole_number_is_told_without_its_value() -> None:
    with pytest.raises(ValueError, match="current_quantity is no whole number"):
        shippable(line(current_quantity="example"))


# The body: 2 mugs at 12.50 less 2.27, 1 vase at 30.00 less 2.73; prices contain VAT of 3.79 and 4.54.
@pytest.mark.parametrize(
    ("tax", "values"),
    [("gross", ["22.73", "27.27"]), ("net", ["18.94", "22.73"])],
)
def test_value_of_a_line_is_after_its_share_of_all_discounts(
    order: Order, look: LookAt, tax: str, values: list[str]
) -> None:
    at = look(order())
    assert [str(apply("line_value", at, found, tax)) for found in apply("shippable", at.order)] == values


def test_lines_add_up_to_the_goods_total(order: Order, look: LookAt) -> None:
    at = look(order())
    # the body's subtotal_price
    assert apply("goods_value", at, apply("shippable", at.order)) == Decimal("50.00")


def test_tax_is_added_where_prices_do_not_contain_it(order: Order, look: LookAt) -> None:
    at = look(order(taxes_included=False))
    mugs = apply("shippable", at.order)[0]
    # 25.00 - 2.27 = 22.73; and 3.79 of tax
    assert [apply("line_value", at, mugs, tax) for tax in ("net", "gross")] == [Decimal("22.73"), Decimal("26.52")]


def test_value_of_one_unit_is_rounded_half_up(order: Order, look: LookAt) -> None:
    at = look(order())
    # 22.73 / 2 = 11.365
    assert apply("line_value", at, apply("shippable", at.order)[0], per="unit") == Decimal("11.37")


def test_part_of_a_line_has_its_part_of_the_value(order: Order, look: LookAt) -> None:
    at = look(order())
    # 30.00 for three: one is worth 10.00; of 29.99 it is 9.996666...
    part = line(ordered=3, quantity=1, discount_allocations=[{"amount": "0.01"}])
    assert apply("line_value", at, part) == Decimal("10.00")


def test_whole_line_is_not_rounded(order: Order, look: LookAt) -> None:
    # 3 at 1.235 dinars
    assert str(apply("line_value", look(order()), line(price="1.235"))) == "3.705"


def test_unit_has_the_places_of_the_price(order: Order, look: LookAt) -> None:
    # 3.704 / 3 = 1.23466...
    discounted = line(price="1.235", discount_allocations=[{"amount": "0.001"}])
    assert str(apply("line_value", look(order()), discounted, per="unit")) == "1.235"


def test_free_goods_are_worth_nothing(order: Order, look: LookAt) -> None:
    free = line(discount_allocations=[{"amount": "30.00"}])
    assert apply("line_value", look(order()), free) == Decimal("0.00")


def test_body_before_discount_allocations_has_the_lines_own_discount(order: Order, look: LookAt) -> None:
    assert apply("line_value", look(order()), line(total_discount="5.00")) == Decimal("25.00")


@pytest.mark.parametrize("price", [None, "", "example string"])
def test_line_without_a_price_is_told(order: Order, look: LookAt, price: str | None) -> None:
    with pytest.raises(ValueError, match=r"price|number"):
        apply("line_value", look(order()), line(price=price))


@pytest.mark.parametrize("settings", [{"tax": "brutto"}, {"per": "piece"}])
def test_unknown_setting_names_the_allowed_ones(order: Order, look: LookAt, settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="must be '"):
        apply("line_value", look(order()), line(), **settings)


@given(
    price=st.decimals(min_value=0, max_value=1000, places=2),
    quantity=st.integers(min_value=1, max_value=60),
    taken=st.integers(min_value=0, max_value=100),
)
def test_whole_line_is_worth_exactly_its_total(price: Decimal, quantity: int, taken: int) -> None:
    total = price * quantity
    discount = (total * taken / 100).quantize(Decimal("0.01"))
    whole = line(price=str(price), quantity=quantity, discount_allocations=[{"amount": str(discount)}])
    at = Look(order={}, fetched=None, now=None, shop=None)  # type: ignore[arg-type]  # only the order is looked at
    assert apply("line_value", at, whole) == total - discount


# The body: a bundle of a teapot and 2 cups, 3 mugs of which 1 was refunded, a tea towel for free; prices contain VAT.
#   teapot  24.00      - 2.40 (the order's 10 %)                       = 21.60, of it VAT 3.60
#   cups     6.00 x 2  - 1.20                                          = 10.80, of it VAT 1.80
#   mugs    12.50 x 3  - 7.50 (the line's own) - 3.00                  = 27.00, of it VAT 4.50; 2 of 3 ship
#   towel    8.00      - 8.00                                          =  0.00
# The buyer paid in euros at 1.20; nothing of that is in these values.
MIXED = "orders.updated__bundle_gift_and_partial_refund"


@pytest.mark.parametrize(
    ("tax", "values"),
    [("gross", ["21.60", "10.80", "18.00", "0.00"]), ("net", ["18.00", "9.00", "15.00", "0.00"])],
)
def test_values_are_after_all_discounts_and_refunds_in_the_shops_currency(
    order: Order, look: LookAt, tax: str, values: list[str]
) -> None:
    at = look(order(MIXED))
    assert [str(apply("line_value", at, found, tax)) for found in apply("shippable", at.order)] == values


def test_bundle_is_worth_and_weighs_what_its_components_do(order: Order, look: LookAt) -> None:
    at = look(order(MIXED))
    bundle = [found for found in apply("shippable", at.order) if found["sales_line_item_group_id"]]
    assert apply("goods_value", at, bundle) == Decimal("32.40")  # 21.60 + 10.80
    assert apply("total_weight", at, bundle) == 1400  # 900 + 2 x 250


def test_values_of_what_is_left_add_up_to_the_bodys_current_subtotal(order: Order, look: LookAt) -> None:
    at = look(order(MIXED))
    assert str(apply("goods_value", at, apply("shippable", at.order))) == at.order["current_subtotal_price"]


@pytest.mark.parametrize(("zero", "gift", "goods"), [("0.01", "0.01", "50.41"), ("", "0.00", "50.40")])
def test_gift_counts_for_what_the_mapping_says(order: Order, look: LookAt, zero: str, gift: str, goods: str) -> None:
    at = look(order(MIXED))
    lines = apply("shippable", at.order)
    assert apply("line_value", at, lines[3], zero=zero) == Decimal(gift)
    assert apply("goods_value", at, lines, zero=zero) == Decimal(goods)  # 50.40 for the others


def test_units_of_a_later_part_are_worth_what_the_first_left(order: Order, look: LookAt) -> None:
    # 22.73 for 2 mugs: 11.365 and so 11.37 for the first, the rest for the second
    at = look(order())
    mugs = apply("shippable", at.order)[0]
    values = [apply("line_value", at, {**mugs, "quantity": 1, "before": before}) for before in (0, 1)]
    assert values == [Decimal("11.37"), Decimal("11.36")]


def test_weight_of_a_line_counts_its_quantity(order: Order, look: LookAt) -> None:
    assert apply("line_weight", look(order()), {"quantity": 3, "weight_g": Decimal(350)}) == 1050


def test_weight_of_one_unit_by_the_default(order: Order, look: LookAt) -> None:
    assert apply("line_weight", look(order()), {"quantity": 3, "weight_g": None}, "500", "unit") == 500


def test_default_weight_is_told_in_the_orders_story(order: Order, look: LookAt) -> None:
    at = look(order(MIXED))
    assert apply("total_weight", at, apply("shippable", at.order), "500") == 2600  # 900 + 500 + 700 + 500
    assert at.kept["notes"] == ["no weight for TOWEL-GIFT: the default of 500 g is taken"]


def test_weight_that_nobody_knows_is_told(order: Order, look: LookAt) -> None:
    with pytest.raises(ValueError, match="default in grams"):
        apply("line_weight", look(order()), {"quantity": 3})


def test_tags_are_split() -> None:
    assert apply("tag_list", "gift,  vip , ") == ["gift", "vip"]


def test_filter_on_something_else_is_told(order: Order, look: LookAt) -> None:
    with pytest.raises(ValueError, match="whole order or one of its lines"):
        apply("shippable", "text")
    with pytest.raises(ValueError, match="line_weight wants a line"):
        apply("line_weight", look(order()), "text")


def test_goods_value_of_something_else_is_told(order: Order, look: LookAt) -> None:
    with pytest.raises(ValueError, match="list of lines"):
        apply("goods_value", look(order()), "text")
