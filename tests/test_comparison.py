"""Comparing two SortedPRO orders, and reading the list of another connector: without database or network."""

from __future__ import annotations

import json
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.comparison import listing
from bridge.comparison.differences import Difference, differences, is_ignored
from bridge.errors import ConfigurationError

OLD = Path(__file__).parent / "payloads" / "sorted" / "create_order__old_connector.json"
SHOPS = ("shopify", "woocommerce")


@pytest.fixture
def sent() -> dict[str, Any]:
    """A complete request, as one connector sends it."""
    return json.loads(OLD.read_text("utf-8"), parse_float=Decimal)


def found(theirs: dict[str, Any], ours: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(one.path, one.theirs, one.ours) for one in differences(theirs, ours)]


def copied(order: dict[str, Any]) -> dict[str, Any]:
    return deepcopy(order)


# ---------------------------------------------------------------------------------------------------------------------
# Differences
# ---------------------------------------------------------------------------------------------------------------------
def test_what_sortedpro_adds_and_spells_anew_is_no_difference(sent):
    echo = copied(sent)
    echo |= {
        "OrderReference": "EO-000-002-K0R",
        "DateCreated": "2026-12-01T09:00:00+00:00",
        "CustomsDocumentation": None,
    }
    echo |= {"Direction": "outbound", "Weight": {"Value": 2.67, "Unit": "Kg"}}
    echo["Packages"][0] |= {"Reference": "EP-000-002-QPF", "MetaData": [], "Barcode": None}
    echo["Packages"][0]["Weight"] = {"Value": Decimal("2.67000"), "Unit": "KG"}
    echo["Packages"][0]["Value"] = {
        "Amount": Decimal("89.0000"),
        "Currency": {"Name": "Pound Sterling", "IsoCode": "GBP"},
    }
    echo["Addresses"].reverse()
    echo["Addresses"][1]["IsCached"] = False
    assert found(echo, sent) == []


def test_the_attempt_that_the_bridge_adds_is_no_difference(sent):
    assert found({**sent, "MetaData": [{"KeyValue": "BridgeAttempt", "StringValue": "a-1"}]}, sent) == []


def test_times_are_compared_as_moments(sent):
    theirs = {**sent, "ShippingDate": "2026-12-01T09:00:00.0000000+00:00"}
    assert found(theirs, {**sent, "ShippingDate": "2026-12-01T10:00:00+01:00"}) == []
    later = {**sent, "ShippingDate": "2026-12-01T10:00:00+00:00"}
    assert [path for path, _, _ in found(theirs, later)] == ["ShippingDate"]


def test_metadata_is_compared_by_name(sent):
    theirs = {**sent, "MetaData": [{"KeyValue": "A", "IntValue": 1}, {"KeyValue": "B", "BoolValue": True}]}
    ours = {**sent, "MetaData": [{"KeyValue": "B", "BoolValue": False}, {"KeyValue": "C", "StringValue": "x"}]}
    assert found(theirs, ours) == [
        ("MetaData[B].BoolValue", True, False),
        ("MetaData[C]", None, "an entry"),
        ("MetaData[A]", "an entry", None),
    ]


def test_true_is_not_the_number_one(sent):
    theirs = {**sent, "MetaData": [{"KeyValue": "A", "IntValue": 1}]}
    assert len(found(theirs, {**sent, "MetaData": [{"KeyValue": "A", "IntValue": True}]})) == 1


def test_items_belong_together_by_reference_then_sku_then_place(sent):
    ours = copied(sent)
    blanket, mug = ours["Packages"][0]["Items"]
    ours["Packages"][0]["Items"] = [mug | {"Sku": "MUG-GREEN"}, blanket | {"Quantity": 3}]
    # The blanket by its SKU; the mug is what is left on both sides.
    assert found(sent, ours) == [
        ("Packages[].Items[].Sku", "MUG-BLUE", "MUG-GREEN"),
        ("Packages[].Items[].Quantity", 1, 3),
    ]


def test_item_that_only_one_has_is_one_difference(sent):
    ours = copied(sent)
    ours["Packages"][0]["Items"].pop()
    assert found(sent, ours) == [("Packages[].Items[]", "MUG-BLUE", None)]


def test_amount_beyond_what_sortedpro_keeps_is_no_difference(sent):
    # It keeps 4 decimals of money: 89.00004 is 89.0000 there.
    ours = copied(sent)
    ours["Packages"][0]["Value"]["Amount"] = Decimal("89.00004")
    assert found(sent, ours) == []


