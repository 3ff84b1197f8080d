"""Findings accepted: the expected parts change, everything else stays byte for byte."""

from __future__ import annotations

from decimal import Decimal
from textwrap import dedent
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bridge.cases import suite
from bridge.cases.judging import equal, judge
from bridge.cases.sheet import wanted_of
from bridge.cases.updating import updated
from bridge.cases.writing import block, written
from tests.cases.conftest import Bench


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "{ decision: send, values: { Direction: Inbound } }",
            "{ decision: send, values: { Direction: Outbound } }",
        ),
        (
            '{ decision: send, values: { "Addresses[1].Town": absent, Direction: } }',
            '{ decision: send, values: { "Addresses[1].Town": Wexcombe, Direction: Outbound } }',
        ),
        ('{ decision: send, values: { "MetaData[0]": x } }', '{ decision: send, values: { "MetaData[0]": absent } }'),
        (
            "{ decision: send, values: { OrderReferenceProvidedByCustomer: x } }",
            '{ decision: send, values: { OrderReferenceProvidedByCustomer: "1001" } }',
        ),
        (
            '{ decision: send, values: { "Addresses[1].Country.IsoCode": {} } }',
            '{ decision: send, values: { "Addresses[1].Country.IsoCode": { TwoLetterCode: GB } } }',
        ),
        ("{ decision: skip, reason: x }", "{ decision: send }"),
        ("{ decision: send, priority: next day }", "{ decision: send, priority: none }"),
        ("{ reason: x, decision: skip }", "{ decision: send }"),
        (
            "{ decision: send, notes: [ x ] }",
            '{ decision: send, notes: [ "rule not applied, it needs the shop: risky" ] }',
        ),
    ],
)
def test_what_was_found_takes_the_place_of_what_was_expected(bench: Bench, before: str, after: str) -> None:
    case = "- { name: a, order: paid, expect: %s }  # sent\n"
    assert bench.accepted(case % before) == case % after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{ decision: send }", "{ decision: skip, reason: test order }"),
        ("{ decision: send, values: { Direction: x } }", "{ decision: skip, reason: test order }"),
        ("{ values: { Direction: x }, decision: send }", "{ reason: test order, decision: skip }"),
        ("{ decision: send, values: { Direction: x }, notes: [ x ] }", "{ decision: skip, reason: test order }"),
        ("{ decision: wait, until: 2026-12-02T00:00:00Z }", "{ decision: skip, reason: test order }"),
        ("{ decision: skip, reason: test }", "{ decision: skip, reason: test order }"),
        ("{ decision: skip, reason_has: pest }", "{ decision: skip, reason_has: test order }"),
        ("{ decision: wait, reason_has: test }", "{ decision: skip, reason_has: test }"),
    ],
)
def test_another_decision_takes_its_own_keys(bench: Bench, before: str, after: str) -> None:
    case = "- { name: a, order: paid, change: { test: true }, expect: %s }\n"
    assert bench.accepted(case % before) == case % after


def test_comments_and_layout_stay(bench: Bench) -> None:
    before = """\
    # the first
    - name: a
      order:  paid
      expect:
        # as it is
        decision:   send    # of course
        values:

          "Addresses[1].Town":      Leeds    # not so
          # nor this
          'Addresses[1].Postcode':  "X"

    # the end
    - { name: b,   order: paid, expect: { decision: send } }
    # really
    """
    after = before.replace("Leeds", "Wexcombe").replace('"X"', "wx4 2kr")
    assert bench.accepted(before) == dedent(after)


def test_lines_of_a_block_are_taken_out_and_put_in(bench: Bench) -> None:
    before = """\
    - name: a
      order: paid
      change: { "shipping_address.address1": null }
      expect:
        decision: skip
        reason: x     # wrong
        # kept
    - name: b
      order: paid
      expect:
        reason: |
          more than
          one line
        decision: skip
    """
    after = """\
    - name: a
      order: paid
      change: { "shipping_address.address1": null }
      expect:
        decision: error
        problems:
          - target: "Addresses[1].AddressLine1"
            message_has: "is missing: complete the address of the shop order, or map this field"     # wrong
        # kept
    - name: b
      order: paid
      expect:
        decision: send
    """
    assert bench.accepted(before) == dedent(after)


