"""Filters for addresses: their lines, postcodes, post office boxes and forces' addresses."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Mapping

from bridge.mapping.filters.values import text_of, texts_of, whole

_SEPARATORS = re.compile(r"[\s-]+")


def _form(pattern: str, separator: str) -> tuple[re.Pattern[str], str]:
    return re.compile(pattern), separator


_UK = _form(r"(GIR|[A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][A-Z]{2})", " ")
_FIVE = _form(r"([0-9]{3})([0-9]{2})", " ")
_ZIP = _form(r"([0-9]{5})([0-9]{4})", "-")
# The two halves of a postcode and what stands between them, by country.
# https://www.upu.int/en/postal-solutions/programmes-services/addressing-solutions (addressing in member countries)
_FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    **dict.fromkeys(("GB", "GG", "JE", "IM", "GI", "XI"), _UK),
    **dict.fromkeys(("CZ", "GR", "SE", "SK"), _FIVE),
    **dict.fromkeys(("US", "AS", "GU", "MP", "PR", "VI"), _ZIP),
    "BR": _form(r"([0-9]{5})([0-9]{3})", "-"),
    "CA": _form(r"([A-Z][0-9][A-Z])([0-9][A-Z][0-9])", " "),
    "IE": _form(r"([A-Z][0-9][0-9W])([A-Z0-9]{4})", " "),
    "JP": _form(r"([0-9]{3})([0-9]{4})", "-"),
    "NL": _form(r"([0-9]{4})([A-Z]{2})", " "),
    "PL": _form(r"([0-9]{2})([0-9]{3})", "-"),
    "PT": _form(r"([0-9]{4})([0-9]{3})", "-"),
}

# Without accents. "BP" and "CP" stand for much else, so a number must follow.
_PO_BOX = re.compile(
    r"\b(?:p\.? ?o\.? ?box|post office box|g\.?p\.?o\.? box|locked bag|private bag|postfach|postbus|postboks"
    r"|boite postale|b\.? ?p\.? ?[0-9]+|apartado|casella postale|caixa postal)\b",
    re.IGNORECASE,
)
_BFPO_POSTCODE = re.compile(r"BF1(?:[0-9][A-Z]{2})?|BFPO[0-9]*")
_BFPO_NUMBER = re.compile(r"\bB\.?F\.?P\.?O\.? ?(?:no\.? ?|number )?[0-9]+\b", re.IGNORECASE)


def postcode(value: object, country: object = "") -> str:
    """A postcode in the form of its country (alpha-2): "sw1a2aa" in GB to "SW1A 2AA", "00950" in PL to "00-950".

    In a template: `ship_to.zip | postcode(ship_to.country_code)`. What has not the form of its country stays as it was
    typed, in upper case and with single blanks: a wrong postcode is the carrier's to judge.
    """
    typed = " ".join(text_of(value).upper().split())
    form = _FORMS.get(text_of(country).strip().upper())
    halves = form and form[0].fullmatch(_SEPARATORS.sub("", typed))
    return form[1].join(halves.groups()) if form and halves else typed


def address_lines(value: object, width: object = 35, most: object = 3) -> list[str]:
    """The lines of an address, long ones split between words into at most `most` lines of `width` characters.

    In a template: `[ship_to.address1, ship_to.address2] | address_lines(35) | entry(1)`. Takes a list of texts, or one
    text with newlines; empty lines go. A line that fits stays by itself, unless it must make room: then neighbours
    share a line, the last ones first, and where that is not enough all follow one another. No word is ever lost or cut;
    what fits nowhere makes a line longer than `width`.
    """
    columns, rows = _positive(width, "the width"), _positive(most, "the number of lines")
    parts = [line for text in texts_of(value) for line in (" ".join(row.split()) for row in text.splitlines()) if line]
    split = [line for part in parts for line in _wrapped(part, columns)]
    if _fit(split, columns, rows):
        return split
    tries = (_shared(split, columns, rows), *_run_together(parts, columns))
    for lines in tries:
        if _fit(lines, columns, rows):
            return lines
    lines = split if len(split) <= rows else tries[-1]
    return lines if len(lines) <= rows else [*lines[: rows - 1], " ".join(lines[rows - 1 :])]


def is_po_box(value: object) -> bool:
    """Whether an address line, or one of a list, names a post office box, in English or another language.

    In a rule: `[ship_to.address1, ship_to.address2] | is_po_box`. PO Box, GPO Box, Private Bag, Locked Bag, Postfach,
    Postbus, Postboks, Boîte postale, BP 123, Apartado, Casella postale, Caixa postal; not "Post Office Road".
    """
    return any(_PO_BOX.search(_plain(text)) for text in texts_of(value))


def is_bfpo(value: object, texts: object = "") -> bool:
    """Whether a postcode is one of the British forces ("BF1 2AT", "BFPO 12"), or a text names a BFPO number.

    In a rule: `ship_to.zip | is_bfpo([ship_to.city, ship_to.address1])`.
    """
    compact = _SEPARATORS.sub("", text_of(value)).upper()
    return bool(_BFPO_POSTCODE.fullmatch(compact)) or any(_BFPO_NUMBER.search(_plain(text)) for text in texts_of(texts))


def _shared(lines: list[str], width: int, most: int) -> list[str]:
    """The lines with neighbours joined, the last pair that fits first, until there are no more than `most`."""
    shared = list(lines)
    while len(shared) > most:
        fitting = [
            at for at in range(len(shared) - 1) if len(shared[at].rstrip(",")) + 2 + len(shared[at + 1]) <= width
        ]
        if not fitting:
            break
        at = fitting[-1]
        shared[at : at + 2] = [f"{shared[at].rstrip(',')}, {shared[at + 1]}"]
    return shared


def _run_together(parts: list[str], width: int) -> tuple[list[str], list[str]]:
    """All parts as one text, wrapped: with commas where lines ended, and without, which is shorter."""
    commas = ", ".join([*[part.rstrip(",") or part for part in parts[:-1]], *parts[-1:]])
    wrapped = [line.rstrip(",") or line for line in _wrapped(commas, width)]
    return wrapped, _wrapped(" ".join(parts), width)


def _fit(lines: list[str], width: int, most: int) -> bool:
    return len(lines) <= most and all(len(line) <= width for line in lines)


def _wrapped(text: str, width: int) -> list[str]:
    if len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _plain(text: str) -> str:
    """Without accents, with single blanks."""
    letters = unicodedata.normalize("NFKD", text)
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).split())


def _positive(value: object, what: str) -> int:
    number = whole(value, what)
    if number < 1:
        raise ValueError(f"{what} must be 1 or more")
    return number
