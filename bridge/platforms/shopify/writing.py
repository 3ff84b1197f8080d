"""Writing a reference back: two metafields that must not be there yet, and tags.

https://shopify.dev/docs/api/admin-graphql/latest/mutations/metafieldsSet
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.errors import ShopTrouble, WriteBackConflict, WriteBackRefused
from bridge.http import Budget
from bridge.platforms.base import Json, Record
from bridge.platforms.shopify import documents
from bridge.platforms.shopify.fetched import format_record, parse_record
from bridge.platforms.shopify.graphql import AdminApi
from bridge.platforms.shopify.reading import order_gid, record_variables
from bridge.platforms.shopify.settings import Metafield, ShopifySettings

# Another value stands there than the digest says. TAKEN is what some versions answer for a digest of null.
_STALE = frozenset({"STALE_OBJECT", "INVALID_COMPARE_DIGEST", "TAKEN"})
_TWO_REFERENCES = (
    "Find out in SortedPRO which order is right and cancel the other; take the other reference off the shop order: the "
    "bridge looks again every hour"
)


@dataclass(frozen=True, kw_only=True)
class _Standing:
    """What stands in one of our metafields; digest None where it does not exist."""

    value: str | None = None
    digest: str | None = None


class ReferenceWriting:
    """One write-back. Repeating it changes nothing."""

    def __init__(self, api: AdminApi, settings: ShopifySettings, order_id: str, record: Record, budget: Budget) -> None:
        self._api = api
        self._settings = settings
        self._record = record
        self._gid = order_gid(order_id)
        self._budget = budget

    def write(self) -> Sequence[str]:
        """Leave reference, record and tags on the order; returns warnings about tags.

        The first try demands that neither metafield exists, so that of two writers one loses. The loser, and a repeat,
        reads what stands there: ours is left, a record of another order (copied with it) is replaced, anything else
        is a conflict. Raises WriteBackConflict, WriteBackRefused, ShopTrouble.
        """
        absent = _Standing()
        warnings, stale = self._set(absent, absent)
        if not stale:
            return warnings
        reference, record = self._read()
        if self._is_ours(reference, record):
            return warnings
        self._check_conflict(reference, record)
        again, stale = self._set(reference, record)
        if stale:
            message = "the shop order's metafields changed while they were written; it is tried again"
            raise ShopTrouble(message, code="write_back_raced")
        return again

    def _set(self, reference: _Standing, record: _Standing) -> tuple[list[str], bool]:
        """Write over what stands there; the warnings, and whether something else stood there."""
        settings = self._settings
        values = (
            (settings.metafield, "single_line_text_field", self._record.reference, reference.digest),
            (settings.record_metafield, "json", format_record(self._record), record.digest),
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

    def _read(self) -> tuple[_Standing, _Standing]:
        """What stands in the two metafields."""
        variables = {"id": self._gid, **record_variables(self._settings)}
        order = self._api.query(documents.RECORD, variables, self._budget).get("order")
        if order is None:
            raise _gone()
        return _standing(order.get("reference")), _standing(order.get("record"))

    def _is_ours(self, reference: _Standing, record: _Standing) -> bool:
        """Whether an earlier try has written both already."""
        found = parse_record(record.value)
        return found is not None and reference.value == self._record.reference and self._same(found)

    def _same(self, found: Record) -> bool:
        """Whether a record says what ours says, but for the time."""
        ours = self._record
        return (found.order_id, found.part, found.reference, found.destination) == (
            ours.order_id,
            ours.part,
            ours.reference,
            ours.destination,
        )

    def _check_conflict(self, reference: _Standing, record: _Standing) -> None:
        """Raise where what stands there belongs to this order and is not ours."""
        found = parse_record(record.value)
        if found is not None and not found.names(self._record.order_id, self._record.order_key):
            return  # copied with the order, as duplicating apps do: both are replaced
        if found is not None and not self._same(found):
            raise WriteBackConflict(
                f"the shop order already carries {found.reference} ({found.destination}); it was not overwritten. "
                f"{_TWO_REFERENCES}"
            )
        if reference.value not in (None, "", self._record.reference):
            namespace, key = self._settings.metafield
            raise WriteBackConflict(
                f"another reference stands in the metafield {namespace}.{key}; it was not overwritten. "
                f"{_TWO_REFERENCES}"
            )


def _standing(metafield: Json | None) -> _Standing:
    """A metafield of an answer."""
    return _Standing(value=metafield["value"], digest=metafield["compareDigest"]) if metafield else _Standing()


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
        "its SortedPRO order exists all the same: cancel it there if it must not ship"
    )
    return WriteBackRefused(message, code="order_gone")
