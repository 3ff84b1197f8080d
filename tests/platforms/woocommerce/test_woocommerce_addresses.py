"""Addresses, regions, shipping methods and meta data of WooCommerce orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.errors import NotRead
from bridge.platforms.base import Look, OrderBody
from bridge.platforms.woocommerce import PLATFORM

Order = Callable[..., OrderBody]
LookAt = Callable[..., Look]

address_line = PLATFORM.filters["address_line"].function
region_name = PLATFORM.filters["region_name"].function
picked_up = PLATFORM.filters["picked_up"].function
meta = PLATFORM.filters["meta"].function


def test_lines_beyond_the_third_join_it(order: Order) -> None:
    address = order().order["shipping"]  # address_1 "Flat 3\nWharf House\r\n12 Quay Road", address_2 "Harbourside"
    lines = [address_line(address, number) for number in (1, 2, 3)]
    assert lines == ["Flat 3", "Wharf House", "12 Quay Road, Harbourside"]


@pytest.mark.parametrize(
    ("address", "lines"),
    [
        ({"address_1": "7 Larch Lane", "address_2": ""}, ["7 Larch Lane", None, None]),
        ({"address_1": "", "address_2": "Unit 4"}, ["Unit 4", None, None]),
        ({"address_1": " 1 \n\n 2 ", "address_2": None}, ["1", "2", None]),
        ({"address_1": "1\n2", "address_2": "3"}, ["1", "2", "3"]),
    ],
)
def test_empty_lines_are_passed_over(address: dict[str, Any], lines: list[str | None]) -> None:
    assert [address_line(address, number) for number in (1, 2, 3)] == lines


def test_address_without_a_street_is_an_error_in_its_first_line_only() -> None:
    hollow = {"address_1": "", "address_2": " ", "country": "DE"}
    with pytest.raises(ValueError, match="no street line"):
        address_line(hollow, 1)
    assert (address_line(hollow, 2), address_line(hollow, 3)) == (None, None)


def test_there_is_no_fourth_line() -> None:
    with pytest.raises(ValueError, match="1, 2 and 3"):
        address_line({"address_1": "x"}, 4)


def test_region_is_named_by_the_shops_own_list(order: Order, look: LookAt) -> None:
    at = look(order(), {"regions:JP": {"JP13": "Tokyo"}})
    assert region_name(at, {"state": "JP13", "country": "jp"}) == "Tokyo"


def test_regions_of_a_country_are_asked_for(order: Order, look: LookAt) -> None:
    with pytest.raises(NotRead) as caught:
        region_name(look(order(), {}), {"state": "TX", "country": "US"})
    assert caught.value.keys == {"regions:US"}


@pytest.mark.parametrize(
    ("state", "country", "name"),
    [
        ("Greater London", "GB", "Greater London"),  # free text: nothing is asked
        ("", "US", None),
        ("x", "", "x"),
        ("x", "../orders", "x"),
    ],
)
def test_what_has_no_list_is_given_as_it_stands(
    order: Order, look: LookAt, state: str, country: str, name: str | None
) -> None:
    assert region_name(look(order(), {}), {"state": state, "country": country}) == name


@pytest.mark.parametrize(
    ("state", "country", "name"),
    [
        ("TX", "US", "Texas"),
        ("DE-NW", "DE", "Nordrhein-Westfalen"),
        ("JP13", "JP", "Tokyo"),
        ("B", "ES", "Barcelona"),  # ISO 3166-2 has "Barcelona [Barcelona]", in both languages
        ("Nowhere", "US", "Nowhere"),
    ],
)
def test_offline_iso_names_the_region(order: Order, look: LookAt, state: str, country: str, name: str) -> None:
    assert region_name(look(order()), {"state": state, "country": country}) == name


def test_pickup_is_known_with_the_instance_behind_the_method(order: Order) -> None:
    body = order("order.created__us_address_local_pickup")  # method_id "local_pickup:2"
    assert picked_up(body.order, ["local_pickup", "pickup_location"])


@pytest.mark.parametrize("methods", [[], ["flat_rate"], ["flat_rate", "local_pickup"]])
def test_order_with_nothing_or_more_than_pickup_is_shipped(order: Order, methods: list[str]) -> None:
    body = order(shipping_lines=[{"method_id": method} for method in methods])
    assert not picked_up(body.order, ["local_pickup"])


def test_meta_gives_the_first_value_of_a_key(order: Order) -> None:
    assert meta(order().order, "is_vat_exempt") == "no"
    assert meta(order().order["line_items"][1], "colour") == "Blue"
    assert meta(order().order, "vat_number") is None
