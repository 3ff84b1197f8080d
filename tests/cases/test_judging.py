"""Cases tried: which pass, and what a failed one shows."""

from __future__ import annotations

import json

import pytest

from tests.cases.conftest import HEAD, Bench
from tests.workbench import ORDER, mapping, write

ROUTED = """\
fetched:
  routed:
    order:
      updated_at: 2026-11-02T09:30:00Z
      cancelled_at: null
      reference: null
      record: null
      our_tags: []
      risk: { recommendation: ACCEPT, levels: [ LOW ] }
      fulfillment_orders:
        - id: "7001"
          status: OPEN
          method: SHIPPING
          service_code: null
          presented_name: Standard delivery
          location: Leeds
          location_id: "1"
          service: null
          fulfill_at: null
          holds: []
          lines:
            - { line_id: "501001", sku: MUG-BLUE, remaining: 2, total: 2 }
            - { line_id: "501002", sku: VASE-TALL, remaining: 1, total: 1 }
      variants: {}
"""
WITH_READ = HEAD.replace("cases:\n", f"{ROUTED}cases:\n")


def test_an_order_that_is_sent_as_expected_has_no_difference(bench: Bench) -> None:
    cases = """\
    - name: sent
      order: paid
      expect:
        decision: send
        values:
          OrderReferenceProvidedByCustomer: 1001
          "Packages[0].Value.Amount": 50.0         # 2 x 12.50 + 30.00 - 5.00, written 50.00 in the request
          "Packages[0].Items[0].Quantity": 2
          "Packages[0].Items[2]": absent
          "Addresses[0]": { AddressType: Origin, ShippingLocationReference: WAREHOUSE-1 }
        notes: [ "needs the shop: risky" ]
    """
    assert bench.differences(cases) == {}


def test_each_wrong_value_is_shown_with_its_path(bench: Bench) -> None:
    cases = """\
    - name: sent
      order: paid
      expect:
        decision: send
        values:
          "Packages[0].Items[0].Quantity": 3
          "Addresses[1].CompanyName": Oakley Ltd
          "Addresses[1].Town": absent
    """
    assert bench.differences(cases) == {
        "Packages[0].Items[0].Quantity": (["3"], ["2"]),
        "Addresses[1].CompanyName": (["Oakley Ltd"], ["absent"]),
        "Addresses[1].Town": (["absent"], ["Wexcombe"]),
    }


def test_an_object_is_compared_whole(bench: Bench) -> None:
    cases = """\
    - name: sent
      order: paid
      expect:
        decision: send
        values: { "Addresses[0]": { AddressType: Origin, Town: Leeds } }
    """
    assert bench.differences(cases) == {
        "Addresses[0].Town": (["Leeds"], ["absent"]),
        "Addresses[0].ShippingLocationReference": (["absent"], ["WAREHOUSE-1"]),
    }


@pytest.mark.parametrize(
    ("written", "is_right"),
    [("2", True), ("2.0", True), ("2e0", True), ("02", False), ('"2"', False), ("two", False), ("true", False)],
)
def test_a_number_is_compared_as_a_number(bench: Bench, written: str, is_right: bool) -> None:
    path = '"Packages[0].Items[0].Quantity"'
    cases = f"- {{ name: sent, order: paid, expect: {{ decision: send, values: {{ {path}: {written} }} }} }}"
    assert bool(bench.differences(cases)) is not is_right


@pytest.mark.parametrize("typed", ["NO", "0123", "2026-12-01", '"1.10"', '"2"', '"null"', '"absent"'])
def test_a_text_is_compared_as_it_stands(bench: Bench, typed: str) -> None:
    cases = f"""\
    - name: sent
      order: paid
      change: {{ "shipping_address.city": {typed} }}
      expect: {{ decision: send, values: {{ "Addresses[1].Town": {typed} }} }}
    """
    assert bench.differences(cases) == {}


def test_the_whole_request_can_be_expected(bench: Bench) -> None:
    cases = "- { name: sent, order: paid, expect: { decision: send, payload: { Direction: Inbound } } }"
    found = bench.differences(cases)
    assert found["Direction"] == (["Inbound"], ["Outbound"])
    assert list(found) == ["Direction", "OrderReferenceProvidedByCustomer", "Packages", "Addresses"]


