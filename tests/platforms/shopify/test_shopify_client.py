"""Reading a Shopify order: one query, its pages, and everything that can be answered instead."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bridge.errors import ShopTrouble
from bridge.http import Budget, Http
from bridge.platforms.base import OrderBody, Read
from bridge.platforms.shopify import PLATFORM
from bridge.platforms.shopify.client import ShopifyClient
from bridge.platforms.shopify.settings import ShopifySettings

Order = Callable[..., OrderBody]
KEYS = frozenset({"order"})


def page(*nodes: Any, after: str | None = None) -> dict[str, Any]:
    """One page of a list; with `after` there are more."""
    return {"nodes": list(nodes), "pageInfo": {"hasNextPage": after is not None, "endCursor": after}}


def fulfillment_line(line_id: int, remaining: int) -> dict[str, Any]:
    line = {"id": f"gid://shopify/LineItem/{line_id}", "sku": "MUG-BLUE"}
    return {"remainingQuantity": remaining, "totalQuantity": remaining, "lineItem": line}


def fulfillment_order(number: int, lines: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/FulfillmentOrder/{number}",
        "status": "OPEN",
        "fulfillAt": None,
        "deliveryMethod": {
            "methodType": "SHIPPING",
            "serviceCode": "standard",
            "presentedName": "Standard delivery",
            "sourceReference": None,
        },
        "assignedLocation": {
            "name": "Wexcombe",
            "location": {"id": "gid://shopify/Location/77", "isFulfillmentService": False},
        },
        "fulfillmentHolds": [],
        "lineItems": lines,
    }


def variant_line(number: int = 503001, **changes: Any) -> dict[str, Any]:
    item = {
        "harmonizedSystemCode": "691200",
        "countryCodeOfOrigin": "PT",
        "measurement": {"weight": {"value": 1.5, "unit": "POUNDS"}},
    }
    return {"variant": {"id": f"gid://shopify/ProductVariant/{number}", "inventoryItem": item, **changes}}


def answer(**changes: Any) -> dict[str, Any]:
    """The data of the usual order."""
    order = {
        "id": "gid://shopify/Order/6111222333001",
        "updatedAt": "2026-11-02T09:30:05Z",
        "cancelledAt": None,
        "reference": None,
        "record": None,
        "risk": {"recommendation": "ACCEPT", "assessments": [{"riskLevel": "LOW"}, {"riskLevel": "PENDING"}]},
        "fulfillmentOrders": page(fulfillment_order(1, page(fulfillment_line(501001, 2)))),
        "lineItems": page(variant_line(), {"variant": None}),
        **changes,
    }
    return {"order": order}


@pytest.fixture
def fetch(client: ShopifyClient, order: Order, budget: Budget) -> Callable[..., Read]:
    """Read the usual order with the usual body at hand."""
    return lambda: client.fetch("6111222333001", order(), KEYS, budget)


# ---------------------------------------------------------------------------------------------------------------------
# What comes of it
# ---------------------------------------------------------------------------------------------------------------------
def test_order_is_read_as_the_documented_object(shop: Any, fetch: Callable[..., Read]) -> None:
    shop.answer(answer(record={"value": '{"part": 1}', "compareDigest": "d"}))
    assert fetch().data["order"] == {
        "updated_at": "2026-11-02T09:30:05Z",
        "cancelled_at": None,
        "reference": None,
        "record": '{"part": 1}',
        "our_tags": ["sent-to-sorted"],
        "risk": {"recommendation": "ACCEPT", "levels": ["LOW", "PENDING"]},
        "metafields": {},
        "fulfillment_orders": [
            {
                "id": "1",
                "status": "OPEN",
                "method": "SHIPPING",
                "service_code": "standard",
                "presented_name": "Standard delivery",
                "source_reference": None,
                "location": "Wexcombe",
                "location_id": "77",
                "service": None,
                "fulfill_at": None,
                "holds": [],
                "lines": [{"line_id": "501001", "sku": "MUG-BLUE", "remaining": 2, "total": 2}],
            }
        ],
        "variants": {
            "503001": {
                "weight_g": "680.38856",  # 1.5 lb of 453.59237 g, to five places
                "length_cm": None,
                "width_cm": None,
                "height_cm": None,
                "hs_code": "691200",
                "origin_country": "PT",
            }
        },
    }


def test_what_was_read_survives_json(shop: Any, fetch: Callable[..., Read]) -> None:
    shop.answer(answer())
    data = fetch().data
    assert json.loads(json.dumps(data)) == data


def test_call_goes_to_the_configured_version_with_the_token(shop: Any, fetch: Callable[..., Read]) -> None:
    shop.answer(answer())
    fetch()
    request = shop.requests[0]
    assert (str(request.url), request.headers["x-shopify-access-token"]) == (
        "https://pottery.myshopify.com/admin/api/2026-10/graphql.json",
        "token-1",
    )


def of_a_service() -> dict[str, Any]:
    """A fulfilment order that a logistics company's app was given."""
    location = {"id": "gid://shopify/Location/78", "isFulfillmentService": True}
    return {**fulfillment_order(1, page()), "assignedLocation": {"name": "Northwind Logistics", "location": location}}


