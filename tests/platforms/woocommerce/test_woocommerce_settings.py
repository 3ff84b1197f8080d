"""The settings of a WooCommerce shop."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.errors import ConfigurationError
from bridge.http import Http
from bridge.platforms.woocommerce import PLATFORM
from bridge.platforms.woocommerce.settings import WooCommerceSettings

Shop = Mapping[str, Any]


def accepted(shop: Shop, write_back: Mapping[str, Any] | None = None) -> WooCommerceSettings:
    found, problems = PLATFORM.settings(shop, write_back or {})
    assert problems == []
    assert isinstance(found, WooCommerceSettings)
    return found


def sources(shop: Shop, write_back: Mapping[str, Any] | None = None) -> list[str]:
    found, problems = PLATFORM.settings(shop, write_back or {})
    assert found is None
    return [problem.source for problem in problems]


def test_complete_settings_are_accepted(settings: Shop) -> None:
    found = accepted(settings)
    assert (found.domain, found.url, found.secrets, found.offline) == (
        "shop.example",
        "https://shop.example",
        ("first", "second"),
        False,
    )


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("https://shop.example/", "https://shop.example"),
        ("https://shop.example/blog/", "https://shop.example/blog"),
        ("https://shop.example/wp-json/", "https://shop.example"),
        ("https://shop.example/wp-json/wc/v3", "https://shop.example"),
        ("https://shop.example/blog/wp-json/wc/v3/", "https://shop.example/blog"),
        ("https://shop.example/wp-jsonette", "https://shop.example/wp-jsonette"),
        ("https://wp-json.example", "https://wp-json.example"),
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("http://localhost:8081", "http://localhost:8081"),
        ("http://[::1]:8081", "http://[::1]:8081"),
    ],
)
def test_address_may_have_a_folder_and_http_only_on_this_machine(settings: Shop, url: str, root: str) -> None:
    assert accepted({**settings, "url": url}).url == root


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example",
        "http://127.0.0.1.example.com",
        "shop.example",
        "ftp://shop.example",
        "https://",
        "https://user:pass@shop.example",
        "https://shop.example/?consumer_key=ck_1",
        "https://shop example",
    ],
)
def test_address_that_is_unsafe_or_none_is_a_problem(settings: Shop, url: str) -> None:
    assert sources({**settings, "url": url}) == ["shop.url"]


def test_password_in_the_address_is_not_shown(settings: Shop) -> None:
    _, problems = PLATFORM.settings({**settings, "url": "https://user:hunter2@shop.example"}, {})
    assert "hunter2" not in str(problems)


def test_everything_missing_is_told_at_once() -> None:
    assert sources({}) == ["shop.url", "shop.consumer_key", "shop.consumer_secret", "shop.secrets"]


@pytest.mark.parametrize("secrets", [None, [], [""], [None, ""], "", {"a": "b"}, [["x"]]])
def test_shop_without_a_secret_is_a_problem(settings: Shop, secrets: Any) -> None:
    assert sources({**settings, "secrets": secrets}) == ["shop.secrets"]


def test_empty_secrets_are_dropped_and_blanks_kept(settings: Shop) -> None:
    assert accepted({**settings, "secrets": ["", " a ", None]}).secrets == (" a ",)


def test_secrets_and_keys_are_not_in_the_settings_text(settings: Shop) -> None:
    assert not {"first", "ck_1", "cs_1"} & set(repr(accepted(settings)).split("'"))


def test_placeholders_make_offline_settings_without_a_client(settings: Shop) -> None:
    found = accepted({**settings, "url": "<WOOCOMMERCE_URL>", "consumer_key": "<WOOCOMMERCE_CONSUMER_KEY>"})
    assert found.offline
    with pytest.raises(ConfigurationError):
        PLATFORM.client(found, Http(), lambda: datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("text", ["no", "No", "false", "", None])
def test_note_can_be_turned_off(settings: Shop, text: str | None) -> None:
    assert accepted(settings, {"note": text}).note == ""


@pytest.mark.parametrize(
    ("write_back", "source"),
    [
        ({"note": "Sent"}, "write_back.note"),
        ({"note": ["{reference}"]}, "write_back.note"),
        ({"meta": "_sorted_order"}, "write_back.meta"),
        ({"meta": ["a"]}, "write_back.meta"),
    ],
)
def test_unusable_write_back_is_a_problem(settings: Shop, write_back: Mapping[str, Any], source: str) -> None:
    assert sources(settings, write_back) == [source]
