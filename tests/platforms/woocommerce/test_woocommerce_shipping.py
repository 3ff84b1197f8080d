"""What ships of a WooCommerce order, and what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bridge.errors import NotRead
from bridge.platforms.base import LeftOut, Look, OrderBody, PartOf, Shipping
from bridge.platforms.routing import Lookup, Routing
from bridge.platforms.woocommerce import PLATFORM

Order = Callable[..., OrderBody]
LookAt = Callable[..., Look]

UNITS = {"units": {"weight": "kg", "dimension": "cm"}}
SHIPS = {"shipping_required": True}


def products(**by_id: Mapping[str, Any]) -> dict[str, Any]:
    """Fetched data of products: `products(p31={...})`."""
    return {**UNITS, **{f"product:{name[1:]}": product for name, product in by_id.items()}}


def quantities(shipping: Shipping) -> dict[str, Any]:
    return {line["sku"]: line["quantity"] for line in shipping.lines}


def use(name: str, look: Look, value: Any, *arguments: Any) -> Any:
    """Call a filter as the language does."""
    found = PLATFORM.filters[name]
    return found.function(look, value, *arguments) if found.looks else found.function(value, *arguments)


# --- What is asked for -----------------------------------------------------------------------------------------------
def test_products_and_units_are_asked_for_together_by_variation_before_product(order: Order, look: LookAt) -> None:
    with pytest.raises(NotRead) as caught:
        PLATFORM.shipping(look(order(), {}))
    assert caught.value.keys == {"product:31", "product:41", "units"}


def test_refunds_are_asked_for_where_the_order_has_some(order: Order, look: LookAt) -> None:
    with pytest.raises(NotRead) as caught:
        PLATFORM.shipping(look(order("order.updated__partial_refund"), products(p31=SHIPS, p41=SHIPS)))
    assert caught.value.keys == {"refunds"}


@pytest.mark.parametrize("product", [0, None, "", "9" * 5000, "x", ["31"]])
def test_line_without_a_product_asks_for_nothing(order: Order, look: LookAt, product: Any) -> None:
    body = order()
    body.order["line_items"] = [{**body.order["line_items"][0], "product_id": product, "sku": None}]
    assert quantities(PLATFORM.shipping(look(body, {}))) == {None: 2}


def test_offline_every_line_ships_with_nothing_known_of_it(order: Order, look: LookAt) -> None:
    shipping = PLATFORM.shipping(look(order()))
    assert quantities(shipping) == {"POT-2": 2, "MUG-BLUE": 3}
    assert {line["weight_g"] for line in shipping.lines} == {None}


# --- By which way ----------------------------------------------------------------------------------------------------
def shipping_line(method: Any, instance: Any = "", title: Any = "") -> dict[str, Any]:
    return {"id": 900, "method_title": title, "method_id": method, "instance_id": instance, "total": "4.00"}


@pytest.mark.parametrize(
    ("lines", "methods"),
    [
        ([shipping_line("flat_rate", "3", "Tracked 48")], ["flat_rate:3", "flat_rate", "Tracked 48"]),
        ([shipping_line("flat_rate:3", "3", "Tracked 48")], ["flat_rate:3", "flat_rate", "Tracked 48"]),
        ([shipping_line("flat_rate", 3, "A &amp; B")], ["flat_rate:3", "flat_rate", "A & B"]),
        ([shipping_line("table_rate:5:2", "5")], ["table_rate:5:2", "table_rate:5", "table_rate"]),
        ([shipping_line("", "3", "By hand")], ["By hand"]),
        ([shipping_line(None, None, None)], []),
        (
            [shipping_line("flat_rate", "3", "Slow"), shipping_line("flat_rate", "4", "Fast")],
            ["flat_rate:3", "flat_rate", "Slow", "flat_rate:4", "Fast"],
        ),
        (["flat_rate"], []),
        ([], []),
        (None, []),
    ],
)
def test_names_of_the_shipping_method_come_surest_first(
    order: Order, look: LookAt, lines: Any, methods: list[str]
) -> None:
    shipping = PLATFORM.shipping(look(order(shipping_lines=lines)))
    assert [line["methods"] for line in shipping.lines] == [methods, methods]


def test_goods_have_no_place_of_their_own(order: Order, look: LookAt) -> None:
    for line in PLATFORM.shipping(look(order())).lines:
        assert (line["location"], line["location_id"], line["pickup_point"]) == (None, None, None)


def test_service_is_the_row_of_the_surest_name(order: Order, look: LookAt) -> None:
    rows = {"flat_rate": {}, "Flat_Rate:3": {"tag": "48"}, "any": {}}
    at = replace(look(order()), routing=Routing(services=Lookup(name="services", rows=rows)))
    assert PLATFORM.shipping(at).route.service == "Flat_Rate:3"


def test_method_without_a_row_is_a_problem_that_names_it(order: Order, look: LookAt) -> None:
    routing = Routing(services=Lookup(name="services", rows={"free_shipping": {}}))
    (problem,) = PLATFORM.shipping(replace(look(order()), routing=routing)).problems
    assert (problem.code, problem.found) == ("unknown_service", "flat_rate:3 / flat_rate / Tracked 48")


def test_what_another_part_has_is_not_shipped_again(order: Order, look: LookAt) -> None:
    part = PartOf(number=2, taken={"71": Decimal(2), "72": Decimal(1)})
    shipping = PLATFORM.shipping(replace(look(order()), part=part))
    assert quantities(shipping) == {"MUG-BLUE": 2}  # 3 mugs less 1, and both pots are in the first part


def test_refund_after_sending_makes_nothing_free(order: Order, look: LookAt) -> None:
    part = PartOf(number=2, taken={"71": Decimal(2), "72": Decimal(3)})
    at = replace(look(order("order.updated__partial_refund"), refunded("71", "1")), part=part)
    assert quantities(PLATFORM.shipping(at)) == {}


# --- Weights and sizes -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("unit", "text", "grams"),
    [
        ("kg", "0.45", Decimal(450)),
        ("g", "12.5", Decimal("12.5")),
        ("lbs", "2", Decimal("907.18474")),  # 2 x 453.59237
        ("oz", "8", Decimal("226.796185")),  # 8 x 28.349523125
        ("kg", "", None),
        ("kg", "0", None),
        ("kg", "heavy", None),
        ("", "1", None),
    ],
)
def test_weight_is_in_grams_by_the_shops_unit(
    order: Order, look: LookAt, unit: str, text: str, grams: Decimal | None
) -> None:
    data = products(p31={**SHIPS, "weight": text}, p41=SHIPS) | {"units": {"weight": unit, "dimension": "cm"}}
    assert PLATFORM.shipping(look(order(), data)).lines[0]["weight_g"] == grams


@pytest.mark.parametrize(
    ("unit", "centimetres"),
    [
        ("m", Decimal(150)),
        ("cm", Decimal("1.5")),
        ("mm", Decimal("0.15")),
        ("in", Decimal("3.81")),
        ("yd", Decimal("137.16")),
    ],
)
def test_length_is_in_centimetres_by_the_shops_unit(
    order: Order, look: LookAt, unit: str, centimetres: Decimal
) -> None:
    data = products(p31={**SHIPS, "length": "1.5"}, p41=SHIPS) | {"units": {"weight": "kg", "dimension": unit}}
    line = PLATFORM.shipping(look(order(), data)).lines[0]
    assert (line["length_cm"], line["width_cm"]) == (centimetres, None)


def test_line_is_the_bodys_own_with_customs_data_of_its_product(order: Order, look: LookAt) -> None:
    data = products(p31={**SHIPS, "hs_code": "691110", "origin_country": "GB"}, p41=SHIPS)
    line = PLATFORM.shipping(look(order(), data)).lines[0]
    assert (line["hs_code"], line["origin_country"], line["ordered"]) == ("691110", "GB", 2)
    assert line["name"] == "Teapot &amp; Cosy"


def test_product_that_is_gone_ships_with_a_note(order: Order, look: LookAt) -> None:
    shipping = PLATFORM.shipping(look(order(), products(p31={"missing": True}, p41=SHIPS)))
    assert quantities(shipping) == {"POT-2": 2, "MUG-BLUE": 3}
    assert shipping.notes == ("product 31 no longer exists in WooCommerce: the mapping's defaults are taken",)


# --- What stays ------------------------------------------------------------------------------------------------------
def test_product_that_needs_no_shipping_is_left_out(order: Order, look: LookAt) -> None:
    shipping = PLATFORM.shipping(look(order(), products(p31={"shipping_required": False}, p41=SHIPS)))
    assert quantities(shipping) == {"MUG-BLUE": 3}
    assert shipping.left_out == (
        LeftOut(line_id="71", name="POT-2", quantity=2, reason="does not need shipping", may_ship=False),
    )


def refunded(line_id: str, quantity: str, product_id: str = "") -> dict[str, Any]:
    lines = [{"line_id": line_id, "product_id": product_id, "quantity": quantity}]
    return {**products(p31=SHIPS, p41=SHIPS), "refunds": [{"id": "1510", "lines": lines}]}


def test_refunded_quantity_does_not_ship(order: Order, look: LookAt) -> None:
    shipping = PLATFORM.shipping(look(order("order.updated__partial_refund"), refunded("71", "1")))
    assert quantities(shipping) == {"POT-2": 1, "MUG-BLUE": 3}
    assert [(left.line_id, left.quantity, left.reason) for left in shipping.left_out] == [("71", 1, "refunded")]


def test_line_refunded_beyond_its_quantity_is_left_out_once(order: Order, look: LookAt) -> None:
    shipping = PLATFORM.shipping(look(order("order.updated__partial_refund"), refunded("71", "5")))
    assert quantities(shipping) == {"MUG-BLUE": 3}
    assert [left.quantity for left in shipping.left_out] == [2]


def test_refund_that_names_only_the_product_counts_for_its_one_line(order: Order, look: LookAt) -> None:
    shipping = PLATFORM.shipping(look(order("order.updated__partial_refund"), refunded("", "2", "41")))
    assert quantities(shipping) == {"POT-2": 2, "MUG-BLUE": 1}


def test_refund_of_an_amount_only_leaves_the_goods(order: Order, look: LookAt) -> None:
    shipping = PLATFORM.shipping(look(order("order.updated__partial_refund"), refunded("71", "0")))
    assert quantities(shipping) == {"POT-2": 2, "MUG-BLUE": 3}
    assert shipping.left_out == ()


def test_offline_a_partly_refunded_order_ships_as_ordered(order: Order, look: LookAt) -> None:
    shipping = PLATFORM.shipping(look(order("order.updated__partial_refund")))
    assert quantities(shipping) == {"POT-2": 2, "MUG-BLUE": 3}


# --- Bundles ---------------------------------------------------------------------------------------------------------
WHOLE = products(p60=SHIPS, p31=SHIPS, p32=SHIPS, p33=SHIPS)
APART = products(p60={"shipping_required": False}, p31=SHIPS, p32=SHIPS, p33=SHIPS)


@pytest.mark.parametrize("data", [WHOLE, None])
def test_bundle_packed_as_one_ships_without_its_contents(
    order: Order, look: LookAt, data: Mapping[str, Any] | None
) -> None:
    shipping = PLATFORM.shipping(look(order("order.created__bundle_packed_as_one"), data))
    assert quantities(shipping) == {"SET-TEA": 1, "MUG": 1}
    assert {left.reason for left in shipping.left_out} == {"inside the bundle it was sold in"}


@pytest.mark.parametrize("data", [APART, None])
def test_contents_shipped_apart_ship_without_their_bundle(
    order: Order, look: LookAt, data: Mapping[str, Any] | None
) -> None:
    shipping = PLATFORM.shipping(look(order("order.created__bundle_shipped_apart"), data))
    assert quantities(shipping) == {"POT-2": 1, "CUP-1": 2, "MUG": 1}


def test_without_word_in_the_contents_the_bundles_product_decides(order: Order, look: LookAt) -> None:
    body = order("order.created__bundle_packed_as_one")
    for line in body.order["line_items"]:
        line["meta_data"] = []
    assert quantities(PLATFORM.shipping(look(body, APART))) == {"POT-2": 1, "CUP-1": 2, "MUG": 1}
    assert quantities(PLATFORM.shipping(look(body, WHOLE))) == {"SET-TEA": 1, "MUG": 1}


def test_bundle_packed_as_one_is_worth_its_contents_too(order: Order, look: LookAt) -> None:
    at = look(order("order.created__bundle_packed_as_one"), WHOLE)
    values = {line["sku"]: use("line_value", at, line, "net") for line in PLATFORM.shipping(at).lines}
    assert values == {"SET-TEA": Decimal("56.00"), "MUG": Decimal("10.00")}  # 50 + 0 + 6


def test_price_of_a_bundle_shipped_apart_is_shared_by_its_contents(order: Order, look: LookAt) -> None:
    at = look(order("order.created__bundle_shipped_apart"), APART)
    values = {line["sku"]: use("line_value", at, line, "net") for line in PLATFORM.shipping(at).lines}
    # 50.00 over 3 pieces: 16.67 for the pot, 33.33 for the two cups, which cost 6.00 themselves
    assert values == {"POT-2": Decimal("16.67"), "CUP-1": Decimal("39.33"), "MUG": Decimal("10.00")}


# --- Values ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ((), "43.20"),  # 36.00 after the coupon, and 7.20 tax
        (("net",), "36.00"),
        (("gross", "unit"), "21.60"),
        (("net", "unit"), "18.00"),
    ],
)
def test_line_is_worth_its_total_after_discounts(
    order: Order, look: LookAt, arguments: tuple[str, ...], value: str
) -> None:
    at = look(order())
    assert use("line_value", at, PLATFORM.shipping(at).lines[0], *arguments) == Decimal(value)


def test_values_of_the_lines_add_up_to_the_goods(order: Order, look: LookAt) -> None:
    at = look(order())
    lines = use("to_ship", at, at.order)
    assert use("goods_value", at, lines) == Decimal("75.60")  # 43.20 + 32.40
    assert use("goods_value", at, lines, "net") == Decimal("63.00")  # 36.00 + 27.00


def test_what_is_left_of_a_line_after_a_refund_is_worth_its_part(order: Order, look: LookAt) -> None:
    at = look(order("order.updated__partial_refund"), refunded("72", "1"))
    mugs = PLATFORM.shipping(at).lines[1]
    assert use("line_value", at, mugs) == Decimal("21.60")  # 32.40 x 2 / 3
    assert use("line_value", at, mugs, "gross", "unit") == Decimal("10.80")


def test_fraction_of_a_unit_is_one_piece_with_the_lines_value_and_weight(order: Order, look: LookAt) -> None:
    at = look(order("order.created__cash_on_delivery_company_only"), products(p70={**SHIPS, "weight": "0.4"}))
    cloth = PLATFORM.shipping(at).lines[0]
    assert use("pieces", at, cloth["quantity"]) == 1
    assert use("line_value", at, cloth, "gross", "unit") == Decimal("30.00")
    assert use("line_weight", at, cloth, 500, "unit") == Decimal(1000)  # 2.5 m of 0.4 kg


def test_weight_of_a_line_is_of_all_units_or_of_one(order: Order, look: LookAt) -> None:
    at = look(order(), products(p31={**SHIPS, "weight": "0.45"}, p41=SHIPS))
    pots, mugs = PLATFORM.shipping(at).lines
    assert use("line_weight", at, pots) == Decimal(900)
    assert use("line_weight", at, pots, 500, "unit") == Decimal(450)
    assert use("line_weight", at, mugs, 500) == Decimal(1500)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("line_value", ("brutto",)), ("line_value", ("gross", "each")), ("line_weight", ()), ("line_weight", (5, "each"))],
)
def test_wrong_arguments_are_told_with_the_right_ones(
    order: Order, look: LookAt, name: str, arguments: tuple[Any, ...]
) -> None:
    at = look(order())
    with pytest.raises(ValueError, match=r"'gross'|per='line'|line_weight\(500\)"):
        use(name, at, PLATFORM.shipping(at).lines[0], *arguments)


@pytest.mark.parametrize(
    "name",
    ["to_ship", "line_value", "goods_value", "product", "address_line", "region_name", "line_weight", "picked_up"],
)
def test_filter_on_the_wrong_thing_shows_how_to_write_it(order: Order, look: LookAt, name: str) -> None:
    arguments = {"address_line": (1,), "picked_up": ([],)}.get(name, ())
    with pytest.raises(ValueError, match=name):
        use(name, look(order()), "text", *arguments)


# --- Names under fetched ---------------------------------------------------------------------------------------------
def test_fetched_products_come_by_id(order: Order, look: LookAt) -> None:
    at = look(order(), products(p31={"name": "Teapot"}, p41={"name": "Mug"}))
    assert PLATFORM.fetched["products"](at) == {"31": {"name": "Teapot"}, "41": {"name": "Mug"}}


def test_what_was_not_read_is_missing_offline(order: Order, look: LookAt) -> None:
    at = look(order("order.updated__partial_refund"))
    assert [PLATFORM.fetched[name](at) for name in ("products", "refunded", "units")] == [None, None, None]


def test_refunded_quantities_come_by_line(order: Order, look: LookAt) -> None:
    at = look(order("order.updated__partial_refund"), refunded("71", "1"))
    assert PLATFORM.fetched["refunded"](at) == {"71": Decimal(1)}


def test_product_of_a_line_is_missing_where_it_is_gone(order: Order, look: LookAt) -> None:
    at = look(order(), products(p31={"name": "Teapot"}, p41={"missing": True}))
    pot, mug = at.order["line_items"]
    assert use("product", at, pot) == {"name": "Teapot"}
    assert use("product", at, mug) is None
