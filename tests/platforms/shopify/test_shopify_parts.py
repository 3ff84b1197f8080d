"""References of several parts on one Shopify order, written to and read from a fake shop over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.errors import ShopTrouble, WriteBackConflict
from bridge.http import Budget, Http
from bridge.platforms.base import OrderBody, Record
from bridge.platforms.shopify import PLATFORM
from bridge.platforms.shopify.client import ShopifyClient
from bridge.sandbox.server import Answer, Request, serve
from bridge.sandbox.shopify import FakeShopify, shopify_order
from bridge.sandbox.shopify.writes import metafields_set

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
BODY = shopify_order(1001, at=NOON)
ORDER_ID = str(BODY["id"])


def record(part: int = 1, reference: str = "", order_id: str = ORDER_ID, at: datetime = NOON) -> Record:
    return Record(
        order_id=order_id,
        order_key="",
        part=part,
        reference=reference or f"EO-000-00{part}-0TS",
        destination="api.electioapp.com",
        written_at=at,
    )


class Shop:
    """A fake shop with one order, and its client; each of `before_writes` runs ahead of one write of metafields."""

    def __init__(self) -> None:
        self.fake = FakeShopify(clock=lambda: NOON)
        self.before_writes: list[Callable[[], object]] = []
        self.writes = 0
        self.fake.add_order(BODY, topics=())
        self.client: ShopifyClient
        self.body = PLATFORM.read(json.dumps(BODY).encode(), "orders/create")

    def __call__(self, request: Request) -> Answer:
        if b"metafieldsSet" in request.body:
            self.writes += 1
            if self.before_writes:
                self.before_writes.pop(0)()
        return self.fake(request)

    def write(self, wanted: Record, *, overwrite: bool = False) -> list[str]:
        assert isinstance(self.body, OrderBody)
        budget = Budget(30, monotonic=lambda: 0.0)
        return list(self.client.write_reference(self.body, wanted, budget, overwrite=overwrite))

    def stands(self) -> dict[int, str]:
        """The references that stand in the record, by part."""
        text = json.loads(self.fake.reference_of(ORDER_ID, "custom.sorted_order") or "{}")
        entries = [text, *text.get("parts", [])] if text else []
        return {entry["part"]: entry["reference"] for entry in entries}

    def reference(self) -> str | None:
        return self.fake.reference_of(ORDER_ID)

    def put(self, name: str, value: str) -> None:
        """Somebody else writes a metafield."""
        kind = "json" if name == "sorted_order" else "single_line_text_field"
        given = {"ownerId": f"gid://shopify/Order/{ORDER_ID}", "namespace": "custom", "key": name}
        assert metafields_set(self.fake.book, [{**given, "type": kind, "value": value}])[1] == []


@pytest.fixture
def shop(shop_section: dict[str, Any]) -> Iterator[Shop]:
    made = Shop()
    http, server = Http(), serve(made)
    section = {
        **shop_section,
        "domain": made.fake.domain,
        "client_id": made.fake.client_id,
        "client_secret": made.fake.client_secret,
        "api_url": server.url,
        "metafields": ["custom.legacy_reference", "custom.gift_note"],
    }
    settings, problems = PLATFORM.settings(section, {"tags": ["sent-to-sorted"]})
    assert settings is not None, problems
    made.client = ShopifyClient.open(settings, http, lambda: NOON)
    yield made
    http.close()
    server.close()
    made.fake.close()


def test_second_part_stands_beside_the_first(shop: Shop) -> None:
    assert shop.write(record(1)) == shop.write(record(2)) == []
    assert shop.stands() == {1: "EO-000-001-0TS", 2: "EO-000-002-0TS"}
    assert shop.reference() == "EO-000-001-0TS, EO-000-002-0TS"


def test_first_part_that_comes_later_stands_first(shop: Shop) -> None:
    for part in (3, 2, 1):
        shop.write(record(part))
    assert list(shop.stands()) == [1, 2, 3]
    assert shop.reference() == "EO-000-001-0TS, EO-000-002-0TS, EO-000-003-0TS"


@pytest.mark.parametrize("part", [1, 2])
def test_repeat_changes_nothing(shop: Shop, part: int) -> None:
    for written in (1, 2):
        shop.write(record(written))
    before = shop.fake.reference_of(ORDER_ID, "custom.sorted_order"), shop.reference()
    shop.write(record(part, at=NOON + timedelta(hours=1)))
    assert (shop.fake.reference_of(ORDER_ID, "custom.sorted_order"), shop.reference()) == before


def test_tag_that_was_lost_comes_with_the_repeat_of_a_later_part(shop: Shop) -> None:
    shop.write(record(2))
    shop.fake.change(ORDER_ID, tags="")
    shop.write(record(2))
    assert shop.fake.order(ORDER_ID).tags() == ["sent-to-sorted"]


@pytest.mark.parametrize("part", [1, 2])
def test_of_two_writers_at_once_both_stand(shop: Shop, part: int) -> None:
    shop.before_writes = [lambda: shop.write(record(3 - part))]
    shop.write(record(part))
    assert shop.stands() == {1: "EO-000-001-0TS", 2: "EO-000-002-0TS"}
    assert shop.reference() == "EO-000-001-0TS, EO-000-002-0TS"


def test_two_writers_of_the_same_part_write_it_once(shop: Shop) -> None:
    shop.before_writes = [lambda: shop.write(record(1))]
    shop.write(record(1))
    assert (shop.stands(), shop.writes) == ({1: "EO-000-001-0TS"}, 2)


def test_writer_that_is_disturbed_again_and_again_comes_back_later(shop: Shop) -> None:
    others = [json.dumps({"note": number}) for number in range(3)]  # nothing that could be read as a record
    shop.before_writes = [lambda text=text: shop.put("sorted_order", text) for text in others]
    with pytest.raises(ShopTrouble) as caught:
        shop.write(record(1))
    assert (caught.value.code, shop.writes, shop.reference()) == ("write_back_raced", 3, None)


def test_records_copied_from_another_order_are_replaced_with_their_references(shop: Shop) -> None:
    copied = {"destination": "api.electioapp.com", "written_at": "2026-11-01T12:00:00+00:00"}
    parts = [{"part": 2, "reference": "EO-000-009-AAB", **copied}]
    top = {"order_id": "5", "part": 1, "reference": "EO-000-009-AAA", **copied, "parts": parts}
    shop.put("sorted_order", json.dumps(top))
    shop.put("sorted_order_reference", "EO-000-009-AAA, EO-000-009-AAB")
    shop.write(record(2))
    assert (shop.stands(), shop.reference()) == ({2: "EO-000-002-0TS"}, "EO-000-002-0TS")


def test_same_part_with_another_reference_is_a_conflict(shop: Shop) -> None:
    for part in (1, 2):
        shop.write(record(part))
    with pytest.raises(WriteBackConflict, match="already carries EO-000-002-0TS"):
        shop.write(record(2, "EO-000-009-XYZ"))
    assert shop.stands() == {1: "EO-000-001-0TS", 2: "EO-000-002-0TS"}


@pytest.mark.parametrize("part", [1, 2])
def test_reference_that_no_record_names_is_a_conflict(shop: Shop, part: int) -> None:
    shop.write(record(3 - part))
    shop.put("sorted_order_reference", f"EO-000-00{3 - part}-0TS, EO-000-009-XYZ")
    with pytest.raises(WriteBackConflict, match=r"another reference \(EO-000-009-XYZ\) stands"):
        shop.write(record(part))


@pytest.mark.parametrize("part", [1, 2])
def test_overwriting_replaces_the_stranger_and_keeps_the_other_part(shop: Shop, part: int) -> None:
    shop.write(record(3 - part))
    shop.put("sorted_order_reference", f"EO-000-00{3 - part}-0TS, EO-000-009-XYZ")
    shop.write(record(part), overwrite=True)
    assert shop.stands() == {1: "EO-000-001-0TS", 2: "EO-000-002-0TS"}
    assert shop.reference() == "EO-000-001-0TS, EO-000-002-0TS"


def test_overwriting_replaces_the_record_of_the_same_part_alone(shop: Shop) -> None:
    shop.write(record(1))
    shop.write(record(2, "EO-000-009-XYZ"))
    shop.write(record(2), overwrite=True)
    assert shop.stands() == {1: "EO-000-001-0TS", 2: "EO-000-002-0TS"}
    assert shop.reference() == "EO-000-001-0TS, EO-000-002-0TS"


def test_overwriting_what_is_ours_already_writes_once_and_changes_nothing(shop: Shop) -> None:
    shop.write(record(1))
    shop.write(record(1, at=NOON + timedelta(hours=1)), overwrite=True)
    assert (shop.stands(), shop.writes) == ({1: "EO-000-001-0TS"}, 2)


def test_references_that_somebody_emptied_are_written_again(shop: Shop) -> None:
    shop.write(record(1))
    shop.put("sorted_order_reference", "EO-000-001-0TS")
    shop.write(record(2))
    assert shop.reference() == "EO-000-001-0TS, EO-000-002-0TS"


# ---------------------------------------------------------------------------------------------------------------------
# Reading
# ---------------------------------------------------------------------------------------------------------------------
def read(shop: Shop) -> dict[str, Any]:
    assert isinstance(shop.body, OrderBody)
    budget = Budget(30, monotonic=lambda: 0.0)
    found: dict[str, Any] = shop.client.fetch(ORDER_ID, shop.body, frozenset({"order"}), budget).data["order"]
    return found


def test_metafields_are_read_by_their_names(shop: Shop) -> None:
    shop.fake.set_metafield(ORDER_ID, "custom.legacy_reference", "EO-000-000-OLD")
    shop.fake.set_metafield(ORDER_ID, "custom.secret_note", "nobody asks for it")
    assert read(shop)["metafields"] == {"custom.legacy_reference": "EO-000-000-OLD"}


def test_moved_goods_are_read_at_their_new_location(shop: Shop) -> None:
    shop.fake.move(ORDER_ID, "Leeds")
    assert [(held["location"], held["service_code"]) for held in read(shop)["fulfillment_orders"]] == [
        ("Leeds", "Standard delivery")
    ]
