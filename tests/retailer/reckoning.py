"""At the end: every order of every shop, held against what SortedPRO has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from bridge.cli.showing import what
from bridge.sandbox.shopify import FakeShopify
from bridge.store import queries
from bridge.store.database import transaction
from bridge.store.ledger import Order
from tests.retailer.play import Play
from tests.retailer.retailer import Retailer

_RESTS = {"done", "skipped", "held"}  # nothing is on its way any more, nothing failed, nothing is in doubt


def every_order_of_all_shops_is_in_one_state_with_a_reason(play: Play) -> None:
    rows = _rows(play.retailer)
    keys = Counter((one.shop, one.order_id, one.order_key, one.part) for one in rows)
    assert set(keys.values()) == {1}
    in_shops = {(shop, order_id) for shop, order_id, _ in _shop_orders(play.retailer)}
    # A staging copy's own order stands in no shop; nothing else came from nowhere.
    assert {(one.shop, one.order_id) for one in rows if one.code != "other_host"} == in_shops
    assert {one.state for one in rows} <= _RESTS
    assert [one.label for one in rows if not what(one)] == []


def no_order_in_sortedpro_is_doubled_or_unknown_to_the_ledger(play: Play) -> None:
    made = play.retailer.sortedpro.orders()
    assert len({one.customer_reference for one in made}) == len(made)
    ours = [one.reference for one in _rows(play.retailer) if one.reference]
    assert sorted(ours) == sorted(one.reference for one in made)


def every_reference_stands_on_its_shop_order(play: Play) -> None:
    by_order: dict[tuple[str, str], list[str]] = {}
    for one in sorted(_rows(play.retailer), key=lambda row: (row.id, row.part)):
        if one.reference and one.order_key != _rolled_back(play.retailer, one):
            by_order.setdefault((one.shop, one.order_id), []).append(one.reference)
    for (shop, order_id), references in by_order.items():
        assert play.retailer.reference_on(shop, order_id) == ", ".join(references)


def no_quantity_stands_in_two_orders_of_sortedpro(play: Play) -> None:
    ordered = {(shop, order_id): lines for shop, order_id, lines in _shop_orders(play.retailer)}
    parts = {one.reference: one for one in _rows(play.retailer) if one.reference}
    sent: Counter[tuple[str, str, str, str]] = Counter()
    for one in play.retailer.sortedpro.orders():
        row = parts[one.reference]
        for item in (item for package in one.body["Packages"] for item in package["Items"]):
            line = item["ItemReferenceProvidedByCustomer"]
            sent[row.shop, row.order_id, row.order_key, line] += item["Quantity"]
    # A line that was sent from two places has a reference for each place: its id, and "-2" and so on behind it.
    over = {key: units for key, units in sent.items() if units > ordered[key[:2]][key[3].partition("-")[0]]}
    assert over == {}


def _rows(retailer: Retailer) -> list[Order]:
    with transaction(retailer.bridge.engine) as connection:
        return queries.list_orders(connection, limit=10_000)


def _shop_orders(retailer: Retailer) -> list[tuple[str, str, Mapping[str, int]]]:
    """Each shop order with the most units that were ever ordered of each line."""
    bodies: list[tuple[str, Mapping[str, Any]]] = []
    for shop, fake in retailer.shops.items():
        kept = [one.body for one in fake.book.orders()] if isinstance(fake, FakeShopify) else fake.store.orders()
        bodies += [(shop, body) for body in kept]
    return [
        (shop, str(body["id"]), {str(line["id"]): line["quantity"] for line in body["line_items"]})
        for shop, body in bodies
    ]


def _rolled_back(retailer: Retailer, row: Order) -> str | None:
    """The key of an order that a restored shop no longer has, for it has another one under the id."""
    if row.platform != "woocommerce":
        return None
    current = retailer.woocommerce(row.shop).order(int(row.order_id))["order_key"]
    return row.order_key if row.order_key != current else None


SCENES = (
    every_order_of_all_shops_is_in_one_state_with_a_reason,
    no_order_in_sortedpro_is_doubled_or_unknown_to_the_ledger,
    every_reference_stands_on_its_shop_order,
    no_quantity_stands_in_two_orders_of_sortedpro,
)
