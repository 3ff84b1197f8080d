"""Who bought, as a Shopify order body tells: addresses, customer, and what is left of them without permission."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from bridge.sandbox.people import Person

Json = dict[str, Any]
AddressKind = Literal["full", "none", "absent", "hollow", "redacted"]

_CUSTOMER_SINCE = datetime(2026, 8, 4, 9, 0, tzinfo=UTC).isoformat()

# What an app without access to protected customer data still gets of an address, and what it does not get at all:
# https://shopify.dev/docs/apps/launch/protected-customer-data
_KEPT_OF_ADDRESS = ("country", "country_code", "province", "province_code")
_PERSONAL = frozenset(
    {"email", "phone", "contact_email", "order_status_url", "customer", "browser_ip", "client_details"}
)


def buyer(who: Person, number: int, kind: AddressKind, *, guest: bool) -> Json:
    """The personal part of a body; see `shopify_order` for the kinds of address."""
    full = address(who)
    hollow = {**full, "address1": "", "city": "", "zip": None, "province": None, "last_name": ""}
    shown = {"none": None, "hollow": hollow}.get(kind, full)
    return {
        "email": who.email,
        "contact_email": who.email or None,
        "phone": None,
        "billing_address": None if kind in {"none", "absent"} else full,
        "customer": None if guest else _customer(who, number),
        **({} if kind == "absent" else {"shipping_address": shown}),
    }


def redacted(body: Json) -> Json:
    """A body as an app without access to protected customer data gets it: keys are missing, not null."""
    kept = {name: value for name, value in body.items() if name not in _PERSONAL}
    for name in ("shipping_address", "billing_address"):
        if kept.get(name):
            kept[name] = {key: kept[name][key] for key in _KEPT_OF_ADDRESS}
    return kept


def address(who: Person) -> Json:
    """A person's address in Shopify's names."""
    return {
        "first_name": who.first_name,
        "address1": who.address_1,
        "phone": who.phone or None,
        "city": who.city,
        "zip": who.postcode,
        "province": who.county or None,
        "country": who.country_name,
        "last_name": who.last_name,
        "address2": who.address_2 or None,
        "company": who.company or None,
        "latitude": None,
        "longitude": None,
        "name": f"{who.first_name} {who.last_name}".strip(),
        "country_code": who.country,
        "province_code": who.state or None,
    }


def _customer(who: Person, number: int) -> Json:
    identity = 7_300_000_000_000 + number
    home = {name: value for name, value in address(who).items() if name not in {"latitude", "longitude"}}
    return {
        "id": identity,
        "created_at": _CUSTOMER_SINCE,
        "updated_at": _CUSTOMER_SINCE,
        "first_name": who.first_name,
        "last_name": who.last_name,
        "state": "disabled",
        "note": None,
        "verified_email": True,
        "multipass_identifier": None,
        "tax_exempt": False,
        "email": who.email,
        "phone": None,
        "currency": "GBP",
        "tax_exemptions": [],
        "admin_graphql_api_id": f"gid://shopify/Customer/{identity}",
        "default_address": {
            **home,
            "id": identity + 1_000_000,
            "customer_id": identity,
            "country_name": who.country_name,
            "default": True,
        },
    }
