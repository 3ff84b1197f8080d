"""What Shopify knows of a product variant that shipping needs: weight, dimensions, customs data."""

from __future__ import annotations

import json
from decimal import Decimal

from bridge.platforms.base import Json
from bridge.platforms.goods import decimal

# https://shopify.dev/docs/api/admin-graphql/latest/enums/WeightUnit
_GRAMS = {
    "GRAMS": Decimal(1),
    "KILOGRAMS": Decimal(1000),
    "OUNCES": Decimal("28.349523125"),
    "POUNDS": Decimal("453.59237"),
}
# https://shopify.dev/docs/apps/build/metafields/list-of-data-types (dimension)
_CENTIMETRES = {
    "mm": Decimal("0.1"),
    "cm": Decimal(1),
    "m": Decimal(100),
    "in": Decimal("2.54"),
    "ft": Decimal("30.48"),
    "yd": Decimal("91.44"),
}
_LONG_NAMES = {
    "millimeters": "mm",
    "centimeters": "cm",
    "meters": "m",
    "inches": "in",
    "feet": "ft",
    "yards": "yd",
}


def compact_variant(variant: Json) -> dict[str, Json]:
    """A variant as `fetched.py` describes it: numbers as text, null where nothing is known."""
    item = variant["inventoryItem"] or {}
    return {
        "weight_g": _text(_grams((item.get("measurement") or {}).get("weight"))),
        "length_cm": _text(_centimetres(variant.get("length"))),
        "width_cm": _text(_centimetres(variant.get("width"))),
        "height_cm": _text(_centimetres(variant.get("height"))),
        "hs_code": item.get("harmonizedSystemCode") or None,
        "origin_country": item.get("countryCodeOfOrigin") or None,
    }


def _grams(weight: Json | None) -> Decimal | None:
    """A weight in grams; 0 is how Shopify writes an unknown one."""
    if not weight or weight["unit"] not in _GRAMS:
        return None
    value = decimal(weight["value"])
    return value * _GRAMS[weight["unit"]] if value else None


def _centimetres(metafield: Json | None) -> Decimal | None:
    """A dimension metafield ({"value": 25.0, "unit": "cm"}) or a plain number of centimetres; None for others."""
    if not metafield:
        return None
    try:
        value = json.loads(metafield["value"], parse_float=Decimal)
        unit = "cm"
        if isinstance(value, dict):
            unit = str(value.get("unit") or "").lower()
            value = value.get("value")
        number = decimal(value)
    except (TypeError, ValueError):
        return None
    factor = _CENTIMETRES.get(_LONG_NAMES.get(unit, unit))
    return number * factor if number and number > 0 and factor else None


def _text(number: Decimal | None) -> str | None:
    """A number as plain digits, to five places."""
    return None if number is None else format(round(number, 5).normalize(), "f")
