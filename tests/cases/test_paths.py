"""Paths into bodies: what they name, what they change, and what leads nowhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.cases.paths import APPEND, MISSING, change, get, lost, remove, steps
from bridge.mapping.targets import target_of
from bridge.sortedpro.contract import CreateOrderSchema


def body() -> dict[str, Any]:
    return {"note": None, "lines": [{"sku": "A"}, {"sku": "B"}, {"sku": "C"}], "product:12": {"weight": "1"}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("lines[0].sku", ["lines", 0, "sku"]),
        ("lines[+]", ["lines", APPEND]),
        ("product:12.weight", ["product:12", "weight"]),
        ("variants.503001", ["variants", "503001"]),
        ("matrix[1][2]", ["matrix", 1, 2]),
    ],
)
def test_a_path_is_its_steps(path: str, found: list[Any]) -> None:
    assert steps(path) == found


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[-1]", "a]b", "a[0]b[1", "[]"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is no path"):
        steps(path)


@given(st.text(alphabet="ab.[]0+"))
def test_a_path_is_read_or_refused_and_nothing_else(path: str) -> None:
    try:
        assert steps(path)
    except ValueError as error:
        assert "is no path" in str(error)


def test_nothing_is_found_where_nothing_stands() -> None:
    assert get(body(), steps("lines[3].sku")) is MISSING
    assert get(body(), steps("note.text")) is MISSING


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("note", "note"),
        ("lines[1].sku", "lines[1].sku"),
        ("+gift", "gift"),
        ("lines[+]", "lines[3]"),
        ("+note", "note"),
    ],
)
def test_a_change_stands_where_its_path_says(path: str, where: str) -> None:
    changed = body()
    change(changed, path, "new")
    assert get(changed, steps(where)) == "new"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("note_", "there is no `note_`; did you mean note?"),
        ("lines[3]", r"there is no \[3\] in a list of 3"),
        ("+lines[3]", r"there is no \[3\] in a list of 3"),
        ("+shipping.name", "there is no `shipping`"),
        ("note.text", "nothing stands where `text` is looked for"),
        ("note[+]", "appends to a list, and nothing stands there"),
        ("lines[+].sku", "may only stand at the end"),
    ],
)
def test_a_change_that_leads_nowhere_says_why(path: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        change(body(), path, "new")


def test_indices_of_removals_count_in_the_body_as_it_was() -> None:
    shorter = body()
    remove(shorter, ["lines[0]", "lines[1]", "note"])
    assert shorter == {"lines": [{"sku": "C"}], "product:12": {"weight": "1"}}


@pytest.mark.parametrize(
    ("paths", "words"), [(["lines[3]"], "leads nowhere"), (["note", "note"], "twice"), (["not"], "did you mean note")]
)
def test_a_removal_that_leads_nowhere_says_why(paths: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        remove(body(), paths)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("Addresses[1].Contact.FirstName", ""),
        ("Packages[0].Items[1]", ""),
        ("Packages[0].Itmes[1]", "did you mean Items?"),
        ("Packages.Items", "no `Items`"),
        ("Direction[0]", "no [0]"),
    ],
)
def test_a_path_that_no_request_has_is_lost(path: str, words: str) -> None:
    found = lost(target_of(CreateOrderSchema()), steps(path))
    assert words in found
    assert bool(words) == bool(found)
