"""Tests files read: what a body is, and what keeps a file from being tried."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from bridge.cases import suite
from bridge.cases.sheet import read_json
from bridge.errors import ConfigurationError
from tests.cases.conftest import HEAD, PAID, Bench

SEND = "expect: { decision: send }"
CASE = f"- {{ name: a, order: paid, {SEND} }}\n"


# --- bodies ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("7", 7),
        ("-7", -7),
        ("7.50", Decimal("7.50")),
        ("1e3", Decimal(1000)),
        ("0123", "0123"),
        ("NO", "NO"),
        ("yes", "yes"),
        ("2026-12-01T10:00:00Z", "2026-12-01T10:00:00Z"),
        ('"7"', "7"),
        ("'true'", "true"),
        ('""', ""),
        ("[ 1, x ]", [1, "x"]),
        ("{ a: 1 }", {"a": 1}),
    ],
)
def test_a_body_follows_the_rules_of_json(bench: Bench, written: str, value: object) -> None:
    cases = f"- {{ name: a, order: paid, change: {{ note: {written} }}, {SEND} }}"
    (case,) = suite.load(bench.write(cases)).cases
    assert (case.order["note"], type(case.order["note"])) == (value, type(value))


def test_a_json_file_written_into_the_tests_is_the_same_body(bench: Bench) -> None:
    head = HEAD.replace("{ file: paid.json }", json.dumps(json.loads(PAID.read_bytes())))
    (case,) = suite.load(bench.write(CASE, head)).cases
    assert case.order == read_json(PAID)


def test_a_base_takes_changes_upon_changes(bench: Bench) -> None:
    head = HEAD.replace(
        "cases:\n",
        "  gift: { base: paid, change: { note: one, tags: gift } }\n"
        "  vip: { base: gift, change: { tags: vip }, remove: [ customer ] }\ncases:\n",
    )
    (case,) = suite.load(bench.write(CASE.replace("paid", "vip"), head)).cases
    assert (case.order["note"], case.order["tags"], "customer" in case.order) == ("one", "vip", False)


def test_changes_of_one_case_do_not_reach_another(bench: Bench) -> None:
    cases = f"- {{ name: a, order: paid, change: {{ note: x, 'line_items[0].sku': Y }}, {SEND} }}\n"
    first, second = suite.load(bench.write(cases + CASE.replace("name: a", "name: b"))).cases
    assert (first.order["line_items"][0]["sku"], second.order["line_items"][0]["sku"]) == ("Y", "MUG-BLUE")


def test_a_body_may_be_a_yaml_file(bench: Bench) -> None:
    (bench.folder / "small.yaml").write_text("id: 7\nnote: NO\n")
    (case,) = suite.load(bench.write(CASE.replace("paid", "{ file: small.yaml, change: { id: 8 } }"))).cases
    assert case.order == {"id": 8, "note": "NO"}


# --- what is wrong ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("case", "words"),
    [
        (f"{{ name: a, order: piad, {SEND} }}", "`orders` has no body of this name; did you mean paid?"),
        (f"{{ name: a, order: [ 1 ], {SEND} }}", "must be a name of `orders`, or a body"),
        (f"{{ name: a, order: paid, chnage: {{}}, {SEND} }}", "`chnage` is no key of a case; did you mean change?"),
        ("{ name: a, order: paid }", "a case needs `expect`"),
        (f"{{ order: paid, {SEND} }}", "a case needs `name`"),
        (f"{{ name: a, order: paid, change: {{ fincial_status: x }}, {SEND} }}", "did you mean financial_status?"),
        (f"{{ name: a, order: paid, remove: [ nothing ], {SEND} }}", "leads nowhere"),
        (f"{{ name: a, order: paid, fetched: read, {SEND} }}", "`fetched` has no body of this name"),
        (f"{{ name: a, order: paid, fetched: {{ ordr: {{}} }}, {SEND} }}", "`ordr` is not read from shopify"),
        (f"{{ name: a, order: paid, fetched: [], {SEND} }}", "must be a name of `fetched`, or a body"),
        (f"{{ name: a, order: paid, change_fetched: {{ a: 1 }}, {SEND} }}", "say `fetched:` too"),
        (f"{{ name: a, order: paid, known: {{ relased: [ a ] }}, {SEND} }}", "did you mean released?"),
        (f"{{ name: a, order: paid, known: {{ released: observe }}, {SEND} }}", "form in which the ledger keeps it"),
        (f"{{ name: a, order: paid, known: {{ part: two }}, {SEND} }}", "form in which the ledger keeps it"),
        (f"{{ name: a, order: paid, now: 2026-12-01, {SEND} }}", "must be a time with its zone"),
        (f"{{ name: a, order: paid, now: noon, {SEND} }}", "must be a time with its zone"),
        (f"{{ name: a, order: paid, with: [ gone.yaml ], {SEND} }}", "there is no such file"),
        (f"{{ name: a, order: paid, with: [ {{ ordr: {{}} }} ], {SEND} }}", "unknown key; did you mean order?"),
        (f"{{ name: a, order: paid, with: [ {{ let: {{ a: '${{' }} }} ], {SEND} }}", "`${` must be followed by"),
        (f"{{ name: a, order: paid, with: recipe.yaml, {SEND} }}", "`with` must be a list"),
        (f"{{ name: a, order: paid, change: x, {SEND} }}", "`change` must be a map"),
        (f"{{ name: a, order: {{ file: gone.json }}, {SEND} }}", "cannot read the file"),
        (f"{{ name: a, order: {{ file: acme.yaml, base: paid }}, {SEND} }}", "exclude each other"),
        (f"{{ name: a, order: {{ base: paid, chnage: {{}} }}, {SEND} }}", "did you mean change?"),
        ("{ name: a, order: paid, expect: {} }", "`expect` needs a `decision`"),
        ("{ name: a, order: paid, expect: { decision: sent } }", "a decision is one of send, wait"),
        ("{ name: a, order: paid, expect: { decision: send, reason: x } }", "never judged by decision send"),
        ("{ name: a, order: paid, expect: { decision: skip, values: { Direction: x } } }", "never judged by"),
        ("{ name: a, order: paid, expect: { decision: skip, reason: x, reason_has: x } }", "exclude each other"),
        ("{ name: a, order: paid, expect: { decision: skip, reason: } }", "must be a text that says something"),
        ("{ name: a, order: paid, expect: { decision: send, values: {} } }", "`values` says nothing"),
        ("{ name: a, order: paid, expect: { decision: send, notes: [] } }", "`notes` says nothing"),
        ("{ name: a, order: paid, expect: { decision: error, problems: [] } }", "`problems` says nothing"),
        ("{ name: a, order: paid, expect: { decision: error, problems: [ {} ] } }", "a problem needs one of"),
        ("{ name: a, order: paid, expect: { decision: send, payload: x } }", "must be the whole request"),
        (
            '{ name: a, order: paid, expect: { decision: send, values: { "Packages[0].Itmes[2]": absent } } }',
            "did you mean Items?",
        ),
    ],
)
def test_what_is_wrong_with_a_case_is_told_with_its_line(bench: Bench, case: str, words: str) -> None:
    (problem,) = bench.problems(f"- {case}\n")
    assert words in problem.message, str(problem)
    assert (problem.file, problem.line) == (str(bench.path), 6)


@pytest.mark.parametrize(
    ("head", "line", "words"),
    [
        (HEAD.replace("now: 2026-12-01T10:00:00Z\n", ""), 5, "a case needs a `now`"),
        (HEAD.replace("variables:", "variabels:"), 2, "did you mean variables?"),
        (f"mapping: other.yaml\n{HEAD}", 1, "there is no such mapping file"),
        (HEAD.replace("cases:", "  paid: {}\ncases:"), 5, "stands here twice"),
        (HEAD.replace("cases:", "  <<: {}\ncases:"), 5, "merge keys are not used"),
        (HEAD.replace("cases:", "  a: !!int 5\ncases:"), 5, "tags are not used"),
        (HEAD.replace("cases:", "  a: { base: b }\n  b: { base: a }\ncases:"), 6, "cannot be its own base"),
        (HEAD.replace("cases:", "  a: &a [ *a ]\ncases:"), 5, "holds itself"),
        (HEAD.replace("cases:", "  a: { file: acme.tests.json }\ncases:"), 5, "cannot read the file"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(bench: Bench, head: str, line: int, words: str) -> None:
    (problem,) = bench.problems(CASE, head)
    assert (problem.line, words in problem.message) == (line, True), str(problem)


def test_two_cases_cannot_have_one_name(bench: Bench) -> None:
    (problem,) = bench.problems(CASE + CASE)
    assert (problem.line, problem.found) == (7, "a")
    assert "the case in line 6 has this name too" in problem.message


def test_a_file_without_cases_is_told(bench: Bench) -> None:
    (problem,) = bench.problems("[]")
    assert "there are no cases" in problem.message


def test_everything_that_is_wrong_is_told_at_once(bench: Bench) -> None:
    found = bench.problems("- { name: a, order: x, expect: { decision: y } }\n- { name: b }\n")
    assert [problem.line for problem in found] == [6, 6, 7]


@pytest.mark.parametrize(
    ("content", "words"), [(b"a: {{ b }}: c\n", "no YAML"), (b"- a\n", "must be a map"), (b"a: \xe9\n", "UTF-8")]
)
def test_an_unreadable_file_says_why(bench: Bench, content: bytes, words: str) -> None:
    bench.path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=words):
        suite.load(bench.path)


def test_a_mapping_that_is_wrong_keeps_its_cases_from_being_tried(bench: Bench) -> None:
    (bench.folder / "acme.yaml").write_text("version: 1\nordr: {}\n")
    assert any("ordr" in problem.source for problem in bench.problems(CASE))


# --- which files -----------------------------------------------------------------------------------------------------
def test_tests_stand_beside_their_mapping(bench: Bench) -> None:
    bench.write(CASE)
    assert suite.tests_of(bench.folder / "acme.yaml") == bench.path == suite.tests_of(bench.path)


def test_a_mapping_without_tests_is_told(bench: Bench) -> None:
    with pytest.raises(ConfigurationError, match=r"put them into acme\.tests\.yaml beside it"):
        suite.tests_of(bench.folder / "acme.yaml")


def test_tests_of_recipes_are_found_too(bench: Bench) -> None:
    bench.write(CASE)
    (bench.folder / "recipes").mkdir()
    (bench.folder / "recipes" / "customs.tests.yml").write_text("cases: []\n")
    (bench.folder / "_draft.tests.yaml").write_text("cases: []\n")
    assert suite.tests_in(bench.folder) == [bench.path, bench.folder / "recipes" / "customs.tests.yml"]
