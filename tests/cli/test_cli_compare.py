"""`bridge compare`: what another connector made against what the bridge would send, field by field."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bridge import parallel
from bridge.comparison import listing
from bridge.sandbox.trio import Trio
from bridge.store.database import transaction
from bridge.store.tables import history, inbox
from tests.cli.beside import listed, made_by_the_old_connector, shopify, woocommerce
from tests.cli.conftest import Bridge
from tests.conftest import Clock
from tests.forward.conftest import Rig, make_rig, write_mappings

NOWHERE = "EO-ZZZ-ZZZ-ZZZ"


@pytest.fixture
def clock() -> Clock:
    """The command lives in the real time, so the sandbox does too."""
    return Clock(now=datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def mappings(tmp_path: Path, world: Trio) -> Path:
    """The shipped mappings on a parallel day."""
    return write_mappings(tmp_path / "mappings", world, "mode: observe\n")


@pytest.fixture
def old(rig: Rig, tmp_path: Path) -> Path:
    """#1001 is observed, and was sent by the old connector in its own way; the file that says so."""
    shopify(rig)
    rig.settle()
    return listed(tmp_path, f"shopify,#1001,{made_by_the_old_connector(rig)}")


def fields(desk: Bridge, *words: object) -> dict[str, tuple[str, str]]:
    """Both values by field of the one order that differs."""
    found = json.loads(desk("compare", *words, "--json").stdout)["differing"]
    return {each["field"]: (each["theirs"], each["ours"]) for each in found[0]["fields"]}


def test_order_compares_equal_to_what_sortedpro_echoes_of_it(rig: Rig, desk: Bridge, tmp_path: Path) -> None:
    shopify(rig)
    rig.settle()
    assert desk("orders", "release", "1001", "--reason", "canary", "--yes").exit_code == 0
    rig.later(minutes=1)
    rig.settle()
    result = desk("compare", listed(tmp_path, f"shopify,1001,{rig.order('1001').reference}"))
    assert result.stdout == "1 compared equal, 0 differ, 0 would not be sent, 0 unmatched\n"
    assert result.exit_code == 0


def test_woocommerce_order_compares_equal_to_itself(rig: Rig, desk: Bridge, tmp_path: Path) -> None:
    woocommerce(rig)
    rig.settle()
    desk("orders", "release", "21", "--reason", "canary", "--yes")
    rig.later(minutes=1)
    rig.settle()
    result = desk("compare", listed(tmp_path, f"woocommerce,21,{rig.order('21').reference}"))
    assert (result.exit_code, result.stdout[:17]) == (0, "1 compared equal,")


def test_differences_are_told_by_field_with_both_values(old: Path, desk: Bridge) -> None:
    found = fields(desk, old)
    assert found["OrderReferenceProvidedByCustomer"] == ("L-1001", "shopify-1001")
    assert found["Packages[].Description"] == ("Parcel of #1001", "Order #1001")
    # Two mugs of 410 g: theirs per unit, ours for the line. The SKU tells which of the two items it is.
    assert found["Packages[].Items[].Weight.Value"] == ("0.41", "0.82")
    assert "Packages[].Items[].Sku" not in found


def test_spelling_of_numbers_names_and_telephones_is_no_difference(old: Path, desk: Bridge) -> None:
    found = fields(desk, old)
    equal = ("Packages[].Weight", "Packages[].Dimensions", "Packages[].Value", "Direction", "ShippingDate", "Source")
    assert not [path for path in found if path.startswith(equal) or ".Contact" in path or ".Country" in path]


def test_differences_are_a_table_and_status_1(old: Path, desk: Bridge) -> None:
    result = desk("compare", old)
    assert result.exit_code == 1
    assert "Parcel of" in result.stdout
    assert result.stdout.endswith("0 compared equal, 1 differ, 0 would not be sent, 0 unmatched\n")


def test_what_an_address_says_is_shown_only_where_it_is_asked_for(old: Path, desk: Bridge) -> None:
    assert "LEICESTER" not in desk("compare", old).stdout
    assert fields(desk, old)["Addresses[Destination].Town"] == ("differs", "differs")
    assert fields(desk, old, "--show-values")["Addresses[Destination].Town"] == ("LEICESTER", "Leicester")


def test_explained_differences_are_left_out(old: Path, desk: Bridge) -> None:
    ignored = ["OrderReferenceProvidedByCustomer", "Packages[].Description", "Packages[0].Items[]"]
    ignored += ["Addresses[Destination].Town", "MetaData"]
    result = desk("compare", old, *[word for path in ignored for word in ("--ignore", path)])
    assert (result.exit_code, result.stdout[:17]) == (0, "1 compared equal,")


def test_explanation_that_explains_nothing_is_told(old: Path, desk: Bridge) -> None:
    said = desk("compare", old, "--ignore", "Packages[].Descriptoin").stdout
    assert "nothing differs in Packages[].Descriptoin: --ignore names it in vain" in said


def test_order_that_would_not_be_sent_is_told_with_the_reason(rig: Rig, old: Path, desk: Bridge) -> None:
    rig.world.shopify.cancel(rig.order("#1001").order_id)
    result = desk("compare", old)
    assert "skip: cancelled" in result.stdout
    assert (result.exit_code, desk("compare", old, "--ignore", "skip: cancelled").exit_code) == (1, 0)


