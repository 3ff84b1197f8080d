"""Which goods ship now, by Shopify's fulfilment orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bridge.errors import NotRead
from bridge.platforms.base import Fetched, LeftOut, Look, OrderBody, PartOf, Shipping, ShopFacts
from bridge.platforms.routing import Lookup, Route, Routing
from bridge.platforms.shopify import PLATFORM

Order = Callable[..., OrderBody]
LookAt = Callable[..., Look]
MUGS, VASE = "501001", "501002"


def entry(line_id: str, remaining: int, total: int | None = None) -> dict[str, Any]:
    return {"line_id": line_id, "sku": "X", "remaining": remaining, "total": remaining if total is None else total}


def part(
    *lines: dict[str, Any], status: str = "OPEN", method: str | None = "SHIPPING", **changes: Any
) -> dict[str, Any]:
    """A fulfilment order as it was read."""
    return {
        "id": "1",
        "status": status,
        "method": method,
        "service_code": None,
        "presented_name": None,
        "location": "Wexcombe",
        "location_id": "77",
        "fulfill_at": None,
        "holds": [],
        "lines": list(lines),
        **changes,
    }


@pytest.fixture
def ship(order: Order, look: LookAt) -> Callable[..., Shipping]:
    """What ships of the usual order (2 mugs, 1 vase) with these fulfilment orders."""

    def shipping(*parts: dict[str, Any], variants: dict[str, Any] | None = None, **changes: Any) -> Shipping:
        read = {"fulfillment_orders": list(parts), "variants": variants or {}}
        return PLATFORM.shipping(look(order(**changes), read))

    return shipping


Ship = Callable[..., Shipping]


def ships(shipping: Shipping) -> dict[str, int]:
    return {str(line["id"]): line["quantity"] for line in shipping.lines}


def reasons(shipping: Shipping) -> list[tuple[str, int, str, bool]]:
    return [(one.line_id, one.quantity, one.reason, one.may_ship) for one in shipping.left_out]


def test_nothing_is_known_before_the_shop_is_read(order: Order, look: LookAt) -> None:
    unread = Look(
        order=order().order,
        fetched=Fetched(),
        now=look(order()).now,
        shop=ShopFacts(name="shopify", platform="shopify", domain="pottery.myshopify.com"),
    )
    with pytest.raises(NotRead) as caught:
        PLATFORM.shipping(unread)
    assert caught.value.keys == {"order"}


def test_offline_the_body_decides(order: Order, look: LookAt) -> None:
    assert ships(PLATFORM.shipping(look(order()))) == {MUGS: 2, VASE: 1}


def test_open_fulfilment_order_ships_what_remains(ship: Ship) -> None:
    found = ship(part(entry(MUGS, 1, 2), entry(VASE, 1)))
    assert (ships(found), reasons(found)) == ({MUGS: 1, VASE: 1}, [])


def test_pickup_point_is_served_by_a_carrier(ship: Ship) -> None:
    assert ships(ship(part(entry(MUGS, 2), entry(VASE, 1), method="PICKUP_POINT"))) == {MUGS: 2, VASE: 1}


def test_line_split_over_two_locations_ships_whole(ship: Ship) -> None:
    assert ships(ship(part(entry(MUGS, 1)), part(entry(MUGS, 1), entry(VASE, 1)))) == {MUGS: 2, VASE: 1}


@pytest.mark.parametrize(
    ("fulfillment_order", "reason", "may_ship"),
    [
        ({"method": "PICK_UP"}, "picked up at the shop", False),
        ({"method": "LOCAL"}, "delivered locally by the shop", False),
        ({"method": "RETAIL"}, "sold over the counter", False),
        ({"method": "NONE"}, "needs no delivery", False),
        ({"method": None}, "no known delivery method: Shopify names none", True),
        ({"method": "DRONE"}, "no known delivery method: DRONE", True),
        (
            {"status": "ON_HOLD", "holds": [{"reason": "HIGH_RISK_OF_FRAUD", "notes": "Marta rang"}]},
            "on hold: high risk of fraud",
            True,
        ),
        ({"status": "ON_HOLD"}, "on hold: no reason given", True),
        ({"status": "ON_HOLD", "method": "PICK_UP"}, "picked up at the shop", False),
        ({"status": "SCHEDULED", "fulfill_at": "2026-12-24T00:00:00Z"}, "scheduled for 2026-12-24", True),
        ({"status": "IN_PROGRESS"}, "in progress: someone has begun to fulfil it in Shopify", True),
        ({"status": "INCOMPLETE"}, "incomplete: the fulfilment service gave it up", True),
        ({"status": "LOST"}, "in a state the bridge does not know: LOST", True),
        ({"status": "CLOSED"}, "already fulfilled", False),
        ({"status": "CANCELLED"}, "cancelled", False),
    ],
)
def test_what_does_not_ship_has_its_reason(
    ship: Ship, fulfillment_order: dict[str, Any], reason: str, may_ship: bool
) -> None:
    found = ship(part(entry(MUGS, 2), **fulfillment_order), part(entry(VASE, 1)))
    assert (ships(found), reasons(found)) == ({VASE: 1}, [(MUGS, 2, reason, may_ship)])


@pytest.mark.parametrize("status", ["OPEN", "ON_HOLD", "SCHEDULED", "IN_PROGRESS"])
def test_goods_of_a_fulfilment_service_are_left_to_it(ship: Ship, status: str) -> None:
    found = ship(part(entry(MUGS, 2), status=status, service="Northwind Logistics"), part(entry(VASE, 1), service=None))
    assert (ships(found), reasons(found)) == ({VASE: 1}, [(MUGS, 2, "shipped by Northwind Logistics", False)])


def test_goods_that_a_fulfilment_service_gave_up_are_waited_for(ship: Ship) -> None:
    found = ship(part(entry(MUGS, 2), status="INCOMPLETE", service="Northwind Logistics"), part(entry(VASE, 1)))
    assert reasons(found) == [(MUGS, 2, "incomplete: the fulfilment service gave it up", True)]


def test_closed_fulfilment_order_counts_what_it_had(ship: Ship) -> None:
    assert reasons(ship(part(entry(MUGS, 0, 2), entry(VASE, 0, 1), status="CLOSED"))) == [
        (MUGS, 2, "already fulfilled", False),
        (VASE, 1, "already fulfilled", False),
    ]


def test_line_that_moved_to_another_fulfilment_order_is_not_left_out(ship: Ship) -> None:
    found = ship(part(entry(MUGS, 0, 2), status="CANCELLED"), part(entry(MUGS, 2), entry(VASE, 1)))
    assert reasons(found) == []


def test_order_without_fulfilment_orders_is_not_routed_yet(ship: Ship) -> None:
    reason = "not routed yet: Shopify has made no fulfilment order"
    assert reasons(ship()) == [(MUGS, 2, reason, True), (VASE, 1, reason, True)]


def test_line_in_no_fulfilment_order_is_not_routed_yet(ship: Ship) -> None:
    assert reasons(ship(part(entry(MUGS, 2)))) == [(VASE, 1, "not routed yet: in no fulfilment order", True)]


def test_line_that_the_body_lacks_waits_for_a_newer_body(ship: Ship) -> None:
    found = ship(part(entry(MUGS, 2), entry(VASE, 1), entry("999", 1)))
    assert reasons(found) == [("999", 1, "not in the order's body yet", True)]


def test_never_more_than_the_customer_still_wants(ship: Ship) -> None:
    refunded = [{"refund_line_items": [{"line_item_id": 5, "quantity": 1}]}]
    lines = [{"id": 5, "quantity": 3, "price": "1.00", "requires_shipping": True}]
    assert ships(ship(part(entry("5", 3)), line_items=lines, refunds=refunded)) == {"5": 2}


def test_digital_line_of_a_fulfilment_order_is_neither_shipped_nor_left_out(ship: Ship) -> None:
    lines = [{"id": 5, "quantity": 1, "price": "1.00", "requires_shipping": False}]
    found = ship(part(entry("5", 1)), line_items=lines)
    assert (ships(found), reasons(found)) == ({}, [])


def test_left_out_goods_are_called_by_their_sku(ship: Ship) -> None:
    assert [one.name for one in ship().left_out] == ["MUG-BLUE", "VASE-TALL"]


def test_left_out_is_a_value(ship: Ship) -> None:
    assert isinstance(ship().left_out[0], LeftOut)


VARIANT = {
    "weight_g": "410.5",
    "length_cm": "12",
    "width_cm": None,
    "height_cm": "9.5",
    "hs_code": "691200",
    "origin_country": "PT",
}


def test_variant_brings_customs_data_and_dimensions(ship: Ship) -> None:
    mugs = ship(part(entry(MUGS, 2)), variants={"503001": VARIANT}).lines[0]
    assert [mugs[key] for key in ("hs_code", "origin_country", "length_cm", "width_cm", "height_cm")] == [
        "691200",
        "PT",
        Decimal(12),
        None,
        Decimal("9.5"),
    ]


def test_weight_of_the_order_wins_over_the_variants(ship: Ship) -> None:
    assert ship(part(entry(MUGS, 2)), variants={"503001": VARIANT}).lines[0]["weight_g"] == 350


def test_variants_weight_fills_in_where_the_order_has_none(ship: Ship) -> None:
    lines = [{"id": 5, "quantity": 1, "grams": 0, "variant_id": 503001, "requires_shipping": True}]
    found = ship(part(entry("5", 1)), variants={"503001": VARIANT}, line_items=lines)
    assert found.lines[0]["weight_g"] == Decimal("410.5")


def test_to_ship_gives_the_same_lines(order: Order, look: LookAt) -> None:
    at = look(order(), {"fulfillment_orders": [part(entry(MUGS, 1))], "variants": {}})
    assert [line["quantity"] for line in PLATFORM.filters["to_ship"].function(at, at.order)] == [1]


# ---------------------------------------------------------------------------------------------------------------------
# Ways
# ---------------------------------------------------------------------------------------------------------------------
WAY = ("location", "location_id", "methods", "pickup_point")


def ways(shipping: Shipping) -> list[tuple[Any, ...]]:
    return [tuple(line[key] for key in WAY) for line in shipping.lines]


def test_line_has_the_way_of_its_fulfilment_order(ship: Ship) -> None:
    found = ship(part(entry(MUGS, 2), service_code="UK_ND", presented_name="Next day"))
    assert ways(found) == [("Wexcombe", "77", ["UK_ND", "Next day"], None)]


def test_fulfilment_order_that_names_no_method_has_the_bodys(ship: Ship) -> None:
    assert ways(ship(part(entry(MUGS, 2))))[0][2] == ["standard", "Standard delivery"]


def test_body_alone_names_the_methods_and_no_place(order: Order, look: LookAt) -> None:
    found = PLATFORM.shipping(look(order()))
    assert ways(found) == [(None, None, ["standard", "Standard delivery"], None)] * 2


@pytest.mark.parametrize("lines", [None, [], [{"code": None, "title": " "}], [{"title": "Old", "is_removed": True}]])
def test_order_without_a_shipping_line_names_no_method(order: Order, look: LookAt, lines: object) -> None:
    assert ways(PLATFORM.shipping(look(order(shipping_lines=lines))))[0][2] == []


def test_pickup_point_is_known_by_its_reference_name_and_option(ship: Ship, order: Order) -> None:
    address = {**order().order["shipping_address"], "company": "Kiln Road Locker"}
    locker = part(
        entry(MUGS, 2),
        method="PICKUP_POINT",
        source_reference="GB-4711",
        service_code="LOCKER",
        presented_name="Locker near you",
    )
    names = ["GB-4711", "Kiln Road Locker", "Locker near you", "LOCKER"]
    assert ways(ship(locker, shipping_address=address))[0][3] == names


@pytest.mark.parametrize("address", [None, {"company": None}])
def test_pickup_point_without_any_name_is_still_one(ship: Ship, address: object) -> None:
    assert ways(ship(part(entry(MUGS, 2), method="PICKUP_POINT"), shipping_address=address))[0][3] == []


# ---------------------------------------------------------------------------------------------------------------------
# Parts
# ---------------------------------------------------------------------------------------------------------------------
LEEDS = {"location": "Leeds", "location_id": "78"}


@pytest.fixture
def parted(order: Order, look: LookAt) -> Callable[..., Shipping]:
    """What ships of the usual order for a part, with the locations Wexcombe, Leeds, and the partner's, which skips."""
    rows = {"Wexcombe": "WX", "Leeds": "LS", "Northwind": "skip"}

    def shipping(*parts: dict[str, Any], taken: dict[str, int] | None = None, **changes: Any) -> Shipping:
        read = {"fulfillment_orders": list(parts), "variants": {}}
        routing = Routing(locations=Lookup(name="locations", rows=rows))
        others = PartOf(number=2 if taken else 1, taken={line: Decimal(units) for line, units in (taken or {}).items()})
        return PLATFORM.shipping(replace(look(order(**changes), read), routing=routing, part=others))

    return shipping


