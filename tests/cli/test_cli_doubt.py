"""`bridge order settle`: what a person is shown of a doubt, and what SortedPRO is asked before a reference counts."""

from __future__ import annotations

import pytest

from bridge.sandbox.faults import drop_after, status
from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.woocommerce import woo_order
from bridge.store import queries
from bridge.store.database import transaction
from tests.cli.conftest import Bridge
from tests.forward.conftest import Rig

MADE = "EO-000-002-000"  # what SortedPRO makes first


@pytest.fixture
def in_doubt(rig: Rig) -> Rig:
    """#1001 is in doubt: SortedPRO made it and its answer got lost."""
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.world.sortedpro.behave(drop_after())
    rig.settle()
    assert rig.order("#1001").state == "in_doubt"
    return rig


def settle(desk: Bridge, *words: str, reason: str = "seen there", name: str = "#1001") -> tuple[int, str, str]:
    """Exit status, output and errors."""
    result = desk("order", "settle", name, *words, *(("--reason", reason) if reason else ()))
    return result.exit_code, result.stdout, result.stderr


def last_event(rig: Rig, name: str = "#1001") -> queries.Event:
    with transaction(rig.bridge.engine) as connection:
        return queries.story(connection, rig.order(name))[-1]


# --- what there is to go by ------------------------------------------------------------------------------------------
def test_a_doubt_is_shown_with_its_attempt_and_the_value_to_look_for(in_doubt: Rig, desk: Bridge) -> None:
    shown = desk("order", "show", "#1001").stdout
    attempt = in_doubt.order("#1001").attempt_id
    assert "  tried 2026-12-01 09:00:00 to 2026-12-01 09:00:00: no answer came: " in shown
    assert f"  if SortedPRO made an order then, its metadata says BridgeAttempt {attempt}\n" in shown
    assert "look for it in SortedPRO, then `bridge order settle`" in shown


def test_the_answer_is_told_by_its_status(rig: Rig, desk: Bridge) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.world.sortedpro.behave(status(500, body=b"somebody's address"))
    rig.settle()
    shown = desk("order", "show", "#1001").stdout
    assert "answer 500: look in SortedPRO whether the order exists" in shown
    assert "somebody" not in shown


def test_what_was_found_since_is_shown_beside_the_attempt(in_doubt: Rig, desk: Bridge) -> None:
    in_doubt.world.sortedpro.pack(MADE)
    in_doubt.later(hours=1)
    in_doubt.settle()
    found = "  seen 2026-12-01 10:00:00: SortedPRO has 1 consignment with our reference shopify-1001 (EC-000-00G-000)"
    assert found in desk("order", "show", "#1001").stdout


def test_without_a_way_to_end_it_a_doubt_is_only_shown(in_doubt: Rig, desk: Bridge) -> None:
    code, output, errors = settle(desk, reason="")
    assert (code, errors) == (0, "")
    assert f"BridgeAttempt {in_doubt.order('#1001').attempt_id}" in output
    assert [line.split()[0] for line in output.splitlines()[-4:]] == ["--exists", "--send-again", "--drop", "each"]
    assert in_doubt.order("#1001").state == "in_doubt"


def test_a_reason_without_a_way_is_refused(in_doubt: Rig, desk: Bridge) -> None:
    code, _, errors = settle(desk)
    assert (code, "give one of --exists EO-..., --send-again, --drop" in errors) == (2, True)


def test_of_a_conflict_the_ways_to_end_it_are_shown(rig: Rig, desk: Bridge) -> None:
    meta = {"sorted_order_reference": "EO-999-999-999"}
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock(), meta=meta))
    rig.settle()
    code, output, _ = settle(desk, reason="", name="#21")
    assert (code, "--write-back overwrite" in output, "--write-back keep" in output) == (0, True, True)


def test_of_an_order_that_is_done_there_is_nothing_to_settle(rig: Rig, desk: Bridge) -> None:
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.settle()
    code, _, errors = settle(desk, reason="", name="#21")
    assert (code, errors) == (1, "error: #21 is done: there is nothing to settle\n")


def test_what_there_was_to_go_by_stands_above_what_became_of_it(in_doubt: Rig, desk: Bridge) -> None:
    _, output, _ = settle(desk, "--drop")
    lines = output.splitlines()
    assert [lines[0][:8], lines[-1]] == ["  tried ", "shopify #1001: skipped: dropped: seen there"]


# --- why -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("reason", ["", " "])
def test_an_empty_reason_is_refused_in_words(in_doubt: Rig, desk: Bridge, reason: str) -> None:
    result = desk("order", "settle", "#1001", "--drop", "--reason", reason)
    assert (result.exit_code, "say why" in result.stderr) == (2, True)
    assert in_doubt.order("#1001").state == "in_doubt"


def test_a_doubt_is_not_settled_without_a_reason(in_doubt: Rig, desk: Bridge) -> None:
    code, _, errors = settle(desk, "--drop", reason="")
    assert (code, "--reason" in errors, in_doubt.order("#1001").state) == (2, True, "in_doubt")


# --- a reference -----------------------------------------------------------------------------------------------------
def test_a_reference_that_sortedpro_has_for_this_attempt_is_taken(in_doubt: Rig, desk: Bridge) -> None:
    code, _, errors = settle(desk, "--exists", MADE)
    order = in_doubt.order("#1001")
    assert (code, errors, order.reference, order.sent_attempt) == (0, "", MADE, order.attempt_id)
    assert last_event(in_doubt).words == f"exists as {MADE}: seen there"
    assert last_event(in_doubt).actor.startswith("person: ")


