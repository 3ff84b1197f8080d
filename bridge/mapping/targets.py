"""The contract as the compiler sees it: which names an object takes, and what a constant becomes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from marshmallow import Schema, ValidationError, fields

from bridge.mapping.tree import Json

_NUMBERS = (1, 0, Decimal("0.5"), 100, -1, 1000)  # a field that wants text refuses all of them
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?", re.ASCII)
_FLAGS = {"true": True, "True": True, "false": False, "False": False}


@dataclass(frozen=True, kw_only=True)
class Target:
    """A place in the request: an object with a schema, a list of entries, a value, or anything."""

    kind: Literal["object", "list", "value", "any"]
    schema: Schema | None = None
    field: fields.Field[Any] | None = None
    entry: Target | None = None
    wants_text: bool = False

    def names(self) -> list[str]:
        """The field names that an object takes; those that are only there to be refused are not told."""
        return [name for name, field in _fields(self.schema).items() if not _replacement(field)]

    def below(self, name: str) -> Target | None:
        """The place under a field name; None where there is no such field."""
        field = _fields(self.schema).get(name)
        return None if field is None else target_of(field)

    def replacement(self, name: str) -> str:
        """What to use in place of a field that is always refused, "" for any other."""
        field = _fields(self.schema).get(name)
        return "" if field is None else _replacement(field)

    def constant(self, text: str) -> Json:
        """A text of the file as the field's type. Raises ValueError with the contract's own words."""
        if self.field is None or self.kind == "any":
            return text
        first_error = last_error = ""
        for candidate in _candidates(text, numbers_first=isinstance(self.field, fields.Number | fields.Boolean)):
            try:
                self.field.deserialize(candidate)
            except ValidationError as error:
                last_error = "; ".join(_sentences(error.messages))
                first_error = first_error or last_error
            else:
                return candidate
        raise ValueError(first_error if self.wants_text else last_error)


def target_of(contract: Schema | fields.Field[Any]) -> Target:
    """The place that a schema or a field stands for."""
    if isinstance(contract, Schema):
        return Target(kind="object", schema=contract)
    if isinstance(contract, fields.Nested):
        below = Target(kind="object", schema=contract.schema)
        return Target(kind="list", entry=below) if contract.many else below
    if isinstance(contract, fields.List):
        return Target(kind="list", entry=target_of(contract.inner))
    if isinstance(contract, fields.Raw | fields.Mapping) or type(contract) is fields.Field:
        return Target(kind="any", field=contract)
    return Target(kind="value", field=contract, wants_text=_wants_text(contract))


ANYTHING = Target(kind="any")


def _fields(schema: Schema | None) -> dict[str, fields.Field[Any]]:
    """A schema's fields by the names that requests use."""
    return {field.data_key or name: field for name, field in schema.load_fields.items()} if schema else {}


def _replacement(field: fields.Field[Any]) -> str:
    """A contract's field that is always refused says what is used instead."""
    return str(getattr(field, "instead", ""))


def _wants_text(field: fields.Field[Any]) -> bool:
    """Whether a field refuses every number, so that a number's digits are meant."""
    if isinstance(field, fields.Number):
        return False
    return not any(_accepts(field, number) for number in _NUMBERS)


def _accepts(field: fields.Field[Any], value: Json) -> bool:
    try:
        field.deserialize(value)
    except ValidationError:
        return False
    return True


def _candidates(text: str, *, numbers_first: bool) -> Iterator[Any]:
    """What a text of the file may stand for."""
    if not numbers_first:
        yield text
    stripped = text.strip()
    if stripped in _FLAGS:
        yield _FLAGS[stripped]
    if _NUMBER.fullmatch(stripped):
        yield Decimal(stripped) if "." in stripped else int(stripped)
    if numbers_first:
        yield text


def _sentences(messages: Json) -> Iterator[str]:
    """Messages of marshmallow, however nested, as sentences."""
    if isinstance(messages, dict):
        for below in messages.values():
            yield from _sentences(below)
    elif isinstance(messages, list):
        for below in messages:
            yield from _sentences(below)
    else:
        yield str(messages)