def test_fulfilment_service_is_named(shop: Any, fetch: Callable[..., Read]) -> None:
    shop.answer(answer(fulfillmentOrders=page(of_a_service())))
    assert fetch().data["order"]["fulfillment_orders"][0]["service"] == "Northwind Logistics"


def test_fulfilment_service_counts_as_the_shop_where_the_mapping_says_so(
    shop: Any, settings: ShopifySettings, http: Http, clock: Any, order: Order, budget: Budget
) -> None:
    client = ShopifyClient.open(replace(settings, send_service_orders=True), http, clock)
    shop.answer(answer(fulfillmentOrders=page(of_a_service())))
    read = client.fetch("6111222333001", order(), KEYS, budget)
    assert read.data["order"]["fulfillment_orders"][0]["service"] is None


@pytest.mark.parametrize(
    "changes", [{"risk": None}, {"lineItems": []}, {"fulfillmentOrders": {"nodes": [{}]}}, {"reference": "EO-1"}]
)
def test_order_in_another_shape_is_trouble_in_words(
    shop: Any, fetch: Callable[..., Read], changes: dict[str, Any]
) -> None:
    shop.answer(answer(**changes))
    with pytest.raises(ShopTrouble, match="another shape"):
        fetch()


def test_unrouted_order_has_no_fulfilment_orders(shop: Any, fetch: Callable[..., Read]) -> None:
    shop.answer(answer(fulfillmentOrders=page()))
    assert fetch().data["order"]["fulfillment_orders"] == []


def test_fulfilment_order_without_method_and_location_is_read(shop: Any, fetch: Callable[..., Read]) -> None:
    bare = {**fulfillment_order(1, page()), "deliveryMethod": None}
    bare["assignedLocation"] = {"name": "Closed", "location": None}
    shop.answer(answer(fulfillmentOrders=page(bare)))
    read = fetch().data["order"]["fulfillment_orders"][0]
    assert (read["method"], read["location"], read["location_id"]) == (None, "Closed", None)


def test_holds_and_schedules_are_read(shop: Any, fetch: Callable[..., Read]) -> None:
    held = {
        **fulfillment_order(1, page()),
        "status": "ON_HOLD",
        "fulfillAt": "2026-12-01T00:00:00Z",
        "fulfillmentHolds": [{"reason": "OTHER", "reasonNotes": "wait"}],
    }
    shop.answer(answer(fulfillmentOrders=page(held)))
    read = fetch().data["order"]["fulfillment_orders"][0]
    assert (read["fulfill_at"], read["holds"]) == ("2026-12-01T00:00:00Z", [{"reason": "OTHER", "notes": "wait"}])


