"""Filters for text; a number given to one is taken as its digits."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

from bridge.mapping.filters.values import text_of, texts_of, whole

# Only what looks like a tag: "3 < 4 > 2" is text.
_BLOCK_TAG = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|td|h[1-6])\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][^<>]*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_BLANKS = re.compile(r"[ \t\r\n\f\v]+")
_NOT_IN_REFERENCE = re.compile(r"[^A-Za-z0-9]+")


def upper(value: object) -> str:
    """Upper case."""
    return text_of(value).upper()


def lower(value: object) -> str:
    """Lower case."""
    return text_of(value).lower()


def trim(value: object) -> str:
    """Without blanks at both ends."""
    return text_of(value).strip()


def truncate(value: object, length: object) -> str:
    """The first `length` characters, without an ellipsis and without a blank at the end."""
    most = whole(length, "the length")
    if most < 1:
        raise ValueError("the length must be 1 or more")
    return text_of(value)[:most].rstrip()


def replace(value: object, old: object, new: object = "") -> str:
    """Every `old` replaced by `new`."""
    text = text_of(old)
    if not text:
        raise ValueError("the text to replace must not be empty")
    return text_of(value).replace(text, text_of(new))


def unescape(value: object) -> str:
    """HTML's escapes as characters: "Lampe &amp; Schirm" to "Lampe & Schirm", as WooCommerce's names need."""
    return html.unescape(text_of(value))


def strip_tags(value: object) -> str:
    """Without HTML tags; use it before `unescape`."""
    text = text_of(value)
    if "<" not in text:
        return text
    return _BLANKS.sub(" ", _TAG.sub("", _BLOCK_TAG.sub(" ", text))).strip()


def lines(value: object) -> list[str]:
    """A list of the text's lines, without empty ones and without blanks at their ends."""
    return [line for line in (line.strip() for line in text_of(value).splitlines()) if line]


def reference(value: object) -> str:
    """Only letters A to Z, digits and hyphens, as labels and barcodes need; accents go, the rest becomes a hyphen.

    "Shopify-#1001" becomes "Shopify-1001". Raises ValueError where nothing is left.
    """
    text = text_of(value)
    if not text.isascii():
        text = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    short = _NOT_IN_REFERENCE.sub("-", text).strip("-")
    if text and not short:
        raise ValueError("no letter A to Z and no digit is in this text, so no reference comes of it; put one in front")
    return short


def first_words(value: object) -> str:
    """All words but the last: the first names in a person's full name; "" for a single word."""
    return " ".join(text_of(value).split()[:-1])


def last_word(value: object) -> str:
    """The last word: the last name in a person's full name."""
    words = text_of(value).split()
    return words[-1] if words else ""


def matches(value: object, words: object) -> bool:
    """Whether a text, or one of a list, has one of `words` as a whole word, whatever its case.

    In a rule: `order.note | matches(['gift', 'do not send'])`. Missing text matches nothing.
    """
    pattern = _any_of(tuple(texts_of(words)))
    return any(pattern.search(" ".join(text.split())) for text in texts_of(value))


@lru_cache(maxsize=256)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """What finds one of the words. Raises ValueError where there is none to find."""
    wanted = [" ".join(word.split()) for word in words]
    if not all(wanted) or not wanted:
        raise ValueError("matches needs words to look for, none of them empty: matches(['gift', 'do not send'])")
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, wanted))})(?!\w)", re.IGNORECASE)