def test_order_that_was_fulfilled_since_is_judged_as_it_stood_before(rig: Rig, old: Path, desk: Bridge) -> None:
    rig.world.shopify.fulfil(rig.order("#1001").order_id)
    assert fields(desk, old)["Packages[].Description"] == ("Parcel of #1001", "Order #1001")


def test_order_from_before_send_from_is_compared(rig: Rig, desk: Bridge, tmp_path: Path) -> None:
    shopify(rig, at=datetime(2025, 12, 1, tzinfo=UTC))
    rig.settle()
    file = listed(tmp_path, f"shopify,#1001,{made_by_the_old_connector(rig)}")
    assert "Packages[].Description" in fields(desk, file)


def test_orders_that_only_one_side_has_are_told(rig: Rig, old: Path, desk: Bridge, tmp_path: Path) -> None:
    row = old.read_text("utf-8").splitlines()[1]
    rig.later(minutes=1)
    shopify(rig, 1002)
    rig.later(minutes=1)
    shopify(rig, 1003)
    rig.settle()
    file = listed(tmp_path, row, f"shopify,#1003,{NOWHERE}", "shopify,#9999,EO-ZZZ-ZZZ-ZZY")
    found = json.loads(desk("compare", file, "--json").stdout)["unmatched"]
    assert {one["order"]: one["words"] for one in found} == {
        "#9999": "in the file, and its webhook has not come to the bridge",
        "#1002": "held in the bridge, and not in the file",
        "#1003": "SortedPRO has no order of this reference",
    }


def test_orders_after_the_file_s_last_are_not_missed_in_it(rig: Rig, old: Path, desk: Bridge) -> None:
    rig.later(minutes=1)
    shopify(rig, 1002)
    rig.settle()
    assert json.loads(desk("compare", old, "--json").stdout)["unmatched"] == []


def test_order_that_both_have_sent_is_told(rig: Rig, old: Path, desk: Bridge) -> None:
    desk("orders", "release", "1001", "--reason", "by mistake", "--yes")
    rig.later(minutes=1)
    rig.settle()
    (found,) = json.loads(desk("compare", old, "--json").stdout)["not_sent"]
    assert found["reason"] == f"the bridge has sent it as {rig.order('1001').reference}"


def test_comparing_writes_nothing(rig: Rig, old: Path, desk: Bridge) -> None:
    rig.world.shopify.change(rig.order("#1001").order_id, note="ring twice")  # a newer body, which is read only

    def stand() -> tuple[object, ...]:
        with transaction(rig.bridge.engine) as connection:
            rows = [
                connection.execute(select(func.count()).select_from(each)).scalar_one() for each in (history, inbox)
            ]
        return *rows, rig.order("#1001"), len(rig.world.sortedpro.calls())

    before = stand()
    assert "Addresses[Destination].SpecialInstructions" in fields(desk, old)
    assert stand() == before
    assert rig.world.shopify.reference_of(rig.order("#1001").order_id) is None


def test_rows_sent_elsewhere_are_counted_and_not_read(rig: Rig, old: Path, desk: Bridge, tmp_path: Path) -> None:
    result = desk("compare", listed(tmp_path, "shopify,#1001,sent elsewhere"))
    assert result.exit_code == 0
    assert result.stdout.endswith("0 unmatched, 1 sent elsewhere, not compared\n")


def test_only_so_many_are_compared_and_only_of_one_shop(rig: Rig, old: Path, desk: Bridge) -> None:
    assert desk("compare", old, "--shop", "woocommerce").stdout.startswith("0 compared equal, 0 differ")
    rig.later(minutes=1)
    shopify(rig, 1002)
    rig.settle()
    old.write_text(old.read_text("utf-8") + f"shopify,#1002,{NOWHERE}\n", "utf-8")
    assert desk("compare", old, "--limit", "1").stdout.endswith("1 differ, 0 would not be sent, 0 unmatched\n")


def test_wrong_key_is_told_instead_of_a_comparison(old: Path, desk: Bridge) -> None:
    result = desk("compare", old, SORTED_API_KEY="wrong-key")
    assert result.exit_code == 2
    assert "destination.api_key: answer 401" in result.stderr


def test_busy_sortedpro_is_asked_again(rig: Rig, old: Path, mappings: Path) -> None:
    assert rig.bridge.settings.database is not None
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        rig.world.sortedpro.clear()

    patient = make_rig(rig.bridge.settings.database, mappings, rig.world, rig.clock, pause=pause)
    (row,) = listing.read(old.read_bytes(), "old.csv", ["shopify"])
    rig.world.sortedpro.busy()
    found = parallel.compare(patient.bridge.forwarder.tools, row, rig.order("#1001"))
    patient.bridge.close()
    assert (type(found), pauses) == (parallel.Compared, [5.0])


def test_unreachable_sortedpro_ends_the_comparison(old: Path, desk: Bridge) -> None:
    result = desk("compare", old, SORTED_API_URL="http://127.0.0.1:9")  # the discard port: nobody listens
    assert (result.exit_code, "cannot connect" in result.stderr) == (1, True)
