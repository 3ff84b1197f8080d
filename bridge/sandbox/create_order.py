"""The fake SortedPRO's own reading of a Create Order request: what it refuses, and in which words."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Collection, Iterator
from decimal import Decimal
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are a package of their own
from jsonschema.exceptions import ValidationError, relevance  # type: ignore[import-untyped]

Detail = dict[str, str]  # Code, Target, Message: an entry of an error body's Details

MOST_DETAILS = 50


def faults_of(order: Any, locations: Collection[str]) -> list[Detail]:
    """What is wrong with a request, 50 at most; `locations` are the shipping location references there are."""
    shape = [_detail(error) for error, _ in zip(_validator().iter_errors(order), range(MOST_DETAILS), strict=False)]
    if shape:
        return sorted(shape, key=lambda detail: detail["Target"])
    return [*_address_faults(order["Addresses"], locations), *_metadata_faults(order)]


def metadata_of(order: Any) -> dict[str, Any]:
    """The order's metadata as one dict: name to the first value that is set."""
    return {
        entry["KeyValue"]: next(
            (value for key, value in entry.items() if key != "KeyValue" and value is not None), None
        )
        for entry in order.get("MetaData") or []
    }


def total_weight_kg(order: Any) -> Decimal:
    """The packages' weights together; a package of a configured size counts 1 kg."""
    return sum((_weight_kg(package.get("Weight")) for package in order["Packages"]), Decimal(0))


@functools.cache
def _validator() -> Draft202012Validator:
    schema = json.loads((files("bridge.sandbox") / "create_order.schema.json").read_text("utf-8"))
    return Draft202012Validator(_inlined(schema, schema["$defs"]))


def _inlined(schema: Any, definitions: Any) -> Any:
    """The schema with each $ref replaced by what it names, which validates a third faster; it has no cycles."""
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(part, definitions) for name, part in schema.items() if name != "$defs"}


def _weight_kg(weight: Any) -> Decimal:
    if not weight:
        return Decimal(1)
    value = Decimal(str(weight["Value"]))
    return value if weight["Unit"] == "Kg" else value * Decimal("0.45359237")


def _detail(error: ValidationError) -> Detail:
    deepest = error
    while deepest.context:
        # Of an alternative that is not met, the branch that came furthest says what is wrong; null never does.
        deepest = max(deepest.context, key=lambda inner: (inner.validator != "type", relevance(inner)))
    return {"Code": f"Invalid{deepest.validator}", "Target": _target(deepest), "Message": deepest.message[:300]}


def _target(error: ValidationError) -> str:
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path]
    return "".join(parts).removeprefix(".")


def _address_faults(addresses: list[Any], locations: Collection[str]) -> Iterator[Detail]:
    for kind, count in Counter(address["AddressType"] for address in addresses).items():
        if count > 1:
            yield _named("DuplicateAddressType", "Addresses", f"There are {count} addresses of type {kind}.")
    known = 0
    for index, address in enumerate(addresses):
        reference = address.get("ShippingLocationReference")
        if reference and reference not in locations:
            message = f"Shipping location ({reference}) not found or no longer exists for customer."
            target = f"Addresses[{index}].ShippingLocationReference"
            yield _named("ShippingLocationNotFoundException", target, message)
        known += bool(reference) and address["AddressType"] in {"Origin", "Destination"}
    if not known:
        message = "Origin or destination must include a valid ShippingLocationReference."
        yield _named("ShippingLocationRequired", "Addresses", message)


def _metadata_faults(order: Any) -> Iterator[Detail]:
    for index, entry in enumerate(order.get("MetaData") or []):
        if all(value is None for key, value in entry.items() if key != "KeyValue"):
            yield _named("MetaDataWithoutValue", f"MetaData[{index}]", f"{entry['KeyValue']} has no value.")


def _named(code: str, target: str, message: str) -> Detail:
    return {"Code": code, "Target": target, "Message": message}
