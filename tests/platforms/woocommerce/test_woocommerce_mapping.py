"""What the shipped mapping makes of WooCommerce's orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bridge.decide import Adopt, Body, Decision, Hold, Known, Needs, Send, Skip, Unmappable, Wait, decide
from bridge.platforms.base import Fetched, OrderBody, Record
from bridge.platforms.woocommerce.records import written
from bridge.shops import Shop, load_offline

Order = Callable[..., OrderBody]
Decide = Callable[..., Decision]

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
MAPPING = Path(__file__).parents[3] / "mappings" / "woocommerce.yaml"
TEAPOT = {"shipping_required": True, "weight": "0.45", "length": "20", "hs_code": "691110", "origin_country": "gb"}
READ = {
    "units": {"weight": "kg", "dimension": "cm"},
    "product:31": TEAPOT,
    "product:41": {"shipping_required": True, "weight": ""},
}
HOLLOW = {"first_name": "G", "last_name": "Ift", "country": "GB", "address_1": "", "address_2": "", "phone": ""}


@pytest.fixture(scope="module")
def shop() -> Shop:
    environ = {
        "WOOCOMMERCE_URL": "https://shop.example",
        "SORTED_ORIGIN": "DC1",
        "SEND_FROM": "2026-01-01T00:00:00Z",
        "SORTED_API_KEY": "key",
    }
    return load_offline(MAPPING, environ)


@pytest.fixture
def decided(shop: Shop) -> Decide:
    """What becomes of an order: with everything read (`data`), or offline."""

    def look(body: OrderBody, data: Mapping[str, Any] | None = None) -> Decision:
        fetched = Fetched(data=data or {}, complete=data is None)
        return decide(shop, Body(content=body, received_at=NOON), fetched, Known(), NOON)

    return look


def payload(decision: Decision) -> Mapping[str, Any]:
    assert isinstance(decision, Send), decision
    return decision.payload


def destination(decision: Decision) -> Mapping[str, Any]:
    address: Mapping[str, Any] = payload(decision)["Addresses"][1]
    return address


def test_shipped_mapping_has_no_warnings(shop: Shop) -> None:
    assert list(shop.mapping.warnings) == []


def test_recipient_is_named_for_shipping_even_without_a_street(decided: Decide, order: Order) -> None:
    found = destination(decided(order(shipping=HOLLOW), READ))
    assert (found["Contact"]["FirstName"], found["Contact"]["LastName"]) == ("G", "Ift")
    assert found["AddressLine1"] == order().order["billing"]["address_1"]


def test_record_with_an_empty_order_key_is_this_orders(decided: Decide, order: Order, shop: Shop) -> None:
    found = recorded(shop, order_key="")
    assert decided(order(meta_data=[{"id": 9, "key": "_sorted_order", "value": written(found)}]), READ) == Adopt(
        reference="EO-000-002-0TS"
    )


def test_another_visible_reference_is_for_a_person(decided: Decide, order: Order, shop: Shop) -> None:
    rows = [
        {"id": 9, "key": "_sorted_order", "value": written(recorded(shop))},
        {"id": 10, "key": "sorted_order_reference", "value": "EO-000-009-XYZ"},
    ]
    decision = decided(order(meta_data=rows), READ)
    assert isinstance(decision, Hold)
    assert decision.problem.code == "other_reference"


def recorded(shop: Shop, order_key: str = "wc_order_Qm4kT0pYbZ1aa") -> Record:
    """The bridge's record on the usual order."""
    return Record(
        order_id="1501",
        order_key=order_key,
        part=1,
        reference="EO-000-002-0TS",
        destination=shop.destination.host,
        written_at=NOON,
    )


# --- Rules -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "checkout-draft"}, "draft"),
        ({"status": "auto-draft"}, "draft"),
        ({"status": "trash"}, "in the trash"),
        ({"status": "cancelled"}, "cancelled"),
        ({"status": "refunded"}, "refunded in full"),
        ({"status": "failed"}, "payment failed"),
        ({"status": "completed"}, "already completed"),
        ({"shipping_lines": [{"method_id": "pickup_location"}]}, "picked up at the shop"),
        ({"needs_processing": False}, "downloads only"),
        ({"line_items": []}, "nothing to ship"),
    ],
)
def test_order_that_never_ships_is_skipped_with_its_reason(
    decided: Decide, order: Order, changes: Mapping[str, Any], reason: str
) -> None:
    assert decided(order(**changes), {}) == Skip(reason=reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "pending"}, "awaiting payment"),
        ({"status": "on-hold"}, "awaiting payment"),
        ({"status": "awaiting-stock"}, "the status is not one that ships"),
        ({"date_paid": None, "date_paid_gmt": None}, "not paid"),
    ],
)
def test_order_that_is_not_ready_waits_without_asking_the_shop(
    decided: Decide, order: Order, changes: Mapping[str, Any], reason: str
) -> None:
    assert decided(order(**changes), {}) == Wait(reason=reason)


def test_cash_on_delivery_ships_unpaid(decided: Decide, order: Order) -> None:
    assert isinstance(decided(order("order.created__cash_on_delivery_company_only")), Send)


def test_virtual_products_are_nothing_to_ship(decided: Decide, order: Order) -> None:
    data = {**READ, "product:50": {"shipping_required": False}}
    assert decided(order("order.created__virtual_gift_card"), data) == Skip(reason="nothing to ship")


