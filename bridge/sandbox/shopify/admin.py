"""The HTTP side of the fake Admin API: tokens, GraphQL with its cost and throttling, and the REST order."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qs

from graphql import GraphQLError

from bridge.sandbox.server import Reply, Request, json_reply
from bridge.sandbox.shopify.book import Book, Order
from bridge.sandbox.shopify.bucket import MOST_FOR_ONE, Bucket, actual_cost, requested_cost
from bridge.sandbox.shopify.graph import Caller, Parsed, parsed, run

TOKEN_LIFE = timedelta(seconds=86399)
_PATH = re.compile(r"/admin/api/(?P<version>[^/]+)/(?P<rest>graphql\.json|orders/(?P<order>\d+)\.json)")


class Shop(Protocol):
    """What the API needs to know of its shop."""

    domain: str
    client_id: str
    client_secret: str
    scopes: frozenset[str]
    book: Book
    bucket: Bucket

    def tags_written(self, order: Order) -> None:
        """Hear that tags of an order were changed over the API."""


@dataclass(frozen=True, kw_only=True)
class _Token:
    scopes: frozenset[str]
    ends: datetime


class AdminApi:
    """Answers the calls of one shop's app. `static_token` is one that never ends."""

    def __init__(self, shop: Shop, static_token: str | None) -> None:
        self._shop = shop
        self._static = static_token
        self._clock: Callable[[], datetime] = shop.book.clock
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()

    def token(self, request: Request) -> Reply:
        """The client credentials grant."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if form.get("grant_type") != "client_credentials":
            return _oauth_error("unsupported_grant_type", "Grant type is not supported.")
        if (form.get("client_id"), form.get("client_secret")) != (self._shop.client_id, self._shop.client_secret):
            return _oauth_error("invalid_client", "Client authentication failed.")
        name = f"shpat_{secrets.token_hex(16)}"
        with self._lock:
            self._tokens[name] = _Token(scopes=self._shop.scopes, ends=self._clock() + TOKEN_LIFE)
        scope = ",".join(sorted(self._shop.scopes))
        return json_reply({"access_token": name, "scope": scope, "expires_in": int(TOKEN_LIFE.total_seconds())})

    def revoke(self) -> None:
        """Make every token that was granted invalid."""
        with self._lock:
            self._tokens.clear()

    def answer(self, request: Request) -> Reply:
        """A call to the Admin API."""
        scopes = self._scopes(request.headers.get("x-shopify-access-token", ""))
        if scopes is None:
            text = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return json_reply({"errors": text}, status=401)
        path = _PATH.fullmatch(request.path)
        if path is None:
            return json_reply({"errors": "Not Found"}, status=404)
        shop = self._shop
        caller = Caller(domain=shop.domain, shop_name="Larkspur Homeware", scopes=scopes, on_tags=shop.tags_written)
        headers = {"X-Shopify-API-Version": path["version"]}
        if path["order"]:
            return self._rest_order(path["order"], caller, headers)
        return self._graphql(request, caller, headers)

    def _scopes(self, name: str) -> frozenset[str] | None:
        if self._static is not None and secrets.compare_digest(name.encode(), self._static.encode()):
            return self._shop.scopes
        with self._lock:
            token = self._tokens.get(name)
        return token.scopes if token and self._clock() < token.ends else None

    def _rest_order(self, order_id: str, caller: Caller, headers: Mapping[str, str]) -> Reply:
        if not caller.may("read_orders"):
            text = "[API] This action requires merchant approval for read_orders scope."
            return json_reply({"errors": text}, status=403, headers=headers)
        order = self._shop.book.order(order_id)
        if order is None:
            return json_reply({"errors": "Not Found"}, status=404, headers=headers)
        return json_reply({"order": order.body}, headers=headers)

    def _graphql(self, request: Request, caller: Caller, headers: Mapping[str, str]) -> Reply:
        asked = request.json()
        if request.method != "POST" or not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
            return json_reply(
                {"errors": {"query": "Required parameter missing or invalid"}}, status=400, headers=headers
            )
        content = self._run(parsed(asked["query"]), asked.get("variables") or {}, asked.get("operationName"), caller)
        return json_reply(content, headers=headers)

    def _run(self, document: Parsed, variables: dict[str, Any], name: str | None, caller: Caller) -> dict[str, Any]:
        operation = document.operation(name)
        if document.document is None or operation is None:
            faults = document.errors or (GraphQLError("No operation of this name."),)
            return {"errors": [_with_code(fault) for fault in faults]}
        cost = requested_cost(document.document, operation, variables)
        if cost > MOST_FOR_ONE:
            return {"errors": [_too_dear(cost)]}
        if not self._shop.bucket.spend(cost):
            return self._throttled(cost)
        result = run(document.document, variables, name, self._shop.book, caller)
        actual = min(cost, actual_cost(result.data)) if operation.operation.value == "query" else cost
        self._shop.bucket.spend(actual - cost)
        content: dict[str, Any] = {"data": result.data}
        if result.errors:
            content["errors"] = [error.formatted for error in result.errors]
        return {**content, "extensions": {"cost": self._cost(cost, actual)}}

    def _throttled(self, cost: int) -> dict[str, Any]:
        """Status 200 without data: shopify.dev/docs/api/usage/limits."""
        error = {
            "message": "Throttled",
            "extensions": {"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits"},
        }
        return {"errors": [error], "extensions": {"cost": self._cost(cost, None)}}

    def _cost(self, requested: int, actual: int | None) -> dict[str, Any]:
        status = self._shop.bucket.status()
        return {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}


def _too_dear(cost: int) -> dict[str, Any]:
    return {
        "message": f"Query cost is {cost}, which exceeds the single query max cost limit ({MOST_FOR_ONE}).",
        "extensions": {"code": "MAX_COST_EXCEEDED", "cost": cost, "maxCost": MOST_FOR_ONE},
    }


def _with_code(fault: GraphQLError) -> dict[str, Any]:
    return {**fault.formatted, "extensions": {"code": "invalidDocument"}}


def _oauth_error(code: str, text: str) -> Reply:
    return json_reply({"error": code, "error_description": text}, status=400)
