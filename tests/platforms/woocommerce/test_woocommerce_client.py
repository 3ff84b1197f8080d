"""The client against a shop that answers what each test says."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bridge.errors import ShopTrouble
from bridge.http import Budget, Http
from bridge.platforms.base import Client, OrderBody, Read
from bridge.platforms.woocommerce import PLATFORM

Order = Callable[..., OrderBody]
Payload = Callable[[str], bytes]
Answers = Mapping[str, Any]

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
ROOT = "https://shop.example/wp-json/wc/v3/"
GONE = (404, {"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID.", "data": {"status": 404}})


class Shop:
    """Answers by method and path: a JSON document, (status, document) or a Response. Keeps the requests."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        name = f"{request.method} {str(request.url).removeprefix(ROOT)}"
        answer = self.answers.get(name, self.answers.get(name.partition("?")[0], (404, {"code": "rest_no_route"})))
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        status, document = answer if isinstance(answer, tuple) else (200, answer)
        if isinstance(document, bytes):
            return httpx.Response(status, content=document)
        return httpx.Response(status, json=document)

    @property
    def asked(self) -> list[str]:
        return [f"{one.method} {str(one.url).removeprefix(ROOT)}" for one in self.requests]


Connect = Callable[[Answers], tuple[Client, Shop]]


@pytest.fixture
def connect(settings: Mapping[str, Any]) -> Connect:
    """A client, and the shop that answers it."""

    def to(answers: Answers) -> tuple[Client, Shop]:
        shop = Shop(answers)
        found, problems = PLATFORM.settings({**settings, "hs_code_meta": "_hs", "origin_meta": "_origin"}, {})
        assert found is not None, problems
        return PLATFORM.client(found, Http(transport=httpx.MockTransport(shop)), lambda: NOON), shop

    return to


def fetch(connect: Connect, answers: Answers, body: OrderBody | None, keys: Iterable[str]) -> Read:
    client, _ = connect(answers)
    return client.fetch("1501", body, frozenset(keys), Budget(30))


def trouble(connect: Connect, answer: Any) -> ShopTrouble:
    client, _ = connect({"GET orders/1501": answer})
    with pytest.raises(ShopTrouble) as caught:
        client.fetch("1501", None, frozenset({"order"}), Budget(30))
    return caught.value


# --- The order -------------------------------------------------------------------------------------------------------
def test_keys_travel_by_basic_auth_and_not_in_the_address(connect: Connect, payload: Payload) -> None:
    client, shop = connect({"GET orders/1501": (200, payload("order.created__guest_two_lines"))})
    client.fetch("1501", None, frozenset(), Budget(30))
    assert shop.requests[0].headers["authorization"] == "Basic " + base64.b64encode(b"ck_1:cs_1").decode()
    assert str(shop.requests[0].url) == "https://shop.example/wp-json/wc/v3/orders/1501"


def test_order_known_by_id_only_comes_whole_and_unchanged(connect: Connect, payload: Payload) -> None:
    raw = payload("order.created__guest_two_lines")
    assert fetch(connect, {"GET orders/1501": (200, raw)}, None, ()).body == raw


def test_same_order_is_told_as_read_and_not_given_again(connect: Connect, payload: Payload, order: Order) -> None:
    answer = json.loads(payload("order.created__guest_two_lines"))
    answer["_links"]["self"][0]["targetHints"] = {"allow": ["GET"]}  # depends on who asks
    read = fetch(connect, {"GET orders/1501": answer}, order(), {"order"})
    assert (read.body, read.data) == (None, {"order": {"read": True}})


def test_newer_order_is_given(connect: Connect, payload: Payload, order: Order) -> None:
    raw = payload("order.updated__partial_refund")
    read = fetch(connect, {"GET orders/1501": (200, raw)}, order(), {"order"})
    assert (read.body, read.gone) == (raw, False)


def test_newer_order_comes_before_what_else_was_asked(connect: Connect, payload: Payload, order: Order) -> None:
    client, shop = connect({"GET orders/1501": (200, payload("order.updated__partial_refund"))})
    client.fetch("1501", order(), frozenset({"order", "product:31"}), Budget(30))
    assert shop.asked == ["GET orders/1501"]


