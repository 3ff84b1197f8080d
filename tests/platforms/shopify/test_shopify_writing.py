"""Writing a reference back to a Shopify order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bridge.errors import ShopTrouble, WriteBackConflict, WriteBackRefused
from bridge.http import Budget
from bridge.platforms.base import OrderBody, Record
from bridge.platforms.shopify.client import ShopifyClient
from bridge.platforms.shopify.records import format_records

OURS = Record(
    order_id="6111222333001",
    order_key="",
    part=1,
    reference="EO-000-002-0TS",
    destination="api.electioapp.com",
    written_at=datetime(2026, 11, 2, 12, 0, tzinfo=UTC),
)
Write = Callable[[], Sequence[str]]


def done(*errors: dict[str, Any], tags: Any = ()) -> dict[str, Any]:
    """What the mutation answers; `tags` None where that field failed as a whole."""
    return {
        "metafieldsSet": {"metafields": [], "userErrors": list(errors)},
        "tagsAdd": None if tags is None else {"userErrors": list(tags)},
    }


def user_error(code: str | None, field: Sequence[str] = ("metafields", "0"), message: str = "no") -> dict[str, Any]:
    return {"field": list(field), "message": message, "code": code}


STALE = user_error("STALE_OBJECT")


def standing(reference: str | None, record: Record | str | None) -> dict[str, Any]:
    """What stands on the order, with digests r1 and r2."""
    text = format_records([record]) if isinstance(record, Record) else record
    return {
        "order": {
            "id": "gid://shopify/Order/6111222333001",
            "reference": None if reference is None else {"value": reference, "compareDigest": "r1"},
            "record": None if text is None else {"value": text, "compareDigest": "r2"},
        }
    }


@pytest.fixture
def write(client: ShopifyClient, order: Callable[..., OrderBody], budget: Budget) -> Write:
    return lambda: client.write_reference(order(), OURS, budget)


def digests(shop: Any, position: int = -1) -> list[str | None]:
    return [metafield["compareDigest"] for metafield in shop.sent(position)["metafields"]]


def test_reference_record_and_tags_go_in_one_call(shop: Any, write: Write) -> None:
    shop.answer(done())
    assert list(write()) == []
    sent = shop.sent()
    found = [(one["namespace"], one["key"], one["type"], one["compareDigest"]) for one in sent["metafields"]]
    assert found == [
        ("custom", "sorted_order_reference", "single_line_text_field", None),
        ("custom", "sorted_order", "json", None),
    ]
    assert (sent["id"], sent["tags"], sent["tagged"]) == (
        "gid://shopify/Order/6111222333001",
        ["sent-to-sorted"],
        True,
    )


def test_record_says_order_part_reference_destination_and_time(shop: Any, write: Write) -> None:
    shop.answer(done())
    write()
    assert json.loads(shop.sent()["metafields"][1]["value"]) == {
        "order_id": "6111222333001",
        "part": 1,
        "reference": "EO-000-002-0TS",
        "destination": "api.electioapp.com",
        "written_at": "2026-11-02T12:00:00+00:00",
    }


def test_repeat_leaves_what_is_ours(shop: Any, write: Write) -> None:
    earlier = replace(OURS, written_at=datetime(2026, 11, 2, 11, 0, tzinfo=UTC))
    shop.answer(done(STALE), standing("EO-000-002-0TS", earlier))
    assert (list(write()), len(shop.requests)) == ([], 2)


@pytest.mark.parametrize("code", ["STALE_OBJECT", "INVALID_COMPARE_DIGEST", "TAKEN"])
def test_record_of_another_order_is_replaced_with_the_digests_read(shop: Any, write: Write, code: str) -> None:
    copied = replace(OURS, order_id="5", reference="EO-000-001-AAA")
    shop.answer(done(user_error(code)), standing("EO-000-001-AAA", copied), done())
    assert (list(write()), digests(shop)) == ([], ["r1", "r2"])


def test_reference_without_a_record_gets_its_record(shop: Any, write: Write) -> None:
    shop.answer(done(STALE), standing("EO-000-002-0TS", None), done())
    write()
    assert digests(shop) == ["r1", None]


def test_record_that_cannot_be_read_is_replaced(shop: Any, write: Write) -> None:
    shop.answer(done(STALE), standing(None, "{}"), done())
    write()
    assert digests(shop) == [None, "r2"]


@pytest.mark.parametrize(
    ("reference", "record"),
    [
        ("EO-000-009-XYZ", replace(OURS, reference="EO-000-009-XYZ")),
        ("EO-000-002-0TS", replace(OURS, destination="apisandbox.electioapp.com")),
        ("EO-000-009-XYZ", OURS),
        ("EO-000-009-XYZ", None),
        ("EO-000-009-XYZ", "{}"),
    ],
)
def test_another_reference_of_this_order_is_a_conflict(
    shop: Any, write: Write, reference: str, record: Record | str | None
) -> None:
    shop.answer(done(STALE), standing(reference, record))
    with pytest.raises(WriteBackConflict, match=r"not overwritten.*looks again every hour"):
        write()
    assert len(shop.requests) == 2


def test_metafield_that_changes_meanwhile_is_tried_again_later(shop: Any, write: Write) -> None:
    shop.answer(*[done(STALE), standing(None, "{}")] * 3)
    with pytest.raises(ShopTrouble) as caught:
        write()
    assert (caught.value.code, len(shop.requests)) == ("write_back_raced", 6)


def test_refusal_is_told_in_shopifys_words(shop: Any, write: Write) -> None:
    shop.answer(done(user_error("INVALID_TYPE", message="Type must be consistent with the definition")))
    with pytest.raises(WriteBackRefused, match=r"consistent with the definition \(INVALID_TYPE\)"):
        write()


@pytest.mark.parametrize(
    "answers",
    [
        [done(user_error("INVALID", ("metafields", "0", "ownerId"), "Owner does not exist."))],
        [done(STALE), {"order": None}],
    ],
)
def test_deleted_order_is_told(shop: Any, write: Write, answers: list[dict[str, Any]]) -> None:
    shop.answer(*answers)
    with pytest.raises(WriteBackRefused) as caught:
        write()
    assert caught.value.code == "order_gone"


def test_tag_that_fails_is_a_warning(shop: Any, write: Write) -> None:
    shop.answer(done(tags=[{"field": ["tags"], "message": "Too many tags"}]))
    assert list(write()) == ["the tags were not added: Too many tags"]


def test_tag_that_is_denied_is_a_warning(shop: Any, write: Write) -> None:
    denied = {"message": "Access denied", "path": ["tagsAdd"], "extensions": {"code": "ACCESS_DENIED"}}
    shop.answer(httpx.Response(200, json={"data": done(tags=None), "errors": [denied]}))
    assert len(write()) == 1


def test_reference_that_is_denied_is_trouble(shop: Any, write: Write) -> None:
    denied = {"message": "Access denied", "path": ["metafieldsSet"], "extensions": {"code": "ACCESS_DENIED"}}
    shop.answer(httpx.Response(200, json={"data": {**done(), "metafieldsSet": None}, "errors": [denied]}))
    with pytest.raises(ShopTrouble):
        write()


def test_answer_that_does_not_name_the_reference_is_trouble(shop: Any, write: Write) -> None:
    shop.answer({"metafieldsSet": None, "tagsAdd": None})
    with pytest.raises(ShopTrouble):
        write()