@pytest.mark.parametrize(
    ("path", "is_personal"),
    [
        ("Addresses[Destination].Town", True),
        ("Addresses[Destination].Contact.Email", True),
        ("Addresses[Origin].ShippingLocationReference", False),
        ("CustomsDocumentation.ImportersEmail", True),
        ("CustomsDocumentation.CategoryType", False),
        ("MetaData[Note].StringValue", True),
        ("Packages[].Items[].Sku", False),
    ],
)
def test_what_may_be_personal_is_known(sent, path, is_personal):
    assert Difference(path=path, theirs="a", ours="b").is_personal is is_personal


@pytest.mark.parametrize(
    ("ignored", "path", "is_left_out"),
    [
        ("Packages[].Description", "Packages[].Description", True),
        ("Packages[0].Items[]", "Packages[].Items[].Weight.Value", True),
        ("Addresses[].Town", "Addresses[Destination].Town", True),
        ("Addresses[Origin].Town", "Addresses[Destination].Town", False),
        ("Packages[].Desc", "Packages[].Description", False),
        ("MetaData", "MetaData[A].StringValue", True),
    ],
)
def test_ignored_path_covers_itself_and_what_is_below(ignored, path, is_left_out):
    assert is_ignored(path, ignored) is is_left_out


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.decimals(-99, 99, places=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["Packages", "MetaData", "Tags", "Addresses", "Direction", "Amount"]), _JSON))
def test_whatever_sortedpro_answers_is_equal_to_itself(order):
    assert differences(order, order) == []


@given(*(2 * [st.dictionaries(st.sampled_from(["Packages", "MetaData", "Tags", "Addresses", "Items"]), _JSON)]))
def test_whatever_sortedpro_answers_can_be_compared(theirs, ours):
    assert bool(differences(theirs, ours)) is bool(differences(ours, theirs))


# ---------------------------------------------------------------------------------------------------------------------
# The list
# ---------------------------------------------------------------------------------------------------------------------
def problems(content: bytes) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        listing.read(content, "old.csv", SHOPS)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "content",
    [
        b"shop,order,reference\nshopify,#1001,eo-000-002-k0r\n",
        b"\xef\xbb\xbfshop;order;reference\r\nshopify;#1001;EO-000-002-K0R\r\n",
        b'Reference,Note,Order,Shop\nEO-000-002-K0R,"a,b",#1001,shopify\n,,,\n',
    ],
)
def test_list_is_read_as_spreadsheets_write_it(content):
    (row,) = listing.read(content, "old.csv", SHOPS)
    assert (row.shop, row.order, row.reference) == ("shopify", "#1001", "EO-000-002-K0R")


@pytest.mark.parametrize(
    ("order", "name", "order_id"),
    [("#1001", "#1001", ""), ("1001", "1001", "1001"), ("id 1001", "", "1001"), ("ID:1001", "", "1001")],
)
def test_order_is_a_name_an_id_or_either(order, name, order_id):
    (row,) = listing.read(f"shop,order,reference\nshopify,{order},sent elsewhere\n".encode(), "old.csv", SHOPS)
    assert (row.name, row.order_id, row.reference) == (name, order_id, None)


def test_everything_wrong_is_told_with_its_line():
    content = b"shop,order,reference\netsy,1,x\nshopify,,sent elsewhere\nshopify,6.1E+12,EO-000-002-K0R\n"
    told = problems(content + b"shopify,7,EO-000-002-K0R\n")
    assert [line.split(": ")[0] for line in told] == ["old.csv:2", "old.csv:2", "old.csv:3", "old.csv:4", "old.csv:5"]
    assert "a spreadsheet has cut this id short" in told[3]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no order stands in it"),
        (b"shop,order,reference\n", "no order stands in it"),
        (b"shop,order\nshopify,1\n", "columns shop, order and reference once each: not so reference"),
        (b"shop,order,reference\nshopify,\xff,x\n", "is not UTF-8"),
        (b'shop,order,reference\nshopify,"' + b"1" * 200_000, "quotation mark"),
    ],
)
def test_file_that_is_no_list_is_told_so(content, words):
    (told,) = problems(content)
    assert words in told


@given(st.binary(max_size=200))
def test_any_file_is_a_list_or_told_to_be_none(content):
    try:
        rows = listing.read(b"shop,order,reference\n" + content, "old.csv", SHOPS)
    except ConfigurationError:
        return
    assert all(row.shop in SHOPS for row in rows)