def test_change_without_a_new_time_is_given(connect: Connect, payload: Payload, order: Order) -> None:
    raw = payload("order.created__guest_two_lines").replace(b'"typein"', b'"organic"')  # meta data, posts storage
    assert fetch(connect, {"GET orders/1501": (200, raw)}, order(), {"order"}).body == raw


def test_older_answer_of_a_cache_is_not_given(connect: Connect, payload: Payload, order: Order) -> None:
    raw = payload("order.created__guest_two_lines")
    read = fetch(connect, {"GET orders/1501": (200, raw)}, order("order.updated__partial_refund"), {"order"})
    assert (read.body, read.gone) == (None, False)


def test_missing_order_is_gone(connect: Connect, order: Order) -> None:
    assert fetch(connect, {"GET orders/1501": GONE}, order(), {"order"}).gone


def test_order_in_the_trash_is_gone(connect: Connect, payload: Payload) -> None:
    raw = payload("order.created__guest_two_lines").replace(b'"processing"', b'"trash"')
    read = fetch(connect, {"GET orders/1501": (200, raw)}, None, ())
    assert (read.gone, read.body) == (True, None)


def test_another_order_that_has_the_id_now_is_given(connect: Connect, payload: Payload, order: Order) -> None:
    raw = payload("order.created__guest_two_lines").replace(b"wc_order_Qm4kT0pYbZ1aa", b"wc_order_another")
    read = fetch(connect, {"GET orders/1501": (200, raw)}, order("order.updated__partial_refund"), {"order"})
    assert read.body == raw


# --- Products, refunds, units, regions -------------------------------------------------------------------------------
TEAPOT = {
    "id": 31,
    "name": "Teapot",
    "type": "simple",
    "status": "publish",
    "weight": "0.45",
    "dimensions": {"length": "20", "width": "15", "height": ""},
    "shipping_required": True,
    "virtual": False,
    "meta_data": [{"id": 1, "key": "_hs", "value": 691110}, {"id": 2, "key": "_origin", "value": "GB"}],
}
MUG = {**TEAPOT, "id": 41, "name": "Mug", "type": "variation", "meta_data": []}
COMPACT = {
    "id": "31",
    "name": "Teapot",
    "type": "simple",
    "weight": "0.45",
    "length": "20",
    "width": "15",
    "height": "",
    "shipping_required": True,
    "virtual": False,
    "hs_code": "691110",
    "origin_country": "GB",
}


def test_product_is_kept_with_what_shipping_needs(connect: Connect, order: Order) -> None:
    read = fetch(connect, {"GET products": [TEAPOT]}, order(), {"product:31"})
    assert read.data == {"product:31": COMPACT}


def test_simple_products_come_in_one_list_and_variations_alone(connect: Connect, order: Order) -> None:
    client, shop = connect({"GET products": [TEAPOT, {**TEAPOT, "id": 32}], "GET products/41": MUG})
    read = client.fetch("1501", order(), frozenset({"product:31", "product:32", "product:41"}), Budget(30))
    assert shop.asked == ["GET products?include=31%2C32&per_page=100", "GET products/41"]
    assert set(read.data) == {"product:31", "product:32", "product:41"}


def test_product_missing_in_the_list_is_asked_for_alone(connect: Connect, order: Order) -> None:
    answers = {
        "GET products": [],
        "GET products/31": (404, {"code": "woocommerce_rest_product_invalid_id", "data": {"status": 404}}),
    }
    assert fetch(connect, answers, order(), {"product:31"}).data == {"product:31": {"missing": True}}


def test_variation_without_shipping_required_has_it_by_virtual(connect: Connect, order: Order) -> None:
    old = {key: value for key, value in MUG.items() if key != "shipping_required"} | {"virtual": True}
    read = fetch(connect, {"GET products/41": old}, order(), {"product:41"})
    assert read.data["product:41"]["shipping_required"] is False


def test_products_read_before_the_time_ran_out_are_given(connect: Connect, order: Order) -> None:
    seconds = iter([0, 1, 31])  # the budget's start, the list of products, the variation
    client, _ = connect({"GET products": [TEAPOT], "GET products/41": MUG})
    budget = Budget(30, monotonic=lambda: next(seconds))
    read = client.fetch("1501", order(), frozenset({"product:31", "product:41"}), budget)
    assert set(read.data) == {"product:31"}