def test_a_reference_that_sortedpro_does_not_have_is_refused(in_doubt: Rig, desk: Bridge) -> None:
    code, _, errors = settle(desk, "--exists", "EO-000-009-XYZ")
    assert (code, in_doubt.order("#1001").state) == (1, "in_doubt")
    assert errors == ("error: SortedPRO has no order EO-000-009-XYZ: look there again for the order of #1001\n")


def test_a_reference_is_taken_in_small_letters(in_doubt: Rig, desk: Bridge) -> None:
    assert settle(desk, "--exists", MADE.lower())[0] == 0
    assert in_doubt.order("#1001").reference == MADE


def test_an_order_dropped_by_mistake_is_settled_with_its_reference(in_doubt: Rig, desk: Bridge) -> None:
    assert settle(desk, "--drop")[0] == 0
    assert settle(desk, "--exists", MADE)[0] == 0
    in_doubt.settle()
    order = in_doubt.order("#1001")
    assert (order.state, order.reference, in_doubt.sent()) == ("done", MADE, ["shopify-1001"])


def test_an_order_that_was_never_in_doubt_is_not_settled_with_a_reference(in_doubt: Rig, desk: Bridge) -> None:
    in_doubt.world.sortedpro.behave(status(400))
    in_doubt.world.shopify.add_order(shopify_order(1002, at=in_doubt.clock()))
    for _ in range(3):
        in_doubt.later(hours=1)
        in_doubt.settle()
    assert in_doubt.order("#1002").state == "failed"
    result = desk("order", "settle", "#1002", "--exists", MADE, "--reason", "x")
    assert (result.exit_code, in_doubt.order("#1002").state) == (1, "failed")


def test_a_reference_of_another_attempt_is_refused(in_doubt: Rig, desk: Bridge) -> None:
    in_doubt.world.shopify.add_order(shopify_order(1002, at=in_doubt.clock()))
    for _ in range(3):
        in_doubt.later(hours=1)
        in_doubt.settle()
    other = in_doubt.order("#1002")
    code, _, errors = settle(desk, "--exists", str(other.reference))
    assert (code, in_doubt.order("#1001").state) == (1, "in_doubt")
    assert errors == (
        f"error: {other.reference} was made by another attempt than those of #1001: it names BridgeAttempt "
        f"{other.sent_attempt}\n"
    )


def test_a_reference_is_refused_while_sortedpro_cannot_be_asked(in_doubt: Rig, desk: Bridge) -> None:
    in_doubt.world.sortedpro.busy()
    code, _, errors = settle(desk, "--exists", MADE)
    assert (code, in_doubt.order("#1001").state) == (1, "in_doubt")
    assert "SortedPRO could not be asked: " in errors
    assert "--unchecked" in errors


def test_a_reference_is_taken_unchecked_with_a_note_while_sortedpro_cannot_be_asked(
    in_doubt: Rig, desk: Bridge
) -> None:
    in_doubt.world.sortedpro.busy()
    code, _, errors = settle(desk, "--exists", MADE, "--unchecked")
    note = "SortedPRO could not be asked: SortedPRO answered 429 instead of the order; try again later"
    assert (code, errors) == (0, f"taken at your word: {note}\n")
    assert last_event(in_doubt).words == f"exists as {MADE}: seen there ({note})"


def test_a_reference_is_taken_only_unchecked_where_no_mapping_names_the_destination(
    in_doubt: Rig, desk: Bridge, tmp_path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    arguments = ("order", "settle", "#1001", "--exists", MADE, "--reason", "x")
    refused = desk(*arguments, BRIDGE_MAPPINGS=str(elsewhere))
    assert (refused.exit_code, in_doubt.order("#1001").state) == (1, "in_doubt")
    result = desk(*arguments, "--unchecked", BRIDGE_MAPPINGS=str(elsewhere))
    assert (result.exit_code, "SortedPRO could not be asked: " in result.stderr) == (0, True)
    assert in_doubt.order("#1001").reference == MADE


def test_a_reference_whose_metadata_names_no_attempt_is_taken_with_a_note(in_doubt: Rig, desk: Bridge) -> None:
    in_doubt.world.sortedpro.orders()[0].body["MetaData"].clear()
    code, _, errors = settle(desk, "--exists", MADE)
    assert (code, errors) == (0, "taken at your word: SortedPRO shows no BridgeAttempt with it\n")


# --- write-backs -----------------------------------------------------------------------------------------------------
def test_a_conflict_is_ended_by_replacing_the_other_reference(rig: Rig, desk: Bridge) -> None:
    number = rig.world.woocommerce.add_order(
        woo_order(21, at=rig.clock(), meta={"sorted_order_reference": "EO-999-999-999"})
    )
    rig.settle()
    code, output, _ = settle(desk, "--write-back", "overwrite", name="#21")
    assert (code, output) == (0, f"woocommerce #21: created: {rig.order('#21').reference}\n")
    rig.settle()
    assert rig.world.woocommerce.reference_of(number) == rig.order("#21").reference == MADE


def test_without_a_conflict_there_is_nothing_to_overwrite(in_doubt: Rig, desk: Bridge) -> None:
    code, output, errors = settle(desk, "--write-back", "overwrite")
    assert (code, output) == (1, "")
    assert errors == "error: no other reference is known to stand on #1001: there is nothing to overwrite\n"
