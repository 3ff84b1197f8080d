"""`bridge orders` and `bridge order`: where orders are and why, and what a person may do to them."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from sqlalchemy import update

from bridge.sandbox.faults import drop_after, status
from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.woocommerce import PRODUCTS, woo_order
from bridge.store.database import transaction
from bridge.store.tables import orders
from tests.cli.conftest import Bridge
from tests.forward.conftest import Rig


def shopify(rig: Rig, number: int = 1001, **options) -> str:
    return rig.world.shopify.add_order(shopify_order(number, at=rig.clock(), **options))


@pytest.fixture
def done(rig: Rig) -> Rig:
    """#1001 is done."""
    shopify(rig)
    rig.settle()
    return rig


@pytest.fixture
def waiting(rig: Rig) -> Rig:
    """#1001 is not paid."""
    shopify(rig, financial_status="pending")
    rig.settle()
    return rig


@pytest.fixture
def failed(rig: Rig) -> Rig:
    """#1001 was refused by SortedPRO."""
    rig.world.sortedpro.behave(status(400, body=b"{}"))
    shopify(rig)
    rig.settle()
    return rig


@pytest.fixture
def in_doubt(rig: Rig) -> Rig:
    """#1001 is in doubt: SortedPRO made it and its answer got lost."""
    rig.world.sortedpro.behave(drop_after())
    shopify(rig)
    rig.settle()
    assert rig.order("#1001").state == "in_doubt"
    return rig