def test_time_that_ran_out_before_any_product_is_trouble(connect: Connect, order: Order) -> None:
    seconds = iter([0, 31])
    client, _ = connect({"GET products": [TEAPOT]})
    with pytest.raises(ShopTrouble) as caught:
        client.fetch("1501", order(), frozenset({"product:31"}), Budget(30, monotonic=lambda: next(seconds)))
    assert caught.value.code == "shop_too_slow"


def test_refunds_come_with_the_orders_own_lines_and_positive_quantities(connect: Connect, order: Order) -> None:
    line = {"id": 990, "product_id": 40, "variation_id": 41, "quantity": -2, "total": "-18.00"}
    named = {**line, "meta_data": [{"id": 1, "key": "_refunded_item_id", "value": "72"}]}
    answers = {"GET orders/1501/refunds": [{"id": 1510, "line_items": [named, {**line, "meta_data": []}]}]}
    assert fetch(connect, answers, order(), {"refunds"}).data["refunds"] == [
        {
            "id": "1510",
            "lines": [
                {"line_id": "72", "product_id": "41", "quantity": "2"},
                {"line_id": "", "product_id": "41", "quantity": "2"},
            ],
        }
    ]


def test_all_pages_of_refunds_are_read(connect: Connect, order: Order) -> None:
    pages = {
        f"GET orders/1501/refunds?per_page=100&page={page}": httpx.Response(
            200, json=[{"id": page, "line_items": []}], headers={"X-WP-TotalPages": "2"}
        )
        for page in (1, 2)
    }
    refunds = fetch(connect, pages, order(), {"refunds"}).data["refunds"]
    assert [refund["id"] for refund in refunds] == ["1", "2"]


def test_units_are_the_shops_settings(connect: Connect, order: Order) -> None:
    answers = {
        "GET settings/products/woocommerce_weight_unit": {"id": "woocommerce_weight_unit", "value": "lbs"},
        "GET settings/products/woocommerce_dimension_unit": {"id": "woocommerce_dimension_unit", "value": "in"},
    }
    assert fetch(connect, answers, order(), {"units"}).data == {"units": {"weight": "lbs", "dimension": "in"}}


@pytest.mark.parametrize(
    ("name", "document", "key"),
    [
        ("GET products/31", {"name": "Teapot"}, "product:31"),
        ("GET products/31", [], "product:31"),
        ("GET settings/products/woocommerce_weight_unit", [], "units"),
        ("GET settings/products/woocommerce_weight_unit", "kg", "units"),
    ],
)
def test_answer_in_another_shape_is_trouble_in_words(
    connect: Connect, order: Order, name: str, document: Any, key: str
) -> None:
    with pytest.raises(ShopTrouble, match="another shape") as caught:
        fetch(connect, {"GET products": [{"name": "no id"}], name: document}, order(), {key})
    assert not caught.value.pauses


def test_regions_come_by_code_with_plain_names(connect: Connect, order: Order) -> None:
    states = [{"code": "AT1", "name": "Burgenland"}, {"code": "X", "name": "A &amp; B"}]
    answers = {"GET data/countries/at": {"code": "AT", "name": "Austria", "states": states}}
    read = fetch(connect, answers, order(), {"regions:AT"})
    assert read.data == {"regions:AT": {"AT1": "Burgenland", "X": "A & B"}}


def test_unknown_country_has_no_regions(connect: Connect, order: Order) -> None:
    answers = {"GET data/countries/xx": (404, {"code": "woocommerce_rest_data_invalid_location"})}
    assert fetch(connect, answers, order(), {"regions:XX"}).data == {"regions:XX": {}}