def test_products_units_and_regions_are_asked_for(decided: Decide, order: Order) -> None:
    address = {**order().order["shipping"], "country": "US", "state": "TX"}
    asked = decided(order(shipping=address), {})
    assert isinstance(asked, Needs)
    assert asked.keys >= {"product:31", "product:41", "units"}


# --- Values ----------------------------------------------------------------------------------------------------------
def test_lines_are_the_items_of_one_package(decided: Decide, order: Order) -> None:
    (package,) = payload(decided(order(), READ))["Packages"]
    assert package["Weight"] == {"Value": Decimal("2.4"), "Unit": "Kg"}  # 2 x 0.45 and 3 x the default 0.5
    assert package["Value"] == {"Amount": Decimal("75.60"), "Currency": {"IsoCode": "GBP"}}
    assert [(item["Sku"], item["Quantity"]) for item in package["Items"]] == [("POT-2", 2), ("MUG-BLUE", 3)]


def test_item_carries_what_was_fetched_and_defaults_for_the_rest(decided: Decide, order: Order) -> None:
    assert payload(decided(order(), READ))["Packages"][0]["Items"][0] == {
        "Sku": "POT-2",
        "ItemReferenceProvidedByCustomer": "71",
        "Description": "Teapot & Cosy",
        "Quantity": 2,
        "Weight": {"Value": Decimal("0.9"), "Unit": "Kg"},
        "Dimensions": {"Length": Decimal(20), "Width": Decimal(10), "Height": Decimal(10), "Unit": "Cm"},
        "Value": {"Amount": Decimal("43.20"), "Currency": {"IsoCode": "GBP"}},
        "HarmonisationCode": "691110",
        "CountryOfOrigin": {"IsoCode": {"TwoLetterCode": "GB"}},
    }


def test_destination_is_the_shipping_address(decided: Decide, order: Order) -> None:
    assert destination(decided(order(), READ)) == {
        "AddressType": "Destination",
        "Contact": {
            "FirstName": "Zoë",
            "LastName": "Harte",
            "Email": "imogen@example.com",
            "Telephone": "+441632960123",  # of the billing address, shipping.phone is empty
        },
        "AddressLine1": "Flat 3",
        "AddressLine2": "Wharf House",
        "AddressLine3": "12 Quay Road, Harbourside",
        "Town": "Bristol",
        "Region": "Avon",
        "Postcode": "BS1 6XN",
        "Country": {"Name": "United Kingdom", "IsoCode": {"TwoLetterCode": "GB"}},
        "SpecialInstructions": "Ring twice, please",
    }


def test_reference_is_unique_across_shops_and_metadata_name_the_order(decided: Decide, order: Order) -> None:
    request = payload(decided(order(), READ))
    assert request["OrderReferenceProvidedByCustomer"] == "woocommerce-WEB-1501"
    assert request["MetaData"] == [
        {"KeyValue": "ShopOrderId", "StringValue": "1501"},
        {"KeyValue": "ShippingMethod", "StringValue": "Tracked 48"},
    ]


def test_without_a_shipping_address_the_billing_address_is_it(decided: Decide, order: Order) -> None:
    empty = dict.fromkeys(order().order["shipping"], "")
    address = destination(decided(order(shipping=empty), READ))
    assert (address["AddressLine1"], address["CompanyName"]) == ("7 Larch Lane", "Harte & Sons")


@pytest.mark.parametrize(
    ("first", "last", "names"),
    [
        ("Zoë", "Harte", ("Zoë", "Harte")),
        ("Zoë Marie Harte", "", ("Zoë Marie", "Harte")),
        ("", "Harte", ("-", "Harte")),
        ("Cher", "", ("-", "Cher")),
        ("", "", ("Imogen", "Harte")),  # who pays
    ],
)
def test_missing_names_are_filled(decided: Decide, order: Order, first: str, last: str, names: tuple[str, str]) -> None:
    address = {**order().order["shipping"], "first_name": first, "last_name": last}
    contact = destination(decided(order(shipping=address), READ))["Contact"]
    assert (contact["FirstName"], contact["LastName"]) == names


def test_order_of_a_company_alone_names_it_and_an_address_nobody_reads(decided: Decide, order: Order) -> None:
    address = destination(decided(order("order.created__cash_on_delivery_company_only")))
    assert address["CompanyName"] == "Bright Looms Ltd"
    assert address["Contact"] == {"FirstName": "-", "LastName": "Bright Looms Ltd", "Email": "no-reply@shop.example"}


def test_hollow_address_is_an_error_that_names_the_field(decided: Decide, order: Order) -> None:
    found = decided(order(billing=HOLLOW, shipping={}), READ)
    assert isinstance(found, Unmappable)
    assert "Addresses[1].AddressLine1" in [problem.target for problem in found.problems]


def test_fraction_of_a_unit_is_one_piece(decided: Decide, order: Order) -> None:
    (item,) = payload(decided(order("order.created__cash_on_delivery_company_only")))["Packages"][0]["Items"]
    assert item["Quantity"] == 1
    assert item["Weight"]["Value"] == Decimal("1.25")  # 2.5 m of the default 0.5 kg


def test_country_without_postcodes_gets_its_stand_in(decided: Decide, order: Order) -> None:
    address = {**order().order["shipping"], "country": "HK", "state": "HONG KONG", "postcode": ""}
    assert destination(decided(order(shipping=address)))["Postcode"] == "00000"
