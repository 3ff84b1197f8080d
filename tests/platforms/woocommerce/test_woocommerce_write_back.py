"""Leaving the reference on a WooCommerce order that keeps its meta data and notes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import simplejson

from bridge.errors import ShopTrouble, WriteBackConflict, WriteBackRefused
from bridge.http import Budget, Http
from bridge.platforms.base import Client, OrderBody, Record
from bridge.platforms.woocommerce import PLATFORM
from bridge.platforms.woocommerce.records import written

Order = Callable[..., OrderBody]

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
GONE = {"code": "woocommerce_rest_shop_order_invalid_id", "message": "ID is invalid.", "data": {"status": 400}}
RECORD = Record(
    order_id="1501",
    order_key="wc_order_Qm4kT0pYbZ1aa",
    part=1,
    reference="EO-000-002-0TS",
    destination="api.example.com",
    written_at=datetime(2026, 11, 2, 11, 20, tzinfo=UTC),
)
OTHER = replace(RECORD, reference="EO-000-001-AAA")
COPIED = replace(OTHER, order_id="1400", order_key="wc_order_older")


class Shop:
    """One order by WooCommerce's rules: a PUT of meta data by key changes the first row of the key, or adds one."""

    def __init__(self, order: Mapping[str, Any], *, notes: list[str] | None = None) -> None:
        self.order = {**order, "meta_data": list(order["meta_data"])}
        self.notes = list(notes or [])
        self.requests: list[tuple[str, Any]] = []
        self.failing: dict[str, httpx.Response] = {}  # by method and last part of the path

    def __call__(self, request: httpx.Request) -> httpx.Response:
        document = json.loads(request.content) if request.content else None
        name = f"{request.method} {request.url.path.rpartition('/')[2]}"
        self.requests.append((name, document))
        if name in self.failing:
            return self.failing[name]
        if name == "GET notes":
            return httpx.Response(200, json=[{"id": 1, "note": note} for note in self.notes])
        if name == "POST notes":
            self.notes.append((document or {})["note"])
            return httpx.Response(201, json={"id": 2})
        for row in document["meta_data"] if document else ():
            kept = [one for one in self.order["meta_data"] if one["key"] != row["key"]]
            self.order["meta_data"] = [*kept, {"id": 99, **row}]
        return httpx.Response(200, content=simplejson.dumps(self.order, use_decimal=True))

    @property
    def changes(self) -> list[str]:
        return [name for name, _ in self.requests if not name.startswith("GET")]

    def meta(self, key: str) -> list[Any]:
        return [row["value"] for row in self.order["meta_data"] if row["key"] == key]


@pytest.fixture
def connect(settings: Mapping[str, Any]) -> Callable[..., Client]:
    """A client of a shop; `write_back` as in a mapping."""

    def to(shop: Shop, **write_back: str) -> Client:
        found, problems = PLATFORM.settings(settings, write_back)
        assert found is not None, problems
        return PLATFORM.client(found, Http(transport=httpx.MockTransport(shop)), lambda: NOON)

    return to


Connect = Callable[..., Client]


def carrying(order: Order, record: Record | None, reference: str | None = None, **changes: Any) -> Mapping[str, Any]:
    """The order with a record and a reference among its meta data."""
    rows = [] if record is None else [{"id": 7, "key": "_sorted_order", "value": written(record)}]
    rows += [] if reference is None else [{"id": 8, "key": "sorted_order_reference", "value": reference}]
    body = order(**changes)
    result: Mapping[str, Any] = {**body.order, "meta_data": body.order["meta_data"] + rows}
    return result


def standing(order: Order, *records: Record, meta: str) -> Mapping[str, Any]:
    """The order with records of several parts in one row."""
    rows = [{"id": 7, "key": "_sorted_order", "value": written(*records)}]
    body = order().order
    return {**body, "meta_data": [*body["meta_data"], *rows, {"id": 8, "key": "sorted_order_reference", "value": meta}]}


def test_reference_record_and_private_note_are_left(connect: Connect, order: Order) -> None:
    shop = Shop(order().order)
    assert connect(shop).write_reference(order(), RECORD, Budget(30)) == ()
    assert shop.meta("sorted_order_reference") == ["EO-000-002-0TS"]
    assert [json.loads(value) for value in shop.meta("_sorted_order")] == [
        {
            "order_id": "1501",
            "order_key": "wc_order_Qm4kT0pYbZ1aa",
            "part": 1,
            "reference": "EO-000-002-0TS",
            "destination": "api.example.com",
            "written_at": "2026-11-02T11:20:00+00:00",
        }
    ]
    assert shop.requests[-1] == (
        "POST notes",
        {"note": "Sent to SortedPRO as EO-000-002-0TS", "customer_note": False},
    )


