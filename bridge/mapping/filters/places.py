"""Filters for phone numbers, countries and regions, by the data of phonenumbers, Babel and pycountry."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
import pycountry
from babel import Locale
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from bridge.mapping.filters.values import text_of

_ALPHA_2 = 2  # letters in an ISO 3166-1 alpha-2 code
_ENGLISH = Locale("en").territories


def e164(value: object, country: object = "") -> str | None:
    """A phone number with its country's code, "+441632960001"; `country` (alpha-2) is where one without "+" belongs.

    A number that cannot be one of its country gives what was typed, reduced to digits and a leading "+", since a wrong
    phone number must not stop a parcel. Text without any digit is missing.
    """
    return _e164(text_of(value), text_of(country).strip().upper())


def country_name(value: object) -> str:
    """The English name of a country by its ISO alpha-2 code: "DE" to "Germany"; other text stays as it is."""
    text = text_of(value).strip()
    return _ENGLISH.get(text.upper(), text) if len(text) == _ALPHA_2 else text


def subdivision(value: object, country: object = "") -> str:
    """The name of a region by its ISO 3166-2 code, with or without the country: "TX" or "US-TX" to "Texas".

    WooCommerce's "JP13" is understood too. Text that is no such code stays as it is.
    """
    return _subdivision(text_of(value).strip(), text_of(country).strip().upper())


@lru_cache(maxsize=4096)
def _e164(text: str, country: str) -> str | None:
    if not any(letter.isdigit() for letter in text):
        return None
    try:
        number = phonenumbers.parse(text, country or None)
    except NumberParseException:
        return _typed(text)
    # Not is_valid_number: that also asks whether the range is in use, which changes from month to month
    # (https://github.com/google/libphonenumber/blob/master/FAQ.md).
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return _typed(text)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _typed(text: str) -> str:
    """The digits as they were typed, after a "+" if there was one."""
    plus = "+" if text.lstrip().startswith(("+", "\N{FULLWIDTH PLUS SIGN}")) else ""
    return plus + phonenumbers.normalize_digits_only(text)


@lru_cache(maxsize=4096)
def _subdivision(text: str, country: str) -> str:
    code = text.upper()
    tried = (code, f"{country}-{code}", f"{country}-{code.removeprefix(country)}") if country else (code,)
    for candidate in tried:
        found = pycountry.subdivisions.get(code=candidate)  # type: ignore[no-untyped-call]  # it declares no types
        if found is not None and candidate.startswith(country):
            # A second language may follow: "Barcelona [Barcelona]", "Cardiff [Caerdydd GB-CRD]".
            return str(found.name).partition(" [")[0]
    return text
