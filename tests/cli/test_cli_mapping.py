"""`bridge mapping`: files checked and orders rendered, without database, network and credentials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.sandbox.woocommerce import woo_order
from tests.cli.conftest import Bridge
from tests.forward.conftest import Rig
from tests.workbench import ORDER, SHOP, VARIABLES, mapping, write

PAYLOADS = Path(__file__).parents[1] / "payloads" / "shopify"
PAID = PAYLOADS / "orders.create__two_lines_paid.json"
SHIPPED = Path(__file__).parents[2] / "mappings"


# --- check -----------------------------------------------------------------------------------------------------------
def test_the_shipped_mappings_are_ok_without_any_variable(bridge: Bridge) -> None:
    result = bridge("mapping", "check", BRIDGE_MAPPINGS=str(SHIPPED))
    assert result.exit_code == 0, result.output
    assert [line.split(",")[0] for line in result.stdout.splitlines()] == [
        f"{SHIPPED}/shopify.yaml: ok",
        f"{SHIPPED}/woocommerce.yaml: ok",
    ]


def test_each_problem_of_a_bad_mapping_has_its_line(bridge: Bridge, tmp_path: Path) -> None:
    rules = "mode: dry\nskip: { gone: order.canceled_at }\n"
    path = write(tmp_path, mapping(rules=rules, order=ORDER.replace("Direction", "Directoin")))
    result = bridge("mapping", "check", path)
    assert result.exit_code == 2
    # 13 lines before the rules, then mode and skip; three of let, `order:`, and Direction its second.
    starts = [line.split(": ", 2)[1] for line in result.stderr.splitlines()[:-1]]
    assert starts == [f"{path}:13", f"{path}:14", f"{path}:20"]
    assert result.stderr.splitlines()[-1] == "3 problems"


def test_a_good_file_is_told_beside_a_bad_one(bridge: Bridge, tmp_path: Path) -> None:
    good, bad = write(tmp_path, mapping()), write(tmp_path, "version: 2", "bad.yaml")
    result = bridge("mapping", "check", good, bad)
    assert (result.exit_code, result.stdout.split(":")[0]) == (2, str(good))


def test_a_field_misspelt_in_a_value_is_a_warning(bridge: Bridge, tmp_path: Path) -> None:
    path = write(tmp_path, mapping(order=ORDER.replace("order.email", "order.email or order.e_mail")))
    result = bridge("mapping", "check", path)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"warning: {path}:")
    assert "e_mail" in result.stdout


def test_missing_variables_count_only_where_they_are_asked_for(bridge: Bridge, tmp_path: Path) -> None:
    path = write(tmp_path, mapping())
    assert bridge("mapping", "check", path, SHOP_DOMAIN="a.myshopify.com").exit_code == 0
    result = bridge("mapping", "check", "--variables", path, SHOP_DOMAIN="a.myshopify.com")
    assert result.exit_code == 2
    assert [name for name in VARIABLES if f"the variable {name} " in result.stderr] == [
        "SHOP_SECRET",
        "SHOP_TOKEN",
        "SORTED_KEY",
    ]


def test_a_mapping_whose_shop_is_not_configured_is_a_notice(bridge: Bridge, tmp_path: Path) -> None:
    write(tmp_path / "m", mapping())
    write(tmp_path / "m", mapping(shop=SHOP.replace("SHOP_", "OTHER_").replace("acme", "other")), "other.yaml")
    result = bridge("mapping", "check", "--variables", **VARIABLES, BRIDGE_MAPPINGS=str(tmp_path / "m"))
    assert result.exit_code == 0
    assert "notice: other.yaml is left out" in result.stdout


def test_a_missing_folder_is_named(bridge: Bridge, tmp_path: Path) -> None:
    result = bridge("mapping", "check", BRIDGE_MAPPINGS=str(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert "BRIDGE_MAPPINGS: there is no such folder: set it to the folder of the mapping files" in result.stderr


# --- render ----------------------------------------------------------------------------------------------------------
def changed(folder: Path, **changes: Any) -> Path:
    """The paid order with other values."""
    path = folder / "body.json"
    path.write_text(json.dumps({**json.loads(PAID.read_bytes()), **changes}))
    return path


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    rules = "skip: { test order: order.test, risky: fetched.risk.recommendation == 'CANCEL' }\n"
    return write(tmp_path, mapping(rules=f"{rules}wait: {{ not paid: order.financial_status != 'paid' }}\n"))


def rendered(bridge: Bridge, *words: object) -> tuple[int, dict[str, Any]]:
    result = bridge("mapping", "render", *words, "--json")
    return result.exit_code, json.loads(result.stdout)


def test_an_order_to_send_comes_with_its_payload(bridge: Bridge, acme: Path) -> None:
    status, found = rendered(bridge, acme, PAID)
    assert (status, found["decision"], found["reason"], found["problems"]) == (0, "send", None, [])
    assert found["payload"]["OrderReferenceProvidedByCustomer"] == "1001"
    assert found["notes"] == ["rule not applied, it needs the shop: risky"]


def test_the_answer_has_exactly_these_keys(bridge: Bridge, acme: Path) -> None:
    keys = {"decision", "reason", "priority", "payload", "problems", "notes"}
    assert set(rendered(bridge, acme, PAID)[1]) == keys


def test_an_order_comes_with_the_rule_that_puts_it_first(bridge: Bridge, tmp_path: Path) -> None:
    rules = "priority: { broken: order.name > 1, dear: order.currency == 'GBP' }\n"
    ranked = write(tmp_path, mapping(rules=rules), "ranked.yaml")
    found = rendered(bridge, ranked, PAID)[1]
    assert (found["decision"], found["priority"]) == ("send", "dear")
    (note,) = found["notes"]
    assert note.startswith("it gives no priority: rule `broken`: ")
    assert "\npriority: dear\n" in bridge("mapping", "render", ranked, PAID).stdout


def test_a_waiting_order_has_its_reason(bridge: Bridge, acme: Path, tmp_path: Path) -> None:
    status, found = rendered(bridge, acme, changed(tmp_path, financial_status="pending"))
    assert (status, found["decision"], found["reason"], found["payload"]) == (0, "wait", "not paid", None)


def test_a_skipped_order_has_its_reason(bridge: Bridge, acme: Path, tmp_path: Path) -> None:
    status, found = rendered(bridge, acme, changed(tmp_path, test=True))
    assert (status, found["decision"], found["reason"]) == (0, "skip", "test order")


def test_an_observed_order_is_held(bridge: Bridge, tmp_path: Path) -> None:
    status, found = rendered(bridge, write(tmp_path, mapping(rules="mode: observe\n")), PAID)
    assert (status, found["decision"]) == (0, "hold")


@pytest.mark.parametrize("body", [b'{"id": 7}', b"no JSON", b"[]", b"\xff\xfe", b'{"topic": "else"}'])
def test_what_is_no_order_is_ignored_with_a_reason(bridge: Bridge, acme: Path, tmp_path: Path, body: bytes) -> None:
    (tmp_path / "body.json").write_bytes(body)
    status, found = rendered(bridge, acme, tmp_path / "body.json")
    assert (status, found["decision"]) == (0, "ignored")
    assert found["reason"]


def test_an_order_that_cannot_be_mapped_is_status_1_with_all_problems(
    bridge: Bridge, acme: Path, tmp_path: Path
) -> None:
    address = {**json.loads(PAID.read_bytes())["shipping_address"], "zip": None}
    status, found = rendered(bridge, acme, changed(tmp_path, email=None, shipping_address=address))
    assert (status, found["decision"], found["payload"]) == (1, "error", None)
    assert {one["target"]: one["source"] for one in found["problems"]} == {
        "Addresses[1].Contact.Email": "{{ order.email }}",
        "Addresses[1].Postcode": "{{ ship_to.zip }}",
    }


def test_people_see_each_problem_with_its_place(bridge: Bridge, acme: Path, tmp_path: Path) -> None:
    result = bridge("mapping", "render", acme, changed(tmp_path, email=None))
    # 15 lines before `let`, of which it has three; the email is the 23rd line of the order section.
    assert result.stdout.splitlines()[0] == "error"
    assert f"{acme}:40: Addresses[1].Contact.Email: " in result.stdout


def test_unset_variables_stand_as_their_names(bridge: Bridge, tmp_path: Path) -> None:
    path = write(tmp_path, mapping(order=ORDER.replace("WAREHOUSE-1", '"${ORIGIN}"')))
    assert rendered(bridge, path, PAID)[1]["payload"]["Addresses"][0]["ShippingLocationReference"] == "<ORIGIN>"


def test_what_was_read_can_be_given(bridge: Bridge, acme: Path, tmp_path: Path) -> None:
    (tmp_path / "read.json").write_text('{"order": {"risk": {"recommendation": "CANCEL"}}}')
    status, found = rendered(bridge, acme, PAID, "--fetched", tmp_path / "read.json")
    assert (status, found["decision"], found["reason"]) == (0, "skip", "risky")


@pytest.mark.parametrize(("text", "words"), [("{", "this is no JSON"), ("[1]", "must be a JSON object")])
def test_what_was_read_must_be_an_object(bridge: Bridge, acme: Path, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "read.json").write_text(text)
    result = bridge("mapping", "render", acme, PAID, "--fetched", tmp_path / "read.json")
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_file_that_is_not_there_is_a_usage_error(bridge: Bridge, acme: Path) -> None:
    result = bridge("mapping", "render", acme, "nowhere.json")
    assert result.exit_code == 2
    assert "nowhere.json" in result.stderr


# --- shipping methods of stored orders -------------------------------------------------------------------------------
def test_methods_of_stored_orders_without_a_row_are_named(desk: Bridge, rig: Rig, tmp_path: Path) -> None:
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))  # by "Royal Mail 2nd class", flat_rate:1
    rig.settle()
    file = tmp_path / "mappings" / "woocommerce.yaml"
    file.write_text(file.read_text() + "services: { Express: {} }\n")
    output = desk("mapping", "check", file).output
    method = rig.world.woocommerce.order(21)["shipping_lines"][0]["method_title"]
    assert f'1 stored order has the shipping method "{method}", which has no row in `services`' in output


def test_methods_with_a_row_are_not_named(desk: Bridge, rig: Rig, tmp_path: Path) -> None:
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.settle()
    file = tmp_path / "mappings" / "woocommerce.yaml"
    file.write_text(file.read_text() + "services: { flat_rate: {} }\n")
    assert "has no row" not in desk("mapping", "check", file).output
