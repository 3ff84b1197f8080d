"""How problems are worded: what was found, shortened, and what is allowed, the nearest first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

Json = Any

LONGEST_FOUND = 80  # characters of a value that a problem shows
LONGEST_CHOICE = 15  # names that a problem lists


def shorten(value: Json) -> str:
    """A value as a problem shows it, at most 80 characters on one line; "" for none."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else _written(value)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_FOUND else text[: LONGEST_FOUND - 1] + "…"


def choices(word: str, allowed: Iterable[str]) -> str:
    """A sentence's end that names what is allowed, the name nearest to `word` first."""
    names = sorted(set(allowed))
    if not names:
        return "none are allowed here"
    ranked = sorted(names, key=lambda name: -_likeness(word, name))
    shown = ranked[:LONGEST_CHOICE]
    more = f" and {len(ranked) - len(shown)} more" if len(ranked) > len(shown) else ""
    guess = (
        f"did you mean {shown[0]}? " if difflib.get_close_matches(word.lower(), [shown[0].lower()], cutoff=0.6) else ""
    )
    return f"{guess}Allowed: {', '.join(shown)}{more}"


def kind(value: Json) -> str:
    """What a value is, in words: "a text", "a list", "nothing"."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    words = {str: "a text", int: "a number", Decimal: "a number", float: "a number", datetime: "a time"}
    for type_, word in words.items():
        if isinstance(value, type_):
            return word
    if isinstance(value, Mapping):
        return "a map"
    return "a list" if isinstance(value, list | tuple) else f"a {type(value).__name__}"


def _likeness(word: str, name: str) -> float:
    """How alike two names are, whatever their case."""
    return difflib.SequenceMatcher(None, word.lower(), name.lower()).ratio()


def _written(value: Json) -> str:
    """A value roughly as JSON writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_written(item)}" for key, item in list(value.items())[:8]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_written(item) for item in value[:8]) + "]"
    return "null" if value is None else str(value)
