"""Week three: goods that join an order late, or leave from several places."""

from __future__ import annotations

from datetime import timedelta

from bridge.sandbox.shopify import Article
from bridge.sandbox.shopify.commands import split
from tests.retailer.play import Play
from tests.retailer.retailer import BRISTOL, PARTNER

_BOTH = {"MUG-BLUE": 2, "BLANKET-L": 1}


def item_added_by_an_edit_goes_as_a_second_part(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.shopify("home")
    retailer.later(days=6)
    order_id = retailer.buys("home", 1101)
    retailer.settle()
    shop.add_variant(order_id, Article(sku="VASE-1", title="Vase"))
    retailer.later(minutes=2)
    retailer.ended("home", "#1101", "done", sent=[_BOTH], story=["done not sent", "1 × VASE-1 not sent"])
    retailer.types("order", "send-rest", "#1101", "--shop", "home", "--reason", "the customer paid for it")
    story = ["part 2 done: EO-", "opened for what #1101 lacks: the customer paid for it  (person: "]
    made = retailer.ended("home", "#1101", "done", "done", sent=[_BOTH, {"VASE-1": 1}], story=story)
    assert [one.customer_reference for one in made] == ["home-1101", "home-1101-2"]
    assert retailer.order("home", "#1101").unsent == ""


def exchanged_article_goes_as_a_second_part(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.shopify("home")
    order_id = retailer.buys("home", 1102)
    retailer.settle()
    shop.fulfil(order_id)
    retailer.later(days=2)
    mug = shop.order(order_id).body["line_items"][0]["id"]
    shop.exchange(order_id, mug, 1, Article(sku="MUG-RED", title="Stoneware mug, red"))
    retailer.later(minutes=2)
    retailer.ended("home", "#1102", "done", sent=[_BOTH], story=["1 × MUG-RED not sent"])
    retailer.types("order", "send-rest", "#1102", "--shop", "home", "--reason", "exchange")
    retailer.ended("home", "#1102", "done", "done", sent=[_BOTH, {"MUG-RED": 1}], story=["part 2 done"])
    assert not retailer.order("home", "#1102").changed


def pre_order_waits_for_its_time_and_goes_as_a_part(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.shopify("outlet")
    body = retailer.body("outlet", 1103)
    when = (retailer.clock() + timedelta(days=3)).isoformat()
    order_id = shop.add_order(body, fulfillment_orders=split(body, [{"skus": ["BLANKET-L"], "fulfill_at": when}]))
    retailer.settle()
    mugs = {"MUG-BLUE": 2}
    retailer.ended("outlet", "#1103", "done", sent=[mugs], story=["left out: 1 x BLANKET-L: "])
    retailer.later(days=3)
    shop.ready(order_id)
    retailer.later(hours=1)
    retailer.ended("outlet", "#1103", "done", sent=[mugs], story=["1 × BLANKET-L not sent"])
    retailer.types("order", "send-rest", "#1103", "--shop", "outlet", "--reason", "it is in stock")
    retailer.ended("outlet", "#1103", "done", "done", sent=[mugs, {"BLANKET-L": 1}], story=["it is in stock"])


def goods_of_two_origins_are_two_orders(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.shopify("outlet")
    body = retailer.body("outlet", 1104)
    shop.add_order(body, fulfillment_orders=split(body, [{"skus": ["BLANKET-L"], "location": BRISTOL}]))
    retailer.settle()
    made = retailer.ended(
        "outlet", "#1104", "done", "done",
        sent=[{"MUG-BLUE": 2}, {"BLANKET-L": 1}], origins=["LEEDS", "BRISTOL"], story=["part 2 done"],
    )  # fmt: skip
    assert [one.customer_reference for one in made] == ["outlet-1104", "outlet-1104-2"]


def partners_goods_are_left_to_the_partner(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.shopify("home")
    mixed, alone = retailer.body("home", 1105), retailer.body("home", 1106)
    shop.add_order(mixed, fulfillment_orders=split(mixed, [{"skus": ["BLANKET-L"], "location": PARTNER}]))
    shop.add_order(alone, fulfillment_orders=split(alone, [{"location": PARTNER}]))
    retailer.settle()
    words = f"shipped from {PARTNER}, which `locations` leaves to others"
    retailer.ended("home", "#1105", "done", sent=[{"MUG-BLUE": 2}], story=[f"left out: 1 x BLANKET-L: {words}"])
    retailer.ended("home", "#1106", "skipped", sent=[], story=[words])
    assert retailer.order("home", "#1105").unsent == ""


def goods_moved_to_another_origin_after_sending_are_in_no_second_order(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.shopify("outlet")
    order_id = retailer.buys("outlet", 1107)
    retailer.settle()
    shop.move(order_id, BRISTOL)
    shop.change(order_id, note="moved")  # so that the bridge looks again
    retailer.later(hours=2)
    retailer.ended("outlet", "#1107", "done", sent=[_BOTH], story=["changed after sending: Addresses[1].SpecialIns"])
    assert retailer.order("outlet", "#1107").unsent == ""


SCENES = (
    item_added_by_an_edit_goes_as_a_second_part,
    exchanged_article_goes_as_a_second_part,
    pre_order_waits_for_its_time_and_goes_as_a_part,
    goods_of_two_origins_are_two_orders,
    partners_goods_are_left_to_the_partner,
    goods_moved_to_another_origin_after_sending_are_in_no_second_order,
)
