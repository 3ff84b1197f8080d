"""The fake SortedPRO refuses what the documentation refuses, and can be caught between creating and answering."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest

from bridge.sandbox.faults import create_then_hang, drop_after, drop_before, html, slow_drip
from bridge.sandbox.sortedpro import FakeSortedPro
from tests.sandbox.conftest import START, Post

FIRST = "EO-000-002-000"  # two times 36^3 in base 36, in groups of three


@pytest.fixture
def order() -> dict[str, Any]:
    """The least that the documentation wants of an order."""
    weight, size = {"Value": 0.5, "Unit": "Kg"}, {"Unit": "Cm", "Width": 10, "Length": 10, "Height": 10}
    value = {"Amount": 5.99, "Currency": {"IsoCode": "GBP"}}
    contact = {"FirstName": "Amelia", "LastName": "Thornbury", "Email": "amelia@example.com"}
    home = {"AddressLine1": "14 Larkspur Row", "Postcode": "YO51 9ZQ", "Country": {"IsoCode": {"TwoLetterCode": "GB"}}}
    return {
        "OrderReferenceProvidedByCustomer": "larkspur-1001",
        "Packages": [
            {
                "Description": "Mugs",
                "Weight": weight,
                "Dimensions": size,
                "Value": value,
                "Items": [{"Sku": "MUG-BLUE", "Weight": weight, "Dimensions": size, "Value": value}],
            }
        ],
        "Addresses": [
            {"AddressType": "Origin", "ShippingLocationReference": "WAREHOUSE-1"},
            {"AddressType": "Destination", "Contact": contact, **home},
        ],
        "MetaData": [{"KeyValue": "attempt", "StringValue": "a-1"}],
    }


def test_order_is_created_and_answered_with_a_link(post_order: Post, order):
    answer = post_order(order)
    link = {"Rel": "Order", "Href": f"https://apisandbox.electioapp.com/orders/{FIRST}"}
    assert (answer.status_code, answer.json()) == (201, [link])


def test_created_order_is_remembered(post_order: Post, order, sorted_pro: FakeSortedPro):
    post_order(order)
    (made,) = sorted_pro.orders()
    assert (made.reference, made.customer_reference, made.at) == (FIRST, "larkspur-1001", START)
    assert made.metadata == {"attempt": "a-1"}
    assert "ocp-apim-subscription-key" not in made.headers


def test_same_order_twice_makes_two(post_order: Post, order, sorted_pro: FakeSortedPro):
    post_order(order)
    post_order(order)
    assert [made.reference for made in sorted_pro.orders()] == [FIRST, "EO-000-002-001"]


@pytest.mark.parametrize(("key", "word"), [(None, "missing subscription key"), ("wrong", "invalid subscription key")])
def test_without_the_key_the_gateway_refuses(sorted_pro: FakeSortedPro, served, client, key, word):
    headers = {"ocp-apim-subscription-key": key} if key else {}
    answer = client.post(served(sorted_pro) + "/orders", json={}, headers=headers)
    assert (answer.status_code, answer.json()["statusCode"]) == (401, 401)
    assert word in answer.json()["message"]


def test_version_header_is_wanted(sorted_pro: FakeSortedPro, served, client):
    answer = client.get(served(sorted_pro) + "/shippinglocations", headers={"ocp-apim-subscription-key": "right-key"})
    assert (answer.status_code, answer.json()["Code"]) == (400, "ApiVersionNotSupported")


def test_other_content_types_are_refused(sorted_pro: FakeSortedPro, served, client):
    headers = {"ocp-apim-subscription-key": "right-key", "electio-api-version": "1.1", "content-type": "text/plain"}
    assert client.post(served(sorted_pro) + "/orders", content=b"{}", headers=headers).status_code == 415


def place(order: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """A copy of the order with one value replaced, or taken out where it is None."""
    changed = copy.deepcopy(order)
    inner: Any = changed
    for step in path[:-1]:
        inner = inner[step]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "target"),
    [
        (("Packages", 0, "Items", 0, "Weight", "Unit"), "g", "Packages[0].Items[0].Weight.Unit"),
        (("Packages", 0, "Items"), [], "Packages[0].Items"),
        (("Packages", 0, "Weight"), None, "Packages[0]"),
        (("Packages", 0, "Value", "Amount"), "5.99", "Packages[0].Value.Amount"),
        (("Packages",), [], "Packages"),
        (("Adresses",), [], ""),
        (("ShippingDate",), "2026-12-01", "ShippingDate"),
        (("MetaData", 0, "IntValue"), 6_104_000_001_001, "MetaData[0].IntValue"),
        (("MetaData", 0, "StringValue"), None, "MetaData[0]"),
        (("Addresses", 1, "AddressType"), "Billing", "Addresses[1].AddressType"),
        (("Addresses", 1, "AddressType"), "Origin", "Addresses"),
        (("Addresses", 1, "Contact"), None, "Addresses[1]"),
        (("Addresses", 1, "Contact", "Email"), None, "Addresses[1].Contact"),
        (("Addresses", 0, "ShippingLocationReference"), "NOWHERE", "Addresses[0].ShippingLocationReference"),
    ],
)
def test_what_breaks_the_contract_is_refused_by_its_target(post_order: Post, order, sorted_pro, path, value, target):
    answer = post_order(place(order, path, value))
    assert answer.status_code == 400
    assert target in [detail["Target"] for detail in answer.json()["Details"]]
    assert sorted_pro.orders() == ()


def test_package_of_a_configured_size_needs_no_weight(post_order: Post, order):
    package = {**order["Packages"][0], "PackageSizeReference": "SMALL"}
    del package["Weight"], package["Dimensions"]
    assert post_order({**order, "Packages": [package]}).status_code == 201


def test_unknown_location_is_named_as_sortedpro_would(post_order: Post, order):
    answer = post_order(place(order, ("Addresses", 0, "ShippingLocationReference"), "NOWHERE"))
    assert answer.json()["Message"] == "Shipping location (NOWHERE) not found or no longer exists for customer."


def test_dropped_after_creating_leaves_an_order_without_an_answer(post_order: Post, order, sorted_pro: FakeSortedPro):
    sorted_pro.behave(drop_after())
    with pytest.raises(httpx.RemoteProtocolError):
        post_order(order)
    assert len(sorted_pro.orders()) == 1


def test_dropped_before_creating_leaves_none(post_order: Post, order, sorted_pro: FakeSortedPro):
    sorted_pro.behave(drop_before())
    with pytest.raises(httpx.RemoteProtocolError):
        post_order(order)
    assert sorted_pro.orders() == ()
    assert [call.fault for call in sorted_pro.calls()] == ["drop_before"]


def test_created_before_it_hangs(sorted_pro: FakeSortedPro, served, order):
    sorted_pro.behave(create_then_hang(300))
    headers = {"ocp-apim-subscription-key": "right-key", "electio-api-version": "1.1"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(served(sorted_pro) + "/orders", json=order, headers=headers, timeout=0.3, trust_env=False)
    assert len(sorted_pro.orders()) == 1


def test_fault_meets_only_the_order_it_names(post_order: Post, order, sorted_pro: FakeSortedPro):
    sorted_pro.behave(html(), match="larkspur-100", count=None)
    assert post_order(order).status_code == 201
    assert post_order({**order, "OrderReferenceProvidedByCustomer": "larkspur-100"}).status_code == 502


def test_dripping_answer_is_whole_at_last(post_order: Post, order, sorted_pro: FakeSortedPro):
    sorted_pro.behave(slow_drip(0.0001))
    assert post_order(order).json()[0]["Href"].endswith(FIRST)


def test_busy_until_told_otherwise(post_order: Post, order, sorted_pro: FakeSortedPro):
    sorted_pro.busy(7)
    answer = post_order(order)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    sorted_pro.clear()
    assert post_order(order).status_code == 201


@pytest.fixture
def reading(sorted_pro: FakeSortedPro, served):
    headers = {"ocp-apim-subscription-key": "right-key", "electio-api-version": "1.1"}
    with httpx.Client(base_url=served(sorted_pro), headers=headers, trust_env=False) as client:
        yield client


def test_order_is_read_with_its_reference_and_without_a_status(post_order: Post, order, reading):
    post_order(order)
    read = reading.get(f"/orders/{FIRST}").json()
    assert (read["OrderReference"], read["Weight"]) == (FIRST, {"Value": 0.5, "Unit": "Kg"})
    assert read["Direction"] == "Outbound"
    assert "Status" not in read


def test_order_is_read_spelled_out_with_nulls_names_and_references(post_order: Post, order, reading):
    post_order(order)
    read = reading.get(f"/orders/{FIRST}").json()
    (item,) = read["Packages"][0]["Items"]
    assert (len(item["Reference"]), item["Model"], item["ItemReferenceProvidedByCustomer"]) == (32, None, "")
    assert item["Value"]["Currency"] == {"Name": "Pound Sterling", "IsoCode": "GBP"}
    assert read["Addresses"][1]["Country"] == {"Name": "United Kingdom", "IsoCode": {"TwoLetterCode": "GB"}}
    assert read["Addresses"][0]["Contact"]["Email"] == ""
    assert read["CustomsDocumentation"] is None


def test_unknown_order_is_not_found_in_sortedpro_s_words(reading):
    answer = reading.get("/orders/EO-ZZZ-ZZZ-ZZZ")
    assert (answer.status_code, answer.json()["Message"]) == (404, "Order EO-ZZZ-ZZZ-ZZZ not found")


def test_unknown_address_is_not_found_in_the_gateway_s_words(reading):
    assert reading.get("/order/1").json() == {"statusCode": 404, "message": "Resource not found"}


def test_locations_are_listed(reading):
    assert [found["Reference"] for found in reading.get("/shippinglocations").json()] == ["WAREHOUSE-1"]


def test_customer_reference_is_found_only_after_packing(post_order: Post, order, sorted_pro: FakeSortedPro, reading):
    post_order(order)
    search = "/consignments/10/0?referenceProvidedByCustomer=larkspur-1001"
    assert reading.get(search).json()["Count"] == 0
    sorted_pro.pack(FIRST)
    assert reading.get(search).json()["Count"] == 1


def test_references_of_consignments_are_found_by_the_customer_reference(
    post_order: Post, order, sorted_pro: FakeSortedPro, reading
):
    post_order(order)
    post_order({**order, "OrderReferenceProvidedByCustomer": "larkspur-100"})
    for reference in ("EO-000-002-000", "EO-000-002-000", "EO-000-002-001"):
        sorted_pro.pack(reference)
    found = reading.get("/consignments/getConsignmentReferences?ReferenceProvidedByCustomer=larkspur-1001")
    assert found.json() == ["EC-000-00G-000", "EC-000-00G-001"]


def test_a_consignment_does_not_name_its_order(post_order: Post, order, sorted_pro: FakeSortedPro, reading):
    post_order(order)
    sorted_pro.pack(FIRST)
    (found,) = reading.get("/consignments/10/0").json()["ConsignmentSummaries"]
    assert found["ConsignmentReferenceProvidedByCustomer"] == "larkspur-1001"
    assert FIRST not in str(found)