def test_every_page_is_read(shop: Any, fetch: Callable[..., Read]) -> None:
    shop.answer(
        answer(
            fulfillmentOrders=page(fulfillment_order(1, page(fulfillment_line(1, 1), after="line-a")), after="order-a"),
            lineItems=page(variant_line(1), after="item-a"),
        ),
        {"fulfillmentOrder": {"lineItems": page(fulfillment_line(2, 1), after="line-b")}},
        {"fulfillmentOrder": {"lineItems": page(fulfillment_line(3, 1))}},
        {"order": {"fulfillmentOrders": page(fulfillment_order(2, page(fulfillment_line(4, 1))))}},
        {"order": {"lineItems": page(variant_line(2))}},
    )
    read = fetch().data["order"]
    lines = [[line["line_id"] for line in part["lines"]] for part in read["fulfillment_orders"]]
    assert (lines, list(read["variants"])) == ([["1", "2", "3"], ["4"]], ["1", "2"])


def test_page_is_asked_for_after_the_last_one(shop: Any, fetch: Callable[..., Read]) -> None:
    first = fulfillment_order(1, page(fulfillment_line(1, 1), after="line-a"))
    shop.answer(
        answer(fulfillmentOrders=page(first)), {"fulfillmentOrder": {"lineItems": page(fulfillment_line(2, 1))}}
    )
    fetch()
    assert shop.sent() == {"id": "gid://shopify/FulfillmentOrder/1", "after": "line-a"}


def test_order_that_vanishes_between_pages_is_read_again_later(shop: Any, fetch: Callable[..., Read]) -> None:
    shop.answer(answer(lineItems=page(after="a")), {"order": None})
    with pytest.raises(ShopTrouble) as caught:
        fetch()
    assert caught.value.code == "shop_changed"


def test_pages_without_end_are_given_up(shop: Any, fetch: Callable[..., Read]) -> None:
    shop.answer(answer(lineItems=page(after="a")), *[{"order": {"lineItems": page(after="a")}}] * 100)
    with pytest.raises(ShopTrouble, match="do not end"):
        fetch()


@pytest.mark.parametrize(
    ("value", "centimetres"),
    [
        ('{"value": 25.0, "unit": "cm"}', "25"),
        ('{"value": 120, "unit": "mm"}', "12"),
        ('{"value": 2.5, "unit": "INCHES"}', "6.35"),
        ("12.5", "12.5"),
        ('{"value": 1, "unit": "miles"}', None),
        ("0", None),
        ("wide", None),
        ('{"value": null, "unit": "cm"}', None),
    ],
)
def test_dimensions_come_of_metafields(
    shop: Any, shop_section: dict[str, Any], http: Http, clock: Any, order: Order, budget: Budget, value: str,
    centimetres: str | None,
) -> None:  # fmt: skip
    names = {"dimension_metafields": ["custom.length", "custom.width", "custom.height"]}
    settings, _ = PLATFORM.settings({**shop_section, **names}, {})
    assert settings is not None
    shop.answer(answer(lineItems=page(variant_line(1, length={"value": value}, width=None, height=None))))
    read = PLATFORM.client(settings, http, clock).fetch("6111222333001", order(), KEYS, budget)
    assert read.data["order"]["variants"]["1"]["length_cm"] == centimetres
    assert (shop.sent()["dimensions"], shop.sent()["heightKey"]) == (True, "height")


@pytest.mark.parametrize(("value", "unit"), [(0, "GRAMS"), (3, "STONES")])
def test_unknown_weight_is_none(shop: Any, fetch: Callable[..., Read], value: int, unit: str) -> None:
    line = variant_line(1)
    line["variant"]["inventoryItem"]["measurement"]["weight"] = {"value": value, "unit": unit}
    shop.answer(answer(lineItems=page(line)))
    assert fetch().data["order"]["variants"]["1"]["weight_g"] is None


# ---------------------------------------------------------------------------------------------------------------------
# The body
# ---------------------------------------------------------------------------------------------------------------------
def test_body_as_new_as_the_order_is_not_read_again(shop: Any, fetch: Callable[..., Read]) -> None:
    shop.answer(answer())
    assert (fetch().body, len(shop.requests)) == (None, 1)


def test_order_newer_than_the_body_brings_its_bare_body(
    shop: Any, fetch: Callable[..., Read], payload: Callable[[str], bytes]
) -> None:
    newer = payload("orders.create__two_lines_paid").replace(b"09:30:05", b"10:00:00")
    shop.answer(answer(updatedAt="2026-11-02T10:00:00Z"), httpx.Response(200, content=b'{"order":' + newer + b"}"))
    body = fetch().body
    assert body is not None
    found = PLATFORM.read(body, "")
    assert isinstance(found, OrderBody)
    assert found.order == json.loads(newer, parse_float=Decimal)


