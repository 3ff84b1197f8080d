"""Filters that rules and required values are made of: needed, at_least, entry, attribute, matches."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Undefined

from bridge.mapping.filters.amounts import at_least
from bridge.mapping.filters.lists import attribute, entry, needed
from bridge.mapping.filters.text import matches
from tests.mapping.workshop import Fetched, Look

MISSING = Undefined()
READ = Look(order={}, fetched=Fetched(data={"order": {}}))
NOTES = [
    {"name": "Gift-Wrap", "value": "yes"},
    {"name": " Delivery Date ", "value": "2026-12-24"},
    {"name": "delivery date", "value": "2026-12-25"},
    {"name": None, "value": "x"},
]


# ---------------------------------------------------------------------------------------------------------------------
# Values that must be there
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", [None, MISSING, "", "  ", [], {}])
def test_a_value_that_is_needed_and_missing_is_a_problem_by_name(value: object) -> None:
    with pytest.raises(ValueError, match="the HS code of SKU-7 is missing and needed; fill it in"):
        needed(READ, value, when=True, name="the HS code of SKU-7")
    assert needed(READ, value, when=False, name="the HS code of SKU-7") is value


@pytest.mark.parametrize("value", ["6109.10", 0, False, Decimal(0), ["a"]])
def test_a_value_that_is_there_stays(value: object) -> None:
    assert needed(READ, value, when=True, name="it") is value


@pytest.mark.parametrize("when", [None, False, 0, "", MISSING])
def test_what_is_not_needed_may_be_missing(when: object) -> None:
    assert needed(READ, None, when=when, name="it") is None


def test_what_is_needed_is_only_noted_where_nothing_was_read() -> None:
    look = Look(order={}, fetched=Fetched(complete=True))
    assert [needed(look, None, when=True, name="the HS code of SKU-7") for _ in range(2)] == [None, None]
    assert look.kept == {"notes": ["not read, and needed: the HS code of SKU-7"]}


@pytest.mark.parametrize(
    ("value", "least", "result"),
    [("0.00", "0.01", "0.01"), ("12.50", "0.01", "12.50"), (Decimal(-1), 0, "0"), (0, Decimal("0.01"), "0.01")],
)
def test_a_value_is_raised_to_the_least(value: object, least: object, result: str) -> None:
    assert str(at_least(value, least)) == result


def test_a_missing_value_is_not_raised() -> None:
    assert at_least("", "0.01") is None


def test_the_least_must_be_a_number() -> None:
    with pytest.raises(ValueError, match=r"at_least\('0.01'\)"):
        at_least("1", MISSING)


# ---------------------------------------------------------------------------------------------------------------------
# Entries of lists
# ---------------------------------------------------------------------------------------------------------------------
def test_entries_are_counted_from_1() -> None:
    assert (entry(["a", "b"], 1), entry(["a", "b"], "2"), entry(["a", "b"], 3), entry([], 1)) == ("a", "b", None, None)


@pytest.mark.parametrize("number", [0, -1, "x", MISSING])
def test_an_entry_without_a_number_is_refused(number: object) -> None:
    with pytest.raises(ValueError, match=r"the number of the entry must be|a number has digits"):
        entry(["a"], number)


def test_the_first_attribute_of_a_name_is_found_whatever_its_case() -> None:
    assert (attribute(NOTES, "delivery date"), attribute(NOTES, "GIFT-WRAP ")) == ("2026-12-24", "yes")


def test_an_attribute_that_is_not_there_is_missing() -> None:
    assert (attribute(NOTES, "Delivery"), attribute([], "Delivery Date")) == (None, None)


# ---------------------------------------------------------------------------------------------------------------------
# Words
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Please do  NOT\nsend yet", ["do not send"]),
        (["Standard", None, "gift: birthday"], ["Gift", "present"]),
        ("(gift)", "gift"),
        ("C++ book", ["c++"]),
    ],
)
def test_whole_words_match_whatever_their_case(value: object, words: object) -> None:
    assert matches(value, words)


@pytest.mark.parametrize("value", [None, MISSING, "", [], "gifted", "agift", ["gif", "t"]])
def test_parts_of_words_and_missing_text_match_nothing(value: object) -> None:
    assert matches(value, ["gift"]) is False


@pytest.mark.parametrize("words", [None, [], "", ["gift", " "]])
def test_looking_for_nothing_is_refused(words: object) -> None:
    with pytest.raises(ValueError, match="matches needs words"):
        matches("gift", words)


@given(st.text(max_size=20), st.text(min_size=1, max_size=8).filter(str.strip))
def test_any_word_is_looked_for_as_it_is(text: str, word: str) -> None:
    assert matches(f"{text} {word} {text}", [word])
