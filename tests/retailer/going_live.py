"""Week two: the shops go live one after the other, each after its predecessor's orders were taken over."""

from __future__ import annotations

import csv
import io

from tests.retailer.play import Play
from tests.retailer.retailer import BRISTOL, LEEDS, PARTNER, SHOPS

_BUSY = 100  # newly eligible orders an hour that are no surprise


def old_connectors_orders_are_adopted_and_never_sent(play: Play) -> None:
    retailer, count = play.retailer, len(play.retailer.sortedpro.orders())
    retailer.later(days=7)
    file = play.lightship.list("handover.csv")
    assert retailer.types("orders", "adopt", file, "--by", "Lightship", "--dry-run") == (
        "11 would be adopted, 0 already so, 0 not possible\n"
    )
    assert retailer.types("orders", "adopt", file, "--by", "Lightship") == (
        "11 adopted, 0 already so, 0 not possible\n"
    )
    assert len(retailer.sortedpro.orders()) == count
    assert [retailer.count(shop) for shop in SHOPS] == [{"done": 4}, *[{"done": 2}] * 4]
    for shop, _, reference in play.lightship.rows:
        order = next(one for one in retailer.orders(shop, reference) if one.shop == shop)
        assert retailer.reference_on(shop, order.order_id) == reference
    shown = retailer.desk("order", "show", "#1001", "--shop", "home").stdout
    assert "held -> created: adopted: Lightship made it as EO-000-002-000  (person: " in shown


def home_goes_live_and_its_held_orders_are_released_by_a_person(play: Play) -> None:
    retailer = play.retailer
    retailer.buys("home", 1005)
    retailer.settle()
    locations = {"any": None, LEEDS: "LEEDS", PARTNER: "skip"}
    retailer.configure("home", mode="live", surge_limit=str(_BUSY), locations=locations)
    retailer.settle()
    assert retailer.order("home", "#1005").state == "held"  # turning live releases nothing
    retailer.types("orders", "release", "--shop", "home", "--code", "observe", "--reason", "live", "--yes")
    retailer.ended("home", "#1005", "done", sent=[{"MUG-BLUE": 2, "BLANKET-L": 1}], story=["released: live"])
    retailer.buys("home", 1006)
    retailer.settle()
    retailer.ended("home", "#1006", "done", sent=[{"MUG-BLUE": 2, "BLANKET-L": 1}], story=["SortedPRO made EO-"])


def orders_that_the_old_connector_marked_are_skipped_by_rule(play: Play) -> None:
    retailer = play.retailer
    tagged = {"tagged by Lightship": "'lightship-sent' in (order.tags | tag_list)"}
    exported = {"exported by Lightship": "order | meta('_lightship_exported')"}
    retailer.configure("outlet", "trade", sent_elsewhere=tagged)
    retailer.configure("garden", "gifts", sent_elsewhere=exported)
    retailer.buys("trade", 1003, tags=["lightship-sent"])
    retailer.buys("garden", 1003, meta={"_lightship_exported": "yes"})
    retailer.settle()
    retailer.ended("trade", "#1003", "skipped", sent=[], story=["sent elsewhere: tagged by Lightship"])
    retailer.ended("garden", "1003", "skipped", sent=[], story=["sent elsewhere: exported by Lightship"])


def other_shops_go_live_one_by_one(play: Play) -> None:
    retailer = play.retailer
    origins = {"any": None, LEEDS: "LEEDS", BRISTOL: "BRISTOL"}
    own = {"outlet": {"locations": origins}, "trade": {"send_after": "30 min"}, "garden": {}, "gifts": {}}
    for shop, sections in own.items():
        retailer.later(hours=12)
        retailer.configure(shop, mode="live", surge_limit=str(_BUSY), **sections)
        retailer.buys(shop, 1010)
        retailer.later(minutes=40)
        assert [one.state for one in retailer.orders(shop, "1010")] == ["done"]
    shown = retailer.types("orders", "list", "--code", "observe")
    assert shown == "no order is like this\n"


def way_back_is_a_list_of_what_was_sent(play: Play) -> None:
    retailer = play.retailer
    rows = list(csv.DictReader(io.StringIO(retailer.types("orders", "export"))))
    # 11 adopted; by the bridge: home's canary, 1005 and 1006, and one order of each other shop.
    assert len(rows) == 11 + 3 + 4
    assert {row["state"] for row in rows} == {"done"}
    assert sorted(row["reference"] for row in rows) == [one.reference for one in retailer.sortedpro.orders()]
    assert [row["order"] for row in rows if row["customer_reference"] == "home-1004"] == ["#1004"]


SCENES = (
    old_connectors_orders_are_adopted_and_never_sent,
    home_goes_live_and_its_held_orders_are_released_by_a_person,
    orders_that_the_old_connector_marked_are_skipped_by_rule,
    other_shops_go_live_one_by_one,
    way_back_is_a_list_of_what_was_sent,
)