# --- Trouble ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("code", ["woocommerce_rest_cannot_view", "woocommerce_rest_authentication_error"])
def test_refused_key_pauses_the_shop_and_names_the_causes(connect: Connect, status: int, code: str) -> None:
    found = trouble(connect, (status, {"code": code, "message": "Sorry", "data": {"status": status}}))
    assert (found.code, found.pauses) == ("wrong_key", True)
    assert all(words in str(found) for words in (code, "consumer_key", "HTTPS=on", "permalinks"))


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ((403, b"<html>Blocked</html>"), "shop_firewall", "firewall"),
        ((403, {"code": "rest_forbidden", "data": {"status": 403}}), "shop_firewall", "rest_forbidden"),
        ((401, {"code": "jwt_auth_no_auth_header"}), "shop_firewall", "plugin"),
        ((404, {"code": "rest_no_route", "data": {"status": 404}}), "no_rest_api", "permalinks"),
        ((404, b"<html>Not found</html>"), "no_rest_api", "permalinks"),
        ((200, b"<html>Maintenance</html>"), "shop_unreadable", "maintenance"),
        ((200, b"<br />Warning: foo in bar.php{}"), "shop_unreadable", "PHP warnings"),
        ((200, []), "shop_refused", "log"),
        ((500, {"code": "internal_server_error"}), "shop_error", "HTTP 500"),
        ((502, b"<html>"), "shop_error", "HTTP 502"),
        ((301, b""), "shop_redirects", "shop.url"),
        ((400, {"code": "rest_invalid_param"}), "shop_refused", "rest_invalid_param"),
        (httpx.ConnectError("refused"), "shop_unreachable", "cannot connect"),
        (httpx.ReadTimeout("slow"), "shop_unreachable", "no answer within the limit"),
    ],
)
def test_passing_trouble_is_told_in_words_and_pauses_nothing(
    connect: Connect, answer: Any, code: str, words: str
) -> None:
    found = trouble(connect, answer)
    assert (found.code, found.pauses, found.retry_after) == (code, False, None)
    assert words in str(found)


@pytest.mark.parametrize("status", [429, 503])
def test_busy_shop_is_asked_again_when_it_says(connect: Connect, status: int) -> None:
    found = trouble(connect, httpx.Response(status, headers={"Retry-After": "90"}, content=b"<html>"))
    assert (found.code, found.retry_after, found.pauses) == ("shop_busy", timedelta(seconds=90), False)


@pytest.mark.parametrize("content", [b"<html>Blocked</html>", b'{"code": "rate_limited"}'])
def test_bot_protection_is_asked_again_when_it_says(connect: Connect, content: bytes) -> None:
    found = trouble(connect, httpx.Response(403, headers={"Retry-After": "90"}, content=content))
    assert (found.code, found.retry_after, found.pauses) == ("shop_firewall", timedelta(seconds=90), False)


def test_trouble_shows_no_key(connect: Connect) -> None:
    assert not [secret for secret in ("ck_1", "cs_1") if secret in str(trouble(connect, (403, {"code": "x"})))]


# --- Access ----------------------------------------------------------------------------------------------------------
READABLE = {
    "GET orders": [],
    "GET products": [],
    "GET settings/products/woocommerce_weight_unit": {"value": "kg"},
    "GET settings/products/woocommerce_dimension_unit": {"value": "cm"},
    "GET data/countries/us": {"code": "US", "states": []},
    "PUT orders/0": (400, {"code": "woocommerce_rest_shop_order_invalid_id", "message": "ID is invalid."}),
}


def test_shop_that_answers_everything_has_no_problem(connect: Connect) -> None:
    client, shop = connect(READABLE)
    assert client.check_access(Budget(30)) == ()
    assert [one for one in shop.asked if not one.startswith("GET")] == ["PUT orders/0"]


def test_key_that_may_only_read_is_a_problem(connect: Connect) -> None:
    refused = (401, {"code": "woocommerce_rest_authentication_error", "message": "no write permissions"})
    client, _ = connect({**READABLE, "PUT orders/0": refused})
    problems = client.check_access(Budget(30))
    assert [(problem.code, problem.source) for problem in problems] == [("write_permission", "shop.consumer_key")]
    assert problems[0].message.startswith("orders cannot be written")


def test_what_cannot_be_read_is_named(connect: Connect) -> None:
    refused = (403, {"code": "woocommerce_rest_cannot_view"})
    client, _ = connect({**READABLE, "GET settings/products/woocommerce_weight_unit": refused})
    problems = client.check_access(Budget(30))
    assert [problem.code for problem in problems] == ["wrong_key"]
    assert problems[0].message.startswith("settings cannot be read")


def test_one_trouble_with_everything_is_told_once(connect: Connect) -> None:
    client, _ = connect({})
    assert [problem.code for problem in client.check_access(Budget(30))] == ["no_rest_api"]
