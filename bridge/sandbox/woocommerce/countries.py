"""Countries and their states as GET /data/countries/{cc} answers: WooCommerce's codes, which are not ISO 3166-2."""

from __future__ import annotations

from typing import Any

_COUNTRIES: dict[str, tuple[str, dict[str, str]]] = {
    "GB": ("United Kingdom (UK)", {}),  # no list: the state is free text
    "DE": ("Germany", {"DE-BE": "Berlin", "DE-BY": "Bavaria", "DE-HH": "Hamburg", "DE-NW": "North Rhine-Westphalia"}),
    "FR": ("France", {}),
    "IE": ("Ireland", {"CW": "Carlow", "CO": "Cork", "D": "Dublin", "G": "Galway"}),
    "ES": ("Spain", {"B": "Barcelona", "M": "Madrid", "SE": "Sevilla"}),
    "GR": ("Greece", {"I": "Attica"}),
    "US": ("United States (US)", {"CA": "California", "NY": "New York", "TX": "Texas"}),
    "CA": ("Canada", {"BC": "British Columbia", "ON": "Ontario", "QC": "Quebec"}),
    "AU": ("Australia", {"NSW": "New South Wales", "VIC": "Victoria"}),
    "JP": ("Japan", {"JP13": "Tokyo", "JP27": "Osaka"}),
    "CN": ("China", {"CN2": "Beijing / 北京"}),
}


def country(code: str) -> dict[str, Any] | None:
    """One country, None where the shop has none of this code."""
    found = _COUNTRIES.get(code.upper())
    if found is None:
        return None
    name, states = found
    return {
        "code": code.upper(),
        "name": name,
        "states": [{"code": state, "name": shown} for state, shown in states.items()],
        "_links": {},
    }
