"""Reading what a look needs of one order, in one GraphQL query (more for the pages of large orders)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.errors import ShopTrouble
from bridge.http import Budget
from bridge.platforms.base import Json
from bridge.platforms.shopify import documents
from bridge.platforms.shopify.graphql import AdminApi
from bridge.platforms.shopify.settings import ShopifySettings
from bridge.platforms.shopify.variants import compact_variant

_MOST_PAGES = 100  # of one list; more is no order but a server that repeats itself


class OrderReading:
    """One reading of one order."""

    def __init__(self, api: AdminApi, settings: ShopifySettings, order_id: str, budget: Budget) -> None:
        self._api = api
        self._settings = settings
        self._gid = order_gid(order_id)
        self._budget = budget

    def read(self) -> dict[str, Json] | None:
        """The compact object that `fetched.py` describes; None where the shop has no such order. Raises ShopTrouble."""
        try:
            return self._read()
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            message = "Shopify answered an order in another shape than its schema says; it is read again later"
            raise ShopTrouble(message, code="shop_answer") from error

    def _read(self) -> dict[str, Json] | None:
        names = [f"{namespace}.{key}" for namespace, key in self._settings.metafields]
        variables = {
            "id": self._gid,
            "metafields": names,
            "someMetafields": bool(names),
            **record_variables(self._settings),
            **self._dimension_variables(),
        }
        order = self._query(documents.ORDER, variables).get("order")
        if order is None:
            return None
        return {
            "updated_at": order["updatedAt"],
            "cancelled_at": order["cancelledAt"],
            "reference": _metafield(order.get("reference")),
            "record": _metafield(order.get("record")),
            "our_tags": list(self._settings.tags),
            "risk": _risk(order["risk"]),
            "metafields": _metafields(order.get("metafields")),
            "fulfillment_orders": [
                self._fulfillment_order(node) for node in self._fulfillment_orders(order["fulfillmentOrders"])
            ],
            "variants": self._variants(order["lineItems"]),
        }

    def _fulfillment_orders(self, connection: Json) -> Iterator[Json]:
        """All fulfilment orders, page by page."""
        for _ in range(_MOST_PAGES):
            yield from connection["nodes"]
            if not connection["pageInfo"]["hasNextPage"]:
                return
            variables = {"id": self._gid, "after": connection["pageInfo"]["endCursor"]}
            connection = self._more(documents.MORE_FULFILLMENT_ORDERS, variables, "order")["fulfillmentOrders"]
        raise _endless()

    def _fulfillment_order(self, node: Json) -> dict[str, Json]:
        """A fulfilment order, with all its lines."""
        method = node["deliveryMethod"] or {}
        location = node["assignedLocation"] or {}
        return {
            "id": number(node["id"]),
            "status": node["status"],
            "method": method.get("methodType"),
            "service_code": method.get("serviceCode"),
            "presented_name": method.get("presentedName"),
            "source_reference": method.get("sourceReference"),
            "location": location.get("name"),
            "location_id": number((location.get("location") or {}).get("id")),
            "service": self._service(location),
            "fulfill_at": node["fulfillAt"],
            "holds": [{"reason": hold["reason"], "notes": hold["reasonNotes"]} for hold in node["fulfillmentHolds"]],
            "lines": [
                {
                    "line_id": number(line["lineItem"]["id"]),
                    "sku": line["lineItem"]["sku"],
                    "remaining": line["remainingQuantity"],
                    "total": line["totalQuantity"],
                }
                for line in self._fulfillment_lines(node)
            ],
        }

    def _service(self, assigned: Json) -> str | None:
        """The fulfilment service that ships from an assigned location, by the location's name.

        https://shopify.dev/docs/api/admin-graphql/2026-10/objects/Location#field-Location.fields.isFulfillmentService
        """
        location = assigned.get("location") or {}
        if self._settings.send_service_orders or not location.get("isFulfillmentService"):
            return None
        return str(assigned.get("name") or "a fulfilment service")

    def _fulfillment_lines(self, node: Json) -> Iterator[Json]:
        """All lines of a fulfilment order, page by page."""
        connection = node["lineItems"]
        for _ in range(_MOST_PAGES):
            yield from connection["nodes"]
            if not connection["pageInfo"]["hasNextPage"]:
                return
            variables = {"id": node["id"], "after": connection["pageInfo"]["endCursor"]}
            connection = self._more(documents.MORE_FULFILLMENT_LINES, variables, "fulfillmentOrder")["lineItems"]
        raise _endless()

    def _variants(self, connection: Json) -> dict[str, Json]:
        """What is known of the lines' variants, by id; custom lines and deleted products have none."""
        variants: dict[str, Json] = {}
        for _ in range(_MOST_PAGES):
            found = [line["variant"] for line in connection["nodes"] if line["variant"]]
            variants.update((number(variant["id"]) or "", compact_variant(variant)) for variant in found)
            if not connection["pageInfo"]["hasNextPage"]:
                return variants
            variables = {
                "id": self._gid,
                "after": connection["pageInfo"]["endCursor"],
                **self._dimension_variables(),
            }
            connection = self._more(documents.MORE_LINES, variables, "order")["lineItems"]
        raise _endless()

    def _more(self, document: str, variables: Mapping[str, Json], root: str) -> Mapping[str, Json]:
        """The next page; where its owner vanished meanwhile the whole look is taken again later."""
        owner = self._query(document, variables).get(root)
        if not isinstance(owner, dict):
            raise ShopTrouble("the order changed in Shopify while it was read; it is read again", code="shop_changed")
        return owner

    def _query(self, document: str, variables: Mapping[str, Json]) -> Mapping[str, Json]:
        return self._api.query(document, variables, self._budget)

    def _dimension_variables(self) -> dict[str, Json]:
        """The variables of the dimension metafields; names that are asked for by nobody where there are none."""
        given = self._settings.dimension_metafields
        pairs = given or (("custom", "none"),) * 3
        names = zip(("length", "width", "height"), pairs, strict=True)
        variables: dict[str, Any] = {"dimensions": bool(given)}
        for name, (namespace, key) in names:
            variables |= {f"{name}Namespace": namespace, f"{name}Key": key}
        return variables


