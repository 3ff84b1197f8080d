"""All three fakes can be driven from another process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from bridge.sandbox.trio import Trio, open_trio


@pytest.fixture
def trio() -> Iterator[Trio]:
    with open_trio() as opened:
        yield opened


def told(client: httpx.Client, url: str, command: str, **content: object) -> object:
    return client.post(f"{url}/_control/{command}", json=content).json()


def test_orders_are_put_in_and_listed(trio: Trio, client):
    line = {"sku": "S-1", "price": "3.50", "quantity": 2}
    made = told(client, trio.shopify_url, "add", order={"number": 1005, "discount": "1.00", "lines": [line]})
    (listed,) = told(client, trio.shopify_url, "orders")["result"]
    assert (listed["id"], listed["name"], listed["reference"]) == (made["result"], "#1005", None)
    # 7.00 - 1.00 and carriage of 4.95
    assert trio.shopify.order(listed["id"]).body["total_price"] == "10.95"


def test_woocommerce_orders_name_products_by_id(trio: Trio, client):
    told(client, trio.woocommerce_url, "add", order={"number": 7, "lines": [{"product": 18}]})
    told(client, trio.woocommerce_url, "set_status", number=7, status="completed")
    assert told(client, trio.woocommerce_url, "orders") == {
        "result": [{"id": 7, "status": "completed", "reference": None}]
    }


def test_faults_are_told_over_http(trio: Trio, client):
    told(client, trio.sortedpro_url, "behave", told=[{"fault": "status", "status": 418}])
    headers = {"ocp-apim-subscription-key": trio.sortedpro.api_key, "electio-api-version": "1.1"}
    assert client.post(f"{trio.sortedpro_url}/orders", json={}, headers=headers).status_code == 418


def test_unknown_command_names_those_there_are(trio: Trio, client):
    answer = client.post(f"{trio.sortedpro_url}/_control/explode", json={})
    assert (answer.status_code, answer.json()["error"]) == (
        404,
        "no such command; there are behave, busy, calls, clear, orders, pack",
    )


def test_wrong_argument_is_said(trio: Trio, client):
    answer = client.post(f"{trio.shopify_url}/_control/pay", json={"order_id": "1"})
    assert (answer.status_code, answer.json()["error"]) == (400, "KeyError: '1'")


def test_program_prints_its_addresses_and_ends_at_sigterm(client):
    command = [sys.executable, "-m", "bridge.sandbox", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        said = json.loads(program.stdout.readline())
        answer = client.post(f"{said['urls']['woocommerce']}/_control/orders", json={})
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == 0
    assert answer.json() == {"result": []}
    assert said["environment"]["SORTED_API_URL"] == said["urls"]["sortedpro"]
