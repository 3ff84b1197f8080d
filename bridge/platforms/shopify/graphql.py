"""One shop's Admin API: a call with the token, and its many ways to say no turned into ShopTrouble."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bridge.errors import CallFailed, ShopTrouble
from bridge.http import Answer, Budget, Http
from bridge.platforms.base import Json
from bridge.platforms.shopify.answers import NOT_FOUND, OK, UNAUTHORIZED, refused
from bridge.platforms.shopify.graphql_errors import check_errors
from bridge.platforms.shopify.points import Points
from bridge.platforms.shopify.settings import ShopifySettings
from bridge.platforms.shopify.tokens import Tokens, call_limit


class AdminApi:
    """The Admin API of one shop. Threads share it."""

    def __init__(self, settings: ShopifySettings, http: Http, tokens: Tokens, clock: Callable[[], datetime]) -> None:
        self._address = f"{settings.address}/admin/api/{settings.api_version}"
        self._http = http
        self._tokens = tokens
        self._clock = clock
        self.points = Points()

    def query(
        self, document: str, variables: Mapping[str, Json], budget: Budget, *, optional: Sequence[str] = ()
    ) -> Mapping[str, Json]:
        """Run a document and return its data. Raises ShopTrouble for everything that is no whole answer.

        Errors that concern only top-level fields in `optional` are let pass: those fields are null then.
        """
        content = json.dumps({"query": document, "variables": variables}).encode()
        with self.points.reserved(document, budget):
            answer = self._call("POST", f"{self._address}/graphql.json", budget, content)
        value = answer.json()
        if not isinstance(value, dict):
            raise ShopTrouble("Shopify answered something that is no JSON object; try again later", code="shop_answer")
        self.points.note(document, value, self._clock())
        check_errors(value, optional)
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