def test_a_key_is_put_behind_the_last_one_of_a_block(bench: Bench) -> None:
    before = """\
    - name: a
      order: paid
      change: { test: true }
      expect:
        decision: send  # once
    """
    assert bench.accepted(before) == dedent(before).replace("send  # once", "skip  # once\n    reason: test order")


def test_a_key_is_put_behind_the_last_one_of_a_file_without_a_last_line_break(bench: Bench) -> None:
    before = "- name: a\n  order: paid\n  change: { test: true }\n  expect:\n    decision: send"
    assert bench.accepted(before) == before.replace("send", "skip\n    reason: test order")


def test_a_list_is_written_as_a_block_where_one_stood(bench: Bench) -> None:
    before = """\
    - name: a
      order: paid
      expect:
        decision: send
        notes:
        - one
        - two  # or three
    # the end
    """
    after = dedent(before).replace("- one\n    - two", '- "rule not applied, it needs the shop: risky"')
    assert bench.accepted(before) == after


def test_a_whole_request_is_written_as_a_block_where_one_stood(bench: Bench) -> None:
    before = """\
    - name: a
      order: paid
      expect:
        decision: send
        payload:
          Direction: Inbound
    """
    after = bench.accepted(before)
    assert '\n    payload:\n      OrderReferenceProvidedByCustomer: "1001"\n      Packages:\n        - ' in after
    assert bench.differences(after) == {}


def test_line_breaks_of_the_file_are_kept(bench: Bench) -> None:
    bench.write("- name: a\n  order: paid\n  change: { test: true }\n  expect:\n    decision: send\n")
    crlf = bench.path.read_bytes().replace(b"\n", b"\r\n")
    bench.path.write_bytes(crlf)
    read = suite.load(bench.path)
    after = updated(read, judge(read)).text
    assert after.encode() == crlf.replace(b"decision: send\r\n", b"decision: skip\r\n      reason: test order\r\n")


def test_what_two_cases_share_is_left_alone_and_named(bench: Bench) -> None:
    cases = """\
    - { name: a, order: paid, expect: &sent { decision: send, values: { Direction: Inbound } } }
    - { name: b, order: paid, expect: *sent }
    """
    read = suite.load(bench.write(cases))
    after = updated(read, judge(read))
    assert (after.text, after.count, after.kept) == (read.text, 0, ["a", "b"])


def test_what_passes_is_not_touched(bench: Bench) -> None:
    cases = '- { name: a, order: paid, expect: { decision: send, values: { "Packages[0].Value.Amount": 50.000 } } }\n'
    assert bench.accepted(cases) == cases


# --- any value -------------------------------------------------------------------------------------------------------
def values() -> st.SearchStrategy[Any]:
    texts = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"))
    numbers = st.integers(-(10**12), 10**12) | st.decimals(-1000, 1000, places=3)
    leaves = texts | numbers | st.booleans() | st.none()
    return st.recursive(leaves, lambda below: st.lists(below) | st.dictionaries(texts, below), max_leaves=8)


@given(values())
def test_what_is_written_on_one_line_is_equal_when_it_is_read(value: Any) -> None:
    line = written(value)
    assert "\n" not in line
    node = yaml.compose(f"[ {{ a: {line}, b: x }} ]", Loader=yaml.BaseLoader).value[0]
    assert equal(wanted_of(node), {"a": value, "b": "x"})


@given(values())
def test_what_is_written_as_a_block_is_equal_when_it_is_read(value: Any) -> None:
    text = f"  - {block({'a': value, 'b': 'x'}, 4)}\n"
    assert equal(wanted_of(yaml.compose(text, Loader=yaml.BaseLoader)), [{"a": value, "b": "x"}])


@pytest.mark.parametrize("value", [Decimal("1E+3"), "1e3", "true", "absent", "null", "~", "", " a", "a: b", "a #b"])
def test_what_looks_like_something_else_is_equal_when_it_is_read(value: Any) -> None:
    assert equal(wanted_of(yaml.compose(f"[ {written(value)} ]", Loader=yaml.BaseLoader)), [value])
