"""wc/v3 of the fake shop answers as measured on WooCommerce 11.0.1."""

from __future__ import annotations

import httpx
import pytest

from bridge.sandbox.faults import html
from bridge.sandbox.woocommerce import FakeWooCommerce, woo_order
from bridge.sandbox.woocommerce.store import merged_meta
from tests.sandbox.conftest import START

ROWS = [
    {"id": 1, "key": "gift", "value": "yes"},
    {"id": 2, "key": "ref", "value": "old"},
    {"id": 3, "key": "ref", "value": "older"},
]


def merged(*given: dict[str, object]) -> list[tuple[int, str, object]]:
    return [(row["id"], row["key"], row["value"]) for row in merged_meta(ROWS, given, lambda: 9)]


def test_meta_by_key_updates_the_first_row_and_deletes_the_others():
    assert merged({"key": "ref", "value": "new"}) == [(1, "gift", "yes"), (2, "ref", "new")]


def test_meta_of_a_new_key_is_added():
    assert merged({"key": "note", "value": "x"})[-1] == (9, "note", "x")


def test_meta_by_id_updates_that_row():
    assert merged({"id": 3, "value": "new"}) == [(1, "gift", "yes"), (2, "ref", "old"), (3, "ref", "new")]


def test_meta_with_an_unknown_id_replaces_all_of_its_key():
    assert merged({"id": 77, "key": "ref", "value": "new"}) == [(1, "gift", "yes"), (9, "ref", "new")]


def test_null_deletes_meta():
    assert merged({"key": "ref", "value": None}) == [(1, "gift", "yes")]


@pytest.mark.parametrize(
    ("given", "stored"), [(True, "1"), (False, ""), (3, "3"), ("a<b>", "a<b>"), ([1, {"b": None}], [1, {"b": None}])]
)
def test_scalars_come_back_as_text(given, stored):
    assert merged({"key": "note", "value": given})[-1] == (9, "note", stored)


@pytest.fixture
def order(woocommerce: FakeWooCommerce) -> int:
    return woocommerce.add_order(woo_order(21, at=START), topics=())


def test_meta_write_leaves_the_rest_alone(rest: httpx.Client, order, woocommerce):
    before = woocommerce.order(order)
    rest.put(f"/orders/{order}", json={"meta_data": [{"key": "_ref", "value": "EO-1"}]})
    after = woocommerce.order(order)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"meta_data", "date_modified", "date_modified_gmt"}


def test_every_put_echoes_even_an_empty_one(rest, order, woocommerce, receiver):
    rest.put(f"/orders/{order}", json={})
    woocommerce.webhooks.flush()
    assert receiver.topics("x-wc-webhook-topic") == ["order.updated"]


def test_note_echoes_nothing_and_leaves_the_time_alone(rest, order, woocommerce, receiver):
    answer = rest.post(f"/orders/{order}/notes", json={"note": "Sent as EO-1"})
    woocommerce.webhooks.flush()
    assert (answer.status_code, answer.json()["customer_note"]) == (201, False)
    assert receiver.got == []
    assert woocommerce.order(order)["date_modified_gmt"] == "2026-12-01T09:00:00"


def test_same_note_twice_stands_twice(rest, order):
    for _ in range(2):
        rest.post(f"/orders/{order}/notes", json={"note": "Sent"})
    assert [note["note"] for note in rest.get(f"/orders/{order}/notes").json()] == ["Sent", "Sent"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/orders/99", 404, "woocommerce_rest_shop_order_invalid_id"),
        ("PUT", "/orders/99", 400, "woocommerce_rest_shop_order_invalid_id"),
        ("GET", "/orders/99/notes", 404, "woocommerce_rest_order_invalid_id"),
        ("GET", "/products/99", 404, "woocommerce_rest_product_invalid_id"),
        ("GET", "/orders?per_page=101", 400, "rest_invalid_param"),
        ("GET", "/nothing", 404, "rest_no_route"),
        ("GET", "/data/countries/XX", 404, "woocommerce_rest_data_invalid_location"),
    ],
)
def test_errors_are_woocommerce_s(rest, method, path, status, code):
    answer = rest.request(method, path, json={} if method == "PUT" else None)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        (None, "woocommerce_rest_cannot_view"),
        (("ck_other", "cs_fake"), "woocommerce_rest_cannot_view"),
        (("ck_fake", "cs_other"), "woocommerce_rest_authentication_error"),
    ],
)
def test_wrong_credentials_are_401(rest, client, auth, code):
    answer = client.get(f"{rest.base_url}orders", auth=auth)
    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_key_that_may_only_read_says_so_at_the_first_write(rest, order, woocommerce):
    woocommerce.may_write = False
    answer = rest.put(f"/orders/{order}", json={})
    assert answer.status_code == 401
    assert "write permissions" in answer.json()["message"]


