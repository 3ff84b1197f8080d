"""What an expression means: one test for each trap that plain Jinja or plain Python would spring."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import NotRead
from bridge.mapping import grammar, operators
from bridge.mapping.check import Vocabulary, check
from bridge.mapping.evaluate import Builder, Names
from bridge.mapping.language import NoValue, Table, Until
from bridge.mapping.tree import Scalar
from tests.mapping.workshop import NOW, Fetched, Workshop

ORDER = {
    "id": 1001,
    "name": "#1001",
    "test": False,
    "cancelled_at": None,
    "shipping_address": None,
    "billing_address": {"city": "Leeds"},
    "items": [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}],
    "meta": {"a-b": "dashed", "keys": "mine", "price": "10.00", "rate": Decimal("1E+2"), "empty": [], "big": 10**40},
}


# ---------------------------------------------------------------------------------------------------------------------
# Reading
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("{{ order.name }}", "#1001"),
        ("{{ order.items[0].sku }}", "A"),  # a key of the order, not a dict's method
        ("{{ order.meta.keys }}", "mine"),
        ("{{ order.meta['a-b'] }}", "dashed"),
        ("{{ order.items[-1].sku }}", "B"),
        ("{{ order.items.0.sku }}", "A"),
        ("{{ order.items[2].sku }}", None),
        ("{{ order.items[-3] }}", None),
        ("{{ order.shipping_address.city }}", None),  # null chains to nothing
        ("{{ order.meta.a.b.c }}", None),  # so does what is missing
        ("{{ order.meta.empty.city }}", None),  # PHP writes [] for an empty map
        ("{{ order.meta.price.real }}", None),  # never an attribute
        ("{{ order.meta.price.__class__ }}", None),
        ("{{ order.meta['__class__'] }}", None),
        ("{{ shop.name ~ '/' ~ shop.platform ~ '/' ~ shop.domain }}", "acme/bazaar/acme.example"),
        ("{{ now }}", NOW),
    ],
)
def test_a_dot_reads_a_key_and_nothing_else(workshop: Workshop, expression: str, value: Any) -> None:
    assert workshop.value(expression, ORDER) == value


def test_a_key_of_a_list_is_an_error_with_the_way_out(workshop: Workshop) -> None:
    assert "[0]" in workshop.trouble("{{ order.items.sku }}", ORDER).message


def test_an_index_of_a_list_must_be_a_number(workshop: Workshop) -> None:
    assert "[0] is the first" in workshop.trouble("{{ order.items[order.name] }}", ORDER).message


# ---------------------------------------------------------------------------------------------------------------------
# Types and text
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("{{ order.id }}", 1001),
        ("{{ order.items }}", ORDER["items"]),
        ("{{ not order.test }}", True),
        ("{{ 0.10 }}", Decimal("0.1")),
        ("{{ [1, 'a', order.cancelled_at] }}", [1, "a", None]),
        ("{{ {'a': order.id} }}", {"a": 1001}),
        ("{{ order.name if order.id }}", "#1001"),
        ("{{ order.name if order.test }}", None),
        ("{{ order.cancelled_at or order.name }}", "#1001"),
    ],
)
def test_a_single_expression_keeps_its_type(workshop: Workshop, expression: str, value: Any) -> None:
    result = workshop.value(expression, ORDER)

    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("Order {{ order.name }}", "Order #1001"),
        ("[{{ order.cancelled_at }}]", "[]"),  # plain Jinja writes None
        ("[{{ order.meta.nothing }}]", "[]"),
        ("{{ 'a' ~ order.cancelled_at ~ order.meta.nothing ~ 'b' }}", "ab"),
        ("{{ order.id }}!", "1001!"),
        ("{{ order.meta.rate }}!", "100!"),  # no exponent
        ("{{ order.test }}/{{ not order.test }}", "false/true"),
        ("{{ now }}!", "2026-05-04T12:00:00+00:00!"),
        ("{{ order.meta.big }}!", "1" + "0" * 40 + "!"),
        ("a {{ '}}' }} b", "a }} b"),
        ("{{ '{{' }}", "{{"),
    ],
)
def test_inside_text_values_read_as_people_write_them(workshop: Workshop, expression: str, text: str) -> None:
    assert workshop.value(expression, ORDER) == text


@pytest.mark.parametrize("expression", ["x {{ order.items }}", "{{ 'x' ~ order.meta }}"])
def test_a_list_or_map_inside_text_is_an_error(workshop: Workshop, expression: str) -> None:
    assert "cannot stand inside text" in workshop.trouble(expression, ORDER).message


# ---------------------------------------------------------------------------------------------------------------------
# Filters
# ---------------------------------------------------------------------------------------------------------------------
def test_a_filter_given_null_or_missing_gives_missing(workshop: Workshop) -> None:
    # str(None).upper() would be NONE
    assert workshop.value("{{ order.cancelled_at | upper }}{{ order.meta.nothing | upper }}x", ORDER) == "x"


def test_a_filter_that_takes_missing_is_called(workshop: Workshop) -> None:
    assert workshop.value("{{ order.meta.nothing | default(5) }}", ORDER) == 5


def test_a_filter_that_looks_gets_the_look_first(workshop: Workshop) -> None:
    fetched = Fetched(data={"ready": [{"sku": "C"}]})

    assert workshop.value("{{ (order | to_ship)[0].sku }}", ORDER, fetched=fetched) == "C"


def test_a_filters_sentence_names_the_filter_and_shows_what_was_found(workshop: Workshop) -> None:
    problem = workshop.trouble("{{ order.name | decimal }}", ORDER)

    assert problem.message == "filter `decimal`: this is no number; write digits and a point"
    assert problem.found == "#1001"


def test_what_python_says_of_a_value_stays_out_of_the_message(workshop: Workshop) -> None:
    problem = workshop.trouble("{{ order.name | clumsy }}", {"name": "Ada Example"})

    assert ("Ada" in problem.message, "`clumsy`" in problem.message, problem.found) == (False, True, "Ada Example")


# ---------------------------------------------------------------------------------------------------------------------
# Arithmetic
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("{{ 1 / 4 }}", Decimal("0.25")),
        ("{{ 0.1 + 0.2 }}", Decimal("0.3")),  # 0.30000000000000004 with floats
        ("{{ order.id * 2 - 1 }}", 2001),
        ("{{ 7 // 2 }}", 3),
        ("{{ 7 % 4 }}", 3),
        ("{{ -order.id }}", -1001),
        ("{{ +order.meta.rate }}", Decimal("1E+2")),
        ("{{ (order.meta.price | decimal) * 3 }}", Decimal("30.00")),
        ("{{ [1] + [2] }}", [1, 2]),
    ],
)
def test_numbers_are_exact(workshop: Workshop, expression: str, value: Any) -> None:
    assert workshop.value(expression, ORDER) == value


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("{{ order.meta.price * 3 }}", "`*` wants numbers and found a text: use `| decimal`"),  # '10.0010.0010.00'
        ("{{ order.meta.price + '1' }}", "join texts with `~`"),
        ("{{ 1 - order.cancelled_at }}", "`| default(0)`"),
        ("{{ order.test + 1 }}", "found true or false"),
        ("{{ order.id / 0 }}", "cannot divide by 0"),
        ("{{ order.id % 0 }}", "cannot divide by 0"),
        ("{{ -order.name }}", "`-` wants numbers"),
        ("{{ order.name % 5 }}", "`%` wants numbers"),  # no formatting
    ],
)
def test_arithmetic_with_anything_else_names_operator_and_way_out(
    workshop: Workshop, expression: str, words: str
) -> None:
    assert words in workshop.trouble(expression, ORDER).message


def test_a_result_beyond_all_bounds_is_a_problem_of_its_field(workshop: Workshop) -> None:
    problem = workshop.trouble("{{ order.meta.n * order.meta.n }}", {"meta": {"n": Decimal("1E+999999")}})

    assert "Overflow" in problem.message


# ---------------------------------------------------------------------------------------------------------------------
# Comparison, logic, tests
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "condition",
    [
        "order.meta.nothing == none",  # missing and null are one
        "order.cancelled_at == order.meta.nothing",
        "order.meta.nothing != 'x'",
        "order.meta.nothing not in ['a', 'b']",
        "not ('a' in order.meta.nothing)",
        "not (order.meta.nothing in order.name)",
        "'10' in order.name",
        "'keys' in order.meta",
        "order.id in (1001, 1002)",
        "1 < 2 <= 2 < 3",
        "not (1 < 2 < 2)",
        "order.id >= 1000.5",
        "order.meta.a < 'b' if order.meta.a else true",
        "'2026-01-01' < '2026-02-01'",
        "now > now or now >= now",
        "order.name is defined and order.cancelled_at is undefined and order.cancelled_at is none",
        "order.id is odd and order.id is not even and 9 is divisibleby 3",
        "order.name is string and order.id is number and order.test is boolean and order.meta is mapping",
        "order.items is sequence and order.items is iterable and order.test is false and not order.test is true",
        "order.id is eq 1001 and order.id is equalto(1001) and order.id is ne 5 and order.id is in [1001]",
        "'SKU-1' in sizes and 7 in sizes",  # a table's keys are texts
        "sizes[7] == 'L' and sizes['SKU-1'] == 'S' and sizes.nothing is none",
    ],
)
def test_conditions_that_hold(workshop: Workshop, condition: str) -> None:
    text = f"tables: {{ sizes: {{ SKU-1: S, 7: L }} }}\norder:\n  Any: >-\n    {{{{ {condition} }}}}\n"

    rendered = workshop.render(text, ORDER)

    assert (rendered.problems, rendered.value) == ((), {"Any": True})


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("order.cancelled_at < 5", "`<` cannot compare with something missing"),
        ("5 >= order.meta.nothing", "`>=` cannot compare with something missing"),
        ("order.meta.price > 5", "cannot compare a text with a number: use `| decimal`"),
        ("order.test > 0", "cannot compare true or false with a number"),
        ("'9.00' < '10.00'", "letter by letter"),
        ("order.id in order.name", "looks for text in a text"),
        ("1 in order.id", "found a number"),
        ("1.5 is even", "whole number"),
    ],
)
def test_conditions_that_make_no_sense_are_errors(workshop: Workshop, condition: str, words: str) -> None:
    assert words in workshop.trouble(f"{{{{ {condition} }}}}", ORDER).message


# ---------------------------------------------------------------------------------------------------------------------
# What cannot be written at all
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{% if order.test %}x{% endif %}", "`{% %}` is not used here"),
        ("{% raw %}x{% endraw %}", "`{% %}` is not used here"),
        ("{# hidden #}", "`{# #}` is not used here"),
        ("{{ order.name.upper() }}", "no functions and no methods; write `value | upper`"),
        ("{{ range(5) }}", "no functions and no methods"),
        ("{{ lipsum }}", "unknown name `lipsum`"),
        ("{{ self }}", "unknown name `self`"),
        ("{{ ordr.name }}", "unknown name `ordr`; did you mean order?"),
        ("{{ order.name | uper }}", "unknown filter `uper`; did you mean upper?"),
        ("{{ order.name | attr('x') }}", "unknown filter `attr`"),
        ("{{ order.name is uper }}", "unknown test `is uper`"),
        ("{{ order.name is divisibleby }}", "wrong number of arguments"),
        ("{{ order.name | upper(1) }}", "filter `upper`: wrong arguments"),
        ("{{ order.name | default }}", "it takes (instead)"),
        ("{{ order.name | default(other=1) }}", "it takes (instead)"),
        ("{{ order.name | default(*order.items) }}", "write the arguments out"),
        ("{{ order.name[1:] }}", "truncate"),
        ("{{ 2 ** 9 }}", "`**` is not part of the language"),
        ("{{ order.name", "is a closing `}}`"),
        ("{{ }}", "this is no expression"),
        ("{{ order.name order.id }}", "this is no expression"),
        ("{{ fetched }}", "say what of `fetched` is meant"),
        ("{{ fetched.rsk }}", "did you mean risk?"),
        ("{{ shop.secrets }}", "`shop` has no field `secrets`"),
    ],
)
def test_what_is_not_part_of_the_language_stops_the_start(workshop: Workshop, template: str, words: str) -> None:
    (problem,) = workshop.problems(f"order:\n  Direction: Outbound\n  Any: >-\n    {template}\n")

    assert words in problem.message
    assert (problem.line, problem.target, problem.source) == (4, "Any", template)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("'{{ order.test }}'", "without braces"),
        ("'order.test and {{ order.id }}'", "without braces"),
        ("'order.test }} and {{ order.id'", "without braces"),
        ("'${NAME} == order.name'", "put it into a table"),
        ("order.name == '${UNSET}'", "put it into a table"),
        ("order.test and", "this is no expression"),
        ("''", "an expression is missing"),
        ("order.test, order.id +", "this is no expression"),
    ],
)
def test_a_rule_is_one_bare_expression(workshop: Workshop, expression: str, words: str) -> None:
    (problem,) = workshop.problems(f"skip:\n  reason: {expression}\norder: {{}}\n", {"NAME": "x"})

    assert (problem.line, words in problem.message) == (3, True), str(problem)


# ---------------------------------------------------------------------------------------------------------------------
# Variables in templates
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("template", "environ", "value"),
    [
        ("{{ order.name }}${VAR}", {"VAR": "{{ order.id }}"}, "#1001{{ order.id }}"),
        ("${VAR}", {"VAR": "{{ order.id }}"}, "{{ order.id }}"),
        ("{${VAR}{ order.id }}", {"VAR": "{"}, "{{{ order.id }}"),
        ("{${VAR}", {"VAR": "{ order.id }}"}, "{{ order.id }}"),
        ("{{ order.id }}${VAR:-}", {}, 1001),
        ("$${VAR} {{ order.id }}", {"VAR": "x"}, "${VAR} 1001"),
        ("{{ '$${' }}", {}, "${"),
    ],
)
def test_what_a_variable_holds_is_never_read_as_a_template(
    workshop: Workshop, template: str, environ: dict[str, str], value: Any
) -> None:
    compiled = workshop.compile(f"order:\n  Any: >-\n    {template}\n", environ)

    assert compiled.scope(workshop.look(ORDER)).render().value == {"Any": value}


@pytest.mark.parametrize("template", ["{{ '${VAR}' }}", "{{ ${VAR} }}", "{{ order.${VAR} }}", "{{ '${UNSET}' }}"])
def test_a_variable_inside_an_expression_stops_the_start(workshop: Workshop, template: str) -> None:
    (problem,) = workshop.problems(f"order:\n  Any: >-\n    {template}\n", {"VAR": "x"})

    assert "put it into a table under `tables:`" in problem.message


# ---------------------------------------------------------------------------------------------------------------------
# The nouns
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("holds", [True, False])
def test_a_time_to_wait_for_is_true_while_it_holds(holds: bool) -> None:
    assert bool(Until(time=NOW, holds=holds)) is holds


def test_a_table_knows_its_name() -> None:
    assert (Table({"a": "1"}, name="sizes").name, Table({"a": "1"}, name="sizes")["a"]) == ("sizes", "1")


# ---------------------------------------------------------------------------------------------------------------------
# Whatever is written, and whatever an order holds
# ---------------------------------------------------------------------------------------------------------------------
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("abc"), below, max_size=3),
    max_leaves=6,
)
_WORDS = """
    order now shop fetched a b .a .b .risk [0] [-1] ['a'] 1 2.5 'x' '10' true none
    ( ) [ ] { } {{ }} {% # , : | upper default(1) + - * / // % ** ~
    == != < <= > >= in not and or if else is defined odd even
"""
_PIECES = st.sampled_from(_WORDS.split())
_VOCABULARY = Vocabulary(names={"order": None, "now": None, "shop": None}, fetched=frozenset({"risk"}), filters={})


@given(st.lists(_PIECES, max_size=12), _JSON)
def test_any_text_is_refused_in_words_or_has_a_value_or_says_why_not(pieces: list[str], order: Any) -> None:
    try:
        node = grammar.expression(Scalar(parts=(" ".join(pieces),)))
    except ValueError as error:
        assert str(error)
        return
    if check(node, _VOCABULARY).problems:
        return
    names = Names(None, {"order": order, "now": NOW, "shop": {}}, {"fetched.risk": lambda _: _raise(NotRead(["risk"]))})
    try:
        Builder(filters={}).expression(node)(names)
    except (NoValue, NotRead, ArithmeticError) as trouble:
        assert str(trouble)


def _raise(error: Exception) -> None:
    raise error


@given(_JSON, _JSON)
def test_equality_and_membership_never_fail_for_a_list(one: Any, other: Any) -> None:
    assert operators.contains([one, other], other) is True
