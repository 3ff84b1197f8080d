"""Names of regions: WooCommerce's state codes are its own, and for some countries free text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridge.mapping.filters.places import subdivision
from bridge.platforms.base import Json, Look

# Countries whose "state" is what the customer typed: WooCommerce has no list for them (i18n/states.php, 11.0.1).
_FREE_TEXT = frozenset({"GB"})
_CODE = re.compile(r"[A-Z]{2}")


def region_key(country: str) -> str:
    """The key of a country's regions in `Fetched.data`."""
    return f"regions:{country}"


def region_name(look: Look, address: Json) -> str | None:
    """The name of an address's region, in the shop's language: "TX" in the US gives "Texas"; None without one.

    Asks the shop for the country's list, since WooCommerce's codes are not those of ISO 3166-2 ("JP13", "DE-BE", "M").
    A code that is not on it, or offline, is looked up in ISO 3166-2; what stays unknown is given as it stands.
    """
    state, country = _text(address, "state"), _text(address, "country").upper()
    if not state or not _CODE.fullmatch(country) or country in _FREE_TEXT:
        return state or None
    regions = look.fetched.read(region_key(country))[0] or {}
    return str(regions.get(state) or subdivision(state, country))


def _text(address: Json, key: str) -> str:
    if isinstance(address, Mapping):
        return str(address.get(key) or "").strip()
    raise ValueError("region_name wants an address: write {{ order.shipping | region_name }}")