def test_other_meta_data_is_not_sent_along(connect: Connect, order: Order) -> None:
    shop = Shop(order().order)
    connect(shop).write_reference(order(), RECORD, Budget(30))
    sent = next(document for name, document in shop.requests if name == "PUT 1501")
    assert list(sent) == ["meta_data"]
    assert [sorted(row) for row in sent["meta_data"]] == [["key", "value"], ["key", "value"]]


def test_second_write_changes_nothing(connect: Connect, order: Order) -> None:
    shop = Shop(order().order)
    client = connect(shop)
    client.write_reference(order(), RECORD, Budget(30))
    shop.requests.clear()
    client.write_reference(order(), replace(RECORD, written_at=NOON), Budget(30))
    assert shop.changes == []


def test_note_that_failed_is_written_by_the_next_try_alone(connect: Connect, order: Order) -> None:
    shop = Shop(carrying(order, RECORD, RECORD.reference))
    connect(shop).write_reference(order(), RECORD, Budget(30))
    assert shop.changes == ["POST notes"]


def test_note_of_the_reference_is_known_in_html(connect: Connect, order: Order) -> None:
    shop = Shop(order().order, notes=["Order moved", "Sent &amp; stored: EO-000-002-0TS"])
    connect(shop).write_reference(order(), RECORD, Budget(30))
    assert shop.changes == ["PUT 1501"]


def test_key_and_note_are_those_of_the_mapping(connect: Connect, order: Order) -> None:
    shop = Shop(order().order)
    connect(shop, meta="carrier_ref", note="Versand: {reference}").write_reference(order(), RECORD, Budget(30))
    assert (shop.meta("carrier_ref"), shop.notes) == (["EO-000-002-0TS"], ["Versand: EO-000-002-0TS"])


def test_no_note_is_no_call(connect: Connect, order: Order) -> None:
    shop = Shop(order().order)
    connect(shop, note="no").write_reference(order(), RECORD, Budget(30))
    assert [name for name, _ in shop.requests] == ["GET 1501", "PUT 1501"]


# --- What stands there -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("record", "reference"),
    [
        (None, "EO-000-001-AAA"),  # written by something else
        (OTHER, "EO-000-001-AAA"),
        (OTHER, None),
        (replace(RECORD, destination="api.other.example"), RECORD.reference),
        (RECORD, "EO-000-001-AAA"),
        (replace(OTHER, order_key=""), None),  # of this order all the same
    ],
)
def test_another_reference_of_this_order_is_never_overwritten(
    connect: Connect, order: Order, record: Record | None, reference: str | None
) -> None:
    shop = Shop(carrying(order, record, reference))
    with pytest.raises(WriteBackConflict, match="looks again every hour"):
        connect(shop).write_reference(order(), RECORD, Budget(30))
    assert shop.changes == []


def test_second_record_of_this_order_is_never_overwritten(connect: Connect, order: Order) -> None:
    carried = carrying(order, RECORD, RECORD.reference)
    second = {"id": 17, "key": "_sorted_order", "value": written(OTHER)}
    shop = Shop({**carried, "meta_data": [*carried["meta_data"], second]})
    with pytest.raises(WriteBackConflict, match="EO-000-001-AAA"):
        connect(shop).write_reference(order(), RECORD, Budget(30))
    assert shop.changes == []


@pytest.mark.parametrize(
    ("record", "reference"),
    [
        (None, "EO-000-001-AAA"),
        (None, "see the depot's list"),
        (OTHER, "EO-000-001-AAA"),
        (replace(RECORD, destination="api.other.example"), RECORD.reference),
        (RECORD, "EO-000-001-AAA"),
    ],
)
def test_another_reference_is_overwritten_where_a_person_says_so(
    connect: Connect, order: Order, record: Record | None, reference: str
) -> None:
    shop = Shop(carrying(order, record, reference))
    connect(shop).write_reference(order(), RECORD, Budget(30), overwrite=True)
    assert (shop.meta("sorted_order_reference"), shop.meta("_sorted_order")) == ([RECORD.reference], [written(RECORD)])


def test_copied_record_and_its_reference_are_replaced(connect: Connect, order: Order) -> None:
    shop = Shop(carrying(order, COPIED, COPIED.reference))
    connect(shop).write_reference(order(), RECORD, Budget(30))
    assert (shop.meta("sorted_order_reference"), shop.meta("_sorted_order")) == ([RECORD.reference], [written(RECORD)])


def test_record_of_a_restored_shops_same_id_is_replaced(connect: Connect, order: Order) -> None:
    shop = Shop(carrying(order, replace(OTHER, order_key="wc_order_before_the_restore"), OTHER.reference))
    connect(shop).write_reference(order(), RECORD, Budget(30))
    assert shop.meta("sorted_order_reference") == [RECORD.reference]


