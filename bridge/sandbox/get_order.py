"""An order as GET /orders/{reference} answers: what was sent, spelled out with nulls, names and references of its own.

https://docs.sorted.com/pro/api/help/managing_existing_orders.html has an example, which this follows field by field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bridge.sandbox.create_order import total_weight_kg

_COUNTRIES = {"GB": "United Kingdom", "IE": "Ireland", "FR": "France", "DE": "Germany", "US": "United States"}
_CURRENCIES = {"GBP": "Pound Sterling", "EUR": "Euro", "USD": "US Dollar"}

_OF_ORDER = (
    *("OrderReferenceProvidedByCustomer", "DeliveryOptionReference", "RequiredDeliveryDate", "ShippingDate"),
    *("EarliestDeliveryDate", "LatestDeliveryDate", "CustomsDocumentation"),
)
_OF_PACKAGE = ("PackageSizeReference", "Barcode", "Weight", "Dimensions")
_OF_ITEM = (
    *("Sku", "Unit", "Description", "Model", "CountryOfOrigin", "Barcode", "ContentClassification"),
    *("ContentClassificationDetails", "HarmonisationCode"),
)
_OF_ADDRESS = (
    *("ShopLocationReference", "CompanyName", "ShippingLocationReference", "CustomerName", "AddressLine1"),
    *("AddressLine2", "AddressLine3", "Town", "Region", "Country", "RegionCode", "SpecialInstructions", "LatLong"),
)
_TEXTS_OF_CONTACT = ("Title", "FirstName", "LastName", "Telephone", "Mobile", "LandLine", "Email")


def as_read(
    body: Mapping[str, Any], *, reference: str, created: datetime, package_reference: Callable[[int], str]
) -> dict[str, Any]:
    """The answer for an order that was asked for with `body`. It has no status."""
    packages = [_package(one, package_reference(index)) for index, one in enumerate(body["Packages"])]
    return {
        **dict.fromkeys(_OF_ORDER),
        "MetaData": [],
        "Tags": [],
        "Direction": "Outbound",
        "Source": "Api",
        **body,
        "OrderReference": reference,
        "Packages": packages,
        "Addresses": [_address(one) for one in body["Addresses"]],
        "DateCreated": created.isoformat(),
        "Weight": {"Value": total_weight_kg(body), "Unit": "Kg"},
        "Value": packages[0]["Value"],
    }


def _package(package: Mapping[str, Any], reference: str) -> dict[str, Any]:
    return {
        **dict.fromkeys(_OF_PACKAGE),
        "MetaData": [],
        "PackageReferenceProvidedByCustomer": "",
        **package,
        "Reference": reference,
        "Value": _money(package["Value"]),
        "Items": [_item(one, f"{reference}-{index}") for index, one in enumerate(package.get("Items") or ())],
    }


def _item(item: Mapping[str, Any], seed: str) -> dict[str, Any]:
    return {
        **dict.fromkeys(_OF_ITEM),
        "MetaData": [],
        "HarmonisationKeyWords": [],
        "ItemReferenceProvidedByCustomer": "",
        **item,
        "Reference": hashlib.md5(seed.encode(), usedforsecurity=False).hexdigest(),
        "CountryOfOrigin": _country(item.get("CountryOfOrigin")),
        "Value": _money(item["Value"]),
    }


def _address(address: Mapping[str, Any]) -> dict[str, Any]:
    contact = {"Reference": None, "Position": None, **dict.fromkeys(_TEXTS_OF_CONTACT, "")}
    return {
        **dict.fromkeys(_OF_ADDRESS),
        "Postcode": "",
        **address,
        "Contact": {**contact, **(address.get("Contact") or {})},
        "Country": _country(address.get("Country")),
        "IsCached": False,
    }


def _country(country: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A country under SortedPRO's own name: "Great Britain" comes back as "United Kingdom"."""
    if not country:
        return None
    code = country["IsoCode"]["TwoLetterCode"]
    return {"Name": _COUNTRIES.get(code, country.get("Name")), "IsoCode": {"TwoLetterCode": code}}


def _money(money: Mapping[str, Any]) -> dict[str, Any]:
    code = money["Currency"]["IsoCode"]
    return {"Amount": money["Amount"], "Currency": {"Name": _CURRENCIES.get(code), "IsoCode": code}}
