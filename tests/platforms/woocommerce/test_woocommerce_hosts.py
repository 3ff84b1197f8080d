"""Where a WooCommerce order says that it lives, and where its shop does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.platforms.base import OrderBody
from bridge.platforms.woocommerce import PLATFORM
from bridge.platforms.woocommerce.hosts import host_of, host_of_order

Order = Callable[..., OrderBody]
Shop = Mapping[str, Any]


def hosts(shop: Shop, **changes: Any) -> tuple[str, ...]:
    found, problems = PLATFORM.settings({**shop, **changes}, {})
    assert found is not None, problems
    return tuple(found.hosts)


def links(*hrefs: str) -> dict[str, Any]:
    return {name: [{"href": href}] for name, href in zip(("self", "collection"), hrefs, strict=False)}


def test_body_says_where_its_order_lives(order: Order) -> None:
    assert order().host == "shop.example"


def test_body_that_lost_its_links_says_nothing(payload: Callable[[str], bytes]) -> None:
    document = json.loads(payload("order.created__guest_two_lines"))
    del document["_links"]
    found = PLATFORM.read(json.dumps(document).encode(), "order.updated")
    assert isinstance(found, OrderBody)
    assert found.host == ""


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://www.Shop.example/wp-json/wc/v3/orders/7", "shop.example"),
        ("https://shop.example:443/wp-json", "shop.example"),
        ("https://staging.shop.example", "staging.shop.example"),
        ("https://shop.example:8443/wp-json", "shop.example:8443"),
        ("http://127.0.0.1:8081/wp-json", "127.0.0.1:8081"),
        ("http://[::1]:8081/wp-json", "[::1]:8081"),
        ("https://www.müller.example/wp-json", "xn--mller-kva.example"),
        ("https://www.xn--mller-kva.example/wp-json", "xn--mller-kva.example"),
        ("https://wwwshop.example", "wwwshop.example"),
        ("/wp-json/wc/v3/orders/7", ""),
        ("ftp://shop.example", ""),
        ("https://shop.example:port", ""),
        ("https://", ""),
        (None, ""),
        (["https://shop.example"], ""),
    ],
)
def test_host_of_an_address(address: Any, host: str) -> None:
    assert host_of(address) == host


@given(st.text() | st.text().map("https://{}".format))
def test_any_text_has_a_host_in_lower_case_or_none(text: str) -> None:
    host = host_of(text)
    assert host == host.lower()
    assert not host.startswith("www.www.") or "www.www." in text.lower()


@pytest.mark.parametrize(
    ("found", "host"),
    [
        (links("https://a.example/wp-json", "https://b.example/wp-json"), "a.example"),
        (links("", "https://b.example/wp-json"), "b.example"),
        ({"collection": [{"href": "https://b.example/wp-json"}]}, "b.example"),
        ({"self": {"href": "https://a.example"}}, ""),
        ({"self": []}, ""),
        ({"self": ["https://a.example"]}, ""),
        ([], ""),
        (None, ""),
        ("https://a.example", ""),
    ],
)
def test_links_of_an_order_in_any_shape(found: Any, host: str) -> None:
    assert host_of_order({"_links": found}) == host


# --- Settings --------------------------------------------------------------------------------------------------------
def test_hosts_are_that_of_the_address_and_those_named(settings: Shop) -> None:
    named = ["Old.example", "www.shop.example", "shop.example:8443", "", None]
    found = hosts(settings, url="https://WWW.shop.example/blog", hosts=named)
    assert found == ("shop.example", "old.example", "shop.example:8443")


def test_without_a_list_the_address_is_the_only_host(settings: Shop) -> None:
    assert hosts(settings) == ("shop.example",)


@pytest.mark.parametrize(
    ("text", "named"),
    [("old.example", ("old.example",)), ("old.example, b.example,", ("old.example", "b.example")), (" ", ())],
)
def test_one_text_may_list_them(settings: Shop, text: str, named: tuple[str, ...]) -> None:
    assert hosts(settings, hosts=text) == ("shop.example", *named)


def test_placeholders_name_no_host(settings: Shop) -> None:
    assert hosts(settings, url="<WOOCOMMERCE_URL>", hosts=["old.example"]) == ()
    assert hosts(settings, hosts=["<OLD_HOST>"]) == ("shop.example",)


@pytest.mark.parametrize(
    "named", ["https://old.example", "old.example/blog", "old example", "me@old.example", "old.example:port", 7, [7]]
)
def test_what_is_no_bare_host_is_a_problem(settings: Shop, named: Any) -> None:
    found, problems = PLATFORM.settings({**settings, "hosts": named}, {})
    assert (found, [problem.source for problem in problems]) == (None, ["shop.hosts"])


def test_wrong_hosts_are_told_each(settings: Shop) -> None:
    _, problems = PLATFORM.settings({**settings, "hosts": ["https://a.example", "b.example", "c/d"]}, {})
    assert [problem.found for problem in problems] == ["https://a.example", "c/d"]