@pytest.mark.parametrize(("record", "reference"), [(None, RECORD.reference), (RECORD, None), (RECORD, "")])
def test_half_of_ours_is_completed(
    connect: Connect, order: Order, record: Record | None, reference: str | None
) -> None:
    shop = Shop(carrying(order, record, reference))
    connect(shop).write_reference(order(), RECORD, Budget(30))
    assert (shop.meta("sorted_order_reference"), shop.meta("_sorted_order")) == ([RECORD.reference], [written(RECORD)])


# --- Several parts ---------------------------------------------------------------------------------------------------
SECOND = replace(RECORD, part=2, reference="EO-000-002-0TT")
BOTH = "EO-000-002-0TS, EO-000-002-0TT"
ONLY_SECOND = written(SECOND)


@pytest.mark.parametrize(("first", "then"), [(RECORD, SECOND), (SECOND, RECORD)])
def test_parts_stand_side_by_side_whichever_came_first(
    connect: Connect, order: Order, first: Record, then: Record
) -> None:
    shop = Shop(order().order)
    for record in (first, then):
        connect(shop).write_reference(order(), record, Budget(30))
    assert shop.meta("sorted_order_reference") == [BOTH]
    assert shop.meta("_sorted_order") == [written(RECORD, SECOND)]
    assert shop.notes == [f"Sent to SortedPRO as {record.reference}" for record in (first, then)]


@pytest.mark.parametrize("record", [RECORD, SECOND])
def test_part_that_stands_already_is_not_written_again(connect: Connect, order: Order, record: Record) -> None:
    shop = Shop(standing(order, RECORD, SECOND, meta=BOTH))
    connect(shop, note="no").write_reference(order(), replace(record, written_at=NOON), Budget(30))
    assert shop.changes == []


@pytest.mark.parametrize("meta", ["EO-000-002-0TT", "EO-000-002-0TT, EO-000-002-0TS", ""])
def test_field_for_people_is_put_right(connect: Connect, order: Order, meta: str) -> None:
    shop = Shop(standing(order, RECORD, SECOND, meta=meta))
    connect(shop, note="no").write_reference(order(), SECOND, Budget(30))
    assert shop.meta("sorted_order_reference") == [BOTH]


@pytest.mark.parametrize(
    "stands", [replace(SECOND, reference="EO-000-009-XYZ"), replace(SECOND, destination="api.other.example")]
)
def test_another_reference_of_the_same_part_is_never_overwritten(
    connect: Connect, order: Order, stands: Record
) -> None:
    shop = Shop(standing(order, RECORD, stands, meta=f"{RECORD.reference}, {stands.reference}"))
    with pytest.raises(WriteBackConflict, match="as its part 2"):
        connect(shop).write_reference(order(), SECOND, Budget(30))
    assert shop.changes == []


def test_reference_of_no_part_is_never_overwritten(connect: Connect, order: Order) -> None:
    shop = Shop(standing(order, RECORD, meta=f"{RECORD.reference}, EO-000-009-XYZ"))
    with pytest.raises(WriteBackConflict, match="holds another text"):
        connect(shop).write_reference(order(), SECOND, Budget(30))
    assert shop.changes == []


def test_overwriting_keeps_what_names_another_part(connect: Connect, order: Order) -> None:
    stranger = replace(SECOND, reference="EO-000-009-XYZ")
    shop = Shop(standing(order, RECORD, stranger, meta=f"{RECORD.reference}, EO-000-009-XYZ"))
    connect(shop).write_reference(order(), SECOND, Budget(30), overwrite=True)
    assert (shop.meta("sorted_order_reference"), shop.meta("_sorted_order")) == ([BOTH], [written(RECORD, SECOND)])


def test_overwriting_reaches_a_stranger_under_another_key(connect: Connect, order: Order) -> None:
    carried = standing(order, RECORD, meta=RECORD.reference)
    rows = [{"id": 17, "key": "depot_reference", "value": "EO-000-009-XYZ"}, {"id": 18, "key": "gift", "value": "yes"}]
    shop = Shop({**carried, "meta_data": [*carried["meta_data"], *rows]})
    with pytest.raises(WriteBackConflict, match="beside EO-000-002-0TT"):
        connect(shop).write_reference(order(), SECOND, Budget(30))
    connect(shop).write_reference(order(), SECOND, Budget(30), overwrite=True)
    assert (shop.meta("depot_reference"), shop.meta("gift")) == ([BOTH], ["yes"])
    shop.requests.clear()
    connect(shop).write_reference(order(), SECOND, Budget(30))
    assert shop.changes == []


