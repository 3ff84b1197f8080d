"""Mapping files for tests of what is built on them: the smallest that works, and the variables it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

VARIABLES: Mapping[str, str] = {
    "SHOP_DOMAIN": "larkspur.myshopify.com",
    "SHOP_SECRET": "hush",
    "SHOP_TOKEN": "shpat_0001",
    "SORTED_KEY": "key-0001",
}

SHOP = """\
shop:
  name: acme
  platform: shopify
  domain: ${SHOP_DOMAIN}
  secrets: [ "${SHOP_SECRET}" ]
  access_token: ${SHOP_TOKEN}
"""

DESTINATION = """\
destination:
  name: sorted
  url: https://sorted.example
  api_key: ${SORTED_KEY}
"""

ORDER = """\
order:
  OrderReferenceProvidedByCustomer: "{{ order.name | reference }}"
  Direction: Outbound
  Packages:
    - Description: "Order {{ order.name }}"
      Weight: { Value: "1", Unit: Kg }
      Dimensions: { Length: "1", Width: "1", Height: "1", Unit: Cm }
      Value: { Amount: "{{ lines | goods_value('gross') }}", Currency: { IsoCode: "{{ order.currency }}" } }
      Items:
        each: lines
        as: line
        value:
          Sku: "{{ line.sku }}"
          Description: "{{ line.title }}"
          Quantity: "{{ line.quantity }}"
          Weight: { Value: "1", Unit: Kg }
          Dimensions: { Length: "1", Width: "1", Height: "1", Unit: Cm }
          Value: { Amount: "{{ line | line_value('gross', 'unit') }}", Currency: { IsoCode: GBP } }
  Addresses:
    - { AddressType: Origin, ShippingLocationReference: WAREHOUSE-1 }
    - AddressType: Destination
      Contact:
        { FirstName: "{{ ship_to.first_name }}", LastName: "{{ ship_to.last_name }}", Email: "{{ order.email }}" }
      AddressLine1: "{{ ship_to.address1 }}"
      Town: "{{ ship_to.city }}"
      Postcode: "{{ ship_to.zip }}"
      Country: { Name: United Kingdom, IsoCode: { TwoLetterCode: "{{ ship_to.country_code }}" } }
"""
LET = "let:\n  ship_to: order.shipping_address\n  lines: order | to_ship\n"


def mapping(
    *,
    shop: str = SHOP,
    destination: str = DESTINATION,
    send_from: str = "2026-01-01T00:00:00Z",
    rules: str = "",
    let: str = LET,
    order: str = ORDER,
) -> str:
    """The text of a mapping file; `rules` is whatever other sections it shall have."""
    start = f"send_from: {send_from}\n" if send_from else ""
    return f"version: 1\n{shop}{start}{destination}{dedent(rules)}{let}{order}"


def write(folder: Path, text: str, name: str = "acme.yaml") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path