def refused(desk: Bridge, *words: str) -> str:
    """What the command says when it will not do something."""
    result = desk(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr.removeprefix("error: ")


# --- list ------------------------------------------------------------------------------------------------------------
def test_without_orders_the_list_says_when_they_appear(desk: Bridge) -> None:
    result = desk("orders", "list")
    assert (result.exit_code, result.stdout.startswith("no orders yet")) == (0, True)


def test_the_list_shows_orders_with_their_state_and_the_totals(done: Rig, desk: Bridge) -> None:
    result = desk("orders", "list")
    assert "#1001" in result.stdout
    assert str(done.order("#1001").reference) in result.stdout.replace("\n", "")
    assert result.stdout.splitlines()[-1] == "1 done"


def test_the_list_as_json_is_one_object_a_line(done: Rig, desk: Bridge) -> None:
    shopify(done, 1002, financial_status="pending")
    done.settle()
    reference = done.order("#1001").reference
    flags = {"tries": 0, "changed": False, "not_sent": None, "alarm": None, "code": None}
    waiting, sent = (json.loads(line) for line in desk("orders", "list", "--json").stdout.splitlines())
    assert datetime.fromisoformat(waiting.pop("since")) <= done.clock() >= datetime.fromisoformat(sent.pop("since"))
    about = {"shop": "shopify", "name": "#1002", "state": "waiting", "reference": None, "reason": "not paid"}
    assert waiting == {**about, **flags, "destination": None, "next": None}
    about = {"shop": "shopify", "name": "#1001", "state": "done", "reference": reference, "reason": None}
    assert sent == {**about, **flags, "destination": "sorted", "next": None}


def test_the_list_as_json_says_when_an_order_is_tried_again(rig: Rig, desk: Bridge) -> None:
    rig.world.sortedpro.busy()
    shopify(rig, 1001)
    rig.settle()
    found = json.loads(desk("orders", "list", "--json").stdout)
    assert (found["state"], found["code"], found["tries"]) == ("queued", "busy", 1)
    assert datetime.fromisoformat(found["next"]) > rig.clock()


def test_webhook_without_an_order_is_shown_with_what_it_was(rig: Rig, desk: Bridge) -> None:
    rig.post("woocommerce", rig.signed_for_woocommerce(b"<html>", "order.created"))
    assert "order.created" in desk("orders", "strays").stdout


def test_the_list_can_be_narrowed_to_states_and_a_shop(done: Rig, desk: Bridge) -> None:
    assert desk("orders", "list", "--json", "--state", "failed").stdout == ""
    assert desk("orders", "list", "--json", "--shop", "woocommerce").stdout == ""
    assert desk("orders", "list", "--json", "--state", "failed", "--state", "done").stdout.count("\n") == 1


def test_an_unknown_state_names_those_there_are(desk: Bridge) -> None:
    result = desk("orders", "list", "--state", "lost")
    assert result.exit_code == 2
    assert "in_doubt" in result.stderr


# --- show ------------------------------------------------------------------------------------------------------------
def test_an_order_is_found_by_name_id_and_reference(done: Rig, desk: Bridge) -> None:
    order = done.order("#1001")
    for name in ("1001", "#1001", order.order_id, order.reference, order.customer_reference):
        assert desk("order", "show", name).stdout.startswith("shopify #1001 done"), name


def test_an_order_tells_its_story(waiting: Rig, desk: Bridge) -> None:
    shown = desk("order", "show", "1001").stdout
    assert "came: orders/create" in shown
    assert "received -> waiting: not paid" in shown


def test_an_order_in_doubt_says_what_a_person_must_do(in_doubt: Rig, desk: Bridge) -> None:
    assert "look for it in SortedPRO, then `bridge order settle`" in desk("order", "show", "1001").stdout


def test_a_failed_order_shows_what_sortedpro_said_of_which_field(rig: Rig, desk: Bridge) -> None:
    detail = {"Code": "Invalid", "Message": "Postcode is wrong", "Target": "Addresses[1].Postcode"}
    body = json.dumps({"Code": "ValidationFailed", "Message": "no", "CorrelationId": "c-1", "Details": [detail]})
    answer = status(400, headers={"content-type": "application/json"}, body=body.encode())
    rig.world.sortedpro.behave(answer)
    shopify(rig)
    rig.settle()
    shown = desk("order", "show", "1001").stdout
    assert "then `bridge order replay`" in shown
    assert "Addresses[1].Postcode: SortedPRO does not take this" in shown
    assert "(found: Postcode is wrong)" in shown


def test_the_payload_is_shown_only_where_it_is_asked_for(done: Rig, desk: Bridge) -> None:
    assert "AddressLine1" not in desk("order", "show", "1001").stdout
    assert "AddressLine1" in desk("order", "show", "1001", "--payload").stdout


def test_an_unknown_name_says_what_to_do(desk: Bridge) -> None:
    assert refused(desk, "order", "show", "#9") == (
        "no order is called #9: if the shop has it, its webhook has not come; "
        "`bridge orders list` shows those that have\n"
    )


def test_a_name_that_two_shops_use_wants_the_shop(rig: Rig, desk: Bridge) -> None:
    shopify(rig, 1001, financial_status="pending")
    rig.world.woocommerce.add_order(woo_order(1001, at=rig.clock(), status="on-hold"))
    rig.settle()
    assert "--shop" in refused(desk, "order", "skip", "1001", "--reason", "lost")
    assert desk("order", "skip", "1001", "--reason", "lost", "--shop", "shopify").exit_code == 0
    assert (rig.order("1001", "shopify").state, rig.order("1001", "woocommerce").state) == ("skipped", "waiting")


# --- acting ----------------------------------------------------------------------------------------------------------
def test_an_action_wants_a_reason(waiting: Rig, desk: Bridge) -> None:
    result = desk("order", "skip", "1001")
    assert result.exit_code == 2
    assert "--reason" in result.stderr


def test_a_skip_stands_in_the_story_with_who_and_why(waiting: Rig, desk: Bridge) -> None:
    assert desk("order", "skip", "1001", "--reason", "sold by hand").exit_code == 0
    assert waiting.order("#1001").state == "skipped"
    assert waiting.story("#1001")[-1] == "skipped by a person: sold by hand"


def test_a_failed_order_can_be_replayed(failed: Rig, desk: Bridge) -> None:
    assert desk("order", "replay", "1001", "--reason", "mended in SortedPRO").exit_code == 0
    assert failed.order("#1001").state == "received"


def test_a_held_order_can_be_released(rig: Rig, desk: Bridge, mappings) -> None:
    from tests.forward.conftest import make_rig, write_mappings

    assert rig.bridge.settings.database is not None
    write_mappings(mappings, rig.world, "mode: observe\n")
    observing = make_rig(rig.bridge.settings.database, mappings, rig.world, rig.clock)
    shopify(observing)
    observing.settle()
    assert observing.order("#1001").state == "held"
    assert desk("order", "release", "1001", "--reason", "looks right").exit_code == 0
    observing.bridge.close()
    assert rig.order("#1001").released == ["observe"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("replay", "1001", "--reason", "x"), "#1001 is done: it has been sent"),
        (("skip", "1001", "--reason", "x"), "#1001 is done: SortedPRO has it or may have it; cancel it there"),
        (("release", "1001", "--reason", "x"), "#1001 is done, not held: there is nothing to release"),
        (("settle", "1001", "--reason", "x", "--drop"), "#1001 is done, not in doubt: there is nothing to settle"),
    ],
)
def test_what_the_state_forbids_is_refused_in_words(done: Rig, desk: Bridge, words: tuple[str, ...], why: str) -> None:
    assert refused(desk, "order", *words).startswith(why)
    assert done.order("#1001").state == "done"


@pytest.mark.parametrize(("action", "why"), [("replay", "`bridge order settle`"), ("skip", "may have it")])
def test_an_order_in_doubt_is_settled_and_nothing_else(in_doubt: Rig, desk: Bridge, action: str, why: str) -> None:
    assert why in refused(desk, "order", action, "1001", "--reason", "x")


def test_a_doubt_ends_with_the_reference_that_a_person_found(in_doubt: Rig, desk: Bridge) -> None:
    (made,) = in_doubt.world.sortedpro.orders()
    assert desk("order", "settle", "1001", "--reason", "seen", "--exists", made.reference).exit_code == 0
    assert (in_doubt.order("#1001").state, in_doubt.order("#1001").reference) == ("created", made.reference)


