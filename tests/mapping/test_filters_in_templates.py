"""The filters as mappings write them: each example stands for one in the README."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bridge.mapping import grammar
from bridge.mapping.check import Vocabulary, check
from bridge.mapping.evaluate import Builder, Names
from bridge.mapping.filters import FILTERS
from bridge.mapping.language import NoValue
from bridge.mapping.shapes import Shape
from bridge.mapping.tree import Scalar
from tests.mapping.workshop import Fetched, Look

FIELDS = {"shipping_address": {"address1": {}, "address2": {}, "city": {}, "zip": {}, "country_code": {}}, "lines": {}}
ORDER = {
    "shipping_address": {
        "address1": "The Old Corn Exchange Building Unit 14",
        "address2": "Market Square",
        "city": "Leeds",
        "zip": "ls11aa",
        "country_code": "GB",
    },
    "note_attributes": [{"name": "Delivery date", "value": "24/12/2026"}],
    "note": "A gift for Ann",
    "line": {"sku": "SKU-7", "name": "Lamp", "hs_code": None},
}
NAMES = {"order": ORDER, "ship_to": ORDER["shipping_address"], "now": datetime(2026, 12, 24, 15, tzinfo=UTC)}


LOOK = Look(order={}, fetched=Fetched(data={"order": {}}))


def value_of(expression: str) -> Any:
    """What an expression gives with the order above; it must pass the check at the start."""
    node = grammar.expression(Scalar(parts=(expression,)))
    vocabulary = Vocabulary(names=dict.fromkeys(NAMES), fetched=frozenset(), filters=FILTERS)
    assert check(node, vocabulary).problems == []
    return Builder(filters=FILTERS).expression(node)(Names(LOOK, NAMES, {}))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'GB' | needs_customs(ship_to.country_code, ship_to.zip)", False),
        ("'GB' | needs_customs('DE', '10115')", True),
        ("order.line.hs_code | needed(false, 'the HS code of ' ~ (order.line.sku or order.line.name))", None),
        ("0 | at_least('0.01')", Decimal("0.01")),
        # 38 characters: "The Old Corn Exchange Building Unit" are 35.
        ("[ship_to.address1, ship_to.address2] | address_lines(35) | entry(1)", "The Old Corn Exchange Building Unit"),
        ("[ship_to.address1, ship_to.address2] | address_lines(35) | entry(3)", "Market Square"),
        ("[ship_to.address1, ship_to.address2] | address_lines(35) | entry(4)", None),
        ("ship_to.zip | postcode(ship_to.country_code)", "LS1 1AA"),
        ("[ship_to.address1, ship_to.address3] | is_po_box", False),
        ("ship_to.zip | is_bfpo([ship_to.city, ship_to.address1])", False),
        # The 24th after the cut-off; Christmas, Saturday, Sunday, the substitute for Boxing Day: the 29th.
        (
            "now | working_day(cut_off='14:00', zone='Europe/London', holidays='GB-ENG') | day('Europe/London')",
            "2026-12-29",
        ),
        ("now | at('14:00', 'Europe/London') | isoformat", "2026-12-24T14:00:00+00:00"),
        (
            "order.note_attributes | attribute('Delivery Date') | find_date(['%d/%m/%Y']) | isoformat",
            "2026-12-24T00:00:00+00:00",
        ),
        ("order.note | matches(['gift', 'present'])", True),
        ("order.tags | matches(['gift'])", False),
    ],
)
def test_an_example_gives_what_it_says(expression: str, value: Any) -> None:
    assert value_of(expression) == value


def test_a_needed_value_that_is_missing_names_the_sku() -> None:
    with pytest.raises(NoValue, match="filter `needed`: the HS code of SKU-7 is missing and needed"):
        value_of("order.line.hs_code | needed(true, 'the HS code of ' ~ (order.line.sku or order.line.name))")


@pytest.mark.parametrize("expression", ["'GB' | needs_customs(ship_to.country)", "order.origin | needs_customs('GB')"])
def test_a_missing_country_never_counts_as_no_customs(expression: str) -> None:
    with pytest.raises(NoValue, match="country is missing"):
        value_of(expression)


@pytest.mark.parametrize("name", ["needed", "entry"])
def test_a_value_that_passes_through_keeps_its_fields(name: str) -> None:
    arguments = {"needed": "true, 'the address'", "entry": "1"}[name]
    node = grammar.expression(Scalar(parts=(f"(order.shipping_address | {name}({arguments})).town",)))
    names = {"order": Shape(fields=FIELDS, paths=("order",))}
    (sentence,) = check(node, Vocabulary(names=names, fetched=frozenset(), filters=FILTERS)).unknown_fields
    assert "has no field `town`" in sentence
