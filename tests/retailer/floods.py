"""Hundreds of orders at once: old ones that are imported, and new ones that nobody expected."""

from __future__ import annotations

import json
from datetime import timedelta

from tests.retailer.play import Play
from tests.retailer.retailer import WOOCOMMERCE

_WORKERS = 4  # of the bridge, at once: limits must hold among them


def shops_are_live_with_a_limit_for_surges(play: Play) -> None:
    retailer = play.retailer
    retailer.configure(*WOOCOMMERCE, mode="live", surge_limit="100")
    retailer.buys("garden", 1001)
    retailer.buys("gifts", 1001)
    retailer.settle()
    assert [retailer.count(shop) for shop in WOOCOMMERCE] == [{"done": 1}] * 2


def import_of_500_old_orders_sends_none_and_lists_the_open_ones(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.woocommerce("garden")
    since = retailer.began - timedelta(days=90)
    shop.bring_in(20_000, 440, since=since, topics=["order.created"])
    shop.bring_in(20_440, 60, since=since, status="processing", topics=["order.created"])
    retailer.settle(workers=_WORKERS)
    assert retailer.count("garden") == {"done": 1, "skipped": 500}
    assert len(retailer.sortedpro.orders()) == 2
    said = retailer.types("orders", "list", "--shop", "garden")
    assert "60 open orders are older than send_from: `bridge orders list --code before_send_from`" in said
    retailer.ended("garden", "20000", "skipped", sent=[], story=["already completed"])
    retailer.ended("garden", "20499", "skipped", sent=[], story=["ordered before send_from ("])


def one_open_order_of_the_import_is_sent_when_a_person_says_so(play: Play) -> None:
    retailer = play.retailer
    reason = ("--reason", "nobody has shipped it")
    retailer.types("orders", "release", "20499", "--shop", "garden", "--yes", *reason)
    sent = [{"MUG-BLUE": 2, "LAMP-XL": 1}]
    retailer.ended("garden", "20499", "done", sent=sent, story=["released: nobody has shipped it  (person: "])


def surge_of_500_new_orders_is_held_but_for_100(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.woocommerce("gifts")
    retailer.later(hours=2)
    for number in range(30_000, 30_500):
        shop.add_order(retailer.body("gifts", number), topics=["order.created"])
    retailer.settle_without_echoes("gifts", workers=_WORKERS)
    # The limit is 100 an hour: so many are sent, and the other 400 are held.
    assert retailer.count("gifts") == {"done": 101, "held": 400}
    assert len(retailer.sortedpro.orders()) == 3 + 100
    words = "more than 100 orders became ready within an hour (surge_limit): look whether they are real"
    retailer.ended("gifts", _held(play), "held", sent=[], story=[words])


def held_orders_of_a_surge_are_released_in_bulk(play: Play) -> None:
    retailer, name = play.retailer, _held(play)
    only = ("--shop", "gifts", "--code", "surge", "--yes")
    said = retailer.types("orders", "release", *only, "--reason", "a sale", settle=False)
    retailer.settle_without_echoes("gifts", workers=_WORKERS)
    assert "gifts: 400 orders with the code surge" in said
    assert said.endswith("400 orders released\n")
    assert retailer.count("gifts") == {"done": 501}
    assert len(retailer.sortedpro.orders()) == 3 + 500
    retailer.ended("gifts", name, "done", sent=[{"MUG-BLUE": 2, "LAMP-XL": 1}], story=["released: a sale"])


def _held(play: Play) -> str:
    """One of the shop's held orders."""
    shown = play.retailer.desk("orders", "list", "--shop", "gifts", "--state", "held", "--limit", "1", "--json")
    return str(json.loads(shown.stdout)["name"])


SCENES = (
    shops_are_live_with_a_limit_for_surges,
    import_of_500_old_orders_sends_none_and_lists_the_open_ones,
    one_open_order_of_the_import_is_sent_when_a_person_says_so,
    surge_of_500_new_orders_is_held_but_for_100,
    held_orders_of_a_surge_are_released_in_bulk,
)
