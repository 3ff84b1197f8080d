"""The Create Order request's rules that join several fields, told from the request as it was given.

A rule reads the raw request, because what failed on its own is absent from the loaded one: it stays silent about a
field that is there but wrong, so nobody is told twice. Each yields breaches: where, from the object that the rule
reads, and what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]
Breach = tuple[Path, str]

ADDRESS_TYPES = ("Origin", "Destination", "Return", "Sender", "Recipient", "Importer", "Exporter")
_ENDS = ("Origin", "Destination")
_ADDRESS_PARTS = ("AddressLine1", "Postcode", "Country", "Contact")
_VALUES = ("StringValue", "IntValue", "DecimalValue", "DateTimeValue", "BoolValue")


# https://docs.sorted.com/pro/api/help/creating_new_orders.html: origin and destination "as a minimum".
def both_ends(request: Mapping[str, Any]) -> Iterator[Breach]:
    """There is an Origin and a Destination; silent while the type of any entry cannot be read."""
    addresses = request.get("Addresses")
    if not isinstance(addresses, list | tuple):
        return
    types = [_type(address) for address in addresses]
    if None in types:
        return
    for end in _ENDS:
        if end not in types:
            yield ("Addresses",), f"has no {end}; add an address with AddressType {end}"


# https://docs.sorted.com/pro/api/help/adding_an_address_to_an_existing_order.html: only a type "that does not already
# exist on the order"; taken to hold for new orders too.
def one_address_a_type(request: Mapping[str, Any]) -> Iterator[Breach]:
    """Each AddressType stands once."""
    seen: dict[str, int] = {}
    for index, address in _entries(request, "Addresses"):
        kind = _type(address)
        if kind is None:
            continue
        if kind in seen:
            message = f"is {kind} again, as in Addresses[{seen[kind]}]; an order has one address of each type"
            yield ("Addresses", index, "AddressType"), message
        seen.setdefault(kind, index)


# https://docs.sorted.com/pro/api/help/creating_new_orders.html: "Origin and/or Destination" need a valid one.
def one_end_is_a_location(request: Mapping[str, Any]) -> Iterator[Breach]:
    """Origin or Destination carries a ShippingLocationReference; told at the Origin, where it is normally meant."""
    addresses = list(_entries(request, "Addresses"))
    ends = sorted((_ENDS.index(kind), index) for index, address in addresses if (kind := _type(address)) in _ENDS)
    readable = [address for _, address in addresses if _type(address) in (*_ENDS, None)]
    if not ends or any(_given(address.get("ShippingLocationReference")) for address in readable):
        return
    message = "is missing; Origin or Destination must name one of your SortedPRO shipping locations"
    yield ("Addresses", ends[0][1], "ShippingLocationReference"), message


def whole_address(address: Mapping[str, Any]) -> Iterator[Breach]:
    """An address without ShippingLocationReference has line 1, postcode, country and contact.

    SortedPRO publishes no such list. Chosen is what all evidence shares: the client library that ran for years against
    this API (chrishemmings/electio, Address.md) requires these four, the help pages' smallest order and their rule for
    an Exporter have them, and "Address must have a country supplied." is an exception of Sorted's SDK. Town is left
    out: the smallest order has none. The postcode may be empty, since not every country has one.
    """
    if _given(address.get("ShippingLocationReference")):
        return
    absent = [name for name in _ADDRESS_PARTS if address.get(name) is None]
    if len(absent) == len(_ADDRESS_PARTS):
        message = "is missing; give it, or an address with AddressLine1, Postcode, Country and Contact"
        yield ("ShippingLocationReference",), message
        return
    for name in absent:
        hint = " (set a default where a country has none)" if name == "Postcode" else ""
        yield (name,), f"is missing: complete the address of the shop order, or map this field{hint}"
    if "AddressLine1" not in absent and not _given(address["AddressLine1"]):
        yield ("AddressLine1",), "must not be blank in an address without ShippingLocationReference"


# Sorted.PRO.SDK, BasePackage: "If provided then dimensions and weight are not required".
def measures(package: Mapping[str, Any]) -> Iterator[Breach]:
    """A package has a PackageSizeReference, or Weight and Dimensions."""
    if _given(package.get("PackageSizeReference")):
        return
    for name in ("Weight", "Dimensions"):
        if package.get(name) is None:
            yield (name,), "is missing; a package without PackageSizeReference needs it"


# https://docs.sorted.com/pro/api/help/packing_orders.html: Pack Order names an item by this reference.
def item_references_once(request: Mapping[str, Any]) -> Iterator[Breach]:
    """No two items of the order have the same ItemReferenceProvidedByCustomer (the same Sku they may have)."""
    seen: dict[str, str] = {}
    for at, package in _entries(request, "Packages"):
        for index, item in _entries(package, "Items"):
            reference = item.get("ItemReferenceProvidedByCustomer")
            if not isinstance(reference, str) or not reference:
                continue
            place = f"Packages[{at}].Items[{index}]"
            if reference in seen:
                path = ("Packages", at, "Items", index, "ItemReferenceProvidedByCustomer")
                yield path, f"is the same as that of {seen[reference]}; give every item its own or leave it out"
            seen.setdefault(reference, place)


# https://docs.sorted.com/pro/api/help/metadata.html: several values in an object, "one of each kind"; so a second
# object of the same name says nothing that the first could not.
def metadata_names_once(owner: Mapping[str, Any]) -> Iterator[Breach]:
    """No two MetaData objects of one owner have the same KeyValue."""
    seen: set[str] = set()
    for index, entry in _entries(owner, "MetaData"):
        name = entry.get("KeyValue")
        if not isinstance(name, str) or not name:
            continue
        if name in seen:
            yield ("MetaData", index, "KeyValue"), "is there twice; give each MetaData object a name of its own"
        seen.add(name)


def metadata_has_value(entry: Mapping[str, Any]) -> Iterator[Breach]:
    """A MetaData object has at least one value."""
    if all(entry.get(name) is None for name in _VALUES):
        yield ("StringValue",), f"is missing; MetaData needs one of {', '.join(_VALUES)}"


def _entries(owner: Mapping[str, Any], name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The objects of a list with their places; whatever else stands there is left to its field."""
    entries = owner.get(name)
    if isinstance(entries, list | tuple):
        yield from ((index, entry) for index, entry in enumerate(entries) if isinstance(entry, Mapping))


def _type(address: object) -> str | None:
    """An address's type, None where it is missing or wrong."""
    kind = address.get("AddressType") if isinstance(address, Mapping) else None
    return kind if isinstance(kind, str) and kind in ADDRESS_TYPES else None


def _given(value: object) -> bool:
    """Whether a value is there: not null and not blank text."""
    return bool(value.strip()) if isinstance(value, str) else value is not None
