"""The half of Shopify that talks to one shop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import simplejson

from bridge.errors import ConfigurationError, Problem, ShopTrouble
from bridge.http import Budget, Http
from bridge.platforms.base import OrderBody, Read, Record, Settings
from bridge.platforms.shopify import documents
from bridge.platforms.shopify.graphql import AdminApi
from bridge.platforms.shopify.orders import moment
from bridge.platforms.shopify.reading import OrderReading
from bridge.platforms.shopify.settings import ShopifySettings
from bridge.platforms.shopify.tokens import Tokens, missing_scope, missing_scopes
from bridge.platforms.shopify.writing import ReferenceWriting


class ShopifyClient:
    """One shop. Threads share it."""

    def __init__(self, settings: ShopifySettings, http: Http, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._tokens = Tokens(settings, http, clock)
        self._api = AdminApi(settings, http, self._tokens, clock)

    @classmethod
    def open(cls, settings: Settings, http: Http, clock: Callable[[], datetime]) -> ShopifyClient:
        """A client; raises ConfigurationError for settings of an offline look, which have no credentials."""
        if not isinstance(settings, ShopifySettings) or settings.offline:
            message = "the shop's variables are not set, so the shop cannot be asked; set them, or work offline"
            raise ConfigurationError([Problem(message=message, source="shop")])
        return cls(settings, http, clock)

    def fetch(self, order_id: str, body: OrderBody | None, keys: frozenset[str], budget: Budget) -> Read:  # noqa: ARG002
        """Read the order; the only key there is, "order", brings all that a look needs (see `fetched.py`).

        The whole order comes as well where the shop's is newer than `body`, or `body` is None.
        """
        read = OrderReading(self._api, self._settings, order_id, budget).read()
        if read is None:
            return Read(data={"order": {"gone": True}}, gone=True)
        if body is not None and not _is_newer(read["updated_at"], body):
            return Read(data={"order": read})
        order = self._api.order(order_id, budget)
        if order is None:
            return Read(data={"order": {"gone": True}}, gone=True)
        content = simplejson.dumps(order, use_decimal=True, ensure_ascii=False, separators=(",", ":")).encode()
        return Read(data={"order": read}, body=content)

    def write_reference(
        self, body: OrderBody, record: Record, budget: Budget, *, overwrite: bool = False
    ) -> Sequence[str]:
        """Leave reference, record and tags on the shop order; see `writing.py`."""
        writing = ReferenceWriting(self._api, self._settings, body.order_id, record, budget, overwrite=overwrite)
        return writing.write()

    def rest_until(self) -> datetime | None:
        """When the shop's points pay for orders again; None while they do."""
        return self._api.points.rest_until()

    def check_access(self, budget: Budget) -> Sequence[Problem]:
        """Take a token, look at its scopes, and read the shop's name; writes nothing."""
        try:
            missing = missing_scopes(self._tokens.take(budget).scopes)
            if missing:
                return [Problem(message=str(missing_scope([scope])), source="shop", code=scope) for scope in missing]
            domain = self._told_domain(budget)
        except ShopTrouble as error:
            return [Problem(message=str(error), source="shop", code=error.code)]
        if domain == self._settings.domain:
            return []
        message = "the credentials belong to another shop than the domain says; take those of this shop's app"
        return [Problem(message=message, source="shop.domain", found=domain, code="wrong_shop")]

    def _told_domain(self, budget: Budget) -> str:
        """The domain of the shop that the credentials belong to."""
        shop = self._api.query(documents.SHOP, {}, budget).get("shop")
        if not isinstance(shop, dict) or "myshopifyDomain" not in shop:
            raise ShopTrouble("Shopify did not say which shop this is; try again later", code="shop_answer")
        return str(shop["myshopifyDomain"])


def _is_newer(updated_at: object, body: OrderBody) -> bool:
    """Whether the shop's order is newer than the body at hand."""
    time = moment(updated_at)
    return time is not None and time > body.modified_at
