"""What a mapping file says once it is read: texts, variables, bases, versions, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from bridge.errors import ConfigurationError
from bridge.mapping import document
from bridge.mapping.variables import fill
from tests.mapping.workshop import Workshop


def test_a_document_shows_no_value_of_a_variable(workshop: Workshop) -> None:
    text = "version: 1\nshop: { name: a, secrets: ['${SECRET}'] }\ndestination: { api_key: 'key ${SECRET}' }\n"

    read = workshop.load(text, {"SECRET": "hush"})

    assert "hush" not in f"{read!r} {read.root!r} {read.variables()!r}"


# ---------------------------------------------------------------------------------------------------------------------
# Texts
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["NO", "on", "0123", "1.10", "2026-12-01", "0x1F", "1_000", "12:30:45", ".inf"])
def test_scalars_are_the_text_of_the_file(workshop: Workshop, text: str) -> None:
    read = workshop.load(f"version: 1\norder:\n  Reference: {text}\n")

    assert read.plain("order") == {"Reference": text}


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_a_plain_null_is_none(workshop: Workshop, text: str) -> None:
    assert workshop.load(f"version: 1\norder: {{ Reference: {text} }}\n").plain("order") == {"Reference": None}


def test_a_quoted_null_is_text(workshop: Workshop) -> None:
    assert workshop.load("version: 1\norder: { Reference: 'null' }\n").plain("order") == {"Reference": "null"}


def test_keys_are_the_text_of_the_file(workshop: Workshop) -> None:
    read = workshop.load("version: 1\ntables: { countries: { NO: Norway, 007: Bond } }\n")

    assert read.plain("tables") == {"countries": {"NO": "Norway", "007": "Bond"}}


def test_an_alias_repeats_its_anchor(workshop: Workshop) -> None:
    read = workshop.load("version: 1\norder:\n  Reference: &name one\n  Direction: *name\n")

    assert read.plain("order") == {"Reference": "one", "Direction": "one"}


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        ("order:\n  A: 1\n  B: 2\n  A: 3", 5, "in line 3"),
        ("order:\n  <<: { A: 1 }", 3, "extends"),
        ("order:\n  A: !!int 5", 3, "tags are not used"),
        ("order: &all\n  A: [ *all ]", 2, "holds itself"),
        ("order:\n  { a: 1 }: b", 3, "key must be a text"),
        ("order:\n  ${A}: b", 3, "not in a key"),
        ('order:\n  A: "\\0"', 3, "NUL"),
        ("order:\n  A: ${", 3, "$${"),
        ("order:\n  A: ${1A}", 3, "${NAME}"),
        ("ordr: {}", 2, "did you mean order?"),
        ("skip: [ order.test ]", 2, "must be a map of expressions"),
        ("skip:\n  test:", 3, "must be a text, not nothing"),
        ("let:\n  a: [ b ]", 3, "must be a text, not a list"),
        ("fields: order.a", 2, "must be a list of texts"),
        ("tables:\n  sizes: S", 3, "must be a map"),
        ("order: x", 2, "must be a map, not a text"),
        ("mode: [ live ]", 2, "must be a text, not a list"),
    ],
)
def test_what_is_wrong_names_its_line_and_the_way_out(workshop: Workshop, lines: str, line: int, words: str) -> None:
    (problem,) = workshop.load(f"version: 1\n{lines}\n").problems

    assert (problem.line, words in problem.message) == (line, True), str(problem)


def test_all_problems_are_told_at_once(workshop: Workshop) -> None:
    read = workshop.load("version: 2\nordr: {}\nskip: x\n")

    assert [problem.line for problem in read.problems] == [1, 2, 3]


def test_the_version_of_the_language_is_required(workshop: Workshop) -> None:
    (problem,) = workshop.load("order: {}\n").problems

    assert "version: 1" in problem.message


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"version: 1\norder: {{ x }}: y\n", 2, "no YAML"),
        (b"version: 1\n\torder: x\n", 2, "no YAML"),
        (b"version: 1\norder: caf\xe9\n", 0, "UTF-8"),
        (b"- version\n", 1, "a map"),
        (b"", 1, "a map"),
    ],
)
def test_an_unreadable_file_says_why(tmp_path: Path, content: bytes, line: int, words: str) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        document.load(path, {})

    (problem,) = caught.value.problems
    assert (problem.file, problem.line, words in problem.message) == (str(path), line, True), str(problem)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml.*cannot read"):
        document.load(tmp_path / "nowhere.yaml", {})


def test_a_setting_has_a_place(workshop: Workshop) -> None:
    read = workshop.load("version: 1\nshop:\n  name: acme\n  secrets:\n    - one\n    - two\n")

    assert [read.place(path)[1] for path in ("shop.name", "shop.secrets[1]", "shop.domain")] == [3, 6, 2]


# ---------------------------------------------------------------------------------------------------------------------
# Variables
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "environ", "filled"),
    [
        ("${A}", {"A": "x"}, "x"),
        ("a${A}b${B}c", {"A": "1", "B": "2"}, "a1b2c"),
        ("${A:-x}", {}, "x"),
        ("${A:-x}", {"A": "y"}, "y"),
        ("${A:-x}", {"A": ""}, "x"),  # set to "" is unset
        ("${A:-}", {}, ""),
        ("${A}", {}, ""),
        ("${A:-https://x.example/?a=b}", {}, "https://x.example/?a=b"),
        ("$${A}", {"A": "x"}, "${A}"),
        ("$A $5 {A}", {"A": "x"}, "$A $5 {A}"),
        ("${A}", {"A": "${B}", "B": "x"}, "${B}"),
        ("${A}", {"A": 'x: [y] #z\n"'}, 'x: [y] #z\n"'),  # after the YAML is parsed
    ],
)
def test_variables_are_filled_in(workshop: Workshop, text: str, environ: dict[str, str], filled: str) -> None:
    read = workshop.load(f"version: 1\nshop:\n  domain: '{text}'\n", environ)

    assert read.plain("shop") == {"domain": filled}


def test_offline_an_unset_variable_reads_as_its_name(workshop: Workshop) -> None:
    read = workshop.load("version: 1\nshop: { domain: 'https://${HOST}', name: '${NAME:-acme}' }\n", offline=True)

    assert read.plain("shop") == {"domain": "https://<HOST>", "name": "acme"}


def test_the_variables_of_a_section_are_told_with_their_place(workshop: Workshop) -> None:
    text = """\
    version: 1
    shop:
      domain: ${HOST}
      secrets:
        - ${ONE}
        - ${TWO:-}
    send_from: ${SINCE}
    """
    uses = workshop.load(text, {"ONE": "1"}).variables("shop")

    assert [(use.name, use.path, use.line, use.is_missing) for use in uses] == [
        ("HOST", "shop.domain", 3, True),
        ("ONE", "shop.secrets[0]", 5, False),
        ("TWO", "shop.secrets[1]", 6, False),
    ]


def test_a_secret_may_stand_only_in_shop_and_destination(workshop: Workshop) -> None:
    text = """\
    version: 1
    shop: { secrets: [ "${SECRET}" ], client_secret: "${SECRET}" }
    destination: { api_key: "${KEY}", name: "${KEY}" }
    order:
      Reference: "order of ${SECRET}"
    """
    (problem,) = workshop.load(text, {"SECRET": "s3cret", "KEY": "k3y"}).problems

    assert (problem.source, problem.line, "s3cret" in str(problem)) == ("order.Reference", 5, False)


@given(st.text(alphabet=st.characters(exclude_characters="$")))
def test_text_without_variables_is_left_alone(text: str) -> None:
    assert fill(text, {}, offline=False) == ((text,), ())


# ---------------------------------------------------------------------------------------------------------------------
# Bases
# ---------------------------------------------------------------------------------------------------------------------
BASE = """\
version: 1
shop: { name: base, domain: "${BASE_DOMAIN}" }
skip:
  one: order.a
  two: order.b