def test_whole_order_is_read_from_the_rest_address(client: ShopifyClient, shop: Any, budget: Budget) -> None:
    shop.answer(answer(), httpx.Response(200, json={"order": {"id": 6111222333001}}))
    read = client.fetch("6111222333001", None, KEYS, budget)
    assert (shop.requests[1].method, shop.requests[1].url.path, read.body) == (
        "GET",
        "/admin/api/2026-10/orders/6111222333001.json",
        b'{"id":6111222333001}',
    )


def test_order_that_the_shop_does_not_have_is_gone(shop: Any, fetch: Callable[..., Read]) -> None:
    shop.answer({"order": None})
    read = fetch()
    assert (read.gone, read.data) == (True, {"order": {"gone": True}})


def test_order_deleted_between_the_reads_is_gone(client: ShopifyClient, shop: Any, budget: Budget) -> None:
    shop.answer(answer(), httpx.Response(404, json={"errors": "Not Found"}))
    assert client.fetch("6111222333001", None, KEYS, budget).gone


def test_whole_order_that_is_none_is_trouble(client: ShopifyClient, shop: Any, budget: Budget) -> None:
    shop.answer(answer(), httpx.Response(200, text="<html>"))
    with pytest.raises(ShopTrouble) as caught:
        client.fetch("6111222333001", None, KEYS, budget)
    assert caught.value.code == "shop_answer"


# ---------------------------------------------------------------------------------------------------------------------
# Trouble
# ---------------------------------------------------------------------------------------------------------------------
def throttled(requested: Any, available: Any, rate: Any) -> httpx.Response:
    status = {"maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": rate}
    return httpx.Response(
        200,
        json={
            "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
            "extensions": {
                "cost": {"requestedQueryCost": requested, "actualQueryCost": None, "throttleStatus": status}
            },
        },
    )


@pytest.mark.parametrize(
    ("answered", "seconds"),
    [
        (throttled(700, 100, 100), 6),
        (throttled(650, 0, 100), 7),  # 6.5 s, rounded up
        (throttled(0, 0, 100), 1),  # never at once
        (throttled(100, 500, 100), 1),
        (throttled(700, 100, 0), 2),  # figures that say nothing
        (httpx.Response(200, json={"errors": [{"message": "Throttled"}]}), 2),
        (throttled(1e9, 0, 1), 60),
        (httpx.Response(429, headers={"Retry-After": "2.0"}), 2),
        (httpx.Response(429, headers={"Retry-After": "9"}), 9),
        (httpx.Response(429, headers={"Retry-After": "0"}), 2),
    ],
)
def test_throttling_is_waited_for(
    shop: Any, fetch: Callable[..., Read], answered: httpx.Response, seconds: int
) -> None:
    shop.answer(answered)
    with pytest.raises(ShopTrouble) as caught:
        fetch()
    assert (caught.value.code, caught.value.retry_after, caught.value.pauses) == (
        "shop_busy",
        timedelta(seconds=seconds),
        False,
    )


def error(code: str | None, message: str = "no", path: list[str] | None = None) -> httpx.Response:
    entry: dict[str, Any] = {"message": message, "path": path, "extensions": {"code": code} if code else {}}
    return httpx.Response(200, json={"data": None, "errors": [entry]})


