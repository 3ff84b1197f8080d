"""Addresses: lines that fit, postcodes in the form of their country, post office boxes, forces' addresses."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Undefined

from bridge.mapping.filters.addresses import _FORMS, address_lines, is_bfpo, is_po_box, postcode

_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"], exclude_characters=","), min_size=1)
_TEXTS = st.lists(st.lists(_WORDS, max_size=8).map(" ".join), max_size=4)


# ---------------------------------------------------------------------------------------------------------------------
# Lines
# ---------------------------------------------------------------------------------------------------------------------
def test_lines_that_fit_stay_where_they_are() -> None:
    assert address_lines(["12 Orchard Row", " Flat  2 "]) == ["12 Orchard Row", "Flat 2"]


def test_a_long_line_is_split_between_words() -> None:
    # "The Old Corn Exchange Building Unit" has 35 characters.
    typed = "The Old Corn Exchange Building Unit 14, Riverside Business Park"
    assert address_lines(typed, 35) == ["The Old Corn Exchange Building Unit", "14, Riverside Business Park"]


def test_line_2_makes_room_for_a_long_line_1() -> None:
    assert address_lines(["aaaa bbbb cccc", "dd"], 10) == ["aaaa bbbb", "cccc", "dd"]


def test_neighbours_share_a_line_where_each_for_itself_takes_too_many() -> None:
    # Alone: "aaaa bbbb", "cccc", "ddd", "eee ff" are four, and of neighbours only "cccc, ddd" fits into 10.
    assert address_lines(["aaaa bbbb cccc", "ddd", "eee ffff"], 10) == ["aaaa bbbb", "cccc, ddd", "eee ffff"]


def test_the_last_neighbours_share_a_line_first() -> None:
    lines = ["Flat 3", "Wharf House", "12 Quay Road", "Harbourside"]
    assert address_lines(lines, 35) == ["Flat 3", "Wharf House", "12 Quay Road, Harbourside"]


def test_commas_go_where_only_blanks_fit() -> None:
    # "aaaaaa, bb" has 10 characters, so with commas there are four lines; "aaaaaa bb" has 9.
    assert address_lines(["aaaaaa", "bb", "cccccc", "dd"], 9, 2) == ["aaaaaa bb", "cccccc dd"]


def test_what_fits_nowhere_makes_the_last_line_longer() -> None:
    assert address_lines("aaaa bbbb cccc dddd", 4, 3) == ["aaaa", "bbbb", "cccc dddd"]


def test_a_word_longer_than_a_line_stays_whole() -> None:
    assert address_lines("a Llanfairpwllgwyngyll b", 10) == ["a", "Llanfairpwllgwyngyll", "b"]


@pytest.mark.parametrize("value", ["", " \n ", [], [None, "", Undefined()]])
def test_no_address_has_no_lines(value: object) -> None:
    assert address_lines(value) == []


def test_newlines_part_lines_too() -> None:
    assert address_lines("12 Orchard Row\r\n\r\nFlat 2", 35) == ["12 Orchard Row", "Flat 2"]


@pytest.mark.parametrize(("width", "most", "what"), [(0, 3, "the width"), (35, 0, "the number of lines")])
def test_lines_of_no_size_are_refused(width: int, most: int, what: str) -> None:
    with pytest.raises(ValueError, match=f"{what} must be 1 or more"):
        address_lines("a", width, most)


@given(_TEXTS, st.integers(1, 40), st.integers(1, 4))
def test_no_word_is_ever_lost(texts: list[str], width: int, most: int) -> None:
    words = [word for text in texts for word in text.split()]
    lines = address_lines(texts, width, most)
    assert [word.rstrip(",") for word in " ".join(lines).split()] == words
    assert len(lines) <= most


@given(_TEXTS, st.integers(1, 40), st.integers(1, 4))
def test_a_line_is_too_long_only_where_the_text_cannot_fit(texts: list[str], width: int, most: int) -> None:
    # Filling each line as far as it goes needs the fewest lines there can be.
    words = " ".join(" ".join(texts).split())
    fewest = textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False)
    can_fit = len(fewest) <= most and all(len(line) <= width for line in fewest)
    assert not can_fit or all(len(line) <= width for line in address_lines(texts, width, most))


# ---------------------------------------------------------------------------------------------------------------------
# Postcodes
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("typed", "country", "form"),
    [
        ("sw1a2aa", "GB", "SW1A 2AA"),
        (" M1  1AE ", "gb", "M1 1AE"),
        ("bf12at", "GB", "BF1 2AT"),
        ("gir0aa", "GB", "GIR 0AA"),
        ("bt15gs", "XI", "BT1 5GS"),
        ("gy11aa", "GG", "GY1 1AA"),
        ("je23qa", "JE", "JE2 3QA"),
        ("im11af", "IM", "IM1 1AF"),
        ("gx111aa", "GI", "GX11 1AA"),
        ("k1a0b1", "CA", "K1A 0B1"),
        ("1234ab", "NL", "1234 AB"),
        ("00950", "PL", "00-950"),
        ("00-950", "PL", "00-950"),
        ("11455", "SE", "114 55"),
        ("10431", "GR", "104 31"),
        ("11000", "CZ", "110 00"),
        ("81101", "SK", "811 01"),
        ("1000001", "PT", "1000-001"),
        ("1000001", "JP", "100-0001"),
        ("01310100", "BR", "01310-100"),
        ("d02x285", "IE", "D02 X285"),
        ("d6wxy00", "IE", "D6W XY00"),
        ("941031234", "US", "94103-1234"),
        ("94103", "US", "94103"),
    ],
)
def test_postcodes_take_the_form_of_their_country(typed: str, country: str, form: str) -> None:
    assert postcode(typed, country) == form


@pytest.mark.parametrize(
    ("typed", "country", "kept"),
    [
        ("1  2 3", "GB", "1 2 3"),
        ("sw1a2a", "GB", "SW1A2A"),
        ("bfpo 12", "GB", "BFPO 12"),
        ("75001", "FR", "75001"),
        ("sw1a2aa", "", "SW1A2AA"),
        ("sw1a2aa", Undefined(), "SW1A2AA"),
        ("", "GB", ""),
    ],
)
def test_what_has_not_the_form_stays_as_typed(typed: str, country: object, kept: str) -> None:
    assert postcode(typed, country) == kept


@given(
    st.one_of(st.text(max_size=12), st.text("0123456789ABCDEFGIRWabx -", max_size=10)),
    st.sampled_from([*_FORMS, "FR", ""]),
)
def test_a_postcode_in_its_form_stays_so(typed: str, country: str) -> None:
    once = postcode(typed, country)
    assert postcode(once, country) == once


# ---------------------------------------------------------------------------------------------------------------------
# Post office boxes and forces' addresses
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "line",
    [
        *("PO Box 12", "p.o. box 12", "P O Box 12", "POBox 12", "Post Office Box 12", "GPO Box 12", "Private Bag 3"),
        *("Locked Bag 3", "Postfach 12 34", "Postbus 12", "Postboks 12", "Boîte postale 12", "BP 123", "B.P. 123"),
        *("Apartado 12", "Apartado de Correos 12", "Casella Postale 12", "Caixa Postal 12", "Flat 2, PO  Box 12"),
    ],
)
def test_po_boxes_are_known(line: str) -> None:
    assert is_po_box(line)
    assert is_po_box(["12 Orchard Row", None, line])


@pytest.mark.parametrize(
    "line",
    [
        *("12 Post Office Road", "Post Office Lane", "BP Garage", "Boxwood 12", "Postfachweg 1", "4 Po Boxley"),
        *("", None, Undefined(), ["The Private Bagging Company"], []),
    ],
)
def test_what_sounds_like_a_po_box_is_none(line: object) -> None:
    assert is_po_box(line) is False


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("BF1 2AT", ""),
        ("bf12at", []),
        ("BF1", None),
        ("BFPO 12", ""),
        ("", "BFPO 12"),
        (None, ["Camp 4", "B.F.P.O. 639"]),
        ("N1 1AA", ["BFPO No. 7"]),
    ],
)
def test_forces_addresses_are_known(typed: object, texts: object) -> None:
    assert is_bfpo(typed, texts)


@pytest.mark.parametrize(
    ("typed", "texts"),
    [("B1 1AA", ""), ("BF2 1AA", "BFPO"), (None, None), (Undefined(), [None]), ("", "12 BFPO Road")],
)
def test_other_addresses_are_none_of_the_forces(typed: object, texts: object) -> None:
    assert is_bfpo(typed, texts) is False
