"""Going live: orders narrowed down, released, taken over from another connector, and the way back."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.sandbox.faults import drop_after
from bridge.sandbox.trio import Trio
from tests.cli.beside import listed, made_by_the_old_connector, shopify, woocommerce
from tests.cli.conftest import Bridge
from tests.conftest import Clock
from tests.forward.conftest import Rig, write_mappings

EARLIER = datetime(2025, 12, 1, tzinfo=UTC)  # than send_from, 2026-01-01
REFERENCE = "EO-000-002-000"  # the first that the fake SortedPRO gives


@pytest.fixture
def clock() -> Clock:
    """The command lives in the real time, so the sandbox does too."""
    return Clock(now=datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def mappings(tmp_path: Path, world: Trio) -> Path:
    """The shipped mappings on a parallel day."""
    return write_mappings(tmp_path / "mappings", world, "mode: observe\n")


@pytest.fixture
def observed(rig: Rig) -> Rig:
    """#1001 and #1002 of Shopify and 21 of WooCommerce are held by observe mode; another connector has sent one."""
    assert made_by_the_old_connector(rig) == REFERENCE
    shopify(rig)
    woocommerce(rig)
    rig.later(minutes=1)
    shopify(rig, 1002)
    rig.settle()
    return rig


def work(rig: Rig) -> None:
    """Let the worker do what the command has made due; the command's clock is a little ahead."""
    rig.later(minutes=1)
    rig.settle()


def states(rig: Rig, *names: str) -> list[str]:
    return [rig.order(name).state for name in names]


def names(desk: Bridge, *words: str) -> list[str]:
    return [json.loads(line)["name"] for line in desk("orders", "list", "--json", *words).stdout.splitlines()]


# --- list ------------------------------------------------------------------------------------------------------------
def test_orders_are_narrowed_by_code_and_time(observed: Rig, desk: Bridge) -> None:
    second = observed.clock().isoformat()  # #1002 came then, a minute after the others
    assert names(desk, "--code", "observe", "--shop", "shopify") == ["#1002", "#1001"]
    assert names(desk, "--code", "surge") == []
    assert names(desk, "--since", second) == ["#1002"]
    assert names(desk, "--until", second, "--shop", "shopify") == ["#1001"]


def test_open_orders_from_before_send_from_are_not_hidden(observed: Rig, desk: Bridge) -> None:
    shopify(observed, 900, at=EARLIER)
    observed.settle()
    said = desk("orders", "list").stdout.splitlines()[-1]
    assert said == "1 open order is older than send_from: `bridge orders list --code before_send_from`"
    assert names(desk, "--code", "before_send_from") == ["#900"]


def test_a_word_that_is_no_time_is_refused(desk: Bridge) -> None:
    result = desk("orders", "list", "--since", "yesterday")
    assert result.exit_code == 2
    assert "write 2026-12-01" in result.stderr


# --- release ---------------------------------------------------------------------------------------------------------
def test_one_released_order_is_really_sent_in_observe_mode(observed: Rig, desk: Bridge) -> None:
    assert desk("orders", "release", "#1001", "--reason", "canary", "--yes").stdout.endswith("1 order released\n")
    work(observed)
    assert observed.sent() == ["L-1001", "shopify-1001"]  # the other connector's, and ours
    assert states(observed, "#1001", "#1002", "21") == ["done", "held", "held"]


def test_orders_are_released_by_filter_oldest_first(observed: Rig, desk: Bridge) -> None:
    result = desk("orders", "release", "--shop", "shopify", "--limit", "1", "--reason", "live", "--yes")
    assert "shopify: 1 order with the code observe" in result.stdout
    assert "of 2, by --limit" in result.stdout
    assert states(observed, "#1001", "#1002", "21") == ["received", "held", "held"]


def test_nothing_is_released_where_nobody_can_be_asked(observed: Rig, desk: Bridge) -> None:
    result = desk("orders", "release", "--code", "observe", "--reason", "live")
    assert (result.exit_code, "nobody is here to be asked: give --yes" in result.stderr) == (1, True)
    assert "shopify: 2 orders with the code observe" in result.stdout
    assert states(observed, "#1001", "#1002", "21") == ["held"] * 3


@pytest.mark.parametrize("which", [(), ("1001", "--code", "observe")])
def test_release_wants_either_names_or_a_filter(observed: Rig, desk: Bridge, which: tuple[str, ...]) -> None:
    assert desk("orders", "release", *which, "--reason", "live", "--yes").exit_code == 2
    assert states(observed, "#1001", "#1002", "21") == ["held"] * 3


def test_names_are_all_looked_at_before_one_is_released(observed: Rig, desk: Bridge) -> None:
    result = desk("orders", "release", "1001", "9999", "--reason", "live", "--yes")
    assert (result.exit_code, result.stderr) == (1, "error: no order is called 9999\n")
    assert states(observed, "#1001") == ["held"]


def test_release_of_what_is_not_held_says_so(observed: Rig, desk: Bridge) -> None:
    assert "nothing to release" in desk("orders", "release", "--code", "surge", "--reason", "x", "--yes").stdout
    desk("order", "skip", "1001", "--reason", "x")
    said = desk("orders", "release", "1001", "--reason", "x", "--yes").stderr
    assert said == "error: #1001 is skipped, not held: there is nothing to release\n"


