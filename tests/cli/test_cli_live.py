"""`bridge mapping check --live`: credentials and addresses tried, and what is said where they are wrong."""

from __future__ import annotations

import pytest

from bridge.sandbox.trio import Trio
from tests.cli.conftest import Bridge

pytestmark = pytest.mark.usefixtures("mappings")
NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture
def live(world: Trio, mappings: object) -> Bridge:
    """The command with the sandbox's variables, and no database."""
    return Bridge(
        environ={**world.environment(), "BRIDGE_MAPPINGS": str(mappings), "SEND_FROM": "2026-01-01T00:00:00Z"}
    )


def errors(live: Bridge, **variables: str) -> list[str]:
    result = live("mapping", "check", "--live", **variables)
    assert result.exit_code == 2, result.output
    return [line for line in result.stderr.splitlines() if line.startswith("error: ")]


def test_everything_right_is_ok_without_a_database(live: Bridge) -> None:
    result = live("mapping", "check", "--live")
    assert result.exit_code == 0, result.output
    assert [line for line in result.stdout.splitlines() if line.endswith(": ok")] == [
        "shop shopify: ok",
        "shop woocommerce: ok",
        "destination sorted: ok",
    ]


def test_a_missing_scope_is_named(live: Bridge, world: Trio) -> None:
    world.shopify.scopes -= {"read_locations"}
    (error,) = errors(live)
    assert "read_locations" in error
    assert "shopify.yaml:" in error


def test_a_wrong_client_secret_is_named(live: Bridge) -> None:
    (error,) = errors(live, SHOPIFY_CLIENT_SECRET="wrong")
    assert "client_secret" in error
    assert "wrong-secret" not in error


def test_a_wrong_woocommerce_key_is_named(live: Bridge) -> None:
    (error,) = errors(live, WOOCOMMERCE_CONSUMER_SECRET="cs_wrong")
    assert "woocommerce.yaml:" in error
    assert "cs_wrong" not in error


def test_a_wrong_api_key_is_named_with_its_line(live: Bridge) -> None:
    (error,) = errors(live, SORTED_API_KEY="wrong-key")
    assert "destination.api_key: answer 401: the API key is wrong" in error
    assert "yaml:" in error
    assert "wrong-key" not in error


def test_an_unreachable_sortedpro_is_named(live: Bridge) -> None:
    (error,) = errors(live, SORTED_API_URL=NOWHERE)
    assert "destination.url" in error
    assert "cannot connect" in error


def test_an_unreachable_shop_is_named(live: Bridge) -> None:
    (error,) = errors(live, WOOCOMMERCE_URL=NOWHERE)
    assert "127.0.0.1:9" in error


def test_another_shop_than_the_domain_says_is_named(live: Bridge) -> None:
    (error,) = errors(live, SHOPIFY_SHOP="thistle.myshopify.com")
    assert "shop.domain" in error
    assert "larkspur.myshopify.com" in error


def test_a_location_that_the_account_lacks_is_named_once_for_each_mapping(live: Bridge) -> None:
    found = errors(live, SORTED_ORIGIN="WAREHOUSE-9")
    assert [error.split(": ")[2] for error in found] == [
        "locations.any",
        "order.Addresses[0].ShippingLocationReference",
    ]
    assert all("it has SHOP-LEEDS, WAREHOUSE-1, WAREHOUSE-2 (found: WAREHOUSE-9)" in error for error in found)


def test_only_the_named_file_is_tried(live: Bridge, world: Trio, mappings: object) -> None:
    result = live("mapping", "check", "--live", f"{mappings}/shopify.yaml", WOOCOMMERCE_URL=NOWHERE)
    assert result.exit_code == 0, result.output
    assert "woocommerce" not in result.stdout


def test_all_troubles_come_at_once(live: Bridge, world: Trio) -> None:
    world.shopify.scopes -= {"read_locations", "read_products"}
    assert len(errors(live, SORTED_API_KEY="wrong-key", WOOCOMMERCE_URL=NOWHERE)) == 4
