"""Whether a parcel crosses a customs or VAT border, by the countries and postcodes of its two ends."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pycountry

from bridge.mapping.filters.values import text_of

_EU = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
})  # fmt: skip
# Not in ISO 3166-1 and written all the same: Northern Ireland, the Canary Islands, Ceuta and Melilla, Kosovo.
_MORE_CODES = frozenset({"XI", "IC", "EA", "XK"})

# Parts of a country behind a border of their own, by the beginning of the postcode without blanks; the first counts.
# https://taxation-customs.ec.europa.eu/territorial-status-eu-countries-and-certain-territories_en
_PARTS: Mapping[str, Sequence[tuple[re.Pattern[str], str]]] = {
    country: [(re.compile(start), part) for start, part in parts.items()]
    for country, parts in {
        "GB": {
            "BT[0-9]": "XI",
            "GY[0-9]": "GG",
            "JE[0-9]": "JE",
            "IM[0-9]": "IM",
            "GX11": "GI",
            "BF1|BFPO": "BFPO",
        },
        "DE": {"78266": "Büsingen", "27498": "Heligoland"},
        "ES": {"35|38": "IC", "51": "Ceuta", "52": "Melilla"},
        "FI": {"22": "AX"},
        # https://fr.wikipedia.org/wiki/Code_postal_en_France: 980 is Monaco.
        "FR": {
            "97133|977": "BL",
            "97150|978": "MF",
            "971": "GP",
            "972": "MQ",
            "973": "GF",
            "974": "RE",
            "975": "PM",
            "976": "YT",
            "980": "MC",
            "984": "TF",
            "986": "WF",
            "987": "PF",
            "988": "NC",
        },
        "GR": {"63086|63087": "Mount Athos"},
        "IT": {"23041": "Livigno", "22061": "Campione d'Italia"},
    }.items()
}

# What is one with another area for customs and VAT; what does not stand here is an area of its own.
_AREAS: Mapping[str, str] = {
    **dict.fromkeys(_EU, "EU"),
    "MC": "EU",  # treated as France, see the page above
    "IM": "GB",  # https://www.gov.uk/hmrc-internal-manuals/vat-isle-of-man-manual/viom02100
    "LI": "CH",  # customs treaty of 29 March 1923, SR 0.631.112.514
}
# The Windsor Framework: Northern Ireland keeps the EU's rules for goods, consumers' parcels from Great Britain move
# without a declaration, and the other way nothing is declared either.
# https://www.gov.uk/guidance/how-to-move-parcels-from-great-britain-to-northern-ireland-for-parcel-carriers
# https://www.parcelforce.com/windsor-framework
_OPEN = frozenset({frozenset({"GB", "XI"}), frozenset({"EU", "XI"})})


def needs_customs(origin: object, country: object, postcode: object = "", origin_postcode: object = "") -> bool:
    """Whether a parcel from the country `origin` to the other needs a customs declaration.

    In a template: `'GB' | needs_customs(ship_to.country_code, ship_to.zip)`. Countries are ISO alpha-2 codes; XI is
    Northern Ireland, IC the Canary Islands. Postcodes tell the parts that are abroad for customs or VAT: BT, GY, JE, IM
    and BF1 under GB, the Canary Islands, Ceuta and Melilla, Åland, the French overseas departments, Livigno, Büsingen
    and the like; without its postcode an address counts as the country's mainland.

    A parcel to Northern Ireland counts as a consumer's, which needs none; one between businesses does, in full unless
    they are in the UK Internal Market Scheme. Northern Cyprus cannot be told from Cyprus. Raises ValueError for a
    country that is missing or no code: guessing would stop a parcel at a border.
    """
    here = _area(origin, origin_postcode, "origin's country")
    there = _area(country, postcode, "destination's country")
    return here != there and frozenset({here, there}) not in _OPEN


def _area(country: object, postcode: object, what: str) -> str:
    """The customs and VAT area of an address."""
    code = text_of(country).strip().upper()
    if not code:
        raise ValueError(f"the {what} is missing, so customs cannot be told; fill it in, or give a default in front")
    if code not in _MORE_CODES and pycountry.countries.get(alpha_2=code) is None:
        raise ValueError(f"the {what} is no ISO 3166-1 alpha-2 code, such as 'GB', so customs cannot be told")
    compact = re.sub(r"[\s-]", "", text_of(postcode)).upper().removeprefix(code)
    part = next((part for start, part in _PARTS.get(code, ()) if start.match(compact)), code)
    return _AREAS.get(part, part)