def test_open_order_from_before_send_from_is_released(observed: Rig, desk: Bridge) -> None:
    shopify(observed, 900, at=EARLIER)
    observed.settle()
    desk("orders", "release", "--code", "before_send_from", "--reason", "the old connector missed it", "--yes")
    work(observed)
    assert (observed.order("#900").state, observed.order("#900").code) == ("held", "observe")


# --- adopt -----------------------------------------------------------------------------------------------------------
def test_orders_of_the_old_connector_are_never_sent(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    file = listed(tmp_path, f"shopify,#1001,{REFERENCE}", "shopify,1002,Sent Elsewhere")
    assert desk("orders", "adopt", file, "--by", "Lightship").stdout == "2 adopted, 0 already so, 0 not possible\n"
    work(observed)
    assert observed.sent() == ["L-1001"]  # the old connector's own
    assert states(observed, "#1001", "#1002") == ["done", "skipped"]
    assert observed.world.shopify.reference_of(observed.order("#1001").order_id) == REFERENCE
    assert observed.order("#1002").reason == "sent elsewhere: by Lightship"


def test_same_file_twice_changes_nothing(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    file = listed(tmp_path, f"shopify,#1001,{REFERENCE}", "woocommerce,21,sent elsewhere")
    assert desk("orders", "adopt", file).exit_code == 0
    stories = [observed.story(name) for name in ("#1001", "21")]
    result = desk("orders", "adopt", file)
    assert (result.exit_code, result.stdout) == (0, "0 adopted, 2 already so, 0 not possible\n")
    assert [observed.story(name) for name in ("#1001", "21")] == stories


def test_a_dry_run_says_it_and_does_nothing(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    result = desk("orders", "adopt", listed(tmp_path, f"shopify,#1001,{REFERENCE}"), "--dry-run")
    assert result.stdout == "1 would be adopted, 0 already so, 0 not possible\n"
    assert states(observed, "#1001") == ["held"]


def test_order_nobody_has_heard_of_is_taken_by_its_id(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    identity = shopify(observed, 1003)
    late = observed.take("shopify")  # its webhook comes after the file
    assert desk("orders", "adopt", listed(tmp_path, f"shopify,{identity},{REFERENCE}")).exit_code == 0
    for packet in late:
        assert observed.post("shopify", packet) == 202
    work(observed)
    assert (observed.order("#1003").state, observed.sent()) == ("done", ["L-1001"])
    assert observed.world.shopify.reference_of(identity) == REFERENCE


def test_order_nobody_has_heard_of_is_known_as_sent_elsewhere(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    number = woocommerce(observed, 22)
    late = observed.take("woocommerce")
    assert desk("orders", "adopt", listed(tmp_path, f"woocommerce,id {number},sent elsewhere")).exit_code == 0
    for packet in late:
        assert observed.post("woocommerce", packet) == 202
    work(observed)
    assert (observed.order("22").state, observed.order("22").by_person) == ("skipped", True)


def test_name_without_an_order_opens_no_row(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    file = listed(tmp_path, f"shopify,#1009,{REFERENCE}", "shopify,1008,sent elsewhere")
    result = desk("orders", "adopt", file)
    assert (result.exit_code, result.stdout) == (1, "0 adopted, 0 already so, 2 not possible\n")
    assert "old.csv:2: shopify #1009: no order of this name has come from the shop yet: give its id" in result.stderr
    assert "old.csv:3: shopify 1008: the shop shows no order of id 1008: if that is its name" in result.stderr
    assert sorted(names(desk)) == ["#1001", "#1002", "#21"]


def test_name_of_one_order_that_is_the_id_of_another_is_asked_about(rig: Rig, desk: Bridge, tmp_path: Path) -> None:
    woocommerce(rig, 21, shown_number="22")
    woocommerce(rig, 22, shown_number="23")
    rig.settle()
    result = desk("orders", "adopt", listed(tmp_path, "woocommerce,22,sent elsewhere"))
    assert "it may be #22 (id 21), #23 (id 22): write #22 for the name, or id and its number" in result.stderr
    assert desk("orders", "adopt", listed(tmp_path, "woocommerce,id 22,sent elsewhere")).exit_code == 0
    assert (rig.order("21").state, rig.order("23").state) == ("held", "skipped")


def test_order_that_the_bridge_has_sent_is_a_conflict(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    desk("orders", "release", "1001", "--reason", "canary", "--yes")
    work(observed)
    reference = observed.order("#1001").reference
    result = desk("orders", "adopt", listed(tmp_path, f"shopify,#1001,{REFERENCE}"))
    assert f"the bridge has {reference} for it: find out in SortedPRO which one ships" in result.stderr
    assert desk("orders", "adopt", listed(tmp_path, f"shopify,#1001,{reference}")).exit_code == 0


def test_doubt_ends_with_the_reference_in_the_file(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    observed.world.sortedpro.behave(drop_after())
    desk("orders", "release", "1001", "--reason", "canary", "--yes")
    work(observed)
    assert states(observed, "#1001") == ["in_doubt"]
    made = observed.world.sortedpro.orders()[1]
    assert desk("orders", "adopt", listed(tmp_path, f"shopify,#1001,{made.reference}")).exit_code == 0
    assert (observed.order("#1001").state, observed.order("#1001").reference) == ("created", made.reference)


def test_reference_of_another_order_is_not_taken_twice(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    desk("orders", "adopt", listed(tmp_path, f"shopify,#1001,{REFERENCE}"))
    result = desk("orders", "adopt", listed(tmp_path, f"shopify,#1002,{REFERENCE}"))
    assert f"{REFERENCE} is the reference of another order already" in result.stderr
    assert (result.exit_code, states(observed, "#1002")) == (1, ["held"])


def test_everything_wrong_in_the_file_is_told_before_anything_is_done(
    observed: Rig, desk: Bridge, tmp_path: Path
) -> None:
    rows = (f"shopify,#1001,{REFERENCE}", "etsy,1,sent elsewhere", "shopify,1001,sent elsewhere", "shopify,#1002,")
    result = desk("orders", "adopt", listed(tmp_path, *rows, f"woocommerce,21,{REFERENCE}"))
    assert result.exit_code == 2
    told = [line.split(": ")[1:3] for line in result.stderr.splitlines() if line.startswith("error")]
    assert [place for place, _ in told] == ["old.csv:3", "old.csv:4", "old.csv:5", "old.csv:6"]
    assert states(observed, "#1001") == ["held"]


def test_one_order_written_in_two_ways_is_told(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    identity = observed.order("#1001").order_id
    result = desk(
        "orders", "adopt", listed(tmp_path, f"shopify,#1001,{REFERENCE}", f"shopify,{identity},sent elsewhere")
    )
    assert (result.exit_code, "this is the order of line 2, otherwise written" in result.stderr) == (2, True)
    assert states(observed, "#1001") == ["held"]


def test_adoption_stands_in_the_story_with_the_person(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    desk("orders", "adopt", listed(tmp_path, f"shopify,#1001,{REFERENCE}"))
    shown = desk("order", "show", "1001").stdout
    assert f"held -> created: adopted: old.csv made it as {REFERENCE}  (person: " in shown


def test_cancelled_order_of_the_old_connector_is_flagged(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    desk("orders", "adopt", listed(tmp_path, f"shopify,#1001,{REFERENCE}"))
    work(observed)
    observed.world.shopify.cancel(observed.order("#1001").order_id)
    work(observed)
    assert (observed.order("#1001").changed, observed.order("#1001").change[:11]) == (True, "do not ship")


# --- export ----------------------------------------------------------------------------------------------------------
def test_what_was_sent_and_is_in_flight_is_exported(observed: Rig, desk: Bridge) -> None:
    desk("orders", "release", "1001", "--reason", "canary", "--yes")
    work(observed)
    observed.world.sortedpro.behave(drop_after())
    desk("orders", "release", "1002", "--reason", "canary", "--yes")
    work(observed)
    rows = list(csv.DictReader(io.StringIO(desk("orders", "export").stdout)))
    told = [(row["order"], row["state"], row["reference"], row["last_outcome"], row["changed"]) for row in rows]
    reference = observed.order("#1001").reference
    assert told == [("#1001", "done", reference, "created", "no"), ("#1002", "in_doubt", "", "unknown", "no")]
    assert (rows[0]["customer_reference"], rows[0]["part"]) == ("shopify-1001", "1")


def test_export_can_be_narrowed_and_has_no_personal_data(observed: Rig, desk: Bridge) -> None:
    said = desk("orders", "export", "--state", "held", "--shop", "woocommerce").stdout
    assert [line.split(",")[:2] for line in said.splitlines()] == [["shop", "order"], ["woocommerce", "#21"]]
    assert "@" not in said


def test_export_is_a_list_that_compare_reads(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    desk("orders", "release", "1001", "--reason", "canary", "--yes")
    work(observed)
    (tmp_path / "sent.csv").write_text(desk("orders", "export").stdout, "utf-8")
    assert desk("compare", tmp_path / "sent.csv").stdout.startswith("1 compared equal, 0 differ")


def test_reference_that_sortedpro_does_not_have_is_not_believed(observed: Rig, desk: Bridge, tmp_path: Path) -> None:
    file = listed(tmp_path, "shopify,#1001,EO-999-999-999")
    for more in ((), ("--dry-run",)):
        result = desk("orders", "adopt", file, *more)
        assert (result.exit_code, "SortedPRO has no order EO-999-999-999" in result.stderr) == (1, True)
    assert states(observed, "#1001") == ["held"]


def test_a_shop_that_is_not_there_is_no_empty_list(observed: Rig, desk: Bridge) -> None:
    for words in (("list",), ("export",), ("release", "--yes", "--reason", "x")):
        result = desk("orders", *words, "--shop", "nope")
        assert (result.exit_code, "there is no shop nope; there are shopify, woocommerce" in result.output) == (1, True)
