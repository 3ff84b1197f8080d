"""The sandbox on the parallel days: another connector sends, the bridge observes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.woocommerce import woo_order
from tests.forward.conftest import Rig

OLD = Path(__file__).parents[1] / "payloads" / "sorted" / "create_order__old_connector.json"


def shopify(rig: Rig, number: int = 1001, **options) -> str:
    return rig.world.shopify.add_order(shopify_order(number, **{"at": rig.clock(), **options}))


def woocommerce(rig: Rig, number: int = 21, **options) -> int:
    return rig.world.woocommerce.add_order(woo_order(number, **{"at": rig.clock(), **options}))


def made_by_the_old_connector(rig: Rig, **changes: Any) -> str:
    """An order in SortedPRO that the bridge did not make; its reference."""
    headers = {"ocp-apim-subscription-key": rig.world.sortedpro.api_key, "electio-api-version": "1.1"}
    body = {**json.loads(OLD.read_text("utf-8")), **changes}
    with httpx.Client(trust_env=False) as client:
        answer = client.post(f"{rig.world.sortedpro_url}/orders", json=body, headers=headers)
    return answer.json()[0]["Href"].rpartition("/")[2]


def listed(folder: Path, *rows: str, header: str = "shop,order,reference") -> Path:
    """The old connector's list as a file."""
    path = folder / "old.csv"
    path.write_text("\n".join([header, *rows, ""]), "utf-8")
    return path
