"""Writing a reference back: two metafields, merged with those of the order's other parts, and tags.

https://shopify.dev/docs/api/admin-graphql/latest/mutations/metafieldsSet
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.errors import ShopTrouble, WriteBackConflict, WriteBackRefused
from bridge.http import Budget
from bridge.platforms.base import Json, Record
from bridge.platforms.shopify import documents
from bridge.platforms.shopify.graphql import AdminApi
from bridge.platforms.shopify.reading import order_gid, record_variables
from bridge.platforms.shopify.records import format_records, format_references, parse_records, parse_references
from bridge.platforms.shopify.settings import Metafield, ShopifySettings

# Another value stands there than the digest says. TAKEN is what some versions answer for a digest of null.
_STALE = frozenset({"STALE_OBJECT", "INVALID_COMPARE_DIGEST", "TAKEN"})
_MOST_TRIES = 3  # of writers that disturb each other; later tries follow with the next look
_REFERENCE = re.compile(r"EO(-[A-Z0-9]{3}){3}")  # reference of a SortedPRO order
_TWO_REFERENCES = (
    "Find out in SortedPRO which order is right and cancel the other; take the other reference off the shop order (the "
    "bridge looks again every hour), or end it with `bridge order settle NAME --write-back keep|overwrite`"
)


@dataclass(frozen=True, kw_only=True)
class _Metafield:
    """What stands in one of our metafields; digest None where it does not exist."""

    value: str | None = None
    digest: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Standing:
    """What stands in both."""

    reference: _Metafield = _Metafield()
    record: _Metafield = _Metafield()


class ReferenceWriting:
    """One write-back. Repeating it changes nothing."""

    def __init__(
        self,
        api: AdminApi,
        settings: ShopifySettings,
        order_id: str,
        record: Record,
        budget: Budget,
        *,
        overwrite: bool = False,
    ) -> None:
        self._api = api
        self._settings = settings
        self._record = record
        self._gid = order_gid(order_id)
        self._budget = budget
        self._overwrite = overwrite

    def write(self) -> Sequence[str]:
        """Leave reference, record and tags on the order; returns warnings about tags.

        Each try demands that the metafields are as they were read (for a first part: that there are none yet), so that
        of two writers one loses. The loser, and a repeat, reads what stands there: ours is left, records of this
        order's other parts are kept, one of another order (copied with it) is replaced, anything else is a conflict,
        or replaced too where a person said so.

        Raises WriteBackConflict, WriteBackRefused, ShopTrouble.
        """
        standing = _Standing() if self._record.part == 1 else self._read()
        for _ in range(_MOST_TRIES):
            records = self._merged(standing)
            warnings, stale = self._set(standing, records)
            if not stale:
                return warnings
            standing = self._read()
            if _says(standing, self._merged(standing)):
                return warnings
        message = "the shop order's metafields changed while they were written; it is tried again"
        raise ShopTrouble(message, code="write_back_raced")

    def _merged(self, standing: _Standing) -> Sequence[Record]:
        """The records of all parts of this order, with ours; raises WriteBackConflict.

        A record of ours that stands there stays as it is, with its time.
        """
        found = parse_records(standing.record.value)
        if found and not found[0].names(self._record.order_id, self._record.order_key):
            return [self._record]  # copied with the order, as duplicating apps do: both metafields are replaced
        same = [record for record in found if record.part == self._record.part]
        if self._overwrite:
            ours = next((record for record in same if self._is_ours(record)), self._record)
            return [*(record for record in found if record.part != ours.part), ours]
        for record in same:
            self._check(record)
        merged = [*found, *([] if same else [self._record])]
        known = {record.reference for record in merged}
        others = [text for text in parse_references(standing.reference.value) if text not in known]
        if others:
            raise _another_reference(self._settings.metafield, others)
        return merged

    def _check(self, found: Record) -> None:
        """Raise where a record of our part is not ours."""
        if not self._is_ours(found):
            raise WriteBackConflict(
                f"the shop order already carries {found.reference} ({found.destination}); it was not overwritten. "
                f"{_TWO_REFERENCES}"
            )

    def _is_ours(self, found: Record) -> bool:
        return (found.reference, found.destination) == (self._record.reference, self._record.destination)

    def _set(self, standing: _Standing, records: Sequence[Record]) -> tuple[list[str], bool]:
        """Write over what stands there; the warnings, and whether something else stood there."""
        settings = self._settings
        values = (
            (settings.metafield, "single_line_text_field", format_references(records), standing.reference.digest),
            (settings.record_metafield, "json", format_records(records), standing.record.digest),
        )
        variables = {
            "metafields": [self._input(*value) for value in values],
            "id": self._gid,
            "tags": list(settings.tags),
            "tagged": bool(settings.tags),
        }
        data = self._api.query(documents.WRITE_REFERENCE, variables, self._budget, optional=("tagsAdd",))
        errors = (data.get("metafieldsSet") or {}).get("userErrors")
        if errors is None:
            raise ShopTrouble("Shopify did not say what became of the reference; tried again", code="shop_answer")
        warnings = self._tag_warnings(data)
        if any(error.get("code") not in _STALE for error in errors):
            raise _refused(errors)
        return warnings, bool(errors)

    def _input(self, name: Metafield, kind: str, value: str, digest: str | None) -> dict[str, Json]:
        """One MetafieldsSetInput; compareDigest null means that it must not exist."""
        return {
            "ownerId": self._gid,
            "namespace": name[0],
            "key": name[1],
            "type": kind,
            "value": value,
            "compareDigest": digest,
        }

    def _tag_warnings(self, data: Mapping[str, Json]) -> list[str]:
        """What became of the tags, where they failed."""
        if not self._settings.tags:
            return []
        tagged = data.get("tagsAdd")
        if tagged is None:
            return ["the tags were not added: Shopify denied it; tags need the scope write_orders"]
        return [f"the tags were not added: {error.get('message')}" for error in tagged.get("userErrors") or []]

    def _read(self) -> _Standing:
        """What stands in the two metafields."""
        variables = {"id": self._gid, **record_variables(self._settings)}
        order = self._api.query(documents.RECORD, variables, self._budget).get("order")
        if order is None:
            raise _gone()
        return _Standing(reference=_metafield(order.get("reference")), record=_metafield(order.get("record")))


def _says(standing: _Standing, records: Sequence[Record]) -> bool:
    """Whether what stands there says it all already."""
    return parse_records(standing.record.value) == tuple(
        sorted(records, key=lambda record: record.part)
    ) and parse_references(standing.reference.value) == parse_references(format_references(records))


def _metafield(metafield: Json | None) -> _Metafield:
    """A metafield of an answer."""
    return _Metafield(value=metafield["value"], digest=metafield["compareDigest"]) if metafield else _Metafield()


def _another_reference(name: Metafield, others: Sequence[str]) -> WriteBackConflict:
    """The conflict in words; texts that are no references may say anything, and are not repeated."""
    namespace, key = name
    named = ", ".join(text for text in others if _REFERENCE.fullmatch(text))
    which = f" ({named})" if named else ""
    return WriteBackConflict(
        f"another reference{which} stands in the metafield {namespace}.{key}; it was not overwritten. {_TWO_REFERENCES}"
    )


def _refused(errors: Sequence[Mapping[str, Json]]) -> WriteBackRefused:
    """The shop's userErrors in words; they do not pass by themselves."""
    if any("ownerId" in (error.get("field") or []) for error in errors):
        return _gone()
    words = "; ".join(f"{error.get('message')} ({error.get('code')})" for error in errors)
    return WriteBackRefused(f"Shopify refuses the reference: {words}. Check the metafield's definition in the shop")


def _gone() -> WriteBackRefused:
    """The order to write to is not there any more."""
    message = (
        "the shop order does not exist any more in Shopify, so the reference cannot be written; "
        "its SortedPRO order exists all the same: cancel it there if it must not ship. "
        "`bridge order settle --write-back keep` ends this"
    )
    return WriteBackRefused(message, code="order_gone")
