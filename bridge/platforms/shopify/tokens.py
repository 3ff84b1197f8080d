"""The access token of one shop: taken, checked for its scopes, kept, renewed by one thread for all.

https://shopify.dev/docs/apps/build/authentication-authorization/client-credentials-grant
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

import structlog

from bridge.errors import CallFailed, ShopTrouble
from bridge.http import Answer, Budget, Http
from bridge.platforms.base import Json
from bridge.platforms.shopify.answers import OK, UNAUTHORIZED, refused
from bridge.platforms.shopify.documents import SCOPES
from bridge.platforms.shopify.graphql_errors import check_errors
from bridge.platforms.shopify.settings import ShopifySettings

# What the bridge's documents need, by the per-field scopes of the schema 2026-10. Without a fulfilment order scope
# Shopify answers with an empty list, not with an error, so they are checked here.
REQUIRED_SCOPES = (
    "read_orders",
    "write_orders",
    "read_merchant_managed_fulfillment_orders",
    "read_third_party_fulfillment_orders",
    "read_products",
    "read_locations",
)
ALL_ORDERS_SCOPE = "read_all_orders"

_CREDENTIALS_REFUSED = frozenset({400, 401, 403, 404})
_EARLY = timedelta(seconds=60)  # renewed this long before its end, so that no call starts with a dying token
_LONGEST_CALL = timedelta(seconds=15)
_REASONS = {
    "shop_not_permitted": "the app and the shop do not belong to one organisation",
    "app_not_installed": "the app is not installed in the shop",
    "invalid_client": "client_id or client_secret is wrong",
    "application_cannot_be_found": "client_id is wrong",
}
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token with what it may do."""

    value: str = field(repr=False)
    scopes: frozenset[str]
    ends_at: datetime | None  # None for a static one


