"""Two SortedPRO orders compared field by field: one as SortedPRO has it, and the request that the bridge would send.

SortedPRO does not echo what it was sent: it adds fields of its own and nulls, writes names of countries anew, and keeps
money with 4 decimals, weights and dimensions with 5 (https://docs.sorted.com/pro/api/help/managing_existing_orders.html).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Json = Any  # numbers are int or Decimal

# What SortedPRO gives or keeps for itself; none of it is a choice of who sends the order.
_OWN = frozenset(
    {"Reference", "IsCached", "CacheDate", "CacheSource", "ConsignmentLegs", "Id", "Name", "Status", "State"}
    | {"ThreeLetterCode", "NumericCode", "ApiLink", "ApiLinks"}
)
_OWN_OF_ORDER = frozenset(
    {"OrderReference", "DateCreated", "DeliveryOptionReference", "EarliestDeliveryDate", "LatestDeliveryDate"}
    | {"Weight", "Value", "Source"}
)
_ATTEMPT = "BridgeAttempt"  # the metadata that the bridge adds while it sends

# https://github.com/electio/MPD.Electio.SDK reads enumerations without regard to case.
_ENUMERATIONS = frozenset(
    {"AddressType", "Direction", "Unit", "CategoryType", "ShippingTerms", "BarcodeType"}
    | {"ContentClassification", "ContentClassificationDetails"}
)
_TIMES = frozenset({"Date", "ShippingDate", "DeclarationDate", "InvoiceDate", "DateTimeValue"})
_MONEY, _MEASURE = Decimal("0.0001"), Decimal("0.00001")
_BEYOND = Decimal(10**15)
_MEASURES = frozenset({"Width", "Length", "Height"})

_NUMBER = re.compile(r"\[\d+\]")
_PLACE = re.compile(r"\[[^\]]*\]")
# Under these stands what says who somebody is, or may: it is shown only where a person asks for it.
_PERSONAL = re.compile(r"Addresses\b|CustomsDocumentation\b|.*\bMetaData\b")
_IMPERSONAL = re.compile(r".*\.(\w+Type|\w+Terms|ShippingLocationReference|ShopLocationReference|TwoLetterCode)")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A field that is not the same; None for what is absent."""

    path: str  # "Packages[].Items[].Sku", "Addresses[Destination].Town", "MetaData[ShopOrderId].StringValue"
    theirs: Json
    ours: Json

    @property
    def is_personal(self) -> bool:
        """Whether its values may say who somebody is."""
        return bool(_PERSONAL.match(self.path)) and not _IMPERSONAL.fullmatch(self.path)


def differences(theirs: Json, ours: Json) -> list[Difference]:
    """What is different between SortedPRO's order and our request (both JSON), in the order of the fields."""
    one, other = _top(theirs), _top(ours)
    return list(_objects("", one, other))


def is_ignored(path: str, ignored: str) -> bool:
    """Whether a path is the one that is left out, or stands below it; `[]` there, and a number, stand for any entry."""
    covering = _NUMBER.sub("[]", ignored)
    below = (f"{covering}.", f"{covering}[")
    return any(one == covering or one.startswith(below) for one in (path, _PLACE.sub("[]", path)))


# ---------------------------------------------------------------------------------------------------------------------
# The same thing in the same words
# ---------------------------------------------------------------------------------------------------------------------
def _top(order: Mapping[str, Json]) -> dict[str, Json]:
    clean = _clean({key: value for key, value in order.items() if key not in _OWN_OF_ORDER}) or {}
    return {"Direction": "Outbound", **clean}


def _clean(value: Json) -> Json:
    """A value without SortedPRO's own fields and without what is empty; None where nothing remains."""
    if isinstance(value, Mapping):
        kept = {name: _clean(inner) for name, inner in value.items() if name not in _OWN}
        return _one_telephone({name: inner for name, inner in kept.items() if inner is not None}) or None
    if isinstance(value, list):
        entries = [_clean(inner) for inner in value]
        return [inner for inner in entries if inner is not None and not _is_attempt(inner)] or None
    return None if value == "" else value


def _is_attempt(value: Json) -> bool:
    return isinstance(value, Mapping) and value.get("KeyValue") == _ATTEMPT


def _one_telephone(part: dict[str, Json]) -> dict[str, Json]:
    """Telephone is an alias of Mobile: https://github.com/electio/MPD.Electio.SDK, Common/Contact.cs."""
    if "Mobile" in part:
        mobile = part.pop("Mobile")
        part.setdefault("Telephone", mobile)
    return part