order:
  Tags: [ a, b ]
  Weight: { Value: 1, Unit: Kg }
"""


def test_an_extending_file_overrides_parts_of_its_base(workshop: Workshop) -> None:
    workshop.write(BASE, "base.yaml")

    read = workshop.load("version: 1\nextends: base.yaml\norder:\n  Tags: [ c ]\n  Weight: { Value: 2 }\n")

    assert read.plain("order") == {"Tags": ["c"], "Weight": {"Value": "2", "Unit": "Kg"}}


def test_rules_of_the_base_come_first(workshop: Workshop) -> None:
    workshop.write(BASE, "base.yaml")

    read = workshop.load("version: 1\nextends: base.yaml\nskip: { three: order.c, one: order.d }\n")

    assert list(read.plain("skip").items()) == [("one", "order.d"), ("two", "order.b"), ("three", "order.c")]


def test_a_null_takes_a_part_of_the_base_away(workshop: Workshop) -> None:
    workshop.write(BASE, "base.yaml")

    read = workshop.load("version: 1\nextends: base.yaml\nskip: { one: null }\norder: { Weight: { Unit: } }\n")

    assert (read.plain("skip"), read.plain("order")["Weight"]) == ({"two": "order.b"}, {"Value": "1"})


def test_a_place_names_the_file_that_the_part_came_from(workshop: Workshop) -> None:
    base = workshop.write(BASE, "base.yaml")

    read = workshop.load("version: 1\nextends: base.yaml\nskip: { two: order.z }\n")

    assert read.place("skip.one") == (str(base), 4)
    assert read.place("skip.two") == (read.file, 3)


def test_a_variable_that_was_overridden_is_not_used(workshop: Workshop) -> None:
    workshop.write(BASE, "base.yaml")

    read = workshop.load("version: 1\nextends: base.yaml\nshop: { domain: '${MY_DOMAIN}' }\n")

    assert [use.name for use in read.variables()] == ["MY_DOMAIN"]


def test_a_base_lies_beside_the_file_and_may_have_a_base(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    workshop.write(BASE, "base.yaml")
    workshop.write("version: 1\nextends: ../base.yaml\nskip: { two: }\n", "inner/middle.yaml")

    read = workshop.load("version: 1\nextends: inner/middle.yaml\n")

    assert read.plain("skip") == {"one": "order.a"}


def test_a_missing_base_is_a_problem_at_its_line(workshop: Workshop) -> None:
    with pytest.raises(ConfigurationError, match=r"shop\.yaml:2: extends: there is no such file.*gone\.yaml"):
        workshop.load("version: 1\nextends: gone.yaml\n")


def test_files_that_extend_each_other_are_a_problem(workshop: Workshop) -> None:
    workshop.write("version: 1\nextends: shop.yaml\n", "other.yaml")

    with pytest.raises(ConfigurationError, match=r"other\.yaml:2: extends: a mapping cannot extend itself"):
        workshop.load("version: 1\nextends: other.yaml\n")


# ---------------------------------------------------------------------------------------------------------------------
# Several bases, and recipes
# ---------------------------------------------------------------------------------------------------------------------
SHOP = "version: 1\nextends: [ base.yaml, recipe.yaml ]\n"


def test_later_bases_lie_over_earlier_ones_and_the_file_over_all(workshop: Workshop) -> None:
    workshop.write(BASE, "base.yaml")
    workshop.write("version: 1\nskip: { one: order.recipe, two: order.recipe }\n", "recipe.yaml")

    read = workshop.load(SHOP + "skip: { two: order.file }\n")

    assert read.plain("skip") == {"one": "order.recipe", "two": "order.file"}
    assert (read.problems, read.plain("shop")["name"]) == ((), "base")


def test_a_file_that_is_extended_may_leave_the_version_to_the_file_above(workshop: Workshop) -> None:
    workshop.write(BASE, "base.yaml")
    workshop.write("skip: { one: }\n", "recipe.yaml")

    assert workshop.load(SHOP).problems == ()


def test_a_base_of_another_version_is_a_problem(workshop: Workshop) -> None:
    workshop.write(BASE, "base.yaml")
    recipe = workshop.write("version: 2\n", "recipe.yaml")

    (problem,) = workshop.load("version: 1\nextends: [ recipe.yaml, base.yaml ]\n").problems

    assert (problem.file, problem.line) == (str(recipe), 1)


@pytest.mark.parametrize("names", ["[]", "[ base.yaml, { a: b } ]", "{ a: b }", "[ [ base.yaml ] ]"])
def test_what_is_extended_must_be_names(workshop: Workshop, names: str) -> None:
    workshop.write(BASE, "base.yaml")

    (problem,) = workshop.load(f"version: 1\nextends: {names}\n").problems

    assert (problem.source, problem.line) == ("extends", 2)


def test_each_base_that_is_missing_is_a_problem(workshop: Workshop) -> None:
    with pytest.raises(ConfigurationError) as caught:
        workshop.load(SHOP)

    assert [(problem.line, problem.found) for problem in caught.value.problems] == [
        (2, "base.yaml"),
        (2, "recipe.yaml"),
    ]


def test_add_appends_to_the_list_below(workshop: Workshop) -> None:
    workshop.write(BASE, "base.yaml")
    workshop.write("order: { Tags: { add: [ c ] } }\n", "recipe.yaml")

    read = workshop.load(SHOP + "order: { Tags: { add: [ d, e ] } }\n")

    assert (read.plain("order")["Tags"], read.problems) == (["a", "b", "c", "d", "e"], ())


def test_what_recipes_add_waits_for_the_list_of_the_mapping(workshop: Workshop) -> None:
    workshop.write(BASE, "base.yaml")
    workshop.write("order: { Tags: { add: [ c ] } }\n", "lower.yaml")
    workshop.write("extends: lower.yaml\norder: { Tags: { add: [ d ] } }\n", "recipe.yaml")

    assert workshop.load(SHOP).plain("order")["Tags"] == ["a", "b", "c", "d"]


def test_a_list_replaces_what_was_added_below_it(workshop: Workshop) -> None:
    workshop.write(BASE, "base.yaml")
    workshop.write("order: { Tags: { add: [ c ] } }\n", "recipe.yaml")

    assert workshop.load(SHOP + "order: { Tags: [ d ] }\n").plain("order")["Tags"] == ["d"]


@pytest.mark.parametrize(
    ("order", "path"),
    [
        ("{ Weight: { add: [ c ] } }", "order.Weight"),
        ("{ Lists: { add: [ c ] } }", "order.Lists"),
        ("{ Weight: { Unit: { add: [ c ] } } }", "order.Weight.Unit"),
    ],
)
def test_add_without_a_list_below_is_a_problem_at_its_line(workshop: Workshop, order: str, path: str) -> None:
    workshop.write(BASE, "base.yaml")

    (problem,) = workshop.load(f"version: 1\nextends: base.yaml\norder: {order}\n").problems

    assert (problem.source, problem.line, "`add` adds to a list" in problem.message) == (path, 3, True)


def test_a_map_that_has_more_than_add_is_a_map(workshop: Workshop) -> None:
    workshop.write(BASE, "base.yaml")

    read = workshop.load("version: 1\nextends: base.yaml\norder: { Weight: { add: [ c ], Unit: Lbs } }\n")

    assert read.plain("order")["Weight"] == {"Value": "1", "Unit": "Lbs", "add": ["c"]}


def test_a_stored_version_holds_what_was_added(workshop: Workshop) -> None:
    workshop.write(BASE, "base.yaml")
    workshop.write("order: { Tags: { add: [ c ] } }\n", "recipe.yaml")

    stored = document.parse_stored(workshop.load(SHOP).text())

    assert stored.plain("order")["Tags"] == ["a", "b", "c"]


def test_fragments_are_laid_over_a_file(workshop: Workshop, tmp_path: Path) -> None:
    path = workshop.write(BASE)
    recipe = workshop.write("order: { Tags: { add: [ c ] } }\n", "recipe.yaml")
    fragment = document.Map(entries={"mode": document.Scalar(parts=("observe",))})

    read = document.load(path, {}, offline=True, over=[recipe, fragment])

    assert (read.plain("order")["Tags"], read.plain("mode"), read.file) == (["a", "b", "c"], "observe", str(path))


# ---------------------------------------------------------------------------------------------------------------------
# Versions
# ---------------------------------------------------------------------------------------------------------------------
ORDER = "order: { Reference: '{{ order.name }}' }\n"


def test_shop_and_destination_are_not_in_the_version(workshop: Workshop) -> None:
    one = workshop.load(f"version: 1\nshop: {{ name: one }}\ndestination: {{ api_key: k3y }}\n{ORDER}")
    other = workshop.load(f"version: 1\nshop: {{ name: other }}\n{ORDER}")

    assert (one.version_hash(), "k3y" in one.text()) == (other.version_hash(), False)


@pytest.mark.parametrize(
    "changed",
    [
        "skip: { b: order.b, a: order.a }\n" + ORDER,
        "skip: { a: order.a, b: order.c }\n" + ORDER,
        "skip: { a: order.a, b: order.b }\nmode: observe\n" + ORDER,
    ],
    ids=["order of rules", "a rule", "a section"],
)
def test_a_change_makes_another_version(workshop: Workshop, changed: str) -> None:
    before = workshop.load("version: 1\nskip: { a: order.a, b: order.b }\n" + ORDER).version_hash()

    assert workshop.load("version: 1\n" + changed).version_hash() != before


def test_another_value_of_a_variable_makes_another_version(workshop: Workshop) -> None:
    text = "version: 1\norder: { Reference: '${ORIGIN}' }\n"

    assert workshop.load(text, {"ORIGIN": "a"}).version_hash() != workshop.load(text, {"ORIGIN": "b"}).version_hash()


def test_comments_and_layout_make_no_other_version(workshop: Workshop) -> None:
    block = workshop.load("version: 1\norder:\n  # by name\n  Reference: '{{ order.name }}'\n")

    assert block.version_hash() == workshop.load("version: 1\n" + ORDER).version_hash()


def test_a_stored_version_reads_back_equal(workshop: Workshop) -> None:
    text = "version: 1\nmode: '${MODE}'\norder: { Reference: '{{ order.name }}${A}', Tags: [ '$${B}', ~, '' ] }\n"
    read = workshop.load(text, {"MODE": "live", "A": "{{ order.name }}"})

    stored = document.parse_stored(read.text())

    assert (stored.root, stored.version_hash()) == (read.root, read.version_hash())


def test_a_stored_version_names_itself_in_place_of_a_file(workshop: Workshop) -> None:
    read = workshop.load("version: 1\n" + ORDER)

    assert document.parse_stored(read.text()).place("order.Reference") == (
        f"stored mapping {read.version_hash()[:8]}",
        0,
    )


def _trees() -> SearchStrategy[object]:
    texts = st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8"))
    keys = texts.filter(lambda text: "${" not in text)
    return st.recursive(st.none() | texts, lambda below: st.lists(below) | st.dictionaries(keys, below), max_leaves=8)


@given(st.dictionaries(st.sampled_from(sorted(document.SECTIONS)), _trees()))
def test_any_stored_tree_reads_back_equal(tree: dict[str, object]) -> None:
    stored = document.parse_stored(document.Document(file="", root=_map(tree)).text())

    assert {name: stored.plain(name) for name in tree} == {
        name: value for name, value in tree.items() if name not in document.NOT_IN_VERSION
    } | {name: None for name in tree if name in document.NOT_IN_VERSION}


def _map(tree: object) -> document.Map:
    made = document.from_json(tree, "")
    assert isinstance(made, document.Map)
    return made
