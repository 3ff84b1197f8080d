"""What ships is worked out once for each look, and shared out among the parts of an order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import NotRead
from bridge.platforms.base import Fetched, LeftOut, Look, PartOf, Shipping, ShopFacts
from bridge.platforms.parting import part, parted, quantities
from bridge.platforms.routing import Lookup, Routing

SHOP = ShopFacts(name="shop", platform="shopify", domain="larkspur.example")
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def look() -> Look:
    return Look(order={}, fetched=Fetched(), now=NOON, shop=SHOP)


def test_same_look_is_asked_once() -> None:
    asked: list[Look] = []
    shipping = parted(lambda one: asked.append(one) or Shipping(lines=()))
    one = look()
    assert shipping(one) is shipping(one)
    assert len(asked) == 1


def test_equal_look_of_another_time_is_asked_anew() -> None:
    shipping = parted(lambda _: Shipping(lines=()))
    assert shipping(look()) is not shipping(look())


def test_what_was_not_read_is_asked_for_again() -> None:
    def shipping(_: Look) -> Shipping:
        raise NotRead(["order"])

    one, asked = look(), parted(shipping)
    for _ in range(2):
        with pytest.raises(NotRead):
            asked(one)


# ---------------------------------------------------------------------------------------------------------------------
# Parts
# ---------------------------------------------------------------------------------------------------------------------
LOCATIONS = Lookup(name="locations", rows={"Leeds": "LEEDS", "Bristol": "BRISTOL", "Partner": "skip"})
ROUTING = Routing(locations=LOCATIONS)


def line(identity: str, quantity: int, location: str = "Leeds", **more: Any) -> dict[str, Any]:
    return {"id": identity, "sku": f"SKU-{identity}", "quantity": quantity, "location": location, **more}


def of(found: Shipping, **taken: int) -> Shipping:
    """The next part of what ships, beside parts that have `taken`."""
    return part(found, PartOf(taken={name: Decimal(units) for name, units in taken.items()}), ROUTING)


def units(lines: Iterable[dict[str, Any]]) -> dict[str, int]:
    return {name: int(quantity) for name, quantity in quantities(lines).items()}


def test_goods_of_one_place_are_one_part_and_the_rest_is_for_another() -> None:
    found = of(Shipping(lines=[line("1", 2), line("2", 1, "Bristol"), line("3", 1)]))
    assert (units(found.lines), units(found.rest), found.route.origin) == ({"1": 2, "3": 1}, {"2": 1}, "LEEDS")


def test_the_next_part_has_what_the_first_left() -> None:
    found = of(Shipping(lines=[line("1", 2), line("2", 1, "Bristol"), line("3", 1)]), **{"1": 2, "3": 1})
    assert (units(found.lines), units(found.rest), found.route.origin) == ({"2": 1}, {}, "BRISTOL")


def test_what_left_the_house_is_no_longer_among_the_open_units() -> None:
    # Two of three were sent and have left; the third is open now.
    found = Shipping(lines=[line("1", 1)], wanted={"1": Decimal(3)}, fulfilled={"1": Decimal(2)})
    assert units(of(found, **{"1": 2}).lines) == {"1": 1}


def test_what_was_sent_and_is_still_open_does_not_ship_again() -> None:
    # Two of three were sent and are still open; the third is on hold.
    held = LeftOut(line_id="1", name="SKU-1", quantity=1, reason="on hold", may_ship=True)
    found = Shipping(lines=[line("1", 2)], left_out=[held], wanted={"1": Decimal(3)})
    again = of(found, **{"1": 2})
    assert (again.lines, [one.quantity for one in again.left_out]) == ([], [1])


def test_goods_in_a_part_that_are_put_on_hold_are_not_left_out() -> None:
    held = LeftOut(line_id="1", name="SKU-1", quantity=2, reason="on hold", may_ship=True)
    assert of(Shipping(lines=[], left_out=[held], wanted={"1": Decimal(2)}), **{"1": 2}).left_out == ()


def test_a_line_from_two_places_goes_in_two_parts() -> None:
    both = Shipping(lines=[line("1", 2), line("1", 1, "Bristol")], wanted={"1": Decimal(3)})
    first = of(both)
    assert (units(first.lines), units(first.rest)) == ({"1": 2}, {"1": 1})
    assert first.rest[0]["before"] == 2


def test_an_unknown_place_is_named() -> None:
    (problem,) = of(Shipping(lines=[line("1", 1, "Dundee")])).problems
    assert (problem.code, problem.found) == ("unknown_location", "Dundee")


def test_a_place_is_known_however_it_is_written() -> None:
    assert of(Shipping(lines=[line("1", 1, "  leeds ")])).route.origin == "LEEDS"


LINES = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.sampled_from(["Leeds", "Bristol", "Partner"])), max_size=6
)


@given(lines=LINES, refunded=st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)))
def test_parts_never_have_more_than_is_wanted_and_miss_nothing(
    lines: list[tuple[str, int, str]], refunded: dict[str, int]
) -> None:
    """Parts are made one after another until nothing is left, with nothing leaving the house meanwhile."""
    entries = [line(name, quantity, place) for name, quantity, place in lines]
    ordered = units(entries)
    wanted = {name: Decimal(max(0, count - refunded.get(name, 0))) for name, count in ordered.items()}
    own = units([entry for entry in entries if entry["location"] != "Partner"])
    taken: dict[str, int] = {}
    for _ in range(10):
        found = of(Shipping(lines=entries, wanted=wanted), **taken)
        if not found.lines:
            break
        assert len({entry["location"] for entry in found.lines}) == 1
        taken = {name: taken.get(name, 0) + units(found.lines).get(name, 0) for name in {*taken, *units(found.lines)}}
    assert taken == {name: most for name, count in own.items() if (most := int(min(Decimal(count), wanted[name])))}
