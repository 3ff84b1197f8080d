"""What becomes of an order, by its body, what was read, what is known, and the time; nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import simplejson

from bridge import shops
from bridge.decide import Adopt, Body, Decision, Hold, Known, Needs, Send, Skip, Unmappable, Wait, decide
from bridge.platforms.base import Fetched, OrderBody, Record
from bridge.platforms.shopify import PLATFORM
from bridge.platforms.shopify.records import format_records
from tests.workbench import ORDER, VARIABLES, mapping, write

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
PAYLOAD = Path(__file__).parent / "payloads" / "shopify" / "orders.create__two_lines_paid.json"
ORDER_ID = "6111222333001"  # of the payload; it was made on 2026-11-02, and has lines 501001 (2) and 501002 (1)

RULES = """\
skip:
  test order: order.test
  risky: fetched.risk.recommendation == 'CANCEL'
  cancelled: order.cancelled_at
wait:
  not paid: order.financial_status != 'paid'
"""

# Arithmetic with a text, which a postcode is, is an error.
BROKEN = ORDER.replace("ship_to.zip", "ship_to.zip * 2")


def entry(line_id: str, quantity: int) -> dict[str, Any]:
    return {"line_id": line_id, "sku": "X", "remaining": quantity, "total": quantity}


def part(*lines: dict[str, Any], status: str = "OPEN", method: str = "SHIPPING", **changes: Any) -> dict[str, Any]:
    """A fulfilment order, as it is read."""
    read = {"id": "1", "service_code": None, "presented_name": None, "location": "Wexcombe", "location_id": "77"}
    return {
        **read,
        "status": status,
        "method": method,
        "fulfill_at": None,
        "holds": [],
        "lines": list(lines),
        **changes,
    }


WHOLE = part(entry("501001", 2), entry("501002", 1))


def record(**changes: Any) -> str:
    """Our record as it stands on a shop order."""
    values = {"order_id": ORDER_ID, "order_key": "", "part": 1, "reference": "EO-000-002-0TS"}
    values |= {"destination": "sorted.example", "written_at": NOW}
    return format_records([Record(**{**values, **changes})])


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Decides about the payload's order with one mapping."""

    folder: Path

    def __call__(
        self,
        text: str = mapping(rules=RULES),
        *,
        read: Mapping[str, Any] | None = None,
        complete: bool = False,
        known: Known | None = None,
        now: datetime = NOW,
        **changes: Any,
    ) -> Decision:
        """`read` is what the shop said beside one open fulfilment order with everything; None: it was not asked."""
        shop = shops.load_offline(write(self.folder, text), VARIABLES)
        body = simplejson.dumps({**json.loads(PAYLOAD.read_bytes()), **changes}).encode()
        content = PLATFORM.read(body, "orders/updated")
        assert isinstance(content, OrderBody)
        whole = {"fulfillment_orders": [WHOLE], "variants": {}, "risk": None, "record": None, "cancelled_at": None}
        fetched = Fetched(data={} if read is None else {"order": {**whole, **read}}, complete=complete)
        return decide(shop, Body(content=content, received_at=now), fetched, known or Known(), now)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(folder=tmp_path)


def test_a_paid_order_that_was_read_is_sent(desk: Desk) -> None:
    decision = desk(read={})
    assert isinstance(decision, Send)
    assert (decision.customer_reference, decision.notes, decision.left_out) == ("1001", [], ())


def test_the_same_arguments_give_the_same_answer(desk: Desk) -> None:
    assert desk(read={}) == desk(read={})


# --- the order of a look ---------------------------------------------------------------------------------------------
def test_our_record_comes_before_everything(desk: Desk) -> None:
    decision = desk(read={"record": record(), "cancelled_at": "2026-11-02T10:00:00Z"}, test=True, cancelled_at="x")
    assert decision == Adopt(reference="EO-000-002-0TS")


def test_an_order_from_before_send_from_is_skipped_without_a_read(desk: Desk) -> None:
    # The payload was processed on 2026-11-02 at 09:29:58, two seconds before a send_from of 09:30.
    decision = desk(mapping(rules=RULES, send_from="2026-11-02T09:30:00Z"))
    assert decision == Skip(reason="ordered before send_from (2026-11-02 09:30 UTC)", code="before_send_from")


