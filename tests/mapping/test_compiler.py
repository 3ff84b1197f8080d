"""What a compiled mapping does with an order: rules, names, and the request that comes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.errors import ConfigurationError
from bridge.mapping import compiler, document
from tests.mapping.workshop import Fetched, Look, Workshop

ORDER = {
    "name": "#1001",
    "id": 1001,
    "items": [{"sku": "A", "quantity": 2}, {"sku": None, "quantity": 1}, {"sku": "C", "quantity": 0}],
    "billing_address": {"city": "Leeds"},
}


def asked(workshop: Workshop, section: str, expression: str, order: Any = None, **fetched: Any) -> compiler.RuleResult:
    """What a single rule says."""
    compiled = workshop.compile(f"{section}:\n  the reason: {expression}\norder: {{ Direction: Outbound }}\n")
    (rule,) = getattr(compiled, section)
    return compiled.scope(Look(order=order or {}, fetched=Fetched(**fetched))).rule(rule)


# ---------------------------------------------------------------------------------------------------------------------
# Rules
# ---------------------------------------------------------------------------------------------------------------------
def test_rules_keep_their_order_names_and_places(workshop: Workshop) -> None:
    compiled = workshop.compile("skip:\n  a test: order.test\n  'no': order.cancelled_at\norder: { Count: 1 }\n")

    assert [(rule.name, rule.expression, rule.line) for rule in compiled.skip] == [
        ("a test", "order.test", 3),
        ("no", "order.cancelled_at", 4),
    ]


@pytest.mark.parametrize(("order", "held"), [({"test": True}, True), ({"test": False}, False), ({}, False)])
def test_a_rule_holds_or_not(workshop: Workshop, order: dict[str, Any], held: bool) -> None:
    assert asked(workshop, "skip", "order.test", order) == compiler.RuleResult(held=held)


def test_a_rule_that_raises_has_a_problem_and_is_not_false(workshop: Workshop) -> None:
    result = asked(workshop, "skip", "order.id > '5'", {"id": 7})

    assert (result.held, result.problem is not None) == (False, True)
    assert result.problem is not None
    assert (result.problem.line, result.problem.source) == (3, "order.id > '5'")
    assert "rule `the reason`: `>` cannot compare a number with a text" in result.problem.message


def test_a_rule_that_needs_the_shop_says_what_to_read(workshop: Workshop) -> None:
    result = asked(workshop, "skip", "fetched.risk == 'high'")

    assert result == compiler.RuleResult(asked=frozenset({"risk"}), used_fetched=True)


def test_a_rule_that_need_not_ask_does_not(workshop: Workshop) -> None:
    assert asked(workshop, "skip", "order.test or fetched.risk", {"test": True}).held


def test_a_rule_is_answered_with_what_was_read(workshop: Workshop) -> None:
    result = asked(workshop, "skip", "fetched['risk'] == 'high'", data={"risk": "high"})

    assert (result.held, result.used_fetched) == (True, True)


@pytest.mark.parametrize("expression", ["fetched.risk == 'high'", "fetched.risk != 'low'", "fetched.risk > 5"])
def test_a_rule_that_names_what_will_not_be_read_is_passed_over(workshop: Workshop, expression: str) -> None:
    result = asked(workshop, "skip", expression, complete=True)

    assert result == compiler.RuleResult(passed_over=True, used_fetched=True)


def test_through_a_let_or_a_filter_what_will_not_be_read_is_missing(workshop: Workshop) -> None:
    text = """\
    let: { risk: fetched.risk }
    skip: { one: risk != 'low', two: order | to_ship }
    order: { Count: 1 }
    """
    compiled = workshop.compile(text)
    scope = compiled.scope(Look(order=ORDER, fetched=Fetched(complete=True)))

    results = [scope.rule(rule) for rule in compiled.skip]

    assert [(result.held, result.passed_over, result.used_fetched) for result in results] == [
        (True, False, True),
        (True, False, False),
    ]


def test_a_filter_that_asks_sets_its_rule_aside(workshop: Workshop) -> None:
    assert asked(workshop, "skip", "not order | to_ship", ORDER).asked == frozenset({"ready"})


def test_until_holds_until_that_time(workshop: Workshop) -> None:
    result = asked(workshop, "wait", "order.name == '#1001' and '2026-05-05T00:00:00+00:00' | until", ORDER)

    assert (result.held, result.until) == (True, datetime(2026, 5, 5, tzinfo=UTC))


def test_until_a_time_that_is_past_does_not_hold(workshop: Workshop) -> None:
    assert asked(workshop, "wait", "('2026-05-04T00:00:00+00:00' | until)") == compiler.RuleResult()


@pytest.mark.parametrize(
    "expression",
    [
        "order.test and '2026-05-05T00:00:00+00:00' | until",
        "'2026-05-05T00:00:00+00:00' | until or order.test",
        "('2026-05-05T00:00:00+00:00' | until) if order.name else order.test",
        "order.test if not order.name else '2026-05-05T00:00:00+00:00' | until",
        "not order.id and later",
    ],
)
def test_until_keeps_its_time_wherever_it_is_the_answer(workshop: Workshop, expression: str) -> None:
    text = f"""\
    let: {{ later: "'2026-05-05T00:00:00+00:00' | until" }}
    wait: {{ one: later, two: "{expression}" }}
    order: {{ Count: 1 }}
    """
    compiled = workshop.compile(text)

    result = compiled.scope(Look(order={"name": "#1001", "test": True})).rule(compiled.wait[1])

    assert (result.held, result.until) == (True, datetime(2026, 5, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    "expression",
    [
        "true if order.name | until else false",
        "not (order.name | until)",
        "order.name | until and order.test",
        "(order.name | until) == true",
        "(order.name | until) is defined",
        "[order.name | until]",
        "order.name | until | default(true)",
        "later and order.test",
    ],
)
def test_until_where_its_time_would_be_lost_stops_the_start(workshop: Workshop, expression: str) -> None:
    text = f"""\
    let: {{ later: order.name | until }}
    wait: {{ one: later, two: "{expression}" }}
    order: {{ Count: 1 }}
    """

    (problem,) = workshop.problems(text)

    assert (problem.line, problem.source) == (3, expression)
    assert "would be lost here" in problem.message


@pytest.mark.parametrize(
    ("mapping", "line"),
    [
        ("skip: { x: order.name | until }\norder: { Count: 1 }", 2),
        ("let: { later: order.name | until }\nskip: { x: not later }\norder: { Count: 1 }", 3),
        ("let: { later: order.name | until, so: later }\nskip: { x: so }\norder: { Count: 1 }", 3),
        ("let: { later: order.name | until }\nwait: { x: later }\nskip: { x: later }\norder: { Count: 1 }", 4),
        ("let: { later: order.name | until }\norder: { Count: 1 }", 2),
        ("order:\n  Any: '{{ order.name | until }}'", 3),
        ("order:\n  Any: 'on {{ order.name | until }}'", 3),
        ("let: { later: order.name | until }\norder:\n  Any: '{{ later }}'", 4),
        ("order:\n  Weight:\n    when: order.name | until\n    Unit: Kg", 4),
        ("order:\n  Tags:\n    each: order.name | until\n    as: tag\n    value: '{{ tag }}'", 4),
    ],
)
def test_until_anywhere_but_in_a_wait_rule_stops_the_start(workshop: Workshop, mapping: str, line: int) -> None:
    (problem,) = workshop.problems(mapping)

    assert (problem.line, "belongs under `wait:`" in problem.message) == (line, True)


# ---------------------------------------------------------------------------------------------------------------------
# Fields of the order
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mapping", "addition"),
    [
        ("skip: { x: order.canceled_at }", "order.canceled_at"),
        ("wait: { x: order.shipping_address.zipp }", "order.shipping_address.zipp"),
        ("skip: { x: \"order['canceled_at']\" }", "order.canceled_at"),
        ("skip: { x: order.name.first }", "order.name.first"),
        ("skip:\n  x: order.items[0].skuu", "order.items.skuu"),
        ("let: { a: order.canceled_at }\nskip: { x: a }", "order.canceled_at"),
        ("let: { a: order.canceled_at, b: a or order.test }\nskip: { x: b }", "order.canceled_at"),
        (
            "let: { to: order.shipping_address or order.billing_address }\nskip: { x: to.fax }",
            "order.shipping_address.fax",
        ),
        ("let: { to: order.shipping_address if order.test else order.billing_address }\nskip: { x: to.fax }", "order."),
        ("let: { lines: order | goods }\nskip:\n  x: lines[0].skuu", "order.items.skuu]"),
        ("skip: { x: (order | goods | last).skuu }", "order.items.skuu]"),
        ("skip: { x: not (order.items | where('skuu')) }", "order.items.skuu]"),
        ("skip:\n  x: not (order.items | where(value='A', key='skuu'))", "order.items.skuu]"),
        ("skip: { x: \"'A' in (order.items | pluck('skuu'))\" }", "order.items.skuu]"),
        ("skip: { x: (order.items | where('sku') | last).skuu }", "order.items.skuu]"),
        ("skip: { x: (order.items | pluck('sku') | last).code }", "order.items.sku.code]"),
        ("skip:\n  x: (order.items or []) | pluck('skuu')", "order.items.skuu]"),
        ("skip:\n  x: (order.items + []) | pluck('skuu')", "order.items.skuu]"),
        ('skip: { x: "(order.shipping_address or {}).zipp" }', "order.shipping_address.zipp]"),
        ('skip: { x: "({} or order.shipping_address).zipp" }', "order.shipping_address.zipp]"),
        ("skip: { x: \"(order.shipping_address or {'zip': ''}).zipp\" }", "order.shipping_address.zipp]"),
        ("skip: { x: (order.shipping_address or none).zipp }", "order.shipping_address.zipp]"),
        ("skip: { x: (order.test and order.shipping_address).zipp }", "order.shipping_address.zipp]"),
        ('skip: { x: "(order | default({})).canceled_at" }', "order.canceled_at]"),
        ("skip: { x: (order.shipping_address | default(order.billing_address)).fax }", "order.shipping_address.fax]"),
        ("skip:\n  x: ([order.shipping_address, order.billing_address] | last).fax", "order.shipping_address.fax]"),
        ("let: { a: order.shipping_address or 'none' }\nskip: { x: a.anything }", "order.shipping_address.anything]"),
        ("fields: [ order.pickup.id ]\nskip: { x: order.pickup.idd }", "order.pickup.idd]"),
        ("skip: { x: (order.name | listed).colour }", "listed.colour]"),
        ("priority: { x: order.canceled_at }", "order.canceled_at]"),
    ],
)
def test_a_misspelt_field_in_a_rule_stops_the_start(workshop: Workshop, mapping: str, addition: str) -> None:
    (problem,) = workshop.problems(mapping + "\norder: { Count: 1 }\n")

    assert f"Or add it: `fields: [{addition}" in problem.message


@pytest.mark.parametrize(
    ("mapping", "line", "found"),
    [
        ("priority: { x: fetched.risk == 'low' }", 2, ["`fetched.risk`"]),
        ("priority:\n  a: order.test\n  x: order | to_ship", 4, ["filter `to_ship`"]),
        (
            "let: { ready: order | to_ship }\npriority: { x: ready and fetched.risk }",
            3,
            ["`fetched.risk`", "filter `to"],
        ),
    ],
)
def test_priority_by_anything_but_the_body_stops_the_start(
    workshop: Workshop, mapping: str, line: int, found: list[str]
) -> None:
    problems = workshop.problems(mapping + "\norder: { Count: 1 }\n")

    assert [problem.line for problem in problems] == [line] * len(found)
    for problem, name in zip(problems, found, strict=True):
        assert problem.message.startswith(name)
        assert "a rule of `priority` is asked before that" in problem.message


def test_priority_may_not_wait(workshop: Workshop) -> None:
    problems = workshop.problems("priority: { x: order.name | until }\norder: { Count: 1 }\n")

    assert any("it belongs under `wait:`" in problem.message for problem in problems)


def test_nine_rules_of_priority_are_let_through_and_ten_are_not(workshop: Workshop) -> None:
    nine = "priority:\n" + "".join(f"  rule {number}: order.test\n" for number in range(1, 10))
    order = "order: { Count: 1 }\n"
    (problem,) = workshop.problems(f"{nine}  rule 10: order.test\n{order}")

    assert [rule.name for rule in workshop.compile(nine + order).priority][::8] == ["rule 1", "rule 9"]
    assert (problem.source, problem.message) == ("priority", "has at most 9 rules")


def test_the_nearest_field_is_named_first(workshop: Workshop) -> None:
    (problem,) = workshop.problems("skip: { x: order.canceled_at }\norder: { Count: 1 }\n")

    assert "did you mean cancelled_at?" in problem.message


@pytest.mark.parametrize(
    "mapping",
    [
        "skip: { x: order.shipping_address.city }",
        "skip: { x: order.meta.anything.at_all }",
        "let: { to: order.shipping_address or order.billing_address }\nskip: { x: to.zip and to.phone }",
        "skip: { x: (order | first).anything }",
        "skip: { x: (order.shipping_address or order.meta).anything }",
        "skip: { x: \"(order.shipping_address or {'country': 'GB'}).country\" }",
        "skip: { x: \"(order.shipping_address or {order.name: 'GB'}).country\" }",
        "skip: { x: \"{'country': 'GB'}.county\" }",
        "skip: { x: order.items | where(order.name) | pluck(order.name) }",
        "let: { none_yet: '[]' }\nskip: { x: none_yet | pluck('sku') }",
        "fields: [ order.pickup_store ]\nskip: { x: order.pickup_store == 'Leeds' }",
        "fields: [ order.pickup.store ]\nskip: { x: order.pickup.store }",
        "fields: [ order.pickup, order.pickup.store ]\nskip: { x: order.pickup.anything }",
        "fields: [ order.meta.store ]\nskip: { x: order.meta.anything }",
        "fields: [ lines.colour ]\nlet: { lines: order | goods }\nskip:\n  x: lines[0].colour",
        "fields: [ order.items.colour ]\nlet: { lines: order | goods }\nskip:\n  x: lines[0].colour",
        "fields: [ order.items.colour ]\nskip: { x: (order | goods | last).colour }",
        "fields: [ order.items.colour ]\nskip: { x: order.items | where('colour') }",
        "fields: [ order.items.title.short ]\nskip: { x: (order | goods | last).title.short }",
        "fields: [ goods.colour ]\nskip: { x: (order | goods | last).colour }",
        "fields: [ listed.colour ]\nskip: { x: (order.name | listed).colour }",
        "fields: [ to.fax ]\nlet: { to: order.shipping_address or order.billing_address }\nskip: { x: to.fax }",
    ],
)
def test_known_added_and_unknowable_fields_are_let_through(workshop: Workshop, mapping: str) -> None:
    assert workshop.compile(mapping + "\norder: { Count: 1 }\n").warnings == ()


def test_an_added_field_is_among_those_named(workshop: Workshop) -> None:
    (problem,) = workshop.problems("fields: [order.pickup.id]\nskip: { x: order.pickup.idd }\norder: { Count: 1 }\n")

    assert "did you mean id? Allowed: id." in problem.message


def test_elsewhere_a_misspelt_field_is_a_warning(workshop: Workshop) -> None:
    text = """\
    let: { city: order.shipping_adress.city }
    order:
      Reference: "{{ order.nam }}"
      Packages:
        - Items:
            each: order.items
            as: item
            value: { Sku: "{{ item.skuu }}" }
    """
    warnings = workshop.compile(text).warnings

    assert [(problem.target, problem.line) for problem in warnings] == [
        ("", 2),
        ("Reference", 4),
        ("Packages[0].Items[].Sku", 9),
    ]


# ---------------------------------------------------------------------------------------------------------------------
# Names
# ---------------------------------------------------------------------------------------------------------------------
def test_a_let_is_evaluated_only_where_it_is_used(workshop: Workshop) -> None:
    text = "let: { bad: order.name | decimal }\norder: { Any: \"{{ bad if order.test else 'fine' }}\" }\n"

    assert workshop.render(text, ORDER).value == {"Any": "fine"}


def test_an_error_in_a_let_stands_at_each_use(workshop: Workshop) -> None:
    text = 'let:\n  bad: order.name | decimal\norder:\n  Any: "{{ bad }}"\n  Reference: "{{ bad }}"\n  Count: 3\n'

    rendered = workshop.render(text, ORDER)

    assert [(problem.target, problem.line) for problem in rendered.problems] == [("Any", 5), ("Reference", 6)]
    assert rendered.problems[0].message.startswith("in `let` bad (shop.yaml:3): filter `decimal`:")
    assert rendered.value == {"Count": 3}


def test_a_let_may_use_names_that_stand_below_it(workshop: Workshop) -> None:
    text = "let: { a: b ~ '!', b: order.name }\norder: { Any: '{{ a }}' }\n"

    assert workshop.render(text, ORDER).value == {"Any": "#1001!"}


def test_lets_that_need_each_other_stop_the_start(workshop: Workshop) -> None:
    (problem,) = workshop.problems("let:\n  a: b\n  b: c or 1\n  c: a\norder: { Count: 1 }\n")

    assert problem.message == "these names need each other: a -> b -> c -> a"


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("let: { order: 1 }", "the name `order` is taken"),
        ("tables: { now: { a: b } }", "the name `now` is taken"),
        ("tables: { size: { a: b } }\nlet: { size: 1 }", "the name `size` is taken"),
        ("let: { two words: 1 }", "`two words` is no name"),
        ("let: { not: 1 }", "`not` is no name"),
        ("tables: { size: { a: '{{ order.name }}' } }", "a table holds plain text"),
        ("fields: [ pickup_store ]", "`fields: [order.pickup_store]`"),
    ],
)
def test_names_must_be_free_and_names(workshop: Workshop, mapping: str, words: str) -> None:
    (problem,) = workshop.problems(mapping + "\norder: { Count: 1 }\n")

    assert words in problem.message


def test_an_as_name_must_be_free(workshop: Workshop) -> None:
    text = "let: { item: 1 }\norder:\n  Tags:\n    each: order.items\n    as: item\n    value: x\n"

    (problem,) = workshop.problems(text)

    assert "the name `item` is taken" in problem.message


def test_an_as_name_ends_with_its_value(workshop: Workshop) -> None:
    text = "order:\n  Tags: { each: order.items, as: item, value: '{{ item.sku }}' }\n  Any: '{{ item.sku }}'\n"

    (problem,) = workshop.problems(text)

    assert "unknown name `item`" in problem.message


# ---------------------------------------------------------------------------------------------------------------------
# Constants and the contract's names
# ---------------------------------------------------------------------------------------------------------------------
def test_the_contract_gives_constants_their_type(workshop: Workshop) -> None:
    text = """\
    order:
      Reference: 0123
      Count: 7
      Flag: true
      Date: 2026-12-01T00:00:00Z
      Weight: { Value: 1.50, Unit: Kg }
      Tags: [ 1, NO ]
    """
    assert workshop.render(text).value == {
        "Reference": "0123",
        "Count": 7,
        "Flag": True,
        "Date": "2026-12-01T00:00:00Z",
        "Weight": {"Value": Decimal("1.50"), "Unit": "Kg"},
        "Tags": ["1", "NO"],
    }


@pytest.mark.parametrize(
    ("order", "line", "target", "words"),
    [
        ("Direction: Outboud", 3, "Direction", "Must be one of: Outbound, Inbound."),
        ("Count: many", 3, "Count", "Not a valid integer."),
        ("Count: 1.5", 3, "Count", "Not a valid integer."),
        ("Date: tomorrow", 3, "Date", "Not a valid datetime."),
        ("Refrence: x", 3, "Refrence", "the request has no field `Refrence` here; did you mean Reference?"),
        ("Weight: { Vlaue: 1 }", 3, "Weight.Vlaue", "did you mean Value?"),
        ("Weight: 5", 3, "Weight", "wants a map here, not a text; it takes Value, Unit"),
        ("Weight: [ 5 ]", 3, "Weight", "one value is wanted here, not a list"),
        ("Tags: x", 3, "Tags", "wants a list here"),
        ("Tags: { a: b }", 3, "Tags", "a list: begin the entry with `- `"),
        ("Count: { a: b }", 3, "Count", "one value, not a map"),
        ("Packages:\n    - Items:\n        - Skuu: x", 5, "Packages[0].Items[0].Skuu", "did you mean Sku?"),
        ("Count: { each: order.items, as: i, value: 1 }", 3, "Count", "`each` makes a list"),
        ("Tags: { each: order.items, value: x }", 3, "Tags[]", "`each` lacks `as`"),
        ("Tags: { each: order.items, as: i, values: x }", 3, "Tags[]", "`each` has no `values`"),
        ("Tags: { each: [ a ], as: i, value: x }", 3, "Tags[]", "an expression is wanted here, not a list"),
        ("Tags: { each: order.items, as: [ i ], value: x }", 3, "Tags[]", "`as` must be a name"),
        ("Weight: { when: '{{ order.test }}', Value: 1 }", 3, "Weight", "without braces"),
        ("when: order.test", 3, "", "stands under `skip:` and `wait:`"),
        ("Old: 5", 3, "Old", "not taken any more; use Reference"),
        ("Old: '{{ order.name }}'", 3, "Old", "not taken any more; use Reference"),
    ],
)
def test_what_the_contract_does_not_take_stops_the_start(
    workshop: Workshop, order: str, line: int, target: str, words: str
) -> None:
    (problem,) = workshop.problems(f"order:\n  {order}\n")

    assert (problem.line, problem.target, words in problem.message) == (line, target, True), str(problem)


def test_a_mapping_without_an_order_stops_the_start(workshop: Workshop) -> None:
    (problem,) = workshop.problems("mode: live\n")

    assert "the section is missing" in problem.message


def test_every_problem_of_a_file_is_told_at_once_in_the_order_of_its_lines(workshop: Workshop) -> None:
    text = """\
    ordr: {}
    skip: { x: order.canceled_at }
    let: { a: order.name | uper }
    order:
      Direction: Outboud
      Tags: "{{ "
      Refrence: x
    """
    assert [problem.line for problem in workshop.problems(text)] == [2, 3, 4, 6, 7, 8]


def test_offline_a_placeholder_is_taken_for_any_type(workshop: Workshop) -> None:
    compiled = workshop.compile("order: { Count: '${COUNT}', Reference: '${NAME}' }\n", offline=True)

    assert compiled.scope(workshop.look({})).render().value == {"Count": "<COUNT>", "Reference": "<NAME>"}


# ---------------------------------------------------------------------------------------------------------------------
# Rendering
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("field", "order", "value"),
    [
        ("Reference: '{{ order.id }}'", {"id": 1001}, "1001"),
        ("Reference: '{{ order.id }}'", {"id": Decimal("1E+2")}, "100"),
        ("Reference: '{{ order.test }}'", {"test": True}, True),  # nothing else is converted
        ("Count: '{{ order.id }}'", {"id": "7"}, "7"),
        ("Count: '{{ order.id }}'", {"id": 7}, 7),
        ("Any: '{{ order.id }}'", {"id": 7}, 7),
    ],
)
def test_a_number_becomes_its_digits_where_the_contract_wants_text(
    workshop: Workshop, field: str, order: dict[str, Any], value: Any
) -> None:
    (rendered,) = workshop.render(f"order:\n  {field}\n", order).value.values()

    assert (rendered, type(rendered)) == (value, type(value))


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_an_empty_result_leaves_the_field_out(workshop: Workshop, empty: Any) -> None:
    rendered = workshop.render(
        "order: { Any: '{{ order.meta }}', Count: 1, Reference: '', Flag: ~ }\n", {"meta": empty}
    )

    assert rendered.value == {"Count": 1}


@pytest.mark.parametrize("full", [0, False, " ", Decimal(0)])
def test_zero_and_false_are_not_empty(workshop: Workshop, full: Any) -> None:
    assert workshop.render("order: { Any: '{{ order.meta }}' }\n", {"meta": full}).value == {"Any": full}


def test_an_object_whose_templates_are_all_empty_is_left_out_with_its_constants(workshop: Workshop) -> None:
    text = "order:\n  Count: 1\n  Weight: { Value: '{{ order.meta.weight }}', Unit: Kg }\n"

    assert workshop.render(text, {}).value == {"Count": 1}


def test_an_object_without_templates_stays(workshop: Workshop) -> None:
    assert workshop.render("order: { Weight: { Unit: Kg } }\n").value == {"Weight": {"Unit": "Kg"}}


def test_an_object_is_as_empty_as_what_lies_deepest_in_it(workshop: Workshop) -> None:
    text = """\
    order:
      Packages:
        - Description: fixed
          Items: [ { Sku: fixed, Weight: { Value: "{{ order.meta.weight }}", Unit: Kg } } ]
    """
    assert workshop.render(text, {}).value == {}
    assert workshop.render(text, {"meta": {"weight": 5}}).value == {
        "Packages": [{"Description": "fixed", "Items": [{"Sku": "fixed", "Weight": {"Value": 5, "Unit": "Kg"}}]}]
    }


@pytest.mark.parametrize(("test", "value"), [(True, {"Weight": {"Unit": "Kg"}}), (False, {})])
def test_when_guards_an_object(workshop: Workshop, test: bool, value: dict[str, Any]) -> None:
    assert workshop.render("order: { Weight: { when: order.test, Unit: Kg } }\n", {"test": test}).value == value


def test_when_is_decided_before_what_it_guards(workshop: Workshop) -> None:
    text = "order: { Weight: { when: order.test, Value: '{{ order.name | decimal }}' }, Count: 1 }\n"

    assert workshop.render(text, ORDER).problems == ()


def test_when_guards_entries_and_single_values(workshop: Workshop) -> None:
    text = """\
    order:
      Reference: { when: order.test, value: "{{ order.name }}" }
      Count: { when: not order.test, value: 5 }
      Tags:
        - { when: order.test, value: tested }
        - { when: not order.test, value: "{{ order.name }}" }
        - always
    """
    assert workshop.render(text, ORDER).value == {"Count": 5, "Tags": ["#1001", "always"]}


def test_a_when_that_fails_is_a_problem_of_what_it_guards(workshop: Workshop) -> None:
    rendered = workshop.render("order: { Weight: { when: order.name > 5, Unit: Kg } }\n", ORDER)

    assert ([problem.target for problem in rendered.problems], rendered.failed) == (["Weight"], frozenset({"Weight"}))


def test_each_makes_an_entry_for_every_value(workshop: Workshop) -> None:
    text = "order: { Tags: { each: order.items, as: item, value: '{{ item.sku or item.quantity }}' } }\n"

    assert workshop.render(text, ORDER).value == {"Tags": ["A", "1", "C"]}


def test_each_with_a_when_over_its_name_asks_for_every_entry(workshop: Workshop) -> None:
    text = """\
    order:
      Packages:
        - Items: { each: order.items, as: item, when: item.quantity, value: { Quantity: "{{ item.quantity }}" } }
    """
    assert workshop.render(text, ORDER).value == {"Packages": [{"Items": [{"Quantity": 2}, {"Quantity": 1}]}]}


def test_each_with_another_when_asks_once_and_first(workshop: Workshop) -> None:
    text = "order: { Tags: { when: order.test, each: order.name | decimal, as: item, value: x }, Count: 1 }\n"

    rendered = workshop.render(text, ORDER)

    assert (rendered.problems, rendered.value) == ((), {"Count": 1})


def test_an_each_among_entries_adds_its_own(workshop: Workshop) -> None:
    text = "order: { Tags: [ first, { each: order.items, as: item, value: '{{ item.sku }}' }, last ] }\n"

    assert workshop.render(text, ORDER).value == {"Tags": ["first", "A", "C", "last"]}


def test_an_each_inside_an_each_sees_both_names(workshop: Workshop) -> None:
    text = """\
    order:
      Packages:
        each: order.items
        as: one
        value:
          Items:
            each: order.items
            as: other
            when: other.sku != one.sku
            value: { Sku: "{{ one.sku ~ other.sku }}" }
    """
    rendered = workshop.render(text, {"items": [{"sku": "A"}, {"sku": "B"}]})

    assert rendered.value == {"Packages": [{"Items": [{"Sku": "AB"}]}, {"Items": [{"Sku": "BA"}]}]}


def test_an_each_over_anything_but_a_list_is_a_problem(workshop: Workshop) -> None:
    text = "order: { Tags: { each: order.name, as: item, value: x } }\n"

    (problem,) = workshop.render(text, ORDER).problems

    assert (problem.target, problem.message) == ("Tags", "`each` wants a list and found a text")


@pytest.mark.parametrize("order", [{}, {"items": None}, {"items": []}])
def test_an_empty_list_is_left_out(workshop: Workshop, order: dict[str, Any]) -> None:
    assert workshop.render("order: { Tags: { each: order.items, as: item, value: x } }\n", order).value == {}


# ---------------------------------------------------------------------------------------------------------------------
# Problems and places
# ---------------------------------------------------------------------------------------------------------------------
ITEMS = """\
order:
  Reference: "{{ order.name }}"
  Packages:
    - Description: Everything
      Items:
        each: order.items
        as: item
        value:
          Sku: "{{ item.sku }}"
          Weight: { Value: "{{ item.title | decimal }}", Unit: Kg }