def lines_with(order: Order, line_id: str, **changes: Any) -> list[dict[str, Any]]:
    return [{**line, **changes} if str(line["id"]) == line_id else line for line in order().order["line_items"]]


def test_goods_of_another_location_are_for_a_further_part(parted: Ship) -> None:
    found = parted(part(entry(MUGS, 1), entry(VASE, 1)), part(entry(MUGS, 1), **LEEDS))
    assert (ships(found), found.route) == ({MUGS: 1, VASE: 1}, Route(origin="WX"))
    assert [(str(line["id"]), line["quantity"], line["location"]) for line in found.rest] == [(MUGS, 1, "Leeds")]


def test_entries_come_in_the_order_of_the_body(parted: Ship) -> None:
    found = parted(part(entry(VASE, 1), **LEEDS), part(entry(MUGS, 2)))
    assert (ships(found), [line["id"] for line in found.rest]) == ({MUGS: 2}, [501002])


def test_what_another_part_has_is_not_offered_again(parted: Ship) -> None:
    assert ships(parted(part(entry(MUGS, 2), entry(VASE, 1)), taken={MUGS: 2})) == {VASE: 1}


def test_raised_quantity_leaves_the_new_units(parted: Ship, order: Order) -> None:
    lines = lines_with(order, MUGS, quantity=3, current_quantity=3, fulfillable_quantity=3)
    found = parted(part(entry(MUGS, 3), entry(VASE, 1)), taken={MUGS: 2, VASE: 1}, line_items=lines)
    assert (ships(found), found.lines[0]["before"]) == ({MUGS: 1}, 2)


