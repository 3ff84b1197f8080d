"""Week one: the bridge observes five shops while Lightship, the old connector, sends."""

from __future__ import annotations

from bridge.sandbox.shopify import Article
from tests.retailer.play import Play
from tests.retailer.retailer import SHOPS

# What Lightship does its own way, and the retailer has explained.
EXPLAINED = ("OrderReferenceProvidedByCustomer", "Packages[].Description")
EXPLAINED += ("Packages[].PackageReferenceProvidedByCustomer", "MetaData[]")

_OBSERVED = "received -> held: observe mode: it would be sent; release it to send it all the same"


def both_connectors_hear_of_every_order(play: Play) -> None:
    retailer = play.retailer
    for shop in SHOPS:
        for number in (1001, 1002):
            play.lightship.sends(shop, retailer.buys(shop, number))
    express = retailer.buys("home", 1003, shipping_title="Express", lines=[Article(quantity=3)])
    play.lightship.sends("home", express)
    retailer.later(hours=1)
    assert [retailer.count(shop) for shop in SHOPS] == [{"held": 3}, *[{"held": 2}] * 4]
    retailer.ended("home", "#1003", "held", sent=[], story=[_OBSERVED])
    assert {one.customer_reference[:2] for one in retailer.sortedpro.orders()} == {"L-"}


def comparison_finds_the_tag_that_our_mapping_lacks(play: Play) -> None:
    result = _compare(play)
    assert result.exit_code == 1
    assert result.stdout.endswith("10 compared equal, 1 differ, 0 would not be sent, 0 unmatched\n")
    assert [line for line in result.stdout.splitlines() if "Tags" in line and "NEXT-DAY" in line and "#1003" in line]


def table_of_services_leaves_no_difference_unexplained(play: Play) -> None:
    services = {"Standard delivery": {}, "Express": {"tags": ["NEXT-DAY"]}}
    play.retailer.configure("home", services=services)
    result = _compare(play)
    assert (result.exit_code, result.stdout) == (
        0, "11 compared equal, 0 differ, 0 would not be sent, 0 unmatched\n",
    )  # fmt: skip


def canary_is_really_sent_while_the_shop_is_observed(play: Play) -> None:
    retailer = play.retailer
    # Lightship is told to leave it. It is ordered now in the real time, in which the command compares it below.
    retailer.buys("home", 1004, shipping_title="Express", lines=[Article(quantity=1)], at=retailer.began)
    retailer.later(minutes=5)
    said = retailer.types("orders", "release", "#1004", "--shop", "home", "--reason", "the canary", "--yes")
    assert said.endswith("1 order released\n")
    story = [_OBSERVED, "held -> received: released: the canary  (person: ", "stands on the shop order"]
    (made,) = retailer.ended("home", "#1004", "done", sent=[{"MUG-BLUE": 1}], story=story)
    assert (made.customer_reference, made.body["Tags"]) == ("home-1004", ["NEXT-DAY"])
    assert retailer.count("home") == {"held": 3, "done": 1}


def shop_order_of_the_canary_is_compared_equal_too(play: Play) -> None:
    retailer = play.retailer
    own = retailer.order("home", "#1004").reference
    rows = [*play.lightship.rows, ("home", "#1004", str(own))]
    assert _compare(play, *rows).stdout == "12 compared equal, 0 differ, 0 would not be sent, 0 unmatched\n"


def _compare(play: Play, *rows: tuple[str, str, str]):
    ignored = [word for path in EXPLAINED for word in ("--ignore", path)]
    return play.retailer.desk("compare", play.lightship.list("lightship.csv", *rows), *ignored)


SCENES = (
    both_connectors_hear_of_every_order,
    comparison_finds_the_tag_that_our_mapping_lacks,
    table_of_services_leaves_no_difference_unexplained,
    canary_is_really_sent_while_the_shop_is_observed,
    shop_order_of_the_canary_is_compared_equal_too,
)