def test_a_doubt_ends_by_sending_again(in_doubt: Rig, desk: Bridge) -> None:
    assert desk("order", "settle", "1001", "--reason", "not there", "--send-again").exit_code == 0
    assert in_doubt.order("#1001").state == "received"


def test_a_doubt_ends_by_dropping_the_order(in_doubt: Rig, desk: Bridge) -> None:
    assert desk("order", "settle", "1001", "--reason", "not wanted", "--drop").exit_code == 0
    assert in_doubt.order("#1001").state == "skipped"


def test_a_reference_that_is_none_is_refused(in_doubt: Rig, desk: Bridge) -> None:
    said = refused(desk, "order", "settle", "1001", "--reason", "x", "--exists", "1001")
    assert said == "1001 is no order reference: they look like EO-000-002-0TS\n"


def test_the_reference_of_another_order_is_refused(done: Rig, desk: Bridge) -> None:
    done.world.sortedpro.behave(drop_after())
    shopify(done, 1002)
    done.settle()
    reference = str(done.order("#1001").reference)
    said = refused(desk, "order", "settle", "1002", "--reason", "x", "--exists", reference)
    assert said.startswith(f"{reference} was made by another attempt than those of #1002: it names BridgeAttempt ")


@pytest.mark.parametrize("ends", [(), ("--drop", "--send-again")])
def test_a_doubt_ends_in_one_way(in_doubt: Rig, desk: Bridge, ends: tuple[str, ...]) -> None:
    result = desk("order", "settle", "1001", "--reason", "x", *ends)
    assert result.exit_code == 2
    assert "give one of --exists EO-..., --send-again, --drop" in result.stderr


# --- parts -----------------------------------------------------------------------------------------------------------
def test_the_rest_of_an_order_is_sent_and_its_parts_are_told_apart(desk: Bridge, rig: Rig) -> None:
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.settle()
    rig.world.woocommerce.edit(21, [{"product_id": PRODUCTS[1].id, "quantity": 2}])
    rig.settle()
    assert f"2 × {PRODUCTS[1].sku} not sent" in desk("order", "show", "#21").output
    assert "#21 part 2: received" in desk("order", "send-rest", "#21", "--reason", "added by phone").output
    rig.settle()
    assert "#21 part 2 done: EO-" in desk("order", "show", "#21").output


def test_an_order_with_parts_asks_which_one_is_meant(desk: Bridge, rig: Rig) -> None:
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.settle()
    rig.world.woocommerce.edit(21, [{"product_id": PRODUCTS[1].id, "quantity": 2}])
    rig.settle()
    desk("order", "send-rest", "#21", "--reason", "to see")
    refused = desk("order", "skip", "#21", "--reason", "no")
    assert (refused.exit_code, "#21 has 2 parts: say which with --part" in refused.output) == (1, True)
    assert "skipped" in desk("order", "skip", "#21", "--part", "2", "--reason", "no").output


def test_an_order_of_a_copied_shop_is_named_by_its_row(desk: Bridge, rig: Rig) -> None:
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.settle()
    body = json.dumps(rig.world.woocommerce.order(21)).replace(rig.world.woocommerce_url, "https://staging.example")
    rig.post("woocommerce", rig.signed_for_woocommerce(body.encode(), "order.updated"))
    rig.work()
    assert "#21 is done: SortedPRO has it" in desk("order", "skip", "#21", "--reason", "which one?").output
    assert "it is never sent: `bridge order skip 'row 2'`" in desk("order", "show", "row 2").output
    assert "skipped" in desk("order", "skip", "row 2", "--reason", "a copy").output


def test_of_orders_with_one_id_each_can_be_named_by_its_row(desk: Bridge, rig: Rig) -> None:
    """The shop was restored from a copy, and gave the id to another order."""
    for number in (20, 21):
        rig.world.woocommerce.add_order(woo_order(number, at=rig.clock()))
    rig.settle()
    rig.world.woocommerce.roll_back(20)
    rig.later(days=1)
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock(), order_key="wc_order_NewOne000001"))
    rig.settle()
    refused = desk("order", "release", "#21", "--reason", "it is real").output
    assert "row 2 (woocommerce #21, done), row 3 (woocommerce #21, held)" in refused
    assert desk("order", "release", "row 3", "--reason", "it is real").exit_code == 0


def test_a_name_that_a_terminal_or_a_table_would_take_for_more_is_shown_as_it_is(rig: Rig, desk: Bridge) -> None:
    shopify(rig)
    rig.settle()
    with transaction(rig.bridge.engine) as connection:
        connection.execute(update(orders).values(name=f"#a[/red]b[bold]\x1b[31m{'N' * 5000}"))
    result = desk("orders", "list")
    assert result.exit_code == 0
    assert "#a[/red]b[bold]\N{REPLACEMENT CHARACTER}[31mNNN" in result.stdout
    assert "N" * 60 not in result.stdout