def test_sent_goods_that_came_back_make_no_room_for_more(parted: Ship, order: Order) -> None:
    # 2 mugs were sent and fulfilled, 1 came back: 2 had left, so nothing is open
    lines = lines_with(order, MUGS, current_quantity=1, fulfillable_quantity=0)
    back = [{"refund_line_items": [{"line_item_id": 501001, "quantity": 1, "restock_type": "return"}]}]
    found = parted(
        part(entry(MUGS, 0, 2), status="CLOSED"), part(entry(VASE, 1)), taken={MUGS: 2}, line_items=lines, refunds=back
    )
    assert (ships(found), found.rest) == ({VASE: 1}, [])


def test_units_that_the_partner_fulfilled_are_not_taken_for_ours(parted: Ship, order: Order) -> None:
    # of 2 mugs the partner has fulfilled 1, and ours stands in part 1: none is left
    lines = lines_with(order, MUGS, fulfillable_quantity=1, fulfillment_status="partial")
    theirs = part(entry(MUGS, 0, 1), status="CLOSED", location="Northwind", location_id="79")
    found = parted(theirs, part(entry(MUGS, 1), entry(VASE, 1)), taken={MUGS: 1, VASE: 1}, line_items=lines)
    assert (ships(found), found.rest) == ({}, [])


