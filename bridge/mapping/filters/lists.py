"""Filters for lists, tables and values that may be missing."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.mapping.filters.values import Json, is_missing, list_of, map_of, text_of, whole
from bridge.mapping.look import Look
from bridge.mapping.wording import kind

_NONE_GIVEN = object()


def default(value: Json, instead: Json) -> Json:
    """`instead`, where the value is missing, null or empty text."""
    if is_missing(value) or (isinstance(value, str) and not value.strip()):
        return instead
    return value


def needed(look: Look, value: Json, when: Json, name: object) -> Json:
    """The value; where `when` is true it must be there: a missing or empty one is a problem that says `name`.

    In a template: `line.hs_code | needed(customs, 'the HS code of ' ~ (line.sku or line.name))`. Where nothing is read
    of the shop, as offline, it is only noted.
    """
    is_empty = is_missing(value) or value in ([], {}) or (isinstance(value, str) and not value.strip())
    if not when or not is_empty:
        return value
    what = text_of(name) or "a value"
    if look.fetched.complete and not look.fetched.data:
        notes = look.kept.setdefault("notes", [])
        words = f"not read, and needed: {what}"
        notes += [] if words in notes else [words]
        return value
    raise ValueError(f"{what} is missing and needed; fill it in in the shop, or in this mapping")


def lookup(value: object, table: object, default: Json = _NONE_GIVEN) -> Json:
    """The row of a table whose key is the value, compared as text; or `default`, also for a missing value.

    Raises ValueError, naming table and key, where there is no such row and no default.
    """
    rows = _table(table)
    key = ("true" if value else "false") if isinstance(value, bool) else text_of(value)
    if key in rows:
        return rows[key]
    if default is not _NONE_GIVEN:
        return default
    if not key:
        return None
    name = getattr(rows, "name", "table")
    raise ValueError(f'table {name} has no row "{key}"; add it to {name}, or give a default: lookup({name}, "...")')


def first(values: object) -> Json:
    """The first entry of a list; missing where the list is empty."""
    entries = list_of(values)
    return entries[0] if entries else None


def last(values: object) -> Json:
    """The last entry of a list; missing where the list is empty."""
    entries = list_of(values)
    return entries[-1] if entries else None


def entry(values: object, number: object) -> Json:
    """An entry of a list by its number, from 1; missing where the list is shorter.

    In a template: `lines_of_address | entry(2)`.
    """
    position = whole(number, "the number of the entry")
    if position < 1:
        raise ValueError("the number of the entry must be 1 or more")
    entries = list_of(values)
    return entries[position - 1] if position <= len(entries) else None


def attribute(values: object, name: object) -> Json:
    """The value of an attribute in a list of names and values, as Shopify's notes and line properties are; or missing.

    In a template: `order.note_attributes | attribute('Delivery Date')`. Case and blanks around the name do not count;
    the first of several of one name is taken.
    """
    wanted = text_of(name).strip().casefold()
    found = (map_of(one) for one in list_of(values))
    return next((one.get("value") for one in found if text_of(one.get("name")).strip().casefold() == wanted), None)


def length(value: object) -> int:
    """How many entries a list has, or how many characters a text."""
    return len(value) if isinstance(value, list | tuple | Mapping) else len(text_of(value))


def join(values: object, separator: object = ", ") -> str:
    """The entries of a list as one text, missing and empty ones left out."""
    return text_of(separator).join(text for text in map(text_of, list_of(values)) if text)


def pluck(values: object, key: str) -> list[Json]:
    """A list of what each map of a list has under `key`; maps without it are left out."""
    found = (map_of(entry).get(key) for entry in list_of(values))
    return [value for value in found if value is not None]


def where(values: object, key: str, value: Json = _NONE_GIVEN) -> list[Json]:
    """The maps of a list whose `key` equals `value`; without `value` those whose `key` is neither empty nor 0."""
    entries = list_of(values)
    if value is _NONE_GIVEN:
        return [entry for entry in entries if map_of(entry).get(key)]
    wanted = None if is_missing(value) else value
    return [entry for entry in entries if map_of(entry).get(key) == wanted]


def _table(value: object) -> Mapping[str, Json]:
    if isinstance(value, Mapping):
        return value
    raise ValueError(f"lookup needs a table of this file, not {kind(value)}; tables stand under `tables:`")