@pytest.mark.parametrize(
    ("answered", "code", "pauses", "words"),
    [
        (error("ACCESS_DENIED", "Access denied.", ["order", "risk"]), "missing_scope", True, "order.risk"),
        (error("SHOP_INACTIVE"), "shop_closed", True, "SHOP_INACTIVE"),
        (error("INTERNAL_SERVER_ERROR"), "shop_error", False, "INTERNAL_SERVER_ERROR"),
        (error("MAX_COST_EXCEEDED"), "shop_error", False, "MAX_COST_EXCEEDED"),
        (error(None, "odd"), "shop_error", False, "odd"),
        (httpx.Response(200, json={"errors": "[API] odd"}), "shop_error", False, "odd"),
        (httpx.Response(200, json={"data": None}), "shop_answer", False, "without data"),
        (httpx.Response(200, json=[]), "shop_answer", False, "no JSON object"),
        (httpx.Response(200, text="<html>"), "shop_answer", False, "no JSON object"),
        (httpx.Response(402, json={}), "shop_closed", True, "frozen"),
        (httpx.Response(403, json={"errors": "Forbidden"}), "shop_closed", True, "forbids"),
        (httpx.Response(403, text="<html>"), "shop_status", False, "403"),
        (httpx.Response(404, json={}), "shop_closed", True, "api_version"),
        (httpx.Response(423, text=""), "shop_closed", True, "locked"),
        (httpx.Response(301, headers={"Location": "https://x.example"}), "shop_status", False, "301"),
        (httpx.Response(503), "shop_status", False, "503"),
        (httpx.ConnectError("refused"), "shop_unreachable", False, "cannot be reached"),
        (httpx.ReadTimeout("slow"), "shop_unreachable", False, "no answer"),
    ],
)
def test_trouble_is_told_in_words(
    shop: Any, fetch: Callable[..., Read], answered: Any, code: str, pauses: bool, words: str
) -> None:
    shop.answer(answered)
    with pytest.raises(ShopTrouble, match=words) as caught:
        fetch()
    assert (caught.value.code, caught.value.pauses) == (code, pauses)


def test_refused_token_is_renewed_once(shop: Any, fetch: Callable[..., Read]) -> None:
    shop.answer(httpx.Response(401), answer())
    fetch()
    assert [request.headers["x-shopify-access-token"] for request in shop.requests] == ["token-1", "token-2"]


def test_token_that_is_refused_twice_pauses_the_shop(shop: Any, fetch: Callable[..., Read]) -> None:
    shop.answer(httpx.Response(401), httpx.Response(401))
    with pytest.raises(ShopTrouble) as caught:
        fetch()
    assert (caught.value.code, caught.value.pauses) == ("bad_credentials", True)


def test_reads_end_with_their_budget(client: ShopifyClient, order: Order) -> None:
    times = iter([0.0, 31.0])
    spent = Budget(30, monotonic=lambda: next(times))
    with pytest.raises(ShopTrouble, match="too slow"):
        client.fetch("6111222333001", order(), KEYS, spent)


# ---------------------------------------------------------------------------------------------------------------------
# Checking the access
# ---------------------------------------------------------------------------------------------------------------------
def test_access_to_the_right_shop_has_no_problem(client: ShopifyClient, shop: Any, budget: Budget) -> None:
    shop.answer({"shop": {"name": "Pottery Lane", "myshopifyDomain": "pottery.myshopify.com"}})
    assert list(client.check_access(budget)) == []


def test_credentials_of_another_shop_are_told(client: ShopifyClient, shop: Any, budget: Budget) -> None:
    shop.answer({"shop": {"name": "Glass Lane", "myshopifyDomain": "glass.myshopify.com"}})
    assert [(problem.source, problem.found) for problem in client.check_access(budget)] == [
        ("shop.domain", "glass.myshopify.com")
    ]


@pytest.mark.parametrize("told", [None, {}, "glass"])
def test_shop_that_does_not_say_which_it_is_is_a_problem(
    client: ShopifyClient, shop: Any, budget: Budget, told: Any
) -> None:
    shop.answer({"shop": told})
    assert [problem.code for problem in client.check_access(budget)] == ["shop_answer"]


def test_every_missing_scope_is_a_problem(client: ShopifyClient, shop: Any, budget: Budget) -> None:
    shop.scopes = "write_orders,read_products,read_locations"
    assert [problem.code for problem in client.check_access(budget)] == [
        "read_merchant_managed_fulfillment_orders",
        "read_third_party_fulfillment_orders",
    ]


def test_refused_credentials_are_a_problem(client: ShopifyClient, shop: Any, budget: Budget) -> None:
    shop.scopes = ""
    shop.answer(httpx.Response(400, json={"error": "app_not_installed"}))
    assert [problem.code for problem in client.check_access(budget)] == ["bad_credentials"]