def record_variables(settings: ShopifySettings) -> dict[str, str]:
    """The variables that name our two metafields."""
    return {
        "referenceNamespace": settings.metafield[0],
        "referenceKey": settings.metafield[1],
        "recordNamespace": settings.record_metafield[0],
        "recordKey": settings.record_metafield[1],
    }


def order_gid(order_id: str) -> str:
    """The GraphQL id of an order."""
    return f"gid://shopify/Order/{order_id}"


def number(gid: object) -> str | None:
    """The digits of a GraphQL id."""
    return str(gid).rpartition("/")[2].partition("?")[0] if gid else None


def _risk(risk: Json) -> dict[str, Json]:
    """Shopify's and other apps' opinions on fraud."""
    return {
        "recommendation": risk["recommendation"],
        "levels": [assessment["riskLevel"] for assessment in risk["assessments"]],
    }


def _metafield(metafield: Json | None) -> str | None:
    """The value of a metafield that may not be there."""
    return metafield["value"] if metafield else None


def _metafields(connection: Json | None) -> dict[str, str]:
    """The values of metafields by name; Shopify answers a key as it was asked for, with its namespace.

    https://shopify.dev/docs/api/admin-graphql/2026-10/objects/Order#field-Order.fields.metafields
    """
    nodes = connection["nodes"] if connection else []
    return {
        node["key"] if "." in node["key"] else f"{node['namespace']}.{node['key']}": node["value"] for node in nodes
    }


def _endless() -> ShopTrouble:
    return ShopTrouble("Shopify's pages do not end; try again later", code="shop_answer")