class Tokens:
    """One shop's token. Threads share it: whoever comes first renews it, the others wait."""

    def __init__(self, settings: ShopifySettings, http: Http, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None

    def get(self, budget: Budget) -> str:
        """A token with all scopes. Raises ShopTrouble where none is to be had, naming what is missing."""
        with self._locked(budget):
            token = self._token
            if token is None or self._is_ending(token):
                token = self._renew(budget)
            missing = missing_scopes(token.scopes)
            if missing:
                raise missing_scope(missing)
            return token.value

    def drop(self, value: str) -> None:
        """Forget a token that the shop refused, unless another thread has renewed it already."""
        with self._lock:
            if self._token is not None and self._token.value == value:
                self._token = None

    def take(self, budget: Budget) -> Token:
        """A new token with whatever scopes it has, for a check of the credentials."""
        with self._locked(budget):
            return self._renew(budget)

    @contextmanager
    def _locked(self, budget: Budget) -> Iterator[None]:
        """The lock, waited for no longer than the look may last."""
        if not self._lock.acquire(timeout=budget.left().total_seconds()):
            raise ShopTrouble("shop too slow: its token did not come in time", code="shop_too_slow")
        try:
            yield
        finally:
            self._lock.release()

    def _is_ending(self, token: Token) -> bool:
        return token.ends_at is not None and self._clock() >= token.ends_at - _EARLY

    def _renew(self, budget: Budget) -> Token:
        """A new token; one that lacks a scope is not kept, so that a scope granted meanwhile counts at once."""
        token = self._take(budget)
        self._token = None if missing_scopes(token.scopes) else token
        if ALL_ORDERS_SCOPE not in token.scopes:
            _log.warning(
                "orders older than 60 days cannot be read: no scope read_all_orders", shop=self._settings.domain
            )
        return token

    def _take(self, budget: Budget) -> Token:
        if self._settings.access_token:
            return Token(value=self._settings.access_token, scopes=self._static_scopes(budget), ends_at=None)
        return self._granted(budget)

    def _granted(self, budget: Budget) -> Token:
        """A token by the client credentials grant; it lasts 24 hours."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
        }
        answer = self._send(
            f"{self._settings.address}/admin/oauth/access_token",
            budget,
            urlencode(form).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        value = answer.json()
        if answer.status != OK or not isinstance(value, dict) or not value.get("access_token"):
            raise self._refused(answer, value)
        seconds = value.get("expires_in")
        lifetime = timedelta(seconds=seconds if isinstance(seconds, int) and seconds > 0 else 3600)
        return Token(
            value=str(value["access_token"]),
            scopes=frozenset(scope.strip() for scope in str(value.get("scope") or "").split(",") if scope.strip()),
            ends_at=self._clock() + lifetime,
        )

    def _static_scopes(self, budget: Budget) -> frozenset[str]:
        """The scopes of a static token, which only the Admin API tells."""
        answer = self._send(
            f"{self._settings.address}/admin/api/{self._settings.api_version}/graphql.json",
            budget,
            json.dumps({"query": SCOPES, "variables": {}}).encode(),
            {"Content-Type": "application/json", "X-Shopify-Access-Token": self._settings.access_token},
        )
        value = answer.json()
        if answer.status == UNAUTHORIZED and isinstance(value, dict):
            raise self._bad_credentials(answer, "access_token is wrong")
        if answer.status != OK:
            raise refused(answer, self._clock()) if isinstance(value, dict) else self._passing(answer)
        if isinstance(value, dict):
            check_errors(value)
        try:
            scopes = value["data"]["currentAppInstallation"]["accessScopes"]
            return frozenset(str(scope["handle"]) for scope in scopes)
        except (KeyError, TypeError) as error:
            message = "Shopify did not say what the access token may do; try again later"
            raise ShopTrouble(message, code="shop_answer") from error

    def _send(self, url: str, budget: Budget, content: bytes, headers: dict[str, str]) -> Answer:
        headers = {"Accept": "application/json", **headers}
        try:
            return self._http.send("POST", url, limit=call_limit(budget), headers=headers, content=content)
        except CallFailed as error:
            raise ShopTrouble(
                f"Shopify cannot be reached: {error}; check shop.domain and the network", code="shop_unreachable"
            ) from error

    def _refused(self, answer: Answer, value: Json) -> ShopTrouble:
        """Why no token came of an answer: only the endpoint's own error tells of credentials, as OAuth words it.

        https://www.rfc-editor.org/rfc/rfc6749#section-5.2
        """
        slug = value.get("error") if isinstance(value, dict) else None
        if not slug:
            return self._passing(answer)
        if answer.status in _CREDENTIALS_REFUSED:
            return self._bad_credentials(answer, _REASONS.get(str(slug), "the app is refused"))
        return refused(answer, self._clock())

    def _passing(self, answer: Answer) -> ShopTrouble:
        """The trouble of something else in place of an answer: whatever its status, it tells nothing of credentials."""
        trouble = refused(answer, self._clock())
        if not trouble.pauses:
            return trouble
        return ShopTrouble(
            f"something else came in place of Shopify's answer (status {answer.status}), perhaps a firewall's page; it "
            "is asked again. If it stays so, check shop.domain and shop.api_version",
            code="shop_status",
            retry_after=answer.retry_after(self._clock()),
        )

    def _bad_credentials(self, answer: Answer, reason: str) -> ShopTrouble:
        return ShopTrouble(
            f"Shopify gives no access ({answer.status}): {reason}. Check client_id and client_secret, or access_token; "
            f"the app must be installed in {self._settings.domain} and belong to its organisation",
            code="bad_credentials",
            pauses=True,
        )


def missing_scopes(granted: Iterable[str]) -> list[str]:
    """The required scopes that are not granted; write_x contains read_x."""
    has = set(granted)
    has |= {f"read_{scope.removeprefix('write_')}" for scope in has if scope.startswith("write_")}
    return [scope for scope in REQUIRED_SCOPES if scope not in has]


def missing_scope(missing: list[str]) -> ShopTrouble:
    """The trouble of missing scopes, naming them and where to grant them."""
    return ShopTrouble(
        f"the token lacks the scope{'s' if len(missing) > 1 else ''} {', '.join(missing)}: add to the app's scopes "
        "(Dev Dashboard > the app > Versions; for an app made in the admin: Settings > Apps > Develop apps > "
        "Configuration) and install the new version in the shop",
        code="missing_scope",
        pauses=True,
    )


def call_limit(budget: Budget) -> timedelta:
    """How long one call may take: what the look has left, bounded."""
    return min(budget.left(), _LONGEST_CALL)
