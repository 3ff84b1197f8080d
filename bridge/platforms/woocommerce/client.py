"""The half of the platform that talks to one WooCommerce shop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from bridge.errors import Problem, ShopTrouble
from bridge.http import Budget, Http
from bridge.platforms.base import Json, OrderBody, Read, Record
from bridge.platforms.woocommerce import orders, reading, writing
from bridge.platforms.woocommerce.api import Api, Reply
from bridge.platforms.woocommerce.settings import WooCommerceSettings
from bridge.platforms.woocommerce.shipping import order_lines

_PRODUCT = "product:"
_REGIONS = "regions:"


class WooCommerceClient:
    """Reads for an order, and leaves its reference on it. Threads may share it."""

    def __init__(self, settings: WooCommerceSettings, http: Http, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._api = Api(settings, http, clock)

    def fetch(self, order_id: str, body: OrderBody | None, keys: frozenset[str], budget: Budget) -> Read:
        """Read `keys`: "order", "refunds", "product:<id>", "units", "regions:<country>".

        The order comes first, and alone where it is gone or newer than `body`: what else is needed may then be other.
        Raises ShopTrouble.
        """
        data: dict[str, Json] = {}
        if "order" in keys or body is None:
            found = reading.order(self._api, order_id, budget)
            if found is None:
                return Read(data={}, gone=True)
            data["order"] = {"read": True}
            newer = _newer(found, body)
            if newer is not None:
                return Read(data=data, body=newer)
        return Read(data=data | self._others(order_id, body, keys, budget))

    def write_reference(
        self, body: OrderBody, record: Record, budget: Budget, *, overwrite: bool = False
    ) -> Sequence[str]:
        """Leave reference, record and note on the order; see `writing.write_reference`."""
        return writing.write_reference(self._api, self._settings, body, record, budget, overwrite=overwrite)

    def rest_until(self) -> datetime | None:
        """Never: WooCommerce counts no calls, and hosts that do tell it only when they refuse one."""
        return None

    def check_access(self, budget: Budget) -> Sequence[Problem]:
        """Read an order, a product, the units and a country's regions, and write to no order: a problem for each no.

        There is no order 0, so writing to it changes nothing: a key that may only read gets 401 for any PUT, another
        hears that the order is missing, by 400 (both measured with other ids, WooCommerce 11.0.1).
        """
        reads: tuple[tuple[str, Callable[[], Any]], ...] = (
            ("orders", lambda: self._api.read("orders", budget, {"per_page": "1"})),
            ("products", lambda: self._api.read("products", budget, {"per_page": "1"})),
            ("settings", lambda: reading.units(self._api, budget)),
            ("countries", lambda: reading.regions(self._api, "US", budget)),
        )
        problems: dict[str, Problem] = {}
        for name, attempt in reads:
            try:
                attempt()
            except ShopTrouble as trouble:
                message = f"{name} cannot be read: {trouble}"
                problems.setdefault(str(trouble), Problem(message=message, source="shop.url", code=trouble.code))
        return tuple(problems.values()) or self._write_problems(budget)

    def _write_problems(self, budget: Budget) -> tuple[Problem, ...]:
        try:
            self._api.put("orders/0", {}, budget)
        except ShopTrouble as trouble:
            message = f"orders cannot be written: {trouble}"
            return (Problem(message=message, source="shop.consumer_key", code=trouble.code),)
        return ()

    def _others(self, order_id: str, body: OrderBody | None, keys: frozenset[str], budget: Budget) -> dict[str, Json]:
        data: dict[str, Json] = {}
        if "refunds" in keys:
            data["refunds"] = reading.refunds(self._api, order_id, budget)
        if "units" in keys:
            data["units"] = reading.units(self._api, budget)
        for country in sorted(key.removeprefix(_REGIONS) for key in keys if key.startswith(_REGIONS)):
            data[_REGIONS + country] = reading.regions(self._api, country, budget)
        identities = [key.removeprefix(_PRODUCT) for key in keys if key.startswith(_PRODUCT)]
        found = reading.products(self._api, identities, _variations(body), self._settings, budget) if identities else {}
        return data | {_PRODUCT + identity: product for identity, product in found.items()}


def _newer(found: Reply, body: OrderBody | None) -> bytes | None:
    """The shop's order as bytes, unless it says what the body says or is older (a cache on the way).

    Another order that has the id now, in a shop restored from a copy, is given whatever its time. With equal times it
    counts where it differs: on the old posts storage, writing meta data alone does not change the modification time
    (measured, 11.0.1). Its links depend on who asks.
    """
    if body is None or writing.is_another(found.document, body):
        return found.content
    read = orders.order_body(dict(found.document))
    if read is None or read.modified_at < body.modified_at:
        return None
    same = {**read.order, "_links": None} == {**body.order, "_links": None}
    return None if same else found.content


def _variations(body: OrderBody | None) -> frozenset[str]:
    """Ids of the order's variations, which lists of products pass over."""
    lines = order_lines(body.order) if body else []
    return frozenset(str(line["variation_id"]) for line in lines if line.get("variation_id"))
