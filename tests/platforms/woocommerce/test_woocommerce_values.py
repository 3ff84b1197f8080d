"""What bundles, composites, gifts and later parts of WooCommerce orders weigh and are worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bridge.platforms.base import Look, OrderBody, PartOf
from bridge.platforms.woocommerce import PLATFORM

Order = Callable[..., OrderBody]
LookAt = Callable[..., Look]

# 2 picnic sets for 80.01 and 16.00 of tax; their baskets (6.00, 1.20) travel inside, their blankets (30.00, 6.00) on
# their own; a sample for free.
COMPOSITE = "order.created__composite_and_gift"
READ = {
    "units": {"weight": "kg", "dimension": "cm"},
    "product:61": {"shipping_required": True, "weight": "2.5"},
    "product:34": {"shipping_required": True, "weight": "1.1"},
    "product:36": {"shipping_required": True, "weight": "0.8"},
    "product:35": {"shipping_required": True, "weight": ""},
}
BUNDLED = {
    "units": {"weight": "kg", "dimension": "cm"},
    "product:60": {"shipping_required": True, "weight": "1.5"},
    "product:31": {"shipping_required": True, "weight": "0.9"},
    "product:32": {"shipping_required": True, "weight": "0.25"},
    "product:33": {"shipping_required": True, "weight": "0.1"},
}


def use(name: str, look: Look, value: Any, *arguments: Any, **settings: Any) -> Any:
    """Call a looking filter as the language does."""
    return PLATFORM.filters[name].function(look, value, *arguments, **settings)


def values(look: Look, *arguments: Any) -> dict[str, str]:
    return {line["sku"]: str(use("line_value", look, line, *arguments)) for line in PLATFORM.shipping(look).lines}


def part(look: Look, **known: Any) -> Look:
    """The same order, looked at for another part."""
    return replace(look, part=PartOf(**known), kept={})


def test_composite_counts_with_what_is_inside_it_and_once(order: Order, look: LookAt) -> None:
    at = look(order(COMPOSITE), READ)
    # 80.01 + 16.00 + 6.00 + 1.20; 30.00 + 6.00
    assert values(at) == {"SET-PICNIC": "103.21", "BLANKET": "36.00", "SAMPLE": "0"}
    # 2 x 2.5 kg, 2 x 0.8 kg, and the default for the sample; the baskets are part of the sets
    assert use("total_weight", at, use("to_ship", at, at.order), "500") == 7100
    assert at.kept["notes"] == ["no weight for SAMPLE: the default of 500 g is taken"]


def test_goods_of_a_composite_add_up_to_the_order(order: Order, look: LookAt) -> None:
    at = look(order(COMPOSITE), READ)
    # the order's 144.01 less 4.80 of postage; net 116.01
    assert use("goods_value", at, use("to_ship", at, at.order)) == Decimal("139.21")
    assert use("goods_value", at, use("to_ship", at, at.order), "net") == Decimal("116.01")


def test_gift_counts_for_what_the_mapping_says(order: Order, look: LookAt) -> None:
    at = look(order(COMPOSITE), READ)
    assert values(at, "gross", "line", "0.01")["SAMPLE"] == "0.01"
    assert use("goods_value", at, use("to_ship", at, at.order), zero="0.01") == Decimal("139.22")


def test_bundle_in_two_parts_is_worth_what_it_is_in_one(order: Order, look: LookAt) -> None:
    at = look(order(COMPOSITE), READ)
    second = part(at, number=2, taken={"91": Decimal(1), "93": Decimal(2), "94": Decimal(1)})
    # 103.21 / 2 = 51.605: 51.61 for the first set, the rest for the second
    assert values(second) == {"SET-PICNIC": "51.60"}


def test_bundle_that_was_sent_is_compared_with_the_value_it_was_sent_with(order: Order, look: LookAt) -> None:
    only = {"91": Decimal(2), "93": Decimal(2), "94": Decimal(1)}
    assert values(part(look(order(COMPOSITE), READ), only=only))["SET-PICNIC"] == "103.21"


def test_weight_of_a_bundle_packed_as_one_is_its_own(order: Order, look: LookAt) -> None:
    at = look(order("order.created__bundle_packed_as_one"), BUNDLED)
    assert use("total_weight", at, use("to_ship", at, at.order)) == 1600  # 1.5 kg and the mug


def test_weight_of_a_bundle_shipped_apart_is_that_of_its_contents(order: Order, look: LookAt) -> None:
    virtual = {**BUNDLED, "product:60": {"shipping_required": False, "weight": "1.5"}}
    at = look(order("order.created__bundle_shipped_apart"), virtual)
    assert use("total_weight", at, use("to_ship", at, at.order)) == 1500  # 0.9 + 2 x 0.25 + 0.1 kg


def test_contents_in_packages_of_their_own_share_the_bundles_price(order: Order, look: LookAt) -> None:
    at = look(order("order.created__bundle_shipped_apart"), {**BUNDLED, "product:60": {"shipping_required": False}})
    made = use("packages", at, use("to_ship", at, at.order), "unit")
    # net: 16.67 for the pot; 39.33 for two cups, 19.665 for the first and so 19.67; 10.00 for the mug
    assert [str(use("goods_value", at, one["lines"], "net")) for one in made] == ["16.67", "19.67", "19.66", "10.00"]
