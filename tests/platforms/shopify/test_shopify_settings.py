"""The settings of a Shopify shop, and what is said of wrong ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.errors import ConfigurationError
from bridge.http import Http
from bridge.platforms.shopify import PLATFORM
from bridge.platforms.shopify.settings import ShopifySettings

Section = dict[str, Any]


def read(shop: Section, **write_back: Any) -> ShopifySettings:
    settings, problems = PLATFORM.settings(shop, write_back)
    assert problems == []
    assert isinstance(settings, ShopifySettings)
    return settings


def wrong(shop: Section, **write_back: Any) -> list[str]:
    """The settings that are at fault."""
    settings, problems = PLATFORM.settings(shop, write_back)
    assert settings is None
    return [problem.source for problem in problems]


def test_client_credentials_suffice(shop_section: Section) -> None:
    assert read(shop_section).client_id == "client-id"


def test_access_token_suffices(shop_section: Section) -> None:
    assert read({**shop_section, "client_id": "", "access_token": "shpat_1"}).access_token == "shpat_1"


def test_defaults_are_those_of_the_documentation(shop_section: Section) -> None:
    settings = read(shop_section)
    assert (settings.api_version, settings.metafield, settings.record_metafield, settings.tags) == (
        "2026-10",
        ("custom", "sorted_order_reference"),
        ("custom", "sorted_order"),
        (),
    )


def test_shop_is_reached_by_https_under_its_domain(shop_section: Section) -> None:
    assert read(shop_section).address == "https://pottery.myshopify.com"


@pytest.mark.parametrize("address", ["http://127.0.0.1:8031", "http://localhost:8031/", "http://[::1]:8031"])
def test_sandbox_may_stand_on_this_machine(shop_section: Section, address: str) -> None:
    assert read({**shop_section, "api_url": address}).address == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    ["https://pottery.example", "http://10.0.0.1", "http://127.0.0.1.evil.example", "ftp://127.0.0.1", "x", "http://["],
)
def test_secrets_go_to_no_other_machine(shop_section: Section, address: str) -> None:
    assert wrong({**shop_section, "api_url": address}) == ["shop.api_url"]


@pytest.mark.parametrize(
    "domain",
    ["", "pottery.example", "https://pottery.myshopify.com", "pottery.myshopify.com.evil.example", "-a.myshopify.com"],
)
def test_domain_must_be_the_shops_own_at_shopify(shop_section: Section, domain: str) -> None:
    assert wrong({**shop_section, "domain": domain}) == ["shop.domain"]


@pytest.mark.parametrize("secrets", [None, [], ["", None], "", " ", 7, {"a": "b"}])
def test_shop_without_a_secret_is_refused(shop_section: Section, secrets: Any) -> None:
    assert wrong({**shop_section, "secrets": secrets}) == ["shop.secrets"]


def test_empty_secrets_are_dropped(shop_section: Section) -> None:
    assert list(read({**shop_section, "secrets": ["", "one", None]}).secrets) == ["one"]


def test_blanks_around_a_secret_are_dropped(shop_section: Section) -> None:
    assert list(read({**shop_section, "secrets": [" one\n", " ", "two"]}).secrets) == ["one", "two"]


@pytest.mark.parametrize(("value", "sends"), [(None, False), ("", False), ("no", False), ("Yes", True), (True, True)])
def test_orders_of_fulfilment_services_are_sent_on_demand(shop_section: Section, value: Any, sends: bool) -> None:
    assert read({**shop_section, "send_service_orders": value}).send_service_orders is sends


def test_sending_orders_of_fulfilment_services_is_yes_or_no(shop_section: Section) -> None:
    assert wrong({**shop_section, "send_service_orders": "some"}) == ["shop.send_service_orders"]


@pytest.mark.parametrize("missing", [("client_id",), ("client_secret",), ("client_id", "client_secret")])
def test_shop_without_credentials_names_the_variables(shop_section: Section, missing: tuple[str, ...]) -> None:
    _, problems = PLATFORM.settings({**shop_section, **dict.fromkeys(missing, "")}, {})
    assert "SHOPIFY_ACCESS_TOKEN" in problems[0].message


def test_all_problems_come_at_once(shop_section: Section) -> None:
    assert wrong({**shop_section, "domain": "x", "secrets": [], "api_version": "1"}, metafield="x", tags="a,b") == [
        "shop.domain",
        "write_back.metafield",
        "shop.secrets",
        "shop.api_version",
        "write_back.tags",
    ]


@pytest.mark.parametrize("names", [["custom.length"], "custom.length", ["a.b", "c.d", "e"]])
def test_dimensions_are_three_metafields(shop_section: Section, names: Any) -> None:
    assert wrong({**shop_section, "dimension_metafields": names})


def test_dimension_metafields_are_taken_apart(shop_section: Section) -> None:
    names = ["custom.length", "custom.width", "custom.height"]
    assert read({**shop_section, "dimension_metafields": names}).dimension_metafields[2] == ("custom", "height")


@pytest.mark.parametrize("tags", [["a,b"], [""], ["x" * 41], {"a": "b"}, [None]])
def test_tag_must_be_one_that_shopify_takes(shop_section: Section, tags: Any) -> None:
    assert wrong(shop_section, tags=tags) == ["write_back.tags"]


def test_record_needs_a_metafield_of_its_own(shop_section: Section) -> None:
    assert wrong(shop_section, metafield="custom.sorted_order") == ["write_back.record_metafield"]


def test_setting_that_is_no_text_is_told(shop_section: Section) -> None:
    assert "shop.client_id" in wrong({**shop_section, "client_id": ["a"]})


def test_placeholders_of_an_offline_look_are_let_pass(shop_section: Section) -> None:
    shop = {**shop_section, "domain": "<SHOPIFY_SHOP>", "secrets": ["<SHOPIFY_CLIENT_SECRET>"], "client_id": ""}
    assert read(shop).offline


def test_no_client_comes_of_an_offline_look(shop_section: Section) -> None:
    settings = read({**shop_section, "client_secret": "<SHOPIFY_CLIENT_SECRET>"})
    http = Http()
    with pytest.raises(ConfigurationError):
        PLATFORM.client(settings, http, lambda: datetime(2026, 11, 2, tzinfo=UTC))
    http.close()


def test_secrets_are_not_shown(shop_section: Section) -> None:
    shown = repr(read({**shop_section, "access_token": "shpat_1", "secrets": ["webhook-secret"]}))
    assert not [secret for secret in ("client-secret", "shpat_1", "webhook-secret") if secret in shown]


def test_metafields_of_the_order_are_named_by_namespace_and_key(shop_section: Section) -> None:
    names = ["custom.legacy_reference", "linnworks.order-id", "custom.legacy_reference"]
    found = read({**shop_section, "metafields": names}).metafields
    assert found == (("custom", "legacy_reference"), ("linnworks", "order-id"))


@pytest.mark.parametrize(
    ("names", "sources"),
    [
        (["legacy_reference"], ["shop.metafields[0]"]),
        (["custom.a.b"], ["shop.metafields[0]"]),
        (["$app:old.reference"], ["shop.metafields"]),
        ({"custom": "legacy_reference"}, ["shop.metafields"]),
        ([f"custom.key_{number}" for number in range(11)], ["shop.metafields"]),
    ],
)
def test_metafields_that_cannot_be_read_are_told(shop_section: Section, names: object, sources: list[str]) -> None:
    assert wrong({**shop_section, "metafields": names}) == sources
