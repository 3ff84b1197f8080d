"""The general filters of the mapping language, by the names that templates use; platforms add their own."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.mapping.filters import addresses, amounts, customs, lists, places, text, times, working_days
from bridge.mapping.language import Filter, Gives

FILTERS: Mapping[str, Filter] = {
    "abs": Filter(function=amounts.absolute),
    "address_lines": Filter(function=addresses.address_lines),
    "at": Filter(function=times.at),
    "at_least": Filter(function=amounts.at_least),
    "attribute": Filter(function=lists.attribute),
    "cm": Filter(function=amounts.cm),
    "country_name": Filter(function=places.country_name),
    "date": Filter(function=times.date),
    "day": Filter(function=times.day),
    "decimal": Filter(function=amounts.decimal),
    "default": Filter(function=lists.default, takes_missing=True, gives=Gives.EITHER),
    "e164": Filter(function=places.e164),
    "entry": Filter(function=lists.entry, gives=Gives.SAME),
    "find_date": Filter(function=times.find_date),
    "first": Filter(function=lists.first, gives=Gives.SAME),
    "first_words": Filter(function=text.first_words),
    "integer": Filter(function=amounts.integer),
    "is_bfpo": Filter(function=addresses.is_bfpo, takes_missing=True),
    "is_po_box": Filter(function=addresses.is_po_box, takes_missing=True),
    "isoformat": Filter(function=times.isoformat),
    "join": Filter(function=lists.join),
    "kg": Filter(function=amounts.kg),
    "last": Filter(function=lists.last, gives=Gives.SAME),
    "last_word": Filter(function=text.last_word),
    "length": Filter(function=lists.length),
    "lines": Filter(function=text.lines),
    "lookup": Filter(function=lists.lookup, takes_missing=True),
    "lower": Filter(function=text.lower),
    "matches": Filter(function=text.matches, takes_missing=True),
    "needed": Filter(function=lists.needed, looks=True, takes_missing=True, gives=Gives.SAME),
    "needs_customs": Filter(function=customs.needs_customs, takes_missing=True),
    "pluck": Filter(function=lists.pluck, gives=Gives.FIELD, key="key"),
    "plus": Filter(function=times.plus),
    "postcode": Filter(function=addresses.postcode),
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
    "working_day": Filter(function=working_days.working_day),
}
