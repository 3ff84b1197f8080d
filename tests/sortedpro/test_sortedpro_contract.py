"""What the Create Order contract takes and refuses, where it says so, and the JSON it makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from marshmallow import ValidationError

from bridge.sortedpro.contract import CreateOrderSchema, encode, flatten

PAYLOADS = Path(__file__).parent.parent / "payloads" / "sorted"
SCHEMA = CreateOrderSchema()


def request(case: str = "smallest") -> dict[str, Any]:
    return json.loads((PAYLOADS / f"create_order__{case}.json").read_text("utf-8"), parse_float=Decimal)


def problems(given: object) -> list[tuple[str, str]]:
    """Everything that the contract has against a request; empty where it takes it."""
    try:
        SCHEMA.load(given)
    except ValidationError as error:
        return flatten(error.messages)
    return []


def paths(given: object) -> list[str]:
    return [path for path, _ in problems(given)]


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    given = request()
    change(given)
    return given


def package(given: dict[str, Any]) -> dict[str, Any]:
    return given["Packages"][0]


def item(given: dict[str, Any]) -> dict[str, Any]:
    return given["Packages"][0]["Items"][0]


def destination(given: dict[str, Any]) -> dict[str, Any]:
    return given["Addresses"][1]


# ---------------------------------------------------------------------------------------------------------------------
# JSON
# ---------------------------------------------------------------------------------------------------------------------
def test_the_full_request_comes_out_as_it_went_in():
    given = request("full")
    written = json.loads(encode(SCHEMA.load(given)), parse_float=Decimal)
    # Seven fractional digits are cut to six, and Z is written as an offset.
    assert written.pop("ShippingDate") == "2026-12-21T08:15:30.123456+00:00"
    assert given.pop("ShippingDate") == "2026-12-21T08:15:30.1234567Z"
    assert written == given


def test_the_smallest_request_is_taken():
    assert problems(request()) == []


def test_nothing_is_filled_in():
    assert set(SCHEMA.load(request())) == {"Packages", "Addresses"}


def test_decimals_are_written_digit_by_digit():
    given = changed(lambda it: item(it)["Weight"].update(Value=Decimal("0.10")))
    assert b'"Weight":{"Value":0.10,"Unit":"Kg"}' in encode(SCHEMA.load(given))


def test_letters_are_written_as_utf8():
    assert "Ørsted-Łuczak".encode() in encode(SCHEMA.load(request("full")))


def test_a_time_keeps_its_offset_in_the_json():
    moment = datetime.fromisoformat("2026-12-24T00:00:00+01:00")
    given = changed(lambda it: it.update(RequiredDeliveryDate={"Date": moment}))
    assert b'"RequiredDeliveryDate":{"Date":"2026-12-24T00:00:00+01:00"}' in encode(SCHEMA.load(given))


def test_what_is_no_part_of_a_request_is_not_written():
    with pytest.raises(TypeError, match="set is no part"):
        encode({"Tags": {"a"}})


# ---------------------------------------------------------------------------------------------------------------------
# Names
# ---------------------------------------------------------------------------------------------------------------------
def test_a_misspelt_field_is_told_the_name_that_was_meant():
    given = changed(lambda it: destination(it).update(PostCode="ZZ9 9ZZ"))
    assert problems(given) == [("Addresses[1].PostCode", "is no field of SortedPRO's; did you mean Postcode?")]


def test_an_unknown_field_that_resembles_nothing_gets_the_list_of_names():
    given = changed(lambda it: item(it)["Weight"].update(Pounds=2))
    message = "is no field of SortedPRO's; it takes Unit, Value"
    assert problems(given) == [("Packages[0].Items[0].Weight.Pounds", message)]


@pytest.mark.parametrize(
    ("path", "change", "instead"),
    [
        ("Packages[0].Items[0].Weight.Kg", lambda it: item(it)["Weight"].update(Kg=1), "Value with Unit Kg"),
        ("Packages[0].Items[0].UnitOfQuantity", lambda it: item(it).update(UnitOfQuantity=1), "Quantity"),
        ("Packages[0].Items[0].ItemUnit", lambda it: item(it).update(ItemUnit="Box"), "Unit"),
        (
            "Packages[0].ConsignmentLegs[0].TrackingReference",
            lambda it: package(it).update(ConsignmentLegs=[{"TrackingReference": "T1"}]),
            "TrackingReferences, a list",
        ),
        (
            "CustomsDocumentation.ImportersCode",
            lambda it: it.update(CustomsDocumentation={"ImportersCode": None}),
            "ImportersTaxCode",
        ),
        ("RequestedDeliveryDate", lambda it: it.update(RequestedDeliveryDate={}), "RequiredDeliveryDate"),
    ],
)
def test_an_old_name_is_refused_and_the_new_one_named(path, change, instead):
    assert problems(changed(change)) == [(path, f"is not taken by SortedPRO any more; use {instead}")]


# ---------------------------------------------------------------------------------------------------------------------
# Values
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("Direction", lambda it: it.update(Direction="outbound")),
        ("Source", lambda it: it.update(Source=None)),
        ("Tags[1]", lambda it: it.update(Tags=["A", " "])),
        ("ShippingDate", lambda it: it.update(ShippingDate="2026-12-24")),
        ("RequiredDeliveryDate.Date", lambda it: it.update(RequiredDeliveryDate={})),
        (
            "RequiredDeliveryDate.DeliveryWindow.Start",
            lambda it: it.update(
                RequiredDeliveryDate={"Date": "2026-12-24T00:00Z", "DeliveryWindow": {"Start": "9 am"}}
            ),
        ),
        ("MetaData[0].IntValue", lambda it: it.update(MetaData=[{"KeyValue": "Id", "IntValue": 5_000_000_000}])),
        ("Packages", lambda it: it.update(Packages=[])),
        ("Packages[0]", lambda it: it.update(Packages=[None])),
        ("Packages[0].Description", lambda it: package(it).update(Description=" ")),
        ("Packages[0].Items", lambda it: package(it).update(Items=[])),
        ("Packages[0].Items", lambda it: package(it).pop("Items")),
        ("Packages[0].Value.Amount", lambda it: package(it)["Value"].update(Amount=-1)),
        ("Packages[0].Value.Currency.IsoCode", lambda it: package(it)["Value"]["Currency"].update(IsoCode="gbp")),
        ("Packages[0].Charges[0].Key", lambda it: package(it).update(Charges=[{"Key": "DiscountRebate", "Value": 1}])),
        ("Packages[0].Items[0].Dimensions", lambda it: item(it).pop("Dimensions")),
        ("Packages[0].Items[0].Dimensions.Width", lambda it: item(it)["Dimensions"].update(Width=0)),
        ("Packages[0].Items[0].Quantity", lambda it: item(it).update(Quantity=0)),
        ("Packages[0].Items[0].Barcode.BarcodeType", lambda it: item(it).update(Barcode={"Code": "1"})),
        ("Addresses[1].Country.IsoCode.TwoLetterCode", lambda it: destination(it)["Country"]["IsoCode"].clear()),
        (
            "Addresses[1].Country.IsoCode.TwoLetterCode",
            lambda it: destination(it)["Country"]["IsoCode"].update(TwoLetterCode="UK"),
        ),
        ("Addresses[1].Contact.LastName", lambda it: destination(it)["Contact"].pop("LastName")),
        ("Addresses[1].LatLong.Latitude", lambda it: destination(it).update(LatLong={"Latitude": 91, "Longitude": 0})),
        ("CustomsDocumentation.InvoiceDate", lambda it: it.update(CustomsDocumentation={"InvoiceDate": None})),
    ],
)
def test_a_wrong_value_is_refused_at_its_own_path_only(path, change):
    assert paths(changed(change)) == [path]


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.update(OrderReferenceProvidedByCustomer=None, ShippingDate=None, Tags=None, MetaData=None),
        lambda it: it.update(Tags=["NextDay"], Direction="Inbound", Source="Web"),
        lambda it: it.update(CustomsDocumentation={"CategoryType": "SaleOfGoods", "ShippingTerms": "DDU"}),
        lambda it: package(it).update(Charges=[{"Key": "DisountRebate", "Value": Decimal("-1.5")}]),
        lambda it: package(it).update(ConsignmentLegs=[{"Leg": 1, "TrackingReferences": ["T1"]}], Reference="EP-1"),
        lambda it: item(it).update(Sku="A", ContentClassification=None, Quantity=None, Barcode=None),
        lambda it: destination(it).update(Postcode="", Region=None),
        lambda it: it["Addresses"].append({"AddressType": "Exporter", "ShippingLocationReference": "Marling"}),
    ],
)
def test_what_the_documentation_allows_is_taken(change):
    assert problems(changed(change)) == []


@pytest.mark.parametrize("given", [None, [], "x", 5])
def test_a_request_that_is_no_object_is_one_problem(given):
    assert problems(given) == [("", "must be an object with fields of its own")]


def test_an_empty_request_lacks_packages_and_addresses():
    assert problems({}) == [
        ("Packages", "is missing; SortedPRO needs it"),
        ("Addresses", "is missing; SortedPRO needs it"),
    ]


def test_no_message_holds_a_value_of_the_order():
    given = request("full")
    destination(given).update(Postcode=["SECRET"], Town={"SECRET": 1}, Region=5, AddressType="SECRET")
    destination(given)["Country"]["IsoCode"]["TwoLetterCode"] = "SECRET"
    item(given)["Weight"]["Value"] = "SECRET"
    messages = [message for _, message in problems(given)]
    assert len(messages) == 6
    assert not any("SECRET" in message for message in messages)


# ---------------------------------------------------------------------------------------------------------------------
# Rules
# ---------------------------------------------------------------------------------------------------------------------
def test_a_missing_destination_is_told_at_the_addresses():
    given = changed(lambda it: it["Addresses"].pop())
    assert problems(given) == [("Addresses", "has no Destination; add an address with AddressType Destination")]


def test_an_address_of_unknown_type_could_be_the_missing_end():
    given = changed(lambda it: destination(it).update(AddressType="destination"))
    assert paths(given) == ["Addresses[1].AddressType"]


def test_a_second_address_of_a_type_is_refused():
    given = changed(lambda it: it["Addresses"].append(dict(it["Addresses"][0])))
    message = "is Origin again, as in Addresses[0]; an order has one address of each type"
    assert problems(given) == [("Addresses[2].AddressType", message)]


def test_neither_end_is_a_shipping_location():
    given = changed(lambda it: it["Addresses"][0].update({**destination(it), "AddressType": "Origin"}))
    del given["Addresses"][0]["ShippingLocationReference"]
    message = "is missing; Origin or Destination must name one of your SortedPRO shipping locations"
    assert problems(given) == [("Addresses[0].ShippingLocationReference", message)]


def test_the_destination_may_be_the_shipping_location():
    given = changed(lambda it: destination(it).update(ShippingLocationReference="Marling_Store"))
    given["Addresses"][0] = {**destination(given), "AddressType": "Origin", "ShippingLocationReference": None}
    assert problems(given) == []


def test_a_wrong_shipping_location_is_not_told_to_be_missing_too():
    given = changed(lambda it: it["Addresses"][0].update(ShippingLocationReference=17))
    assert problems(given) == [("Addresses[0].ShippingLocationReference", "must be text")]


@pytest.mark.parametrize("name", ["AddressLine1", "Postcode", "Country", "Contact"])
def test_an_address_that_is_no_location_must_be_whole(name):
    assert paths(changed(lambda it: destination(it).pop(name))) == [f"Addresses[1].{name}"]


def test_a_blank_first_line_is_no_address():
    assert paths(changed(lambda it: destination(it).update(AddressLine1="  "))) == ["Addresses[1].AddressLine1"]


def test_an_empty_address_is_one_problem():
    given = changed(lambda it: it["Addresses"].append({"AddressType": "Return"}))
    assert paths(given) == ["Addresses[2].ShippingLocationReference"]


@pytest.mark.parametrize("size", [None, " "])
def test_a_package_without_a_size_needs_weight_and_dimensions(size):
    given = changed(lambda it: package(it).update(PackageSizeReference=size))
    assert paths(given) == ["Packages[0].Weight", "Packages[0].Dimensions"]


def test_a_wrong_weight_is_not_told_to_be_missing_too():
    given = changed(lambda it: package(it).update(PackageSizeReference=None, Weight="1 kg", Dimensions="small"))
    assert paths(given) == ["Packages[0].Weight", "Packages[0].Dimensions"]


def test_two_items_may_share_a_sku_but_not_a_reference():
    given = changed(lambda it: item(it).update(Sku="POT", ItemReferenceProvidedByCustomer="line-1"))
    given["Packages"].append(package(request()))
    given["Packages"][1]["Items"] = [item(given)]
    message = "is the same as that of Packages[0].Items[0]; give every item its own or leave it out"
    assert problems(given) == [("Packages[1].Items[0].ItemReferenceProvidedByCustomer", message)]


def test_metadata_needs_a_value():
    given = changed(lambda it: it.update(MetaData=[{"KeyValue": "Gift", "StringValue": None}]))
    assert paths(given) == ["MetaData[0].StringValue"]


def test_metadata_may_have_one_value_of_each_kind():
    values = {"StringValue": "4", "IntValue": 4, "DecimalValue": Decimal("4.0"), "BoolValue": False}
    moment = {"DateTimeValue": "2026-12-24T00:00:00Z"}
    assert problems(changed(lambda it: it.update(MetaData=[{"KeyValue": "Four", **values, **moment}]))) == []


@pytest.mark.parametrize(("owner", "prefix"), [(dict, ""), (package, "Packages[0]."), (item, "Packages[0].Items[0].")])
def test_a_metadata_name_stands_once_in_its_owner(owner, prefix):
    given = request()
    target = given if owner is dict else owner(given)
    target["MetaData"] = [{"KeyValue": "Gift", "StringValue": "yes"}, {"KeyValue": "Gift", "BoolValue": True}]
    assert paths(given) == [f"{prefix}MetaData[1].KeyValue"]


def test_rules_and_fields_are_told_together():
    given = changed(lambda it: it.update(Direction="sideways"))
    package(given).update(PackageSizeReference=None, Description=5)
    del given["Addresses"][1]
    assert sorted(paths(given)) == [
        "Addresses",
        "Direction",
        "Packages[0].Description",
        "Packages[0].Dimensions",
        "Packages[0].Weight",
    ]


def test_rules_hold_out_against_any_shape():
    given = {"Packages": [{"Items": 5, "MetaData": [7]}, "x"], "Addresses": [[], {"AddressType": {}}], "MetaData": "x"}
    assert {"Packages[0].Items", "Packages[0].MetaData[0]", "Packages[1]", "Addresses[0]", "MetaData"} <= set(
        paths(given)
    )


# ---------------------------------------------------------------------------------------------------------------------
# Paths
# ---------------------------------------------------------------------------------------------------------------------
def test_nested_messages_become_paths():
    messages = {
        "_schema": ["root"],
        "Packages": {"_schema": ["list"], 0: {"Items": {1: {"Weight": {"Value": ["deep", "twice"]}}}}},
    }
    assert flatten(messages) == [
        ("", "root"),
        ("Packages", "list"),
        ("Packages[0].Items[1].Weight.Value", "deep"),
        ("Packages[0].Items[1].Weight.Value", "twice"),
    ]
