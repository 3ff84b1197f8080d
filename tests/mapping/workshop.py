"""A workshop for mapping tests: files from text, compiled for an invented shop system and a tiny contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from marshmallow import RAISE, Schema, fields, validate

from bridge.errors import ConfigurationError, NotRead, Problem
from bridge.mapping import compiler, document
from bridge.mapping.filters import FILTERS as GENERAL
from bridge.mapping.language import Filter, Gives, Until

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Replaced(fields.Field):
    """A field that is only there to be refused."""

    instead = "Reference"


class WeightSchema(Schema):
    Value = fields.Decimal()
    Unit = fields.String(validate=validate.OneOf(["Kg", "Lbs"]))


class ItemSchema(Schema):
    Sku = fields.String()
    Quantity = fields.Integer(strict=True)
    Weight = fields.Nested(WeightSchema)


class PackageSchema(Schema):
    Description = fields.String()
    Items = fields.List(fields.Nested(ItemSchema))


class RequestSchema(Schema):
    """A contract with one field of each kind."""

    class Meta:
        unknown = RAISE

    Reference = fields.String()
    Direction = fields.String(validate=validate.OneOf(["Outbound", "Inbound"]))
    Count = fields.Integer(strict=True)
    Flag = fields.Boolean()
    Date = fields.AwareDateTime()
    Tags = fields.List(fields.String())
    Weight = fields.Nested(WeightSchema)
    Packages = fields.List(fields.Nested(PackageSchema))
    Any = fields.Raw()
    Old = Replaced()


FIELDS = {
    "id": {},
    "name": {},
    "test": {},
    "cancelled_at": {},
    "items": {"sku": {}, "quantity": {}, "title": {}},
    "shipping_address": {"city": {}, "zip": {}},
    "billing_address": {"city": {}, "phone": {}},
    "meta": None,
}


@dataclass(frozen=True, kw_only=True)
class Fetched:
    data: Mapping[str, Any] = field(default_factory=dict)
    complete: bool = False

    def read(self, key: str) -> Any:
        if key not in self.data and not self.complete:
            raise NotRead([key])
        return self.data.get(key)


@dataclass(frozen=True, kw_only=True)
class Shop:
    name: str = "acme"
    platform: str = "bazaar"
    domain: str = "acme.example"


@dataclass(frozen=True, kw_only=True)
class Look:
    order: Any
    fetched: Fetched = field(default_factory=Fetched)
    now: datetime = NOW
    shop: Shop = field(default_factory=Shop)
    kept: dict[str, Any] = field(default_factory=dict)


def _decimal(value: object) -> Decimal:
    if not isinstance(value, str) or not value.replace(".", "", 1).isdigit():
        raise ValueError("this is no number; write digits and a point")
    return Decimal(value)


def _until(look: Look, value: str) -> Until:
    time = datetime.fromisoformat(value)
    return Until(time=time, holds=look.now < time)


FILTERS = {
    "upper": Filter(function=lambda value: str(value).upper()),
    "default": Filter(
        function=lambda value, instead: instead if value is None else value, takes_missing=True, gives=Gives.EITHER
    ),
    "decimal": Filter(function=_decimal),
    "first": Filter(function=lambda values: values[0]),
    **{name: GENERAL[name] for name in ("last", "pluck", "where")},
    "clumsy": Filter(function=lambda value: {}[value]),
    "to_ship": Filter(function=lambda look, order: look.fetched.read("ready") or order["items"], looks=True),
    "goods": Filter(function=lambda order: order["items"], gives=FIELDS["items"]),
    "listed": Filter(function=lambda name: {"code": name}, gives={"code": {}}),
    "until": Filter(function=_until, looks=True, waits=True),
    "lookup": Filter(function=lambda key, table: table[key]),
}


@dataclass(frozen=True)
class Workshop:
    """Everything a test of mappings needs."""

    folder: Path

    def write(self, text: str, name: str = "shop.yaml") -> Path:
        path = self.folder / name
        path.write_text(dedent(text))
        return path

    def load(self, text: str, environ: Mapping[str, str] | None = None, *, offline: bool = False) -> document.Document:
        return document.load(self.write(text), environ or {}, offline=offline)

    def compile(self, text: str, environ: Mapping[str, str] | None = None, **options: Any) -> compiler.Compiled:
        return self.compiled(self.load("version: 1\n" + dedent(text), environ, **options))

    def compiled(self, read: document.Document) -> compiler.Compiled:
        return compiler.compile(
            read,
            fields=FIELDS,
            fetched={"risk": lambda look: look.fetched.read("risk"), "broken": lambda _: {}["broken"]},
            filters=FILTERS,
            contract=RequestSchema(),
            made={},
        )

    def problems(self, text: str, environ: Mapping[str, str] | None = None, **options: Any) -> list[Problem]:
        """What stops the start with this mapping."""
        with pytest.raises(ConfigurationError) as caught:
            self.compile(text, environ, **options)
        return list(caught.value.problems)

    def look(self, order: Any, **look: Any) -> Look:
        """A look at an order, with nothing read yet."""
        return Look(order=order, **look)

    def render(self, text: str, order: Any = None, **look: Any) -> compiler.Rendered:
        return self.compile(text).scope(Look(order={} if order is None else order, **look)).render()

    def value(self, expression: str, order: Any = None, **look: Any) -> Any:
        """What one template gives in a field that takes anything; None where it is left out."""
        rendered = self.render(f"order:\n  Any: >-\n    {expression}\n", order, **look)
        assert rendered.problems == ()
        return rendered.value.get("Any")

    def trouble(self, expression: str, order: Any = None, **look: Any) -> Problem:
        """The one problem that a template has with an order."""
        (problem,) = self.render(f"order:\n  Any: >-\n    {expression}\n", order, **look).problems
        return problem