def test_an_old_order_that_a_rule_skips_is_not_told_as_open(desk: Desk) -> None:
    assert desk(mapping(rules=RULES, send_from="2026-11-02T09:30:00Z"), test=True) == Skip(reason="test order")


def test_an_old_order_that_a_person_lets_go_is_sent(desk: Desk) -> None:
    known = Known(released=frozenset({"before_send_from"}))
    assert isinstance(desk(mapping(rules=RULES, send_from="2026-11-02T09:30:00Z"), read={}, known=known), Send)


def test_send_from_itself_counts(desk: Desk) -> None:
    assert isinstance(desk(mapping(rules=RULES, send_from="2026-11-02T09:29:58Z"), read={}), Send)


def test_skip_rules_come_before_what_the_shop_stopped(desk: Desk) -> None:
    assert desk(read={"cancelled_at": "2026-11-02T10:00:00Z"}, test=True) == Skip(reason="test order")


def test_what_the_shop_stopped_comes_before_wait_rules(desk: Desk) -> None:
    decision = desk(read={"cancelled_at": "2026-11-02T10:00:00Z"}, financial_status="pending")
    assert decision == Skip(reason="cancelled in Shopify meanwhile")


def test_the_first_skip_rule_in_the_file_is_the_reason(desk: Desk) -> None:
    assert desk(read={}, test=True, cancelled_at="2026-11-02T10:00:00Z") == Skip(reason="test order")


def test_wait_rules_come_before_the_shop_is_asked(desk: Desk) -> None:
    assert desk(
        mapping(rules="wait: { not paid: order.financial_status != 'paid' }\n"), financial_status="pending"
    ) == (Wait(reason="not paid"))


def test_wait_rules_come_before_the_values(desk: Desk) -> None:
    decision = desk(mapping(rules=RULES, order=BROKEN), read={}, financial_status="pending")
    assert decision == Wait(reason="not paid")


def test_what_ships_is_judged_before_the_values(desk: Desk) -> None:
    broken = mapping(order=BROKEN)
    assert isinstance(desk(broken, read={"fulfillment_orders": []}), Wait)


# --- what only the shop can tell -------------------------------------------------------------------------------------
def test_everything_asked_for_comes_as_one_needs(desk: Desk) -> None:
    assert desk() == Needs(keys=frozenset({"order"}))


def test_a_later_rule_that_asked_for_nothing_decides_at_once(desk: Desk) -> None:
    assert desk(cancelled_at="2026-11-02T10:00:00Z") == Skip(reason="cancelled")


def test_a_wait_rule_decides_though_a_skip_rule_needs_the_shop(desk: Desk) -> None:
    assert desk(financial_status="pending") == Wait(reason="not paid")


def test_a_rule_about_what_was_read_decides_once_it_is_read(desk: Desk) -> None:
    assert desk(read={"risk": {"recommendation": "CANCEL", "levels": []}}) == Skip(reason="risky")


def test_waiting_for_what_only_the_shop_knows_is_looked_at_again(desk: Desk) -> None:
    rules = "wait: { risk is not known: not fetched.risk.recommendation }\n"
    decision = desk(mapping(rules=rules), read={"risk": {"recommendation": None}})
    assert decision == Wait(reason="risk is not known", asks_shop=True)


def test_offline_a_rule_about_what_is_read_is_passed_over_and_named(desk: Desk) -> None:
    decision = desk(complete=True)
    assert isinstance(decision, Send)
    assert decision.notes == ["rule not applied, it needs the shop: risky"]


# --- rules -----------------------------------------------------------------------------------------------------------
def test_a_rule_that_raises_is_a_problem_and_never_false(desk: Desk) -> None:
    path = desk.folder / "acme.yaml"
    decision = desk(mapping(rules="skip: { odd: order.note * 3 > 1 }\n"), read={})
    assert isinstance(decision, Unmappable)
    (problem,) = decision.problems
    assert (problem.file, problem.line, problem.source) == (str(path), 13, "order.note * 3 > 1")
    assert problem.message.startswith("rule `odd`: ")


