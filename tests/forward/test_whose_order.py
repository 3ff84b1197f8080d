"""Whose order it is, and how many are let through: copies of a shop, ids given twice, surges, holds by rules, grace."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from bridge import actions
from bridge.errors import ActionRefused
from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.woocommerce import woo_order
from bridge.store import queries
from bridge.store.database import transaction
from bridge.store.ledger import Order
from tests.forward.conftest import Rig, make_rig, write_mappings

PEOPLE = {"who": "kim", "reason": "seen"}


def rows(rig: Rig, name: str) -> list[Order]:
    with transaction(rig.bridge.engine) as connection:
        return sorted(queries.find_by_name(connection, name), key=lambda one: one.id)


def post(rig: Rig, body: dict) -> None:
    rig.post("woocommerce", rig.signed_for_woocommerce(json.dumps(body).encode(), "order.updated"))
    rig.work()


def live(rig: Rig, number: int, **told) -> dict:
    """The body of an order of the shop itself."""
    rig.world.woocommerce.add_order(woo_order(number, at=rig.clock(), **told))
    rig.settle()
    return rig.world.woocommerce.order(number)


def elsewhere(rig: Rig, body: dict, **changes) -> dict:
    """The same order as a copy of the shop at another address tells of it."""
    return json.loads(json.dumps({**body, **changes}).replace(rig.world.woocommerce_url, "https://staging.example"))


# --- a copy of the shop ----------------------------------------------------------------------------------------------
def test_an_order_of_a_copy_is_held_and_names_both_hosts(rig: Rig) -> None:
    post(rig, elsewhere(rig, woo_order(21, at=rig.clock(), home=rig.world.woocommerce_url)))
    order = rig.order("#21")
    assert (order.state, order.code) == ("held", "other_host")
    assert "staging.example" in order.reason
    assert "127.0.0.1" in order.reason


def test_a_copy_never_touches_the_order_of_the_shop(rig: Rig) -> None:
    body = live(rig, 21)
    rig.later(minutes=5)
    post(rig, elsewhere(rig, body, status="cancelled", date_modified_gmt="2026-12-02T00:00:00"))
    first, second = rows(rig, "#21")
    assert (first.state, first.changed, second.state) == ("done", False, "held")
    assert rig.sent() == ["woocommerce-21"]


def test_an_order_of_a_copy_is_not_to_be_released(rig: Rig) -> None:
    post(rig, elsewhere(rig, woo_order(21, at=rig.clock(), home=rig.world.woocommerce_url)))
    with pytest.raises(ActionRefused, match="not to be released"):
        actions.release(rig.bridge.engine, rig.order("#21"), now=rig.clock(), **PEOPLE)


def test_a_deletion_rings_the_order_of_the_shop_not_that_of_a_copy(rig: Rig) -> None:
    body = live(rig, 21)
    post(rig, elsewhere(rig, body))
    rig.world.woocommerce.trash(21)
    rig.settle()
    first, second = rows(rig, "#21")
    assert "deleted in the shop" in first.change
    assert second.change == ""


# --- an id given twice -----------------------------------------------------------------------------------------------
@pytest.fixture
def restored(rig: Rig) -> Rig:
    """A shop that was restored from a copy, and gave the id of a sent order to a new one."""
    live(rig, 20)
    live(rig, 21)
    rig.world.woocommerce.roll_back(20)
    rig.later(days=1)
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock(), order_key="wc_order_NewOne000001"))
    rig.settle()
    return rig


def test_another_order_of_the_same_id_is_held_with_both_named(restored: Rig) -> None:
    first, second = rows(restored, "#21")
    assert (first.state, second.state, second.code) == ("done", "held", "same_id")
    assert str(first.reference) in second.reason


def test_another_order_of_the_same_id_is_sent_when_a_person_says_so(restored: Rig) -> None:
    second = rows(restored, "#21")[1]
    actions.release(restored.bridge.engine, second, now=restored.clock(), **PEOPLE)
    restored.settle()
    assert restored.sent() == ["woocommerce-20", "woocommerce-21", "woocommerce-21-R2"]  # both are called #21
    assert rows(restored, "#21")[1].state == "done"


# --- surges ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def narrow(database, world, clock, tmp_path) -> Iterator[Rig]:
    rig = make_rig(database, write_mappings(tmp_path / "m", world, "surge_limit: '2'\n"), world, clock)
    yield rig
    rig.bridge.close()


def flood(rig: Rig, numbers: range) -> None:
    for number in numbers:
        rig.world.woocommerce.add_order(woo_order(number, at=rig.clock()))
    rig.settle()


def states(rig: Rig, numbers: range) -> list[str]:
    return [f"{(one := rig.order(f'#{number}')).state} {one.code}".strip() for number in numbers]


def test_what_is_beyond_the_limit_of_an_hour_is_held(narrow: Rig) -> None:
    flood(narrow, range(21, 25))
    assert sorted(states(narrow, range(21, 25))) == ["done", "done", "held surge", "held surge"]
    assert len(narrow.sent()) == 2


def test_the_next_hour_has_room_again(narrow: Rig) -> None:
    flood(narrow, range(21, 23))
    narrow.later(minutes=61)
    flood(narrow, range(23, 25))
    assert states(narrow, range(21, 25)) == ["done"] * 4


def test_what_a_person_lets_go_is_not_counted(narrow: Rig) -> None:
    flood(narrow, range(21, 25))
    for number in range(21, 25):
        order = narrow.order(f"#{number}")
        if order.state == "held":
            actions.release(narrow.bridge.engine, order, now=narrow.clock(), **PEOPLE)
    narrow.settle()
    assert states(narrow, range(21, 25)) == ["done"] * 4


def test_orders_that_waited_for_the_bridge_make_no_surge(narrow: Rig) -> None:
    for number in range(21, 25):
        narrow.world.woocommerce.add_order(woo_order(number, at=narrow.clock()))
        narrow.deliver()  # and no worker is there
        narrow.later(minutes=40)
    narrow.settle()
    assert states(narrow, range(21, 25)) == ["done"] * 4


def test_orders_that_do_not_ship_are_not_counted(narrow: Rig) -> None:
    for number in range(31, 35):
        narrow.world.woocommerce.add_order(woo_order(number, at=narrow.clock(), status="on-hold"))
    flood(narrow, range(21, 23))
    assert states(narrow, range(21, 23)) == ["done"] * 2


# --- holds by rules, and grace ---------------------------------------------------------------------------------------
def test_a_risky_order_is_held_until_a_person_lets_it_go(rig: Rig) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()), recommendation="INVESTIGATE")
    rig.settle()
    order = rig.order("#1001")
    assert (order.state, order.code) == ("held", "hold: risk of fraud")
    actions.release(rig.bridge.engine, order, now=rig.clock(), **PEOPLE)
    rig.settle()
    assert rig.sent() == ["shopify-1001"]


def test_a_fraud_check_under_way_is_waited_for(rig: Rig) -> None:
    number = rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()), risk_levels=["PENDING"])
    rig.settle()
    order = rig.order("#1001")
    assert (order.state, order.reason) == ("waiting", "fraud check under way")
    assert (order.due_at - rig.clock()).total_seconds() == 60
    rig.world.shopify.assess(number, "ACCEPT", ["LOW"])
    rig.later(minutes=1)
    rig.settle()
    assert rig.sent() == ["shopify-1001"]


def test_a_fraud_check_that_never_ends_is_waited_for_half_an_hour(rig: Rig) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()), risk_levels=["PENDING"])
    rig.settle()
    for _ in range(6):
        rig.later(minutes=5)
        rig.settle()
    assert rig.sent() == ["shopify-1001"]


@pytest.fixture
def patient(database, world, clock, tmp_path) -> Iterator[Rig]:
    rig = make_rig(database, write_mappings(tmp_path / "m", world, "send_after: 30 min\n"), world, clock)
    yield rig
    rig.bridge.close()


def test_an_order_is_sent_when_its_grace_is_over(patient: Rig) -> None:
    patient.world.woocommerce.add_order(woo_order(21, at=patient.clock()))
    patient.settle()
    assert (patient.order("#21").state, patient.sent()) == ("waiting", [])
    patient.later(minutes=30)
    patient.settle()
    assert patient.sent() == ["woocommerce-21"]


def test_an_order_that_is_cancelled_in_its_grace_is_never_sent(patient: Rig) -> None:
    patient.world.woocommerce.add_order(woo_order(21, at=patient.clock()))
    patient.settle()
    patient.later(minutes=10)
    patient.world.woocommerce.set_status(21, "cancelled")
    patient.settle()
    patient.later(minutes=30)
    patient.settle()
    assert (patient.order("#21").state, patient.sent()) == ("skipped", [])


# --- what the shop and people do afterwards --------------------------------------------------------------------------
def test_a_held_surge_order_that_changes_does_not_use_up_the_next_hour(narrow: Rig) -> None:
    flood(narrow, range(21, 25))
    held = [number for number in range(21, 25) if narrow.order(f"#{number}").state == "held"]
    narrow.later(minutes=61)
    for number in held:
        narrow.world.woocommerce.change(number, customer_note="x")
    narrow.settle()
    flood(narrow, range(25, 27))
    assert states(narrow, range(25, 27)) == ["done", "done"]


def test_an_order_of_a_host_that_becomes_known_is_sent_once(database, world, clock, tmp_path) -> None:
    folder = write_mappings(tmp_path / "m", world)
    rig = make_rig(database, folder, world, clock)
    rig.world.woocommerce.add_order(woo_order(21, at=clock()))
    rig.take("woocommerce")
    post(rig, elsewhere(rig, rig.world.woocommerce.order(21)))
    assert rig.order("#21").code == "other_host"
    rig.bridge.close()
    file = folder / "woocommerce.yaml"
    file.write_text(file.read_text().replace("[ shop.example ]", "[ shop.example, staging.example ]"))
    rig = make_rig(database, folder, world, clock)
    actions.replay(rig.bridge.engine, rig.order("#21"), now=clock(), **PEOPLE)
    rig.settle()
    rig.world.woocommerce.change(21, customer_note="thanks")
    rig.settle()
    (order,) = rows(rig, "#21")
    assert (order.state, order.order_key, rig.sent()) == (
        "done",
        rig.world.woocommerce.order(21)["order_key"],
        ["woocommerce-21"],
    )
    rig.bridge.close()
