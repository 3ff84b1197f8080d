"""One shop's Admin API: a call with the token, and its many ways to say no turned into ShopTrouble.

https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bridge.errors import CallFailed, ShopTrouble
from bridge.http import Answer, Budget, Http
from bridge.platforms.base import Json
from bridge.platforms.shopify.answers import NOT_FOUND, OK, SHORTEST_WAIT, UNAUTHORIZED, USUAL_WAIT, refused
from bridge.platforms.shopify.settings import ShopifySettings
from bridge.platforms.shopify.tokens import Tokens, call_limit


class AdminApi:
    """The Admin API of one shop. Threads share it."""

    def __init__(self, settings: ShopifySettings, http: Http, tokens: Tokens, clock: Callable[[], datetime]) -> None:
        self._address = f"{settings.address}/admin/api/{settings.api_version}"
        self._http = http
        self._tokens = tokens
        self._clock = clock

    def query(
        self, document: str, variables: Mapping[str, Json], budget: Budget, *, optional: Sequence[str] = ()
    ) -> Mapping[str, Json]:
        """Run a document and return its data. Raises ShopTrouble for everything that is no whole answer.

        Errors that concern only top-level fields in `optional` are let pass: those fields are null then.
        """
        content = json.dumps({"query": document, "variables": variables}).encode()
        answer = self._call("POST", f"{self._address}/graphql.json", budget, content)
        value = answer.json()
        if not isinstance(value, dict):
            raise ShopTrouble("Shopify answered something that is no JSON object; try again later", code="shop_answer")
        self._check_errors(value, optional)
        if not isinstance(value.get("data"), dict):
            raise ShopTrouble("Shopify answered without data; try again later", code="shop_answer")
        data: Mapping[str, Json] = value["data"]
        return data

    def order(self, order_id: str, budget: Budget) -> Json | None:
        """The whole order in the shape of a webhook's body, None where there is none.

        https://shopify.dev/docs/api/admin-rest/latest/resources/order#get-orders-order-id
        """
        answer = self._call("GET", f"{self._address}/orders/{order_id}.json", budget, missing_is_answer=True)
        if answer.status == NOT_FOUND:
            return None
        value = answer.json()
        if not isinstance(value, dict) or not isinstance(value.get("order"), dict):
            raise ShopTrouble("Shopify answered an order that is none; try again later", code="shop_answer")
        return value["order"]

    def _call(
        self, method: str, url: str, budget: Budget, content: bytes | None = None, *, missing_is_answer: bool = False
    ) -> Answer:
        """One call with the token; once more with a new token where the shop does not know this one any more."""
        token = self._tokens.get(budget)
        answer = self._send(method, url, budget, content, token)
        if answer.status == UNAUTHORIZED:
            self._tokens.drop(token)
            answer = self._send(method, url, budget, content, self._tokens.get(budget))
        if answer.status == OK or (missing_is_answer and answer.status == NOT_FOUND):
            return answer
        raise refused(answer, self._clock())

    def _send(self, method: str, url: str, budget: Budget, content: bytes | None, token: str) -> Answer:
        headers = {"X-Shopify-Access-Token": token, "Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            return self._http.send(method, url, limit=call_limit(budget), headers=headers, content=content)
        except CallFailed as error:
            raise ShopTrouble(
                f"Shopify cannot be reached: {error}; check shop.domain and the network", code="shop_unreachable"
            ) from error

    def _check_errors(self, value: Mapping[str, Json], optional: Sequence[str]) -> None:
        """Raise for the first error that matters."""
        errors = value.get("errors")
        if not errors:
            return
        listed = errors if isinstance(errors, list) else [{"message": str(errors)}]
        for error in listed:
            entry = error if isinstance(error, dict) else {"message": str(error)}
            path = entry.get("path") or [None]
            if path[0] not in optional:
                raise _trouble(entry, value)


def _trouble(error: Mapping[str, Json], value: Mapping[str, Json]) -> ShopTrouble:
    """The trouble that a GraphQL error stands for; they come with status 200."""
    code = _code(error)
    message = str(error.get("message") or "")[:200]
    if code == "THROTTLED":
        return ShopTrouble("Shopify asks for fewer points (THROTTLED)", code="shop_busy", retry_after=_wait(value))
    if code == "ACCESS_DENIED":
        field = ".".join(str(part) for part in error.get("path") or []) or "a field"
        return ShopTrouble(
            f"Shopify denies {field}: {message} Grant the scope to the app and install it again",
            code="missing_scope",
            pauses=True,
        )
    if code == "SHOP_INACTIVE":
        return ShopTrouble("the shop is closed or frozen (SHOP_INACTIVE)", code="shop_closed", pauses=True)
    return ShopTrouble(f"Shopify reports an error ({code or 'without code'}): {message}", code="shop_error")


def _code(error: Mapping[str, Json]) -> str:
    """The code of a GraphQL error; "" where it has none."""
    extensions = error.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    if code is None and error.get("message") == "Throttled":
        return "THROTTLED"
    return str(code or "")


def _wait(value: Mapping[str, Any]) -> timedelta:
    """How long the bucket needs until it holds what was asked for, by the cost figures; never zero."""
    try:
        cost = value["extensions"]["cost"]
        status = cost["throttleStatus"]
        missing = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        seconds = math.ceil(missing / float(status["restoreRate"]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return USUAL_WAIT
    return min(max(timedelta(seconds=seconds), SHORTEST_WAIT), timedelta(minutes=1))