def test_a_rule_that_holds_before_one_that_raises_decides(desk: Desk) -> None:
    rules = "skip:\n  test order: order.test\n  odd: order.note * 3 > 1\n"
    assert desk(mapping(rules=rules), test=True) == Skip(reason="test order")


def test_until_sets_the_time_of_the_next_look(desk: Desk) -> None:
    # Made at 09:30; three hours later is 12:30, half an hour after the look.
    decision = desk(mapping(rules="wait: { may be cancelled: order.created_at | plus(hours=3) | until }\n"), read={})
    assert decision == Wait(reason="may be cancelled", until=datetime(2026, 11, 2, 12, 30, tzinfo=UTC))


def test_until_holds_no_longer_than_its_time(desk: Desk) -> None:
    rules = "wait: { may be cancelled: order.created_at | plus(hours=2) | until }\n"
    assert isinstance(desk(mapping(rules=rules), read={}), Send)


# --- holds -----------------------------------------------------------------------------------------------------------
def test_observe_holds_what_would_be_sent(desk: Desk) -> None:
    decision = desk(mapping(rules="mode: observe\n"), read={})
    assert isinstance(decision, Hold)
    assert decision.problem.code == "observe"


def test_observe_skips_and_fails_as_live_does(desk: Desk) -> None:
    observe = "mode: observe\n"
    assert desk(mapping(rules=RULES + observe), test=True) == Skip(reason="test order")
    assert isinstance(desk(mapping(rules=observe, order=BROKEN), read={}), Unmappable)


def test_a_hold_that_a_person_released_is_passed_over(desk: Desk) -> None:
    known = Known(released=frozenset({"observe"}))
    assert isinstance(desk(mapping(rules="mode: observe\n"), read={}, known=known), Send)


def test_the_release_of_another_hold_does_not_count(desk: Desk) -> None:
    known = Known(released=frozenset({"other_destination"}))
    assert isinstance(desk(mapping(rules="mode: observe\n"), read={}, known=known), Hold)


# --- records ---------------------------------------------------------------------------------------------------------
def test_a_record_of_another_destination_is_for_a_person(desk: Desk) -> None:
    decision = desk(read={"record": record(destination="apisandbox.example")})
    assert isinstance(decision, Hold)
    assert decision.problem.code == "other_destination"
    assert "apisandbox.example" in decision.problem.message


def test_a_release_does_not_pass_over_a_record_of_another_destination(desk: Desk) -> None:
    known = Known(released=frozenset({"other_destination"}))
    assert isinstance(desk(read={"record": record(destination="apisandbox.example")}, known=known), Hold)


def test_a_record_of_another_order_counts_as_none_and_is_noted(desk: Desk) -> None:
    decision = desk(read={"record": record(order_id="6111222333999")})
    assert isinstance(decision, Send)
    assert decision.notes == ["a record of order 6111222333999 stands on it, copied from there: it counts as none"]


def test_another_reference_beside_the_record_is_for_a_person(desk: Desk) -> None:
    decision = desk(read={"record": record(), "reference": "EO-000-009-XYZ"})
    assert isinstance(decision, Hold)
    assert decision.problem.code == "other_reference"
    assert all(words in decision.problem.message for words in ("EO-000-002-0TS", "EO-000-009-XYZ"))


def test_the_same_reference_beside_the_record_is_adopted(desk: Desk) -> None:
    decision = desk(read={"record": record(), "reference": "EO-000-002-0TS"})
    assert decision == Adopt(reference="EO-000-002-0TS")


def test_a_released_second_reference_leaves_it_to_the_record(desk: Desk) -> None:
    known = Known(released=frozenset({"other_reference"}))
    decision = desk(read={"record": record(), "reference": "EO-000-009-XYZ"}, known=known)
    assert decision == Adopt(reference="EO-000-002-0TS")


def test_another_destination_is_told_before_another_reference(desk: Desk) -> None:
    decision = desk(read={"record": record(destination="apisandbox.example"), "reference": "EO-000-009-XYZ"})
    assert isinstance(decision, Hold)
    assert decision.problem.code == "other_destination"