@pytest.mark.parametrize(("may_write", "status"), [(False, 401), (True, 400)])
def test_writing_to_no_order_tells_what_the_key_may(rest, woocommerce, may_write, status):
    woocommerce.may_write = may_write
    assert rest.put("/orders/0", json={}).status_code == status


def test_trashed_order_is_read_and_written_but_not_listed(rest, order):
    rest.delete(f"/orders/{order}")
    assert rest.get(f"/orders/{order}").json()["status"] == "trash"
    assert rest.put(f"/orders/{order}", json={}).status_code == 200
    assert rest.get("/orders").json() == []


def test_variation_inherits_its_parent_s_measures(rest):
    shirt = rest.get("/products/16").json()
    assert (shirt["type"], shirt["weight"], shirt["dimensions"]["length"]) == ("variation", "0.2", "30")


def test_list_of_products_has_no_variations(rest):
    assert [found["id"] for found in rest.get("/products?include=10,16").json()] == [10]
    assert [found["id"] for found in rest.get("/variations?include=10,16").json()] == [16]


def test_virtual_product_needs_no_shipping(rest):
    assert rest.get("/products/18").json()["shipping_required"] is False


def test_units_and_regions(rest):
    assert rest.get("/settings/products/woocommerce_weight_unit").json()["value"] == "kg"
    assert rest.get("/settings/products/woocommerce_dimension_unit").json()["value"] == "cm"
    assert {"code": "JP13", "name": "Tokyo"} in rest.get("/data/countries/jp").json()["states"]


def test_partial_refund_names_the_line_and_keeps_the_status(rest, order, woocommerce):
    line = woocommerce.order(order)["line_items"][0]
    woocommerce.refund(order, {line["id"]: 1}, "broken")
    (refund,) = rest.get(f"/orders/{order}/refunds").json()
    refunded = [(item["meta_data"][0]["value"], item["quantity"]) for item in refund["line_items"]]
    assert refunded == [(str(line["id"]), -1)]
    assert woocommerce.order(order)["status"] == "processing"
    # one of two mugs at 25.00 with tax: -10.42 and -2.08 (20.83 and 4.17 halved, half to even)
    assert woocommerce.order(order)["refunds"][0]["total"] == "-12.50"


def test_full_refund_changes_the_status(order, woocommerce):
    lines = woocommerce.order(order)["line_items"]
    woocommerce.refund(order, {line["id"]: line["quantity"] for line in lines})
    assert woocommerce.order(order)["status"] == "refunded"


def test_list_by_modification_time_is_strictly_after(rest, woocommerce, clock):
    first = woocommerce.add_order(woo_order(21, at=START), topics=())
    second = woocommerce.add_order(woo_order(22, at=START), topics=())
    clock.forward(minutes=1)
    woocommerce.change(first, customer_note="ring twice")

    def found(after: str) -> list[int]:
        answer = rest.get("/orders", params={"modified_after": after, "orderby": "modified", "order": "asc"})
        return [body["id"] for body in answer.json()]

    assert found("2026-12-01T09:00:00Z") == [first]
    assert found("2026-12-01T08:59:59Z") == [second, first]


def test_time_without_zone_is_the_shop_s_own(rest, woocommerce, clock):
    clock.now = START.replace(month=7)  # summer: 10:00 in London is 09:00 UTC
    woocommerce.add_order(woo_order(21, at=clock.now), topics=())
    assert len(rest.get("/orders?modified_after=2026-07-01T09:59:59").json()) == 1
    assert rest.get("/orders?modified_after=2026-07-01T10:00:00").json() == []
    assert len(rest.get("/orders?modified_after=2026-07-01T08:59:59&dates_are_gmt=true").json()) == 1


def test_pages_say_how_many_there_are(rest, woocommerce):
    for number in range(1, 6):
        woocommerce.add_order(woo_order(number, at=START), topics=())
    answer = rest.get("/orders?per_page=2&page=3&orderby=id&order=asc")
    assert [body["id"] for body in answer.json()] == [5]
    assert (answer.headers["X-WP-Total"], answer.headers["X-WP-TotalPages"]) == ("5", "3")


def test_page_beyond_the_last_is_empty(rest):
    assert rest.get("/orders?page=9").json() == []


def test_scripted_fault_is_shown(rest, woocommerce):
    woocommerce.behave(html(503))
    answer = rest.get("/orders")
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html")