def test_copied_parts_are_replaced_as_a_whole(connect: Connect, order: Order) -> None:
    copied = [replace(one, order_id="1400", order_key="wc_order_older") for one in (RECORD, SECOND)]
    shop = Shop(standing(order, *copied, meta=BOTH))
    ours = replace(RECORD, reference="EO-000-003-0AA")
    connect(shop).write_reference(order(), ours, Budget(30))
    assert (shop.meta("sorted_order_reference"), shop.meta("_sorted_order")) == (["EO-000-003-0AA"], [written(ours)])


@pytest.mark.parametrize("lost", [{"meta_data": []}, {"meta_data": [{"id": 1, "key": "x", "value": "y"}]}, {}])
def test_answer_without_our_record_is_a_race(connect: Connect, order: Order, lost: Mapping[str, Any]) -> None:
    shop = Shop(order().order)
    shop.failing["PUT 1501"] = httpx.Response(200, json={"id": 1501, **lost})
    with pytest.raises(ShopTrouble, match="record of part 1") as caught:
        connect(shop).write_reference(order(), RECORD, Budget(30))
    assert (caught.value.code, caught.value.pauses) == ("write_back_raced", False)


def test_answer_without_another_parts_record_is_a_race(connect: Connect, order: Order) -> None:
    shop = Shop(standing(order, RECORD, meta=RECORD.reference))
    answer = {"id": 1501, "order_key": RECORD.order_key, "meta_data": [{"key": "_sorted_order", "value": ONLY_SECOND}]}
    shop.failing["PUT 1501"] = httpx.Response(200, json=answer)
    with pytest.raises(ShopTrouble, match="record of part 1:"):
        connect(shop).write_reference(order(), SECOND, Budget(30))
    assert shop.notes == []


# --- Orders that are gone, shops that refuse -------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["GET 1501", "PUT 1501"])
def test_order_that_is_gone_is_told_as_such(connect: Connect, order: Order, name: str) -> None:
    shop = Shop(order().order)
    shop.failing[name] = httpx.Response(404 if name.startswith("GET") else 400, json=GONE)
    with pytest.raises(WriteBackRefused) as caught:
        connect(shop).write_reference(order(), RECORD, Budget(30))
    assert caught.value.code == "order_gone"


@pytest.mark.parametrize("changes", [{"status": "trash"}, {"order_key": "wc_order_another"}])
def test_trashed_order_or_another_under_its_id_is_not_written(
    connect: Connect, order: Order, changes: Mapping[str, str]
) -> None:
    shop = Shop(order(**changes).order)
    with pytest.raises(WriteBackRefused) as caught:
        connect(shop).write_reference(order(), RECORD, Budget(30))
    assert (caught.value.code, shop.changes) == ("order_gone", [])


def test_refusal_names_what_the_shop_said(connect: Connect, order: Order) -> None:
    shop = Shop(order().order)
    shop.failing["PUT 1501"] = httpx.Response(400, json={"code": "rest_invalid_param"})
    with pytest.raises(WriteBackRefused, match="rest_invalid_param") as caught:
        connect(shop).write_reference(order(), RECORD, Budget(30))
    assert caught.value.code == "write_back_refused"


def test_key_without_write_permission_pauses_the_shop(connect: Connect, order: Order) -> None:
    shop = Shop(order().order)
    shop.failing["PUT 1501"] = httpx.Response(401, json={"code": "woocommerce_rest_authentication_error"})
    with pytest.raises(ShopTrouble, match="write permission") as caught:
        connect(shop).write_reference(order(), RECORD, Budget(30))
    assert (caught.value.code, caught.value.pauses) == ("write_permission", True)


def test_security_plugin_that_refuses_the_write_pauses_nothing(connect: Connect, order: Order) -> None:
    shop = Shop(order().order)
    shop.failing["PUT 1501"] = httpx.Response(403, json={"code": "rest_forbidden"})
    with pytest.raises(ShopTrouble, match="rest_forbidden") as caught:
        connect(shop).write_reference(order(), RECORD, Budget(30))
    assert not caught.value.pauses


@pytest.mark.parametrize("name", ["GET notes", "POST notes"])
@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(400, json={"code": "rest_invalid_param"})])
def test_note_that_fails_is_a_warning(connect: Connect, order: Order, name: str, answer: httpx.Response) -> None:
    shop = Shop(order().order)
    shop.failing[name] = answer
    warnings = connect(shop).write_reference(order(), RECORD, Budget(30))
    assert len(warnings) == 1
    assert "note" in warnings[0]
    assert shop.meta("sorted_order_reference") == [RECORD.reference]
