"""The shipped mapping of a Shopify shop, applied offline and with what a shop would say."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bridge import shops
from bridge.decide import Body, Decision, Known, Send, Skip, Unmappable, Wait, decide
from bridge.platforms.base import Fetched, Look, OrderBody

Order = Callable[..., OrderBody]
MAPPING = Path(__file__).parents[3] / "mappings" / "shopify.yaml"
VARIABLES = {
    "SHOPIFY_SHOP": "pottery.myshopify.com",
    "SEND_FROM": "2013-01-01T00:00:00Z",
    "SORTED_ORIGIN": "DC1",
    "SORTED_API_URL": "http://127.0.0.1:9",
}


@pytest.fixture(scope="module")
def shop_of_the_mapping() -> shops.Shop:
    return shops.load_offline(MAPPING, VARIABLES)


@pytest.fixture
def decided(shop_of_the_mapping: shops.Shop, look: Callable[..., Look]) -> Callable[..., Decision]:
    """The decision about an order; `read` is what the shop said of it."""

    def decide_about(body: OrderBody, read: dict[str, Any] | None = None) -> Decision:
        at = look(body, read)
        known = Body(content=body, received_at=at.now)
        fetched = Fetched(data=at.fetched.data, complete=True)
        return decide(shop_of_the_mapping, known, fetched, Known(), at.now)

    return decide_about


@pytest.fixture
def sent(decided: Callable[..., Decision]) -> Callable[..., Any]:
    """The request that comes of an order."""

    def payload(body: OrderBody, read: dict[str, Any] | None = None) -> Any:
        decision = decided(body, read)
        assert isinstance(decision, Send), decision
        return decision.payload

    return payload


def destination(payload: Any) -> Any:
    return payload["Addresses"][1]


def test_mapping_has_no_warning(shop_of_the_mapping: shops.Shop) -> None:
    assert list(shop_of_the_mapping.mapping.warnings) == []


def test_paid_order_becomes_this_request(sent: Callable[..., Any], order: Order) -> None:
    gbp = {"IsoCode": "GBP"}
    box = {"Length": Decimal(10), "Width": Decimal(10), "Height": Decimal(10), "Unit": "Cm"}
    assert sent(order()) == {
        "OrderReferenceProvidedByCustomer": "shopify-1001",
        "Direction": "Outbound",
        "Packages": [
            {
                "Description": "Order #1001",
                "PackageReferenceProvidedByCustomer": "1001",
                "Weight": {"Value": Decimal("1.9"), "Unit": "Kg"},  # 2 x 350 g + 1200 g
                "Dimensions": {"Length": Decimal(30), "Width": Decimal(20), "Height": Decimal(10), "Unit": "Cm"},
                "Value": {"Amount": Decimal("50.00"), "Currency": gbp},
                "Items": [
                    {
                        "Sku": "MUG-BLUE",
                        "ItemReferenceProvidedByCustomer": "501001",
                        "Description": "Blue mug",
                        "Quantity": 2,
                        "Weight": {"Value": Decimal("0.7"), "Unit": "Kg"},
                        "Dimensions": box,
                        "Value": {"Amount": Decimal("22.73"), "Currency": gbp},  # 2 x 12.50 - 2.27
                    },
                    {
                        "Sku": "VASE-TALL",
                        "ItemReferenceProvidedByCustomer": "501002",
                        "Description": "Tall vase",
                        "Quantity": 1,
                        "Weight": {"Value": Decimal("1.2"), "Unit": "Kg"},
                        "Dimensions": box,
                        "Value": {"Amount": Decimal("27.27"), "Currency": gbp},  # 30.00 - 2.73
                    },
                ],
            }
        ],
        "Addresses": [
            {"AddressType": "Origin", "ShippingLocationReference": "DC1"},
            {
                "AddressType": "Destination",
                "Contact": {
                    "FirstName": "Marta",
                    "LastName": "Oakley",
                    "Email": "marta@example.com",
                    "Telephone": "+441632960018",
                },
                "AddressLine1": "14 Kiln Road",
                "AddressLine2": "Flat 2",
                "Town": "Wexcombe",
                "Region": "England",
                "RegionCode": "ENG",
                "Postcode": "WX4 2KR",
                "Country": {"Name": "United Kingdom", "IsoCode": {"TwoLetterCode": "GB"}},
                "SpecialInstructions": "Please leave with the neighbour at no. 16",
            },
        ],
        "MetaData": [
            {"KeyValue": "ShopOrderId", "StringValue": "6111222333001"},
            {"KeyValue": "ShippingMethod", "StringValue": "Standard delivery"},
        ],
    }


@pytest.mark.parametrize(
    ("case", "changes", "reason"),
    [
        ("orders.create__two_lines_paid", {"test": True}, "test order"),
        ("orders.cancelled__by_customer", {}, "cancelled"),
        ("orders.create__two_lines_paid", {"financial_status": "voided"}, "payment refunded, voided or expired"),
        ("orders.create__till_sale_carried_out", {}, "already fulfilled"),
        ("orders.create__only_digital_goods", {}, "nothing to ship"),
    ],
)
def test_order_that_is_never_sent_has_its_reason(
    decided: Callable[..., Decision], order: Order, case: str, changes: dict[str, Any], reason: str
) -> None:
    assert decided(order(case, **changes)) == Skip(reason=reason)


@pytest.mark.parametrize("status", ["pending", "authorized", "partially_paid", None, "something new"])
def test_unpaid_order_waits(decided: Callable[..., Decision], order: Order, status: str | None) -> None:
    assert decided(order(financial_status=status)) == Wait(reason="not paid")


@pytest.mark.parametrize(
    "case", ["orders.create__cash_on_delivery", "orders.updated__refunded_before_current_quantity"]
)
def test_cash_on_delivery_and_partly_refunded_orders_ship(sent: Callable[..., Any], order: Order, case: str) -> None:
    assert sent(order(case))["Packages"]


def test_cash_on_delivery_order_that_was_refunded_is_skipped(decided: Callable[..., Decision], order: Order) -> None:
    refunded = order("orders.create__cash_on_delivery", financial_status="refunded")
    assert isinstance(decided(refunded), Skip)


def test_removed_personal_data_is_named_as_a_missing_permission(decided: Callable[..., Decision], order: Order) -> None:
    decision = decided(order("orders.create__personal_data_removed"))
    assert isinstance(decision, Unmappable)
    assert "protected customer data" in decision.problems[0].message


def test_hollow_address_names_what_is_missing(decided: Callable[..., Decision], order: Order) -> None:
    decision = decided(order("orders.create__hollow_address"))
    assert isinstance(decision, Unmappable)
    # Hong Kong has no postcodes, so only the street is missing
    assert [problem.target for problem in decision.problems] == ["Addresses[1].AddressLine1"]


def test_order_without_any_address_is_told(decided: Callable[..., Decision], order: Order) -> None:
    decision = decided(order("orders.create__api_order_without_people"))
    assert isinstance(decision, Unmappable)
    assert "Addresses[1].Country" in [problem.target for problem in decision.problems]


def test_order_without_people_but_with_an_address_is_sent(sent: Callable[..., Any], order: Order) -> None:
    address = {"name": "", "address1": "1 Mill Lane", "zip": "WX1 1AA", "country_code": "GB"}
    contact = destination(sent(order("orders.create__api_order_without_people", shipping_address=address)))["Contact"]
    assert contact == {"FirstName": "-", "LastName": "-", "Email": "no-reply@pottery.myshopify.com"}


@pytest.mark.parametrize(
    ("person", "names"),
    [
        ({"first_name": None, "last_name": None, "name": "Ana Maria Oakley"}, ("Ana Maria", "Oakley")),
        ({"first_name": "Marta", "last_name": "", "name": "Marta"}, ("-", "Marta")),
        ({"first_name": None, "last_name": None, "name": None, "company": "Glaze Ltd"}, ("Marta", "Oakley")),
    ],
)
def test_missing_names_are_filled_in(
    sent: Callable[..., Any], order: Order, person: dict[str, Any], names: tuple[str, str]
) -> None:
    address = {**order().order["shipping_address"], **person}
    contact = destination(sent(order(shipping_address=address)))["Contact"]
    assert (contact["FirstName"], contact["LastName"]) == names


def test_billing_address_serves_where_there_is_no_shipping_address(sent: Callable[..., Any], order: Order) -> None:
    assert destination(sent(order(shipping_address=None)))["AddressLine1"] == "14 Kiln Road"


@pytest.mark.parametrize(
    ("changes", "phone"),
    [
        ({"phone": "01632 960100"}, "+441632960100"),
        ({"customer": {"phone": "+49 30 5550100"}}, "+49305550100"),
        ({"shipping_lines": [{"title": "Van", "phone": "01632960102"}]}, "+441632960102"),
    ],
)
def test_phone_is_taken_where_there_is_one(
    sent: Callable[..., Any], order: Order, changes: dict[str, Any], phone: str
) -> None:
    address = {**order().order["shipping_address"], "phone": None}
    assert destination(sent(order(shipping_address=address, **changes)))["Contact"]["Telephone"] == phone


@pytest.mark.parametrize("note", ['{"delivery": {"slot": 3}}', ' \n[{"slot": 3}]'])
def test_note_of_a_checkout_script_is_left_out(sent: Callable[..., Any], order: Order, note: str) -> None:
    assert "SpecialInstructions" not in destination(sent(order(note=note)))


def test_order_without_names_is_not_sent_to_a_hyphen(decided: Callable[..., Decision], order: Order) -> None:
    address = {"address1": "1 Mill Lane", "zip": "WX1 1AA", "country_code": "GB"}
    decision = decided(order(shipping_address=address))
    assert isinstance(decision, Unmappable)
    assert [problem.code for problem in decision.problems] == ["personal_data_removed"]


def test_order_of_a_fulfilment_service_is_skipped_with_the_reason(
    decided: Callable[..., Decision], order: Order
) -> None:
    given = {**part("OPEN", "SHIPPING", ("501001", 2), ("501002", 1)), "service": "Northwind Logistics"}
    assert decided(order(), {"fulfillment_orders": [given]}) == Skip(reason="shipped by Northwind Logistics")


def test_body_of_2013_is_sent(sent: Callable[..., Any], order: Order) -> None:
    payload = sent(order("orders.create__shape_of_2013"))
    contact = destination(payload)["Contact"]
    assert (contact["FirstName"], contact["LastName"], payload["Packages"][0]["Items"][0]["Sku"]) == (
        "Tomas Reed",
        "Vale",
        "2",
    )


def part(status: str, method: str, *lines: tuple[str, int]) -> dict[str, Any]:
    found = [{"line_id": line, "sku": None, "remaining": left, "total": left} for line, left in lines]
    return {"status": status, "method": method, "fulfill_at": None, "holds": [], "lines": found}


def test_only_open_fulfilment_orders_are_sent(sent: Callable[..., Any], order: Order) -> None:
    parts = [part("OPEN", "SHIPPING", ("501001", 1)), part("ON_HOLD", "SHIPPING", ("501002", 1))]
    items = sent(order(), {"fulfillment_orders": parts})["Packages"][0]["Items"]
    assert [(item["Sku"], item["Quantity"]) for item in items] == [("MUG-BLUE", 1)]


def test_order_on_hold_waits_with_the_reason(decided: Callable[..., Decision], order: Order) -> None:
    held = part("ON_HOLD", "SHIPPING", ("501001", 2), ("501002", 1))
    assert decided(order(), {"fulfillment_orders": [held]}) == Wait(reason="on hold: no reason given", asks_shop=True)


def test_order_picked_up_is_skipped_with_the_reason(decided: Callable[..., Decision], order: Order) -> None:
    pickup = part("OPEN", "PICK_UP", ("501001", 2), ("501002", 1))
    assert decided(order(), {"fulfillment_orders": [pickup]}) == Skip(reason="picked up at the shop")


def test_customs_data_and_dimensions_are_sent_where_the_shop_knows_them(sent: Callable[..., Any], order: Order) -> None:
    variant = {"length_cm": "9", "width_cm": None, "height_cm": None, "hs_code": "691200", "origin_country": "PT"}
    parts = [part("OPEN", "SHIPPING", ("501001", 2), ("501002", 1))]
    read = {"fulfillment_orders": parts, "variants": {"503001": variant}}
    item = sent(order(), read)["Packages"][0]["Items"][0]
    assert (item["HarmonisationCode"], item["CountryOfOrigin"], item["Dimensions"]["Length"]) == (
        "691200",
        {"IsoCode": {"TwoLetterCode": "PT"}},
        Decimal(9),
    )