def test_another_decision_is_shown_with_its_reason(bench: Bench) -> None:
    cases = "- { name: a, order: paid, change: { financial_status: pending }, expect: { decision: send } }"
    assert bench.differences(cases) == {"decision": (["send"], ["wait: not paid"])}


def test_another_reason_is_shown(bench: Bench) -> None:
    cases = """\
    - { name: a, order: paid, change: { test: true }, expect: { decision: skip, reason: test } }
    """
    assert bench.differences(cases) == {"reason": (["test"], ["test order"])}


def test_a_part_of_a_reason_may_be_expected(bench: Bench) -> None:
    cases = "- { name: a, order: paid, change: { test: true }, expect: { decision: skip, reason_has: order } }"
    assert bench.differences(cases) == {}


RANKED = "with: [ { priority: { dear: order.total_price == '50.00', cheap: order.test == false } } ]"


@pytest.mark.parametrize(("rule", "differs"), [("cheap", {}), ("none", {"priority": (["none"], ["cheap"])})])
def test_the_rule_that_puts_an_order_first_may_be_expected(bench: Bench, rule: str, differs: dict[str, object]) -> None:
    case = f"- {{ name: a, order: paid, {RANKED}, expect: {{ decision: send, priority: {rule} }} }}"
    assert bench.differences(case) == differs


def test_the_time_of_a_wait_is_compared_by_its_moment(bench: Bench) -> None:
    # created 2026-11-02 09:30 UTC, and 48 hours
    cases = """\
    - name: a
      order: paid
      now: 2026-11-03T09:30:00Z
      expect: { decision: wait, reason: too early, until: "2026-11-04T10:30:00+01:00" }
    """
    assert bench.differences(cases) == {}
    assert bench.differences(cases.replace("10:30:00+01", "10:30:00+00")) == {
        "until": (["2026-11-04T10:30:00+00:00"], ["2026-11-04T09:30:00+00:00"])
    }


# --- problems --------------------------------------------------------------------------------------------------------
NO_STREET = """\
- name: nowhere to go
  order: paid
  change: { "shipping_address.address1": null, email: null }
  expect:
    decision: error
    problems:
"""
STREET = '      - { target: "Addresses[1].AddressLine1" }\n'
EMAIL = '      - { message_has: is missing, target: "Addresses[1].Contact.Email" }\n'


def test_all_problems_and_no_others_pass(bench: Bench) -> None:
    assert bench.differences(NO_STREET + EMAIL + STREET) == {}


def test_a_problem_that_nobody_expected_is_shown_with_its_line_of_the_mapping(bench: Bench) -> None:
    expected, found = bench.differences(NO_STREET + EMAIL)["problems"]
    assert expected == ["no other"]
    # 12 lines before the rules, four of rules, three of let; the street is the 24th line of the order section.
    assert found[0].startswith(f"{bench.folder / 'acme.yaml'}:43: Addresses[1].AddressLine1: ")


def test_an_expected_problem_that_is_not_found_is_shown(bench: Bench) -> None:
    expected, found = bench.differences(NO_STREET + EMAIL + STREET + '      - { target: "Addresses[1].Town" }\n')[
        "problems"
    ]
    assert (expected, found) == (['{ target: "Addresses[1].Town" }'], ["no other"])


def test_two_expected_problems_need_two_found_ones(bench: Bench) -> None:
    assert "problems" in bench.differences(NO_STREET + EMAIL + STREET + STREET)


# --- what is read ----------------------------------------------------------------------------------------------------
def test_without_what_was_read_nothing_will_be(bench: Bench) -> None:
    assert bench.differences("- { name: a, order: paid, expect: { decision: send } }") == {}


def test_what_is_not_given_of_a_read_is_asked_for(bench: Bench) -> None:
    cases = "- { name: a, order: paid, fetched: {}, expect: { decision: needs, reason: order } }"
    assert bench.differences(cases) == {}


