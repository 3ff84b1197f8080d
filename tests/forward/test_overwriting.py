"""A person's word that our reference may replace another one on the shop order: for one write-back, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge import actions
from bridge.errors import ActionRefused
from bridge.sandbox.faults import status
from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.woocommerce import woo_order
from bridge.store import overwriting
from tests.forward.conftest import Rig

STRANGER = "EO-999-999-999"


def overwrite(rig: Rig, name: str):
    order = rig.order(name)
    return actions.overwrite(rig.bridge.engine, order, who="kim", reason="theirs is cancelled", now=rig.clock())


@pytest.fixture
def woo(rig: Rig) -> Rig:
    """#21 is created; another reference stands on the shop order."""
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock(), meta={"sorted_order_reference": STRANGER}))
    rig.settle()
    assert rig.order("#21").trouble_code == "write_back_conflict"
    return rig


@pytest.fixture
def shopify(rig: Rig) -> Rig:
    """#1001 is created; another reference stands on the shop order."""
    rig.world.shopify.add_order(
        shopify_order(1001, at=rig.clock()), metafields={"custom.sorted_order_reference": STRANGER}
    )
    rig.settle()
    assert rig.order("#1001").trouble_code == "write_back_conflict"
    return rig


def test_other_reference_on_a_woocommerce_order_is_replaced(woo: Rig) -> None:
    overwrite(woo, "#21")
    woo.settle()
    order = woo.order("#21")
    assert (order.state, woo.world.woocommerce.reference_of(21)) == ("done", order.reference), woo.story("#21")


def test_other_reference_on_a_shopify_order_is_replaced(shopify: Rig) -> None:
    overwrite(shopify, "#1001")
    shopify.settle()
    order = shopify.order("#1001")
    stands = shopify.world.shopify.reference_of(order.order_id)
    assert (order.state, stands) == ("done", order.reference), shopify.story("#1001")


def test_history_says_who_wanted_it_and_that_it_was_done(woo: Rig) -> None:
    reference = woo.order("#21").reference
    overwrite(woo, "#21")
    woo.settle()
    story = woo.story("#21")
    assert f"the other reference on the shop order is to be replaced with {reference}: theirs is cancelled" in story
    assert f"{reference} stands on the shop order in place of another" in story


def test_word_counts_for_one_write_back(woo: Rig) -> None:
    assert overwrite(woo, "#21").released != []
    woo.settle()
    assert woo.order("#21").released == []


def test_word_lasts_until_the_shop_takes_it(woo: Rig) -> None:
    woo.world.woocommerce.behave(status(503), match="meta_data")
    overwrite(woo, "#21")
    woo.settle()
    assert woo.order("#21").state == "created"
    woo.later(hours=1)
    woo.settle()
    assert woo.world.woocommerce.reference_of(21) == woo.order("#21").reference


def test_word_counts_for_no_other_reference(woo: Rig) -> None:
    """A part that is opened takes over the released codes."""
    said = overwrite(woo, "#21")
    assert overwriting.is_allowed(said)
    assert not overwriting.is_allowed(replace(said, reference="EO-000-002-0ZZ"))


def test_word_is_forgotten_when_the_shop_order_is_left_as_it_is(woo: Rig) -> None:
    overwrite(woo, "#21")
    order = woo.order("#21")
    kept = actions.end_write_back(woo.bridge.engine, order, who="kim", reason="no", now=woo.clock())
    assert (kept.state, kept.released) == ("done", [])
    assert woo.world.woocommerce.reference_of(21) == STRANGER


def test_shop_order_that_is_gone_cannot_be_overwritten(woo: Rig) -> None:
    woo.world.woocommerce.trash(21)
    woo.later(hours=1)
    woo.settle()
    with pytest.raises(ActionRefused, match="--write-back keep"):
        overwrite(woo, "#21")


def test_order_without_a_conflict_has_nothing_to_overwrite(rig: Rig) -> None:
    rig.world.woocommerce.add_order(woo_order(21, at=rig.clock()))
    rig.settle()
    with pytest.raises(ActionRefused, match="nothing to overwrite"):
        overwrite(rig, "#21")