"""
TWO_ITEMS = {"name": "#1001", "items": [{"sku": "A", "title": "1"}, {"sku": "B", "title": "Ada Example"}]}


def test_each_template_that_fails_is_one_problem_with_its_place(workshop: Workshop) -> None:
    (problem,) = workshop.render(ITEMS, TWO_ITEMS).problems

    assert (problem.target, problem.line, problem.source, problem.found) == (
        "Packages[0].Items[1].Weight.Value",
        11,
        "{{ item.title | decimal }}",
        "Ada Example",
    )


def test_what_surrounds_a_failed_field_stays(workshop: Workshop) -> None:
    rendered = workshop.render(ITEMS, TWO_ITEMS)

    assert rendered.value["Packages"][0]["Items"][1] == {"Sku": "B", "Weight": {"Unit": "Kg"}}
    assert rendered.failed == frozenset({"Packages[0].Items[1].Weight.Value"})


def test_a_list_entry_that_failed_keeps_its_place(workshop: Workshop) -> None:
    text = "order: { Tags: { each: order.items, as: item, value: '{{ item.title | decimal }}' } }\n"

    rendered = workshop.render(text, {"items": [{"title": "x"}, {"title": "2"}]})

    assert (rendered.value, rendered.failed) == ({"Tags": [None, "2"]}, frozenset({"Tags[0]"}))


def test_every_target_path_has_its_source(workshop: Workshop) -> None:
    sources = workshop.render(ITEMS, {"items": [{"sku": "A"}]}).sources

    assert {path: (source.line, source.template) for path, source in sources.items()} == {
        "": (2, ""),
        "Reference": (3, "{{ order.name }}"),  # came out empty
        "Packages": (4, ""),
        "Packages[0]": (5, ""),
        "Packages[0].Description": (5, "Everything"),
        "Packages[0].Items": (6, ""),
        "Packages[0].Items[0]": (9, ""),
        "Packages[0].Items[0].Sku": (10, "{{ item.sku }}"),
        "Packages[0].Items[0].Weight": (11, ""),
        "Packages[0].Items[0].Weight.Value": (11, "{{ item.title | decimal }}"),
        "Packages[0].Items[0].Weight.Unit": (11, "Kg"),
    }


def test_values_that_need_the_shop_say_all_that_is_to_be_read(workshop: Workshop) -> None:
    text = "order: { Any: '{{ fetched.risk }}', Tags: { each: order | to_ship, as: i, value: x }, Count: 1 }\n"

    rendered = workshop.render(text, ORDER)

    assert (rendered.value, rendered.problems, rendered.asked) == ({"Count": 1}, (), frozenset({"risk", "ready"}))


def test_what_was_read_in_an_unheard_of_shape_is_a_problem_of_its_field(workshop: Workshop) -> None:
    problem = workshop.trouble("{{ fetched.broken }}")

    assert (problem.target, problem.message) == ("Any", "`fetched.broken` is not as expected (KeyError)")


def test_where_nothing_more_is_read_values_take_their_defaults(workshop: Workshop) -> None:
    assert workshop.value("{{ fetched.risk | default('low') }}", fetched=Fetched(complete=True)) == "low"


def test_a_look_keeps_what_a_let_gave(workshop: Workshop) -> None:
    compiled = workshop.compile(
        "let: { items: order | to_ship }\nskip: { none: not items }\norder: { Any: '{{ items }}' }\n"
    )
    order = {"items": [{"sku": "A"}]}
    scope = compiled.scope(Look(order=order, fetched=Fetched(complete=True)))

    scope.rule(compiled.skip[0])
    order["items"] = [{"sku": "B"}]

    assert scope.render().value == {"Any": [{"sku": "A"}]}


def test_looks_share_nothing(workshop: Workshop) -> None:
    compiled = workshop.compile("let: { name: order.name }\norder: { Any: '{{ name }}' }\n")

    values = [compiled.scope(workshop.look({"name": name})).render().value for name in ("one", "two")]

    assert values == [{"Any": "one"}, {"Any": "two"}]


def test_anything_may_stand_where_the_contract_takes_anything(workshop: Workshop) -> None:
    text = "order: { Any: { a: 1, b: [ '{{ order.name }}', { c: '{{ order.id }}' } ] } }\n"

    assert workshop.render(text, ORDER).value == {"Any": {"a": "1", "b": ["#1001", {"c": 1001}]}}


def test_a_stored_version_renders_the_same(workshop: Workshop) -> None:
    text = "version: 1\nlet: { a: order.name }\norder: { Any: '{{ a }}${B}', Count: '${C}' }\n"
    read = workshop.load(text, {"B": "{{ a }}", "C": "5"})

    stored = workshop.compiled(document.parse_stored(read.text()))

    assert stored.scope(workshop.look(ORDER)).render().value == {"Any": "#1001{{ a }}", "Count": 5}


def test_a_problem_of_a_stored_version_names_it_in_place_of_a_file(workshop: Workshop) -> None:
    stored = document.parse_stored('{"version":"1","order":{"Coun":"1"}}')

    with pytest.raises(ConfigurationError, match=r"^stored mapping [0-9a-f]{8}: Coun: the request has no field"):
        workshop.compiled(stored)


def test_problems_name_the_base_file_they_stand_in(workshop: Workshop) -> None:
    base = workshop.write("version: 1\nskip: { x: order.canceled_at }\norder: { Count: 1 }\n", "base.yaml")

    (problem,) = workshop.problems("extends: base.yaml\n")

    assert (problem.file, problem.line) == (str(base), 2)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "items", "sku", "title", "quantity", "city"]), below, max_size=4)
    ),
    max_leaves=12,
)
_EVERYTHING = """\
let:
  to: order.shipping_address or order.billing_address
  count: order.items[0].quantity + 1
skip: { many: count > 5 }
order:
  Reference: "{{ order.name }}-{{ to.city }}"
  Count: "{{ count }}"
  Weight: { when: order.id / 2 < 7, Value: "{{ order.name | decimal }}", Unit: Kg }
  Packages:
    - Items:
        each: order.items
        as: item
        when: item.quantity in [1, 2] or item.sku
        value: { Sku: "{{ item.sku }}", Quantity: "{{ item.quantity * 2 }}" }
"""


@pytest.fixture
def everything(workshop: Workshop) -> compiler.Compiled:
    return workshop.compile(_EVERYTHING)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["id", "name", "items", "shipping_address", "billing_address"]), _JSON))
def test_no_order_makes_a_mapping_raise(everything: compiler.Compiled, order: dict[str, Any]) -> None:
    scope = everything.scope(Look(order=order))

    assert scope.rule(everything.skip[0]).asked == frozenset()
    assert all(problem.message and problem.line for problem in scope.render().problems)


def test_a_filter_key_that_is_no_name_is_no_crash(workshop: Workshop) -> None:
    problems = workshop.problems("skip: { odd: order.lines | where(false) }\norder: { Count: 1 }\n")
    assert problems
