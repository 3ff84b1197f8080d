"""Answers Admin GraphQL documents from a book of orders, on the pruned schema, with Shopify's rules of access."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)

from bridge.sandbox.shopify.book import Book, FulfillmentLine, FulfillmentOrder, Order, Variant
from bridge.sandbox.shopify.connections import gid, metafield, metafield_fields, number_of, page, zulu
from bridge.sandbox.shopify.orders_query import chosen
from bridge.sandbox.shopify.writes import metafields_set, tags_add

Json = dict[str, Any]

_FULFILLMENT_STATUSES = {None: "UNFULFILLED", "partial": "PARTIALLY_FULFILLED", "fulfilled": "FULFILLED"}
_OLD = timedelta(days=60)  # older orders need read_all_orders
_ANY_FULFILLMENT_SCOPE = frozenset({"read_merchant_managed_fulfillment_orders", "read_assigned_fulfillment_orders"})


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks: the shop's names, and the scopes that the token has."""

    domain: str
    shop_name: str
    scopes: frozenset[str]
    on_tags: Callable[[Order], None]  # hears of an order whose tags were changed

    def may(self, scope: str) -> bool:
        """Whether the scope is granted; writing includes reading."""
        return scope in self.scopes or scope.replace("read_", "write_", 1) in self.scopes

    def need(self, scope: str, name: str) -> None:
        """Raise Shopify's ACCESS_DENIED where the scope is not granted."""
        if not self.may(scope):
            access = f"`{scope}` access scope."
            raise GraphQLError(
                f"Access denied for {name} field. Required access: {access}",
                extensions={
                    "code": "ACCESS_DENIED",
                    "documentation": "https://shopify.dev/api/usage/access-scopes",
                    "requiredAccess": access,
                },
            )


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """A document ready to run, or what is wrong with it."""

    document: DocumentNode | None = None
    errors: tuple[GraphQLError, ...] = ()

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation to run."""
        return get_operation_ast(self.document, name) if self.document else None


@functools.cache
def schema() -> GraphQLSchema:
    """The pruned Admin schema."""
    return build_schema((files("bridge.sandbox") / "admin.graphql").read_text("utf-8"))


@functools.lru_cache(maxsize=256)
def parsed(query: str) -> Parsed:
    """A document parsed and validated; clients send the same few over and over."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return Parsed(errors=(error,))
    errors = tuple(validate(schema(), document))
    return Parsed(document=None if errors else document, errors=errors)


def run(
    document: DocumentNode, variables: Mapping[str, Any], operation: str | None, book: Book, caller: Caller
) -> ExecutionResult:
    """Run a document."""
    return execute_sync(
        schema(),
        document,
        root_value=_root(book, caller),
        variable_values=dict(variables),
        operation_name=operation,
        type_resolver=lambda value, *_: value["__typename"],
    )


def _root(book: Book, caller: Caller) -> Json:
    graph = _Graph(book=book, caller=caller)
    scopes = [{"handle": scope, "description": scope.replace("_", " ")} for scope in sorted(caller.scopes)]
    return {
        "shop": {"id": "gid://shopify/Shop/60000000001", "name": caller.shop_name, "myshopifyDomain": caller.domain},
        "currentAppInstallation": {"id": "gid://shopify/AppInstallation/1", "accessScopes": scopes},
        "order": graph.find_order,
        "orders": graph.find_orders,
        "fulfillmentOrder": graph.find_fulfillment_order,
        "metafieldsSet": graph.set_metafields,
        "tagsAdd": graph.add_tags,
    }


