"""Lightship, the connector that is replaced: it makes its own orders in SortedPRO, and gives a list of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from bridge.sandbox.woocommerce import Product
from tests.retailer.retailer import WOOCOMMERCE, Retailer

Json = dict[str, Any]

_TEN = {"length": "10", "width": "10", "height": "10"}


class Lightship:
    """Sends what it is told to, in its own way: weights and values of whole lines, no metadata, its own references."""

    def __init__(self, retailer: Retailer) -> None:
        self._retailer = retailer
        self.rows: list[tuple[str, str, str]] = []  # shop, order and reference of all that it has sent

    def sends(self, shop: str, order_id: str) -> str:
        """Carry one order to SortedPRO; its reference there."""
        retailer = self._retailer
        body = self._of_woocommerce(shop, order_id) if shop in WOOCOMMERCE else self._of_shopify(shop, order_id)
        headers = {"ocp-apim-subscription-key": retailer.sortedpro.api_key, "electio-api-version": "1.1"}
        with httpx.Client(trust_env=False) as client:
            answer = client.post(f"{retailer.urls['sortedpro']}/orders", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        reference: str = answer.json()[0]["Href"].rpartition("/")[2]
        name = f"id {order_id}" if shop in WOOCOMMERCE else f"#{body['OrderReferenceProvidedByCustomer'][-4:]}"
        self.rows.append((shop, name, reference))
        return reference

    def list(self, name: str, *rows: tuple[str, str, str]) -> Path:
        """All that it has sent, or the given rows, as the CSV file that it exports."""
        path = self._retailer.folder / name
        lines = ["shop,order,reference", *(",".join(row) for row in rows or self.rows)]
        path.write_text("\n".join([*lines, ""]), "utf-8")
        return path

    def _of_shopify(self, shop: str, order_id: str) -> Json:
        order = self._retailer.shopify(shop).order(order_id).body
        to = order["shipping_address"]
        items = [
            _item(
                line, line["title"], line["grams"] * line["quantity"], Decimal(line["price"]) * line["quantity"], _TEN
            )
            for line in order["line_items"]
        ]
        express = order["shipping_lines"][0]["title"] == "Express"
        address = [to["address1"], to["address2"], to["city"], to["province"], to["zip"]]
        who = (to["first_name"], to["last_name"], to["phone"], order["email"])
        made = _order(f"L-{shop}-{order['order_number']}", items, who, to["company"], address)
        return {**made, "Tags": ["NEXT-DAY"] if express else []}

    def _of_woocommerce(self, shop: str, order_id: str) -> Json:
        fake = self._retailer.woocommerce(shop)
        order = fake.order(int(order_id))
        to, pays = order["shipping"], order["billing"]
        items = []
        for line in order["line_items"]:
            product = fake.products[line["product_id"]]
            grams = int(Decimal(product.weight) * 1000) * line["quantity"]
            value = Decimal(line["total"]) + Decimal(line["total_tax"])
            items.append(_item(line, product.name.replace("&amp;", "&"), grams, value, _measures(product)))
        address = [to["address_1"], to["address_2"], to["city"], to["state"], to["postcode"]]
        who = (to["first_name"], to["last_name"], pays["phone"], pays["email"])
        return _order(f"L-{shop}-{order_id}", items, who, to["company"], address)


def _measures(product: Product) -> Mapping[str, str]:
    return {name: getattr(product, name) or "10" for name in _TEN}


def _item(line: Json, name: str, grams: int, value: Decimal, measures: Mapping[str, str]) -> Json:
    return {
        "Sku": line["sku"],
        "ItemReferenceProvidedByCustomer": str(line["id"]),
        "Description": name,
        "Quantity": line["quantity"],
        "Weight": {"Value": grams / 1000, "Unit": "Kg"},
        "Dimensions": {
            "Unit": "Cm",
            **{name.title(): float(measures[name]) for name in _TEN},
        },
        "Value": {"Amount": float(value), "Currency": {"IsoCode": "GBP"}},
    }


def _order(
    reference: str, items: Sequence[Json], who: tuple[str, ...], company: str | None, address: Sequence[str | None]
) -> Json:
    first, last, phone, email = who
    package = {
        "Description": f"Lightship {reference}",
        "Weight": {"Value": round(sum(item["Weight"]["Value"] for item in items), 3), "Unit": "Kg"},
        "Dimensions": {"Unit": "Cm", "Length": 30, "Width": 20, "Height": 10},
        "Value": {
            "Amount": round(sum(item["Value"]["Amount"] for item in items), 2),
            "Currency": {"IsoCode": "GBP"},
        },
        "Items": list(items),
    }
    destination = {
        "AddressType": "Destination",
        "Contact": {
            "FirstName": first,
            "LastName": last,
            "Telephone": "+44" + phone.replace(" ", "")[1:],
            "Email": email,
        },
        "CompanyName": company or "",
        **dict(zip(("AddressLine1", "AddressLine2", "Town", "Region", "Postcode"), address, strict=True)),
        "Country": {"Name": "United Kingdom", "IsoCode": {"TwoLetterCode": "GB"}},
    }
    made = {
        "OrderReferenceProvidedByCustomer": reference,
        "Direction": "Outbound",
        "Packages": [package],
        "Addresses": [{"AddressType": "Origin", "ShippingLocationReference": "LEEDS"}, destination],
    }
    return json.loads(json.dumps(made))
