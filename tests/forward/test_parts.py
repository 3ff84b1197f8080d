"""Further parts of an order: goods added later or shipped from elsewhere, each quantity in one part at most."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge import actions
from bridge.errors import ActionRefused
from bridge.sandbox.faults import drop_after, status
from bridge.sandbox.shopify import Article, shopify_order
from bridge.sandbox.shopify.book import FulfillmentLine, FulfillmentOrder, Hold, lines_of
from bridge.sandbox.woocommerce import PRODUCTS, woo_order
from bridge.store import ledger, queries
from bridge.store.database import transaction
from bridge.store.ledger import Order
from tests.forward.conftest import Rig, make_rig, write_mappings

TWO_PLACES = "locations: { any: null, Leeds: WAREHOUSE-1, Bristol: WAREHOUSE-2, Partner: skip }\n"
PEOPLE = {"who": "kim", "reason": "seen"}


def parts(rig: Rig, name: str = "#1001") -> list[Order]:
    with transaction(rig.bridge.engine) as connection:
        return sorted(queries.find_by_name(connection, name), key=lambda one: one.part)


def shipped(rig: Rig) -> dict[str, dict[str, int]]:
    """Quantities by SKU of each SortedPRO order, by our reference."""
    return {
        one.customer_reference: {item["Sku"]: item["Quantity"] for item in one.body["Packages"][0]["Items"]}
        for one in rig.world.sortedpro.orders()
    }


@pytest.fixture
def sent(rig: Rig) -> Rig:
    """A WooCommerce order of two mugs, sent and written back."""
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.settle()
    assert rig.order("#21").state == "done"
    return rig


@pytest.fixture
def edited(sent: Rig) -> Rig:
    """The same with a line added afterwards."""
    sent.later(minutes=5)
    sent.world.woocommerce.edit(21, [{"product_id": PRODUCTS[1].id, "quantity": 2}])
    sent.settle()
    return sent


# --- goods added after sending ---------------------------------------------------------------------------------------
def test_an_added_line_is_named_as_not_sent(edited: Rig) -> None:
    order = edited.order("#21")
    assert (order.unsent, order.changed) == (f"2 × {PRODUCTS[1].sku} not sent", False)
    assert len(edited.sent()) == 1


def test_the_rest_is_sent_as_a_part_with_a_reference_of_its_own(edited: Rig) -> None:
    actions.send_rest(edited.bridge.engine, edited.order("#21"), now=edited.clock(), **PEOPLE)
    edited.settle()
    assert edited.sent() == ["woocommerce-21", "woocommerce-21-2"]
    assert shipped(edited)["woocommerce-21-2"] == {PRODUCTS[1].sku: 2}
    assert [(one.part, one.state, one.unsent) for one in parts(edited, "#21")] == [(1, "done", ""), (2, "done", "")]


def test_both_references_stand_on_the_shop_order(edited: Rig) -> None:
    actions.send_rest(edited.bridge.engine, edited.order("#21"), now=edited.clock(), **PEOPLE)
    edited.settle()
    first, second = (one.reference for one in parts(edited, "#21"))
    meta = {row["key"]: row["value"] for row in edited.world.woocommerce.order(21)["meta_data"]}
    assert meta["sorted_order_reference"] == f"{first}, {second}"


def test_the_rest_is_sent_once(edited: Rig) -> None:
    order = edited.order("#21")
    actions.send_rest(edited.bridge.engine, order, now=edited.clock(), **PEOPLE)
    with pytest.raises(ActionRefused, match="part 2 is open already"):
        actions.send_rest(edited.bridge.engine, order, now=edited.clock(), **PEOPLE)
    edited.settle()
    edited.later(hours=2)
    edited.settle()
    assert len(edited.sent()) == 2


@pytest.fixture
def doubtful(edited: Rig) -> Order:
    """The part with the added line, about which nothing is known."""
    actions.send_rest(edited.bridge.engine, edited.order("#21"), now=edited.clock(), **PEOPLE)
    edited.world.sortedpro.behave(drop_after())
    edited.settle()
    assert parts(edited, "#21")[1].state == "in_doubt"
    return parts(edited, "#21")[1]


def add_again(rig: Rig) -> None:
    """One more of the same line is bought."""
    line = rig.world.woocommerce.order(21)["line_items"][-1]
    rig.later(minutes=5)
    rig.world.woocommerce.edit(21, [{"id": line["id"], "quantity": line["quantity"] + 1}])
    rig.settle()


def test_goods_of_a_dropped_part_are_not_named_as_missing(edited: Rig, doubtful: Order) -> None:
    actions.settle(edited.bridge.engine, doubtful, actions.Settled(), now=edited.clock(), **PEOPLE)
    add_again(edited)
    assert parts(edited, "#21")[0].unsent == f"1 × {PRODUCTS[1].sku} not sent"


def test_goods_of_a_part_that_was_sent_elsewhere_are_not_named_as_missing(edited: Rig, doubtful: Order) -> None:
    actions.adopt(
        edited.bridge.engine, doubtful, None, by="another", destination="sorted", who="kim", now=edited.clock()
    )
    add_again(edited)
    assert parts(edited, "#21")[0].unsent == f"1 × {PRODUCTS[1].sku} not sent"


def test_dropped_part_is_sent_whole_where_a_person_replays_it_at_a_risk(edited: Rig, doubtful: Order) -> None:
    dropped = actions.settle(edited.bridge.engine, doubtful, actions.Settled(), now=edited.clock(), **PEOPLE)
    edited.settle()
    actions.replay(edited.bridge.engine, parts(edited, "#21")[1], at_risk=True, now=edited.clock(), **PEOPLE)
    edited.settle()
    assert dropped.state == "skipped"
    assert shipped(edited)["woocommerce-21-2"] == {PRODUCTS[1].sku: 2}
    assert parts(edited, "#21")[1].state == "done"


def take_off(rig: Rig) -> None:
    """The added line is taken off again."""
    line = rig.world.woocommerce.order(21)["line_items"][-1]
    rig.later(minutes=5)
    rig.world.woocommerce.edit(21, [{"id": line["id"], "quantity": 0}])


def test_a_part_without_anything_left_is_skipped(edited: Rig) -> None:
    actions.send_rest(edited.bridge.engine, edited.order("#21"), now=edited.clock(), **PEOPLE)
    take_off(edited)
    edited.settle()
    second = parts(edited, "#21")[1]
    assert (second.state, second.reason) == ("skipped", "everything in it stands in another part")
    assert len(edited.sent()) == 1


def test_nothing_is_opened_where_nothing_is_missing(sent: Rig) -> None:
    with pytest.raises(ActionRefused, match="nothing of #21 is known to be missing"):
        actions.send_rest(sent.bridge.engine, sent.order("#21"), now=sent.clock(), **PEOPLE)


def test_a_raised_quantity_sends_only_what_was_added(sent: Rig) -> None:
    line = sent.world.woocommerce.order(21)["line_items"][0]
    sent.later(minutes=5)
    sent.world.woocommerce.edit(21, [{"id": line["id"], "quantity": line["quantity"] + 3}])
    sent.settle()
    assert sent.order("#21").unsent == f"3 × {line['sku']} not sent"
    actions.send_rest(sent.bridge.engine, sent.order("#21"), now=sent.clock(), **PEOPLE)
    sent.settle()
    assert shipped(sent)["woocommerce-21-2"] == {line["sku"]: 3}


def test_a_lowered_quantity_is_a_change_and_nothing_to_send(sent: Rig) -> None:
    line = sent.world.woocommerce.order(21)["line_items"][0]
    sent.later(minutes=5)
    sent.world.woocommerce.edit(21, [{"id": line["id"], "quantity": line["quantity"] - 1}])
    sent.settle()
    assert (sent.order("#21").changed, sent.order("#21").unsent) == (True, "")


def test_an_order_that_is_not_sent_has_no_rest(rig: Rig) -> None:
    rig.world.woocommerce.add_order(woo_order(22, at=rig.clock(), status="on-hold"))
    rig.settle()
    with pytest.raises(ActionRefused, match="is waiting: what is missing goes with it"):
        actions.send_rest(rig.bridge.engine, rig.order("#22"), now=rig.clock(), **PEOPLE)


def test_goods_added_before_the_write_back_are_named_after_it(rig: Rig) -> None:
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.world.woocommerce.behave(status(503), match="meta_data", count=1)
    rig.deliver()
    rig.work()
    assert rig.order("#21").state == "created"
    rig.world.woocommerce.edit(21, [{"product_id": PRODUCTS[1].id, "quantity": 2}])
    rig.deliver()
    rig.later(hours=1)
    rig.settle()
    assert (rig.order("#21").state, rig.order("#21").unsent) == ("done", f"2 × {PRODUCTS[1].sku} not sent")


def test_later_items_may_go_by_themselves(database, world, clock, tmp_path) -> None:
    mappings = write_mappings(tmp_path / "m", world, "later_items: send\n")
    rig = make_rig(database, mappings, world, clock)
    rig.world.woocommerce.add_order(woo_order(21, at=clock()))
    rig.settle()
    rig.world.woocommerce.edit(21, [{"product_id": PRODUCTS[1].id, "quantity": 2}])
    rig.settle()
    assert rig.sent() == ["woocommerce-21", "woocommerce-21-2"]
    rig.later(hours=3)
    rig.settle()
    assert len(rig.sent()) == 2
    rig.bridge.close()


# --- several places --------------------------------------------------------------------------------------------------
@pytest.fixture
def places(database, world, clock, tmp_path) -> Rig:
    """A Shopify shop that ships from Leeds and Bristol, and leaves some goods to a partner."""
    folder = write_mappings(tmp_path / "m", world)
    (folder / "shopify.yaml").write_text((folder / "shopify.yaml").read_text() + TWO_PLACES)
    rig = make_rig(database, folder, world, clock)
    yield rig
    rig.bridge.close()


def add_split(rig: Rig, *locations: str, number: int = 1001) -> str:
    """An order of two lines, each from a location of its own."""
    body = shopify_order(number, at=rig.clock())
    orders = [
        FulfillmentOrder(lines=lines_of([line]), location=location)
        for line, location in zip(body["line_items"], locations, strict=True)
    ]
    return rig.world.shopify.add_order(body, fulfillment_orders=orders)


def origins(rig: Rig) -> dict[str, str]:
    return {
        one.customer_reference: one.body["Addresses"][0]["ShippingLocationReference"]
        for one in rig.world.sortedpro.orders()
    }


def test_an_order_from_two_places_becomes_two_parts(places: Rig) -> None:
    add_split(places, "Leeds", "Bristol")
    places.settle()
    assert origins(places) == {"shopify-1001": "WAREHOUSE-1", "shopify-1001-2": "WAREHOUSE-2"}
    assert [one.state for one in parts(places)] == ["done", "done"]
    first, second = (set(items) for items in shipped(places).values())
    assert not first & second


def test_what_a_partner_ships_is_left_out(places: Rig) -> None:
    add_split(places, "Partner", "Bristol")
    places.settle()
    assert origins(places) == {"shopify-1001": "WAREHOUSE-2"}
    assert any("shipped from Partner" in words for words in places.story("#1001"))


def test_an_order_of_a_partner_is_skipped(places: Rig) -> None:
    add_split(places, "Partner", "Partner")
    places.settle()
    assert (places.order("#1001").state, places.sent()) == ("skipped", [])


def test_an_unknown_place_stops_its_order_by_name(places: Rig) -> None:
    add_split(places, "Leeds", "Dundee")
    places.settle()
    order = places.order("#1001")
    assert (order.state, order.code) == ("failed", "unknown_location")
    assert "Dundee" in order.reason


def test_parts_stay_as_they_are_when_the_order_comes_again(places: Rig) -> None:
    number = add_split(places, "Leeds", "Bristol")
    places.settle()
    places.later(minutes=10)
    places.world.shopify.tag(number, "vip")
    places.settle()
    assert [(one.state, one.changed, one.unsent) for one in parts(places)] == [("done", False, "")] * 2
    assert len(places.sent()) == 2


def test_a_refused_part_does_not_take_the_others_goods(places: Rig) -> None:
    places.world.sortedpro.behave(status(400))
    add_split(places, "Leeds", "Bristol")
    places.settle()
    first, second = parts(places)
    assert (first.state, second.state) == ("failed", "done")
    assert origins(places) == {"shopify-1001-2": "WAREHOUSE-2"}
    actions.replay(places.bridge.engine, first, now=places.clock(), **PEOPLE)
    places.settle()
    assert origins(places) == {"shopify-1001-2": "WAREHOUSE-2", "shopify-1001": "WAREHOUSE-1"}


def test_a_cancelled_order_is_flagged_on_every_part(places: Rig) -> None:
    number = add_split(places, "Leeds", "Bristol")
    places.settle()
    places.later(minutes=10)
    places.world.shopify.cancel(number)
    places.settle()
    assert [one.change for one in parts(places)] == ["do not ship: cancelled in Shopify"] * 2


def test_goods_set_free_later_are_sent_as_a_part(rig: Rig) -> None:
    body = shopify_order(1001, at=rig.clock())
    held = FulfillmentOrder(lines=lines_of(body["line_items"][1:2]), status="ON_HOLD", holds=(Hold(reason="OTHER"),))
    free = FulfillmentOrder(lines=lines_of(body["line_items"][:1]))
    number = rig.world.shopify.add_order(body, fulfillment_orders=[free, held])
    rig.settle()
    rig.world.shopify.reroute(number, [free, replace(held, status="OPEN", holds=())])
    rig.later(hours=1)
    rig.settle()
    actions.send_rest(rig.bridge.engine, rig.order("#1001"), now=rig.clock(), **PEOPLE)
    rig.settle()
    first, second = shipped(rig).values()
    assert set(first) | set(second) == {line["sku"] for line in body["line_items"]}
    assert not set(first) & set(second)


def test_two_parts_never_write_to_the_shop_at_once(places: Rig) -> None:
    add_split(places, "Leeds", "Bristol")
    places.settle()
    now = places.clock()
    with transaction(places.bridge.engine) as connection:
        first, second = parts(places)
        claimed = {"claimed_until": now.replace(year=2030), "claim_id": places.bridge.new_id()}
        ledger.note(connection, first, state="created", **claimed)
        assert ledger.another_writes(connection, second, now)
        assert not ledger.another_writes(connection, first, now)


# --- what others made or ship ----------------------------------------------------------------------------------------
def test_goods_added_to_an_adopted_order_are_named_too(rig: Rig) -> None:
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock(), status="on-hold"))
    rig.settle()
    more = {"by": "Lightship", "destination": "sorted", "who": "kim", "now": rig.clock()}
    actions.adopt(rig.bridge.engine, rig.order("#21"), "EO-000-00A-0B1", **more)
    rig.settle()
    assert (rig.order("#21").state, rig.order("#21").unsent) == ("done", "")
    rig.world.woocommerce.edit(21, [{"product_id": PRODUCTS[1].id, "quantity": 2}])
    rig.settle()
    assert rig.order("#21").unsent == f"2 × {PRODUCTS[1].sku} not sent"


def test_goods_that_a_partner_ships_by_now_are_not_to_be_shipped_by_us(places: Rig) -> None:
    number = add_split(places, "Leeds", "Leeds")
    places.settle()
    places.world.shopify.move(number, "Partner")
    places.later(minutes=10)
    places.world.shopify.tag(number, "vip")
    places.settle()
    assert places.order("#1001").changed
    assert places.order("#1001").change.startswith("do not ship 2 × ")
    assert "which `locations` leaves to others" in places.order("#1001").change


def test_a_sent_order_whose_echo_comes_back_is_not_told_to_lack_anything(rig: Rig) -> None:
    body = shopify_order(1001, at=rig.clock())
    later = FulfillmentOrder(lines=lines_of(body["line_items"][1:2]), status="SCHEDULED", fulfill_at=rig.clock())
    rig.world.shopify.add_order(
        body, fulfillment_orders=[FulfillmentOrder(lines=lines_of(body["line_items"][:1])), later]
    )
    rig.settle()
    rig.later(hours=2)
    rig.settle()
    assert "nothing that may ship is left unsent" not in rig.story("#1001")


# --- what is in no part, and what must not be in a second -----------------------------------------------------------
@pytest.fixture
def auto(database, world, clock, tmp_path) -> Iterator[Rig]:
    """Goods that are added later go by themselves."""
    rig = make_rig(database, write_mappings(tmp_path / "m", world, "later_items: send\n"), world, clock)
    yield rig
    rig.bridge.close()


def test_a_piece_given_away_before_is_in_no_part(auto: Rig) -> None:
    """Three mugs; one was handed over before the bridge heard of the order."""
    body = shopify_order(1001, at=auto.clock(), lines=[Article(sku="MUG", quantity=3)])
    line = body["line_items"][0]
    line |= {"fulfillable_quantity": 2, "fulfillment_status": "partial"}
    given, left = (
        FulfillmentOrder(lines=(FulfillmentLine(line_id=line["id"], total=1, remaining=0),), status="CLOSED"),
        FulfillmentOrder(lines=(FulfillmentLine(line_id=line["id"], total=2, remaining=2),)),
    )
    auto.world.shopify.add_order(body, fulfillment_orders=[given, left])
    auto.settle()
    auto.later(hours=1)
    auto.settle()
    assert shipped(auto) == {"shopify-1001": {"MUG": 2}}
    assert auto.order("#1001").unsent == ""


def test_a_line_without_an_id_is_never_sent_a_second_time(rig: Rig) -> None:
    body = woo_order(21, at=rig.clock(), home=rig.world.woocommerce_url)
    rig.world.woocommerce.add_order({**body, "line_items": [{**body["line_items"][0], "id": 0}]})
    rig.settle()
    rig.later(minutes=5)
    rig.world.woocommerce.change(21, customer_note="thanks")
    rig.settle()
    assert (rig.order("#21").state, rig.order("#21").unsent, len(rig.sent())) == ("done", "", 1)


def test_a_part_beside_one_whose_goods_nobody_knows_is_held(places: Rig) -> None:
    places.world.sortedpro.behave(status(400))
    add_split(places, "Leeds", "Bristol")
    places.deliver()
    assert places.bridge.forwarder.forward_next()  # the first part is refused; the second one is open
    first, second = parts(places)
    with transaction(places.bridge.engine) as connection:  # as a person or a release before may leave it
        ledger.move(
            connection, first, "created", event="adopted", now=places.clock(), reference="EO-000-00A-0B1", lines={},
            attempt_id=None, sent_attempt=None,
        )  # fmt: skip
    places.work()
    second = parts(places)[1]
    assert (second.state, second.code) == ("held", "unclear_part")
    assert "what stands in #1001 is not known" in second.reason


def test_goods_left_out_by_a_release_that_kept_no_quantities_are_named(rig: Rig) -> None:
    body = shopify_order(1001, at=rig.clock())
    held = FulfillmentOrder(lines=lines_of(body["line_items"][1:2]), status="ON_HOLD", holds=(Hold(reason="OTHER"),))
    free = FulfillmentOrder(lines=lines_of(body["line_items"][:1]))
    number = rig.world.shopify.add_order(body, fulfillment_orders=[free, held])
    rig.settle()
    with transaction(rig.bridge.engine) as connection:
        connection.exec_driver_sql("update orders set lines = '{}', gone = null")
        connection.exec_driver_sql("update attempts set lines = '{}', route = '{}'")
    rig.world.shopify.reroute(number, [free, replace(held, status="OPEN", holds=())])
    rig.later(hours=1)
    rig.settle()
    assert rig.order("#1001").unsent == "1 × BLANKET-L not sent"


def test_goods_of_a_skipped_first_part_go_into_no_other(places: Rig) -> None:
    places.world.sortedpro.behave(status(400))
    number = add_split(places, "Leeds", "Bristol")
    places.deliver()
    assert places.bridge.forwarder.forward_next()  # the first part is refused; the second one is open
    actions.skip(places.bridge.engine, parts(places)[0], now=places.clock(), **PEOPLE)
    places.settle()
    assert origins(places) == {"shopify-1001-2": "WAREHOUSE-2"}
    places.later(minutes=10)
    places.world.shopify.tag(number, "vip")
    places.settle()
    assert [(one.state, one.unsent) for one in parts(places)] == [("skipped", ""), ("done", "")]
    actions.replay(places.bridge.engine, parts(places)[0], now=places.clock(), **PEOPLE)
    places.settle()
    assert origins(places) == {"shopify-1001-2": "WAREHOUSE-2", "shopify-1001": "WAREHOUSE-1"}


def test_the_first_sent_part_keeps_watch_where_the_first_is_not_sent(places: Rig) -> None:
    number = add_split(places, "Leeds", "Bristol")
    places.world.sortedpro.behave(status(400))
    places.settle()
    actions.skip(places.bridge.engine, parts(places)[0], now=places.clock(), **PEOPLE)
    places.later(minutes=5)
    places.world.shopify.add_variant(number, Article(sku="VASE", quantity=2), "Bristol")
    places.settle()
    assert "2 × VASE not sent" in parts(places)[1].unsent
    assert actions.send_rest(places.bridge.engine, parts(places)[0], now=places.clock(), **PEOPLE).part == 3


def test_what_is_not_sent_ends_with_the_order(edited: Rig) -> None:
    edited.later(minutes=5)
    edited.world.woocommerce.set_status(21, "cancelled")
    edited.settle()
    order = edited.order("#21")
    assert (order.unsent, order.due_at, order.change) == (
        "",
        None,
        "do not ship: the order was cancelled in WooCommerce",
    )


def test_a_person_may_say_that_the_rest_is_not_to_be_sent(edited: Rig) -> None:
    second = actions.send_rest(edited.bridge.engine, edited.order("#21"), now=edited.clock(), **PEOPLE)
    actions.skip(edited.bridge.engine, second, now=edited.clock(), who="kim", reason="fetched at the door")
    edited.settle()
    edited.later(minutes=10)
    edited.world.woocommerce.change(21, customer_note="thanks")
    edited.settle()
    first, second = parts(edited, "#21")
    assert (first.unsent, first.due_at, second.state) == ("", None, "skipped")


def test_a_part_that_had_nothing_to_send_takes_no_goods_that_come_later(edited: Rig) -> None:
    actions.send_rest(edited.bridge.engine, edited.order("#21"), now=edited.clock(), **PEOPLE)
    take_off(edited)
    edited.settle()
    edited.later(minutes=5)
    edited.world.woocommerce.edit(21, [{"product_id": PRODUCTS[1].id, "quantity": 3}])
    edited.settle()
    assert (parts(edited, "#21")[0].unsent, len(edited.sent())) == (f"3 × {PRODUCTS[1].sku} not sent", 1)
    actions.send_rest(edited.bridge.engine, parts(edited, "#21")[0], now=edited.clock(), **PEOPLE)
    edited.settle()
    assert shipped(edited)["woocommerce-21-3"] == {PRODUCTS[1].sku: 3}


def test_an_odd_body_does_not_keep_the_reference_off_the_order(rig: Rig) -> None:
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.world.woocommerce.behave(status(503), match="meta_data", count=1)
    rig.deliver()
    rig.work()
    body = rig.world.woocommerce.order(21)
    odd = [{**body["line_items"][0], "quantity": "two"}, *body["line_items"][1:]]
    changed = {**body, "line_items": odd, "date_modified_gmt": "2026-12-03T00:00:00"}
    rig.post("woocommerce", rig.signed_for_woocommerce(json.dumps(changed).encode(), "order.updated"))
    rig.later(hours=1)
    rig.settle()
    assert (rig.order("#21").state, rig.order("#21").trouble) == ("done", "")


def test_a_part_gives_way_while_another_is_written_back(places: Rig) -> None:
    places.world.shopify.behave(status(503), match="metafieldsSet", count=2)
    add_split(places, "Leeds", "Bristol")
    places.deliver()
    places.work()
    first, second = parts(places)
    assert (first.state, second.state) == ("created", "created")
    places.later(hours=1)
    claim = {"claimed_until": places.clock() + timedelta(minutes=1), "claim_id": places.bridge.new_id()}
    with transaction(places.bridge.engine) as connection:
        ledger.note(connection, first, **claim)  # another worker is at it
    places.work()
    assert parts(places)[1].state == "created"
    places.later(minutes=2)
    places.settle()
    assert [one.state for one in parts(places)] == ["done", "done"]