def test_a_record_of_another_part_counts_as_none(desk: Desk) -> None:
    assert isinstance(desk(read={"record": record(part=2)}), Send)


# --- goods that do not ship ------------------------------------------------------------------------------------------
def test_goods_that_will_never_ship_are_a_skip_with_that_reason(desk: Desk) -> None:
    pickup = part(entry("501001", 2), entry("501002", 1), method="PICK_UP")
    assert desk(read={"fulfillment_orders": [pickup]}) == Skip(reason="picked up at the shop")


def test_goods_that_may_ship_later_are_waited_for(desk: Desk) -> None:
    pickup = part(entry("501001", 2), method="PICK_UP")
    held = part(entry("501002", 1), status="ON_HOLD", holds=[{"reason": "INCORRECT_ADDRESS", "notes": None}])
    decision = desk(read={"fulfillment_orders": [pickup, held]})
    assert isinstance(decision, Wait)
    assert decision.asks_shop
    assert decision.reason.startswith("picked up at the shop; on hold")


def test_what_is_left_out_of_a_sent_order_is_told(desk: Desk) -> None:
    held = part(entry("501002", 1), status="ON_HOLD", holds=[])
    decision = desk(read={"fulfillment_orders": [part(entry("501001", 2)), held]})
    assert isinstance(decision, Send)
    assert [(one.line_id, one.quantity, one.may_ship) for one in decision.left_out] == [("501002", 1, True)]


# --- what cannot be mapped -------------------------------------------------------------------------------------------
@pytest.fixture
def redacted() -> dict[str, Any]:
    """The address as Shopify sends it to an app without access to personal data."""
    return {"country_code": "GB", "country": "United Kingdom", "province": None, "province_code": None}


def test_removed_personal_data_is_one_problem(desk: Desk, redacted: dict[str, Any]) -> None:
    decision = desk(read={}, shipping_address=redacted)
    assert isinstance(decision, Unmappable)
    assert [one.code for one in decision.problems] == ["personal_data_removed"]


def test_removed_personal_data_is_told_while_an_order_waits(desk: Desk, redacted: dict[str, Any]) -> None:
    decision = desk(shipping_address=redacted, financial_status="pending")
    assert isinstance(decision, Wait)
    assert decision.reason.startswith("not paid; beside that: Shopify withholds the address")


def test_all_problems_come_at_once_with_line_and_source(desk: Desk) -> None:
    order = BROKEN.replace("Direction: Outbound", 'Direction: "{{ order.tags }}"')
    decision = desk(mapping(order=order), read={}, email=None)
    assert isinstance(decision, Unmappable)
    found = {one.target: (one.line, one.source, one.found) for one in decision.problems}
    # One line of version, six of shop, one of send_from, four of destination, three of let: `order:` is line 16.
    assert found == {
        "Direction": (18, "{{ order.tags }}", "gift, vip"),
        "Addresses[1].Contact.Email": (38, "{{ order.email }}", ""),
        "Addresses[1].Postcode": (41, "{{ ship_to.zip * 2 }}", "wx4 2kr"),
    }


def test_a_field_that_failed_to_render_is_not_called_missing_as_well(desk: Desk) -> None:
    decision = desk(mapping(order=BROKEN), read={})
    assert isinstance(decision, Unmappable)
    assert [one.target for one in decision.problems] == ["Addresses[1].Postcode"]


def test_a_field_that_came_out_empty_names_its_template(desk: Desk) -> None:
    address = {**json.loads(PAYLOAD.read_bytes())["shipping_address"], "zip": ""}
    decision = desk(read={}, shipping_address=address)
    assert isinstance(decision, Unmappable)
    assert [(one.target, one.source) for one in decision.problems] == [("Addresses[1].Postcode", "{{ ship_to.zip }}")]


# --- what the ledger keeps of it -------------------------------------------------------------------------------------
def test_known_survives_being_stored() -> None:
    known = Known(part=2, released=frozenset({"observe", "person"}))
    assert Known.from_json(json.loads(json.dumps(known.as_json()))) == known