@dataclass(frozen=True, kw_only=True)
class _Graph:
    """The resolvers of one call: graphql-core calls what stands under a field's name with `info` and its arguments."""

    book: Book
    caller: Caller

    def find_order(self, _info: object, id: str) -> Json | None:  # noqa: A002 - Shopify's argument
        self.caller.need("read_orders", "order")
        order = self.book.order(number_of(id, "Order"))
        return self._order(order) if order and self._is_seen(order) else None

    def find_orders(self, _info: object, **arguments: Any) -> Json:
        self.caller.need("read_orders", "orders")
        seen = [order for order in self.book.orders() if self._is_seen(order)]
        found = chosen(seen, arguments.get("query") or "", arguments["sortKey"], reverse=arguments["reverse"])
        return page(found, self._order, {**arguments, "reverse": False})

    def find_fulfillment_order(
        self,
        _info: object,
        id: str,  # noqa: A002 - Shopify's argument
    ) -> Json | None:
        number = int(number_of(id, "FulfillmentOrder") or 0)
        order = self.book.owner(number)
        if order is None:
            return None
        seen = [held for held in self._fulfillment_orders(order) if held.id == number]
        return self._fulfillment_order(order, seen[0]) if seen else None

    def set_metafields(self, _info: object, metafields: list[Json]) -> Json:
        self.caller.need("write_orders", "metafieldsSet")
        stored, errors = metafields_set(self.book, metafields)
        return {"metafields": [metafield(found) for found in stored], "userErrors": errors}

    def add_tags(self, _info: object, id: str, tags: list[str]) -> Json:  # noqa: A002 - as above
        self.caller.need("write_orders", "tagsAdd")
        before = self.book.order(number_of(id, "Order"))
        if before is None:
            return {"node": None, "userErrors": [{"field": ["id"], "message": "Resource does not exist"}]}
        after = tags_add(self.book, before.id, tags)
        if after.tags() != before.tags():
            self.caller.on_tags(after)
        return {"node": self._order(after), "userErrors": []}

    def _is_seen(self, order: Order) -> bool:
        created = datetime.fromisoformat(order.body["created_at"])
        return self.caller.may("read_all_orders") or self.book.clock() - created < _OLD

    def _order(self, order: Order) -> Json:
        body = order.body
        return {
            "__typename": "Order",
            "id": gid("Order", order.id),
            "legacyResourceId": order.id,
            "name": body["name"],
            "createdAt": zulu(body["created_at"]),
            "processedAt": zulu(body["processed_at"]),
            "updatedAt": zulu(body["updated_at"]),
            "cancelledAt": zulu(body["cancelled_at"]),
            "cancelReason": (body["cancel_reason"] or "").upper() or None,
            "closedAt": zulu(body["closed_at"]),
            "closed": body["closed_at"] is not None,
            "confirmed": body["confirmed"],
            "displayFinancialStatus": (body["financial_status"] or "").upper() or None,
            "displayFulfillmentStatus": _FULFILLMENT_STATUSES[body["fulfillment_status"]],
            "email": body.get("email"),
            "note": body["note"],
            "sourceName": body["source_name"],
            "tags": order.tags(),
            "test": body["test"],
            "requiresShipping": any(line["requires_shipping"] for line in body["line_items"]),
            "risk": {
                "recommendation": order.recommendation,
                "assessments": [{"riskLevel": level} for level in order.risk_levels],
            },
            **metafield_fields(order.metafields),
            "lineItems": lambda _info, **arguments: page(body["line_items"], self._line, arguments),
            "fulfillmentOrders": lambda _info, **arguments: page(
                self._fulfillment_orders(order), lambda held: self._fulfillment_order(order, held), arguments
            ),
        }

    def _fulfillment_orders(self, order: Order) -> list[FulfillmentOrder]:
        """What the token may see; a missing scope is an empty list, no error."""
        if self.book.clock() < order.routed_at:
            return []
        merchant = any(self.caller.may(scope) for scope in _ANY_FULFILLMENT_SCOPE)
        third = self.caller.may("read_third_party_fulfillment_orders")
        return [held for held in order.fulfillment if (third if held.third_party else merchant)]

    def _fulfillment_order(self, order: Order, held: FulfillmentOrder) -> Json:
        return {
            "__typename": "FulfillmentOrder",
            "id": gid("FulfillmentOrder", held.id),
            "order": lambda _info: self._order(order),
            "orderId": gid("Order", order.id),
            "orderName": order.body["name"],
            "status": held.status,
            "requestStatus": "UNSUBMITTED",
            "createdAt": order.routed_at.isoformat(),
            "updatedAt": order.routed_at.isoformat(),
            "fulfillAt": held.fulfill_at.isoformat() if held.fulfill_at else None,
            "fulfillBy": None,
            "fulfillmentHolds": [
                {
                    "id": gid("FulfillmentHold", hold.id),
                    "reason": hold.reason,
                    "reasonNotes": hold.notes,
                    "displayReason": hold.reason.replace("_", " ").capitalize(),
                    "handle": None,
                }
                for hold in held.holds
            ],
            "deliveryMethod": _delivery_method(held),
            "assignedLocation": {"name": held.location, "location": lambda _info: self._location(held)},
            "lineItems": lambda _info, **arguments: page(
                held.lines, lambda line: self._fulfillment_line(order, line), arguments
            ),
        }

    def _location(self, held: FulfillmentOrder) -> Json:
        self.caller.need("read_locations", "location")
        return {
            "__typename": "Location",
            "id": gid("Location", held.location_id),
            "isFulfillmentService": held.third_party,
            "name": held.location,
        }

    def _fulfillment_line(self, order: Order, line: FulfillmentLine) -> Json:
        item = next(found for found in order.body["line_items"] if found["id"] == line.line_id)
        return {
            "id": gid("FulfillmentOrderLineItem", line.id),
            "lineItem": self._line(item),
            "productTitle": item["title"],
            "remainingQuantity": line.remaining,
            "totalQuantity": line.total,
            "requiresShipping": item["requires_shipping"],
            "sku": item["sku"],
            "variant": lambda _info: self._variant(item),
            "weight": {"value": float(item["grams"]), "unit": "GRAMS"},
        }

    def _line(self, item: Json) -> Json:
        return {
            "id": gid("LineItem", item["id"]),
            "currentQuantity": item["current_quantity"],
            "isGiftCard": item["gift_card"],
            "name": item["name"],
            "quantity": item["quantity"],
            "requiresShipping": item["requires_shipping"],
            "sku": item["sku"],
            "title": item["title"],
            "variant": lambda _info: self._variant(item),
        }

    def _variant(self, item: Json) -> Json | None:
        if item["variant_id"] is None:
            return None
        self.caller.need("read_products", "variant")
        known = self.book.variants.get(item["variant_id"], Variant())
        weight = item["grams"] if known.weight is None else known.weight
        return {
            "__typename": "ProductVariant",
            "id": gid("ProductVariant", item["variant_id"]),
            "legacyResourceId": str(item["variant_id"]),
            "sku": item["sku"],
            "title": item["title"],
            **metafield_fields(known.metafields),
            "inventoryItem": {
                "id": gid("InventoryItem", item["variant_id"] + 1),
                "countryCodeOfOrigin": known.origin,
                "harmonizedSystemCode": known.hs_code,
                "requiresShipping": item["requires_shipping"],
                "sku": item["sku"],
                "measurement": {
                    "id": gid("InventoryItemMeasurement", item["variant_id"] + 1),
                    "weight": {"value": float(weight), "unit": known.unit},
                },
            },
        }


def _delivery_method(held: FulfillmentOrder) -> Json | None:
    if held.method is None:
        return None
    return {
        "id": gid("DeliveryMethod", held.id),
        "methodType": held.method,
        "presentedName": held.presented_name,
        "serviceCode": held.service_code,
        "sourceReference": held.source_reference,
    }
