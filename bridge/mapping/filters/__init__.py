"""The general filters of the mapping language, by the names that templates use; platforms add their own."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.mapping.filters import amounts, lists, places, text, times
from bridge.mapping.language import Filter, Gives

FILTERS: Mapping[str, Filter] = {
    "abs": Filter(function=amounts.absolute),
    "cm": Filter(function=amounts.cm),
    "country_name": Filter(function=places.country_name),
    "date": Filter(function=times.date),
    "decimal": Filter(function=amounts.decimal),
    "default": Filter(function=lists.default, takes_missing=True, gives=Gives.EITHER),
    "e164": Filter(function=places.e164),
    "first": Filter(function=lists.first, gives=Gives.SAME),
    "first_words": Filter(function=text.first_words),
    "integer": Filter(function=amounts.integer),
    "isoformat": Filter(function=times.isoformat),
    "join": Filter(function=lists.join),
    "kg": Filter(function=amounts.kg),
    "last": Filter(function=lists.last, gives=Gives.SAME),
    "last_word": Filter(function=text.last_word),
    "length": Filter(function=lists.length),
    "lines": Filter(function=text.lines),
    "lookup": Filter(function=lists.lookup, takes_missing=True),
    "lower": Filter(function=text.lower),
    "pluck": Filter(function=lists.pluck, gives=Gives.FIELD, key="key"),
    "plus": Filter(function=times.plus),
    "reference": Filter(function=text.reference),
    "replace": Filter(function=text.replace),
    "round": Filter(function=amounts.round_to),
    "strip_tags": Filter(function=text.strip_tags),
    "subdivision": Filter(function=places.subdivision),
    "sum": Filter(function=amounts.total),
    "total_weight": Filter(function=amounts.total_weight),
    "trim": Filter(function=text.trim),
    "truncate": Filter(function=text.truncate),
    "unescape": Filter(function=text.unescape),
    "until": Filter(function=times.until, looks=True, waits=True),
    "upper": Filter(function=text.upper),
    "where": Filter(function=lists.where, gives=Gives.SAME, key="key"),
}
