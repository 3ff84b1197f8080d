"""Which personal data Shopify withholds from an app that lacks a permission."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.errors import Problem
from bridge.platforms.base import Json

_NAMES = frozenset({"first_name", "last_name", "name"})
_EMAILS = frozenset({"email", "contact_email"})
# Bodies of 2013 to 2017 have not got it, and lack other keys too without anything being withheld.
_MODERN = "admin_graphql_api_id"


def removed(order: Json) -> Problem | None:
    """A problem where the app may not see address, name or email: Shopify then removes keys, it does not empty them.

    Each is granted by itself. The address is the one that goods are sent to: shipping, else billing.
    https://shopify.dev/docs/apps/launch/protected-customer-data
    """
    withheld = _withheld(order)
    if not withheld:
        return None
    return Problem(
        message=f"Shopify withholds the {' and the '.join(withheld)}: the app lacks access to protected customer data. "
        "Grant name, address, phone and email under Dev Dashboard > the app > API access > Protected customer data "
        "access (apps made in the admin: the shop's plan must include it), then replay the order",
        source=next(iter(withheld.values())),
        code="personal_data_removed",
    )


def _withheld(order: Json) -> Mapping[str, str]:
    """What is withheld, with the field that shows it."""
    key = "shipping_address" if order.get("shipping_address") else "billing_address"
    address = order.get(key)
    found: dict[str, str] = {}
    if isinstance(address, dict) and address and "address1" not in address:
        found["address"] = f"order.{key}.address1"
    if _MODERN not in order:
        return found
    if isinstance(address, dict) and address and _NAMES.isdisjoint(address):
        found["name"] = f"order.{key}.first_name"
    if _EMAILS.isdisjoint(order):
        found["email"] = "order.email"
    return found