def _same(key: str, one: Json, other: Json) -> bool:
    return bool(_plain(key, one) == _plain(key, other))


def _plain(key: str, value: Json) -> Json:
    """A single value in the form in which it is compared."""
    if isinstance(value, bool):
        return str(value)  # else True would be 1
    if isinstance(value, int | Decimal):
        return _rounded(key, Decimal(value))
    if not isinstance(value, str):
        return value
    if key in _TIMES:
        return _instant(value)
    return value.casefold() if key in _ENUMERATIONS else value


def _rounded(key: str, number: Decimal) -> Decimal:
    """A number with the decimals that SortedPRO keeps; what is beyond any amount stays as it is."""
    if not abs(number) < _BEYOND:
        return number
    if key == "Amount":
        return number.quantize(_MONEY)
    return number.quantize(_MEASURE) if key in _MEASURES or key == "Value" else number


def _instant(text: str) -> datetime | str:
    """A time as a moment; without an offset it counts as UTC. The text where it is none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)


# ---------------------------------------------------------------------------------------------------------------------
# Walking both at once
# ---------------------------------------------------------------------------------------------------------------------
def _objects(path: str, theirs: Mapping[str, Json], ours: Mapping[str, Json]) -> Iterator[Difference]:
    for key in {**ours, **theirs}:
        yield from _values(f"{path}.{key}" if path else key, key, theirs.get(key), ours.get(key))


def _values(path: str, key: str, theirs: Json, ours: Json) -> Iterator[Difference]:
    kinds = {type(value) for value in (theirs, ours) if value is not None}
    if all(issubclass(kind, Mapping) for kind in kinds):
        yield from _objects(path, theirs or {}, ours or {})
    elif kinds == {list}:
        yield from _lists(path, key, theirs or [], ours or [])
    elif theirs is None or ours is None or not _same(key, theirs, ours):
        yield Difference(path=path, theirs=theirs, ours=ours)


def _lists(path: str, key: str, theirs: Sequence[Json], ours: Sequence[Json]) -> Iterator[Difference]:
    if not all(isinstance(entry, Mapping) for entry in (*theirs, *ours)):
        one, other = (sorted(map(str, entries)) for entries in (theirs, ours))  # tags and words have no order
        if one != other:
            yield Difference(path=path, theirs=", ".join(one) or None, ours=", ".join(other) or None)
        return
    for name, one, other in _pairs(key, theirs, ours):
        if one is None or other is None:
            yield Difference(path=f"{path}[{name}]", theirs=_called(one), ours=_called(other))
        else:
            yield from _objects(f"{path}[{name}]", one, other)


# By what entries of a list belong together, the surest first; and whether that names them in a path.
_NAMED: Mapping[str, tuple[tuple[str, ...], bool]] = {
    "Addresses": (("AddressType",), True),
    "MetaData": (("KeyValue",), True),
    "Charges": (("Key",), True),
    "Items": (("ItemReferenceProvidedByCustomer", "Sku"), False),
}


def _pairs(key: str, theirs: Sequence[Json], ours: Sequence[Json]) -> Iterator[tuple[str, Json, Json]]:
    """Entries that belong together, each with its name in the path; without names, the rest belong by position."""
    fields, named = _NAMED.get(key, ((), False))
    left, pairs = list(theirs), {}
    for field in fields:
        for index, entry in enumerate(ours):
            found = None if index in pairs else _take(left, _by(field, entry, also_without=named))
            if found is not None:
                pairs[index] = found
    for index, entry in enumerate(ours):
        other = pairs.get(index)
        if other is None and left and not named:
            other = left.pop(0)
        yield (str(entry.get(fields[0], "")) if named else ""), other, entry
    for entry in left:
        yield (str(entry.get(fields[0], "")) if named else ""), entry, None


def _by(field: str, entry: Mapping[str, Json], *, also_without: bool) -> Callable[[Mapping[str, Json]], bool]:
    """Whether another entry has the same in a field; two without it are alike only where they lack a name."""
    if field not in entry:
        return lambda other: also_without and field not in other
    return lambda other: field in other and _same(field, other[field], entry[field])


def _take(left: list[Json], is_wanted: Callable[[Mapping[str, Json]], bool]) -> Json:
    """The first entry that is wanted, taken out of the list; None where there is none."""
    for index, entry in enumerate(left):
        if is_wanted(entry):
            return left.pop(index)
    return None


def _called(entry: Mapping[str, Json] | None) -> str | None:
    """What stands for a whole entry: its SKU, or that there is one."""
    return None if entry is None else str(entry.get("Sku") or entry.get("Description") or "an entry")
