"""The fake Admin API gives tokens, keeps scopes, counts cost and pages as Shopify does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bridge.sandbox.faults import status
from bridge.sandbox.shopify import Article, FakeShopify, FulfillmentOrder, Variant, lines_of, route, shopify_order
from tests.sandbox.conftest import START

Ask = Callable[..., dict[str, Any]]

FULFILLMENT = """
query ($id: ID!, $first: Int!, $after: String) { order(id: $id) {
  fulfillmentOrders(first: $first, after: $after) { nodes {
    id status fulfillAt fulfillmentHolds { reason reasonNotes } deliveryMethod { methodType }
    lineItems(first: 10) { nodes { remainingQuantity totalQuantity lineItem { sku } } }
  } pageInfo { hasNextPage endCursor } }
} }
"""


def grant(shop: FakeShopify, url: str, **changed: str) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": shop.client_id, "client_secret": shop.client_secret}
    return httpx.post(f"{url}/admin/oauth/access_token", data={**form, **changed}, trust_env=False)


@pytest.fixture
def admin(shopify: FakeShopify, shopify_url: str) -> Iterator[httpx.Client]:
    token = grant(shopify, shopify_url).json()["access_token"]
    base = f"{shopify_url}/admin/api/2026-10"
    with httpx.Client(base_url=base, headers={"X-Shopify-Access-Token": token}, trust_env=False) as client:
        yield client


@pytest.fixture
def ask(admin: httpx.Client) -> Ask:
    return lambda query, **variables: admin.post("/graphql.json", json={"query": query, "variables": variables}).json()


def gid(order_id: str) -> str:
    return f"gid://shopify/Order/{order_id}"


def add(shop: FakeShopify, **options: Any) -> str:
    return shop.add_order(shopify_order(1001, at=START), **options)


def test_grant_gives_a_token_for_a_day_and_its_scopes(shopify, shopify_url):
    shopify.scopes = frozenset({"read_orders", "write_orders"})
    given = grant(shopify, shopify_url).json()
    assert (given["scope"], given["expires_in"]) == ("read_orders,write_orders", 86399)


@pytest.mark.parametrize(
    ("changed", "error"),
    [({"client_secret": "wrong"}, "invalid_client"), ({"grant_type": "password"}, "unsupported_grant_type")],
)
def test_grant_is_refused(shopify, shopify_url, changed, error):
    answer = grant(shopify, shopify_url, **changed)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_token_ends(admin, clock):
    clock.forward(seconds=86399)
    assert admin.post("/graphql.json", json={"query": "{shop{name}}"}).status_code == 401


def test_revoked_token_is_refused(shopify, admin):
    shopify.revoke_tokens()
    assert admin.post("/graphql.json", json={"query": "{shop{name}}"}).status_code == 401


def test_static_token_never_ends(served, client, clock):
    url = served(FakeShopify(access_token="shpat_static", clock=clock))
    clock.forward(days=400)
    headers = {"X-Shopify-Access-Token": "shpat_static"}
    answer = client.post(f"{url}/admin/api/2026-10/graphql.json", json={"query": "{shop{name}}"}, headers=headers)
    assert answer.json()["data"] == {"shop": {"name": "Larkspur Homeware"}}


def test_unknown_field_is_an_error_without_data(ask):
    answer = ask("{shop{nmae}}")
    assert "data" not in answer
    assert "nmae" in answer["errors"][0]["message"]


def test_fulfilment_orders_appear_late(shopify, ask, clock):
    order = gid(add(shopify, routed_after=timedelta(seconds=8)))
    assert ask(FULFILLMENT, id=order, first=5)["data"]["order"]["fulfillmentOrders"]["nodes"] == []
    clock.forward(seconds=8)
    (found,) = ask(FULFILLMENT, id=order, first=5)["data"]["order"]["fulfillmentOrders"]["nodes"]
    assert (found["status"], found["deliveryMethod"]) == ("OPEN", {"methodType": "SHIPPING"})
    assert [line["lineItem"]["sku"] for line in found["lineItems"]["nodes"]] == ["MUG-BLUE", "BLANKET-L"]


def test_what_needs_no_shipping_is_routed_apart(shopify, ask):
    lines = (Article(), Article(sku="GUIDE", requires_shipping=False))
    order = gid(shopify.add_order(shopify_order(lines=lines, at=START)))
    nodes = ask(FULFILLMENT, id=order, first=5)["data"]["order"]["fulfillmentOrders"]["nodes"]
    assert [found["deliveryMethod"]["methodType"] for found in nodes] == ["SHIPPING", "NONE"]


def test_missing_fulfilment_scope_looks_like_an_empty_list(shopify, shopify_url):
    shopify.scopes = frozenset({"read_orders"})
    headers = {"X-Shopify-Access-Token": grant(shopify, shopify_url).json()["access_token"]}
    asked = {"query": FULFILLMENT, "variables": {"id": gid(add(shopify)), "first": 5}}
    url = f"{shopify_url}/admin/api/2026-10/graphql.json"
    answer = httpx.post(url, json=asked, headers=headers, trust_env=False).json()
    assert answer["data"]["order"]["fulfillmentOrders"]["nodes"] == []
    assert "errors" not in answer


@pytest.mark.parametrize(
    ("scope", "query"),
    [
        ("read_orders", "query($id: ID!) { order(id: $id) { name } }"),
        ("write_orders", 'mutation($id: ID!) { tagsAdd(id: $id, tags: ["a"]) { node { id } } }'),
        ("read_products", "query($id: ID!) { order(id: $id) { lineItems(first: 1) { nodes { variant { id } } } } }"),
    ],
)
def test_missing_scope_is_named(shopify, shopify_url, scope, query):
    shopify.scopes = frozenset({"read_orders", "write_orders", "read_products"} - {scope})
    if scope == "read_orders":
        shopify.scopes = frozenset()  # write_orders would include it
    headers = {"X-Shopify-Access-Token": grant(shopify, shopify_url).json()["access_token"]}
    asked = {"query": query, "variables": {"id": gid(add(shopify))}}
    url = f"{shopify_url}/admin/api/2026-10/graphql.json"
    (error,) = httpx.post(url, json=asked, headers=headers, trust_env=False).json()["errors"]
    assert error["extensions"]["code"] == "ACCESS_DENIED"
    assert f"`{scope}`" in error["message"]


def test_order_older_than_60_days_needs_its_own_scope(shopify, shopify_url, clock):
    shopify.scopes = frozenset({"read_orders"})
    order = gid(add(shopify))
    clock.forward(days=61)
    headers = {"X-Shopify-Access-Token": grant(shopify, shopify_url).json()["access_token"]}
    asked = {"query": "query($id: ID!) { order(id: $id) { name } }", "variables": {"id": order}}
    url = f"{shopify_url}/admin/api/2026-10/graphql.json"
    assert httpx.post(url, json=asked, headers=headers, trust_env=False).json()["data"] == {"order": None}


def test_pages_join_without_gap_or_overlap(shopify, ask):
    body = shopify_order(lines=[Article(sku=f"S{number}") for number in range(5)], at=START)
    each = [FulfillmentOrder(lines=lines_of([line])) for line in body["line_items"]]
    order, after, seen = gid(shopify.add_order(body, fulfillment_orders=each)), None, []
    for _ in range(3):
        page = ask(FULFILLMENT, id=order, first=2, after=after)["data"]["order"]["fulfillmentOrders"]
        seen += [node["lineItems"]["nodes"][0]["lineItem"]["sku"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert seen == ["S0", "S1", "S2", "S3", "S4"]
    assert page["pageInfo"]["hasNextPage"] is False


def test_connection_without_first_is_refused(shopify, ask):
    order = gid(add(shopify))
    answer = ask("query($id: ID!) { order(id: $id) { lineItems { nodes { id } } } }", id=order)
    assert "`first` must be given" in answer["errors"][0]["message"]


def test_cost_is_counted_by_first(ask):
    answer = ask("{ orders(first: 20) { nodes { id lineItems(first: 5) { nodes { id } } } pageInfo { endCursor } } }")
    # 20 orders of 1 point and 5 lines of 1 point each; the answer has data, orders and pageInfo
    assert answer["extensions"]["cost"]["requestedQueryCost"] == 120
    assert answer["extensions"]["cost"]["actualQueryCost"] == 3


def test_too_dear_a_query_is_refused_before_it_runs(ask):
    answer = ask("{ orders(first: 250) { nodes { id lineItems(first: 250) { nodes { id } } } } }")
    assert answer["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"


def test_throttled_is_status_200_with_the_figures(shopify, admin, ask):
    shopify.bucket.drain()
    answer = admin.post("/graphql.json", json={"query": "{shop{name}}"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (200, "THROTTLED")
    assert answer.json()["extensions"]["cost"] == {
        "requestedQueryCost": 1,
        "actualQueryCost": None,
        "throttleStatus": {"maximumAvailable": 2000, "currentlyAvailable": 0, "restoreRate": 100},
    }


def test_bucket_fills_with_time(shopify, ask, clock):
    shopify.bucket.drain()
    clock.forward(seconds=0.01)  # 100 points a second: one point
    assert ask("{shop{name}}")["data"] == {"shop": {"name": "Larkspur Homeware"}}


def test_variant_tells_what_the_line_does_not(shopify, ask):
    body = shopify_order(lines=(Article(grams=0),), at=START)
    known = Variant(weight=Decimal("0.41"), unit="KILOGRAMS", hs_code="691200", origin="GB")
    shopify.set_variant(body["line_items"][0]["variant_id"], known)
    query = """query($id: ID!) { order(id: $id) { lineItems(first: 1) { nodes { variant { inventoryItem {
      harmonizedSystemCode countryCodeOfOrigin measurement { weight { value unit } } } } } } } }"""
    (line,) = ask(query, id=gid(shopify.add_order(body)))["data"]["order"]["lineItems"]["nodes"]
    assert line["variant"]["inventoryItem"] == {
        "harmonizedSystemCode": "691200",
        "countryCodeOfOrigin": "GB",
        "measurement": {"weight": {"value": 0.41, "unit": "KILOGRAMS"}},
    }


def test_hold_stands_on_the_fulfilment_order_alone(shopify, ask):
    order = add(shopify)
    shopify.hold(order, "HIGH_RISK_OF_FRAUD", "call first")
    (held,) = ask(FULFILLMENT, id=gid(order), first=1)["data"]["order"]["fulfillmentOrders"]["nodes"]
    assert held["fulfillmentHolds"] == [{"reason": "HIGH_RISK_OF_FRAUD", "reasonNotes": "call first"}]
    assert shopify.order(order).updated_at == START


def test_third_party_s_part_needs_its_scope(shopify, shopify_url):
    shopify.scopes = frozenset({"read_orders", "read_merchant_managed_fulfillment_orders"})
    body = shopify_order(at=START)
    ours = route(body)[0]
    order = gid(shopify.add_order(body, fulfillment_orders=[ours, replace(ours, id=1, third_party=True)]))
    headers = {"X-Shopify-Access-Token": grant(shopify, shopify_url).json()["access_token"]}
    asked = {"query": FULFILLMENT, "variables": {"id": order, "first": 5}}
    url = f"{shopify_url}/admin/api/2026-10/graphql.json"
    answer = httpx.post(url, json=asked, headers=headers, trust_env=False).json()
    assert len(answer["data"]["order"]["fulfillmentOrders"]["nodes"]) == 1


def test_location_says_whether_a_service_ships_from_it(shopify, ask):
    body = shopify_order(at=START)
    ours = route(body)[0]
    theirs = replace(ours, id=1, third_party=True, location="Northwind Logistics")
    order = gid(shopify.add_order(body, fulfillment_orders=[ours, theirs]))
    query = """query($id: ID!) { order(id: $id) { fulfillmentOrders(first: 5) {
        nodes { assignedLocation { name location { isFulfillmentService } } } } } }"""
    nodes = ask(query, id=order)["data"]["order"]["fulfillmentOrders"]["nodes"]
    found = [(one["assignedLocation"]["name"], one["assignedLocation"]["location"]) for one in nodes]
    assert found == [
        ("Main warehouse", {"isFulfillmentService": False}),
        ("Northwind Logistics", {"isFulfillmentService": True}),
    ]


def test_rest_order_has_the_webhook_s_shape(shopify, admin):
    order = add(shopify)
    assert admin.get(f"/orders/{order}.json").json() == {"order": shopify.order(order).body}


def test_deleted_order_is_null_and_not_found(shopify, admin, ask):
    order = add(shopify)
    shopify.delete(order)
    assert ask("query($id: ID!) { order(id: $id) { id } }", id=gid(order))["data"] == {"order": None}
    assert admin.get(f"/orders/{order}.json").status_code == 404


def test_orders_are_found_by_modification_time_and_tag(shopify, ask, clock):
    first, second = (shopify.add_order(shopify_order(number, at=START)) for number in (1001, 1002))
    clock.forward(minutes=5)
    shopify.tag(first, "vip")
    query = "query($q: String) { orders(first: 5, query: $q, sortKey: UPDATED_AT) { nodes { legacyResourceId } } }"

    def found(text: str) -> list[str]:
        return [node["legacyResourceId"] for node in ask(query, q=text)["data"]["orders"]["nodes"]]

    assert found("updated_at:>'2026-12-01T09:00:00Z'") == [first]
    assert found("tag_not:vip AND test:false") == [second]
    assert found("") == [second, first]


def test_scripted_fault_meets_the_call_it_names(shopify, admin):
    shopify.behave(status(503), match="metafieldsSet")
    assert admin.post("/graphql.json", json={"query": "{shop{name}}"}).status_code == 200
    assert admin.post("/graphql.json", json={"query": "mutation { metafieldsSet }"}).status_code == 503