def test_what_was_read_decides(bench: Bench) -> None:
    cases = """\
    - name: a
      order: paid
      fetched: routed
      change_fetched: { "order.risk.recommendation": CANCEL }
      expect: { decision: skip, reason: risky }
    """
    assert bench.differences(cases, WITH_READ) == {}


def test_what_was_read_decides_about_quantities(bench: Bench) -> None:
    cases = """\
    - name: a
      order: paid
      fetched: routed
      change_fetched: { "order.fulfillment_orders[0].lines[0].remaining": 1 }
      remove_fetched: [ "order.fulfillment_orders[0].lines[1]" ]
      expect:
        decision: send
        values: { "Packages[0].Items[0].Quantity": 1, "Packages[0].Items[1]": absent }
    """
    assert bench.differences(cases, WITH_READ) == {}


def test_what_was_read_in_a_wrong_form_is_an_error_in_words(bench: Bench) -> None:
    cases = """\
    - name: a
      order: paid
      fetched: routed
      remove_fetched: [ "order.fulfillment_orders[0].lines" ]
      expect: { decision: send }
    """
    (_, found) = bench.differences(cases, WITH_READ)["decision"]
    assert found[0] == "error"
    assert "does not have the form that the bridge reads" in found[1]


# --- what the ledger knows, and what is laid over --------------------------------------------------------------------
def test_a_released_hold_is_passed_over(bench: Bench) -> None:
    cases = """\
    - { name: held, order: paid, with: [ { mode: observe } ], expect: { decision: hold, reason_has: observe mode } }
    - name: released
      order: paid
      with: [ { mode: observe } ]
      known: { released: [ observe ] }
      expect: { decision: send }
    """
    assert [len(verdict.differences) for verdict in bench.judged(cases)] == [0, 0]


def test_a_recipe_is_laid_over_the_mapping(bench: Bench) -> None:
    write(bench.folder, "version: 1\norder: { MetaData: [ { KeyValue: A, StringValue: one } ] }\n", "recipe.yaml")
    cases = """\
    - name: both
      order: paid
      with: [ recipe.yaml, { order: { MetaData: { add: [ { KeyValue: B, StringValue: "${TWO:-two}" } ] } } } ]
      expect: { decision: send, values: { "MetaData[1].StringValue": two, "MetaData[2]": absent } }
    """
    assert bench.differences(cases) == {}


def test_a_null_takes_a_part_of_the_mapping_away(bench: Bench) -> None:
    cases = """\
    - name: a test order is sent as well
      order: paid
      change: { test: true }
      with: [ { skip: { test order: null } } ]
      expect: { decision: send }
    """
    assert bench.differences(cases) == {}


def test_an_order_with_our_record_is_adopted(bench: Bench) -> None:
    record = {
        "order_id": "6111222333001",
        "part": 1,
        "reference": "EO-000-002-0TS",
        "destination": "sorted.example",
        "written_at": "2026-11-02T10:00:00Z",
    }
    cases = f"""\
    - name: a
      order: paid
      fetched: routed
      change_fetched: {{ "order.record": {json.dumps(json.dumps(record))} }}
      expect: {{ decision: adopt, reason_has: EO-000-002-0TS }}
    """
    assert bench.differences(cases, WITH_READ) == {}


def test_what_is_no_order_is_ignored_with_its_words(bench: Bench) -> None:
    cases = "- { name: a, order: { id: 7 }, expect: { decision: ignored, reason_has: order deleted } }"
    assert bench.differences(cases) == {}


def test_variables_come_from_the_file_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    write(bench.folder, mapping(order=ORDER.replace("WAREHOUSE-1", '"${ORIGIN}"')))
    monkeypatch.setenv("ORIGIN", "YORK")
    cases = '- { name: a, order: paid, expect: { decision: send, values: { "Addresses[0]": X } } }'
    expected = "{ AddressType: Origin, ShippingLocationReference: "
    assert bench.differences(cases)["Addresses[0]"][1] == [f'{expected}"<ORIGIN>" }}']
    head = HEAD.replace("variables: {", "variables: { ORIGIN: LEEDS,")
    assert bench.differences(cases, head)["Addresses[0]"][1] == [f"{expected}LEEDS }}"]