def test_units_of_a_fulfilment_service_are_not_taken_for_ours(parted: Ship, order: Order) -> None:
    lines = lines_with(order, MUGS, fulfillable_quantity=1)  # 1 has left, by the service
    theirs = part(entry(MUGS, 0, 1), status="CLOSED", service="Northwind Logistics")
    found = parted(theirs, part(entry(MUGS, 1), entry(VASE, 1)), taken={MUGS: 1, VASE: 1}, line_items=lines)
    assert (ships(found), found.rest) == ({}, [])


def test_goods_that_moved_from_the_partner_to_us_ship(parted: Ship) -> None:
    theirs = part(entry(MUGS, 0, 2), status="CLOSED", location="Northwind", location_id="79")
    assert ships(parted(theirs, part(entry(MUGS, 2), entry(VASE, 1)))) == {MUGS: 2, VASE: 1}


def test_exchange_ships_though_the_rest_was_fulfilled(parted: Ship, order: Order) -> None:
    fulfilled = [
        {**line, "fulfillable_quantity": 0, "fulfillment_status": "fulfilled"} for line in order().order["line_items"]
    ]
    new = {**order().order["line_items"][0], "id": 501003, "admin_graphql_api_id": "gid://shopify/LineItem/501003"}
    found = parted(
        part(entry(MUGS, 0, 2), entry(VASE, 0, 1), status="CLOSED"),
        part(entry("501003", 2)),
        taken={MUGS: 2, VASE: 1},
        line_items=[*fulfilled, new],
    )
    assert ships(found) == {"501003": 2}


def test_scheduled_goods_say_when(ship: Ship) -> None:
    found = ship(part(entry(MUGS, 2), status="SCHEDULED", fulfill_at="2026-12-24T08:00:00+01:00"), part(entry(VASE, 1)))
    assert [one.until for one in found.left_out] == [datetime(2026, 12, 24, 7, 0, tzinfo=UTC)]


@pytest.mark.parametrize("changes", [{"status": "SCHEDULED"}, {"status": "ON_HOLD", "fulfill_at": "2026-12-24"}])
def test_goods_without_a_time_of_the_shops_say_none(ship: Ship, changes: dict[str, Any]) -> None:
    found = ship(part(entry(MUGS, 2), **changes), part(entry(VASE, 1)))
    assert [one.until for one in found.left_out] == [None]
