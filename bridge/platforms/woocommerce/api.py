"""Calls to a shop's REST API: what came back, or the shop's trouble in words with its cause and the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import simplejson

from bridge.errors import CallFailed, ShopTrouble
from bridge.http import Answer, Budget, Http
from bridge.platforms.base import Json
from bridge.platforms.woocommerce.settings import WooCommerceSettings

CALL_LIMIT = timedelta(seconds=15)

_OK, _REDIRECT, _BAD = 200, 300, 400
_UNAUTHORISED = frozenset({401, 403})
_BUSY = frozenset({429, 503})
_NOT_FOUND = 404
_SERVER = 500
# https://woocommerce.github.io/woocommerce-rest-api-docs/#authentication and measured, WooCommerce 11.0.1: an unknown
# key, a key over http and a user without rights all give woocommerce_rest_cannot_view.
_WRONG_KEY = (
    "the shop refuses the REST API key ({code}): check consumer_key and consumer_secret, and that the key has read and "
    "write permission and belongs to an administrator or shop manager; behind a proxy WordPress must see HTTPS=on, and "
    "plain permalinks hide the key from WooCommerce"
)
_MAY_NOT_WRITE = (
    "the shop lets the REST API key read, but not write ({code}), so no reference can be left on its orders: give the "
    "key read and write permission in WooCommerce > Settings > Advanced > REST API, and a user who may edit orders"
)
_NO_ROUTE = (
    "the shop has no WooCommerce REST API at this address (rest_no_route): check shop.url, that WooCommerce is active, "
    "and choose any permalinks but plain ones in WordPress > Settings > Permalinks"
)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A JSON answer that the caller must look at: a success, or an error of WooCommerce about what was asked for."""

    status: int
    document: Json
    content: bytes
    pages: int = 1  # of a list

    @property
    def ok(self) -> bool:
        """Whether WooCommerce did what was asked."""
        return _OK <= self.status < _REDIRECT

    @property
    def code(self) -> str:
        """WooCommerce's error code, '' without one."""
        return str(self.document.get("code") or "") if isinstance(self.document, Mapping) else ""


class Api:
    """A shop's `wp-json/wc/v3`, by Basic auth over https. Threads may share it."""

    def __init__(self, settings: WooCommerceSettings, http: Http, clock: Callable[[], datetime]) -> None:
        self._root = f"{settings.url}/wp-json/wc/v3/"
        self._auth = (settings.consumer_key, settings.consumer_secret)
        self._http = http
        self._clock = clock

    def get(self, path: str, budget: Budget, params: Mapping[str, str] | None = None) -> Reply:
        """Read a path below wc/v3; caches on the way are asked to stand aside. Raises ShopTrouble."""
        return self._call("GET", path, budget, params=params)

    def put(self, path: str, document: Json, budget: Budget) -> Reply:
        """Change what stands at a path. Raises ShopTrouble, also where it is unknown whether it was changed."""
        return self._call("PUT", path, budget, document=document)

    def post(self, path: str, document: Json, budget: Budget) -> Reply:
        """Add something below a path. Raises ShopTrouble, also where it is unknown whether it was added."""
        return self._call("POST", path, budget, document=document)

    def read(self, path: str, budget: Budget, params: Mapping[str, str] | None = None) -> Any:
        """The JSON at a path that every shop has; raises ShopTrouble for anything but a success."""
        reply = self.get(path, budget, params)
        if not reply.ok:
            raise unexpected(reply)
        return reply.document

    def _call(
        self,
        method: str,
        path: str,
        budget: Budget,
        *,
        params: Mapping[str, str] | None = None,
        document: Json = None,
    ) -> Reply:
        headers = {"accept": "application/json", "cache-control": "no-cache"}
        content = None
        if document is not None:
            headers["content-type"] = "application/json"
            content = simplejson.dumps(document, use_decimal=True).encode()
        limit = min(budget.left(), CALL_LIMIT)
        try:
            answer = self._http.send(
                method,
                self._root + path,
                limit=limit,
                headers=headers,
                params=params,
                content=content,
                auth=self._auth,
            )
        except CallFailed as error:
            raise ShopTrouble(f"the shop does not answer: {error}", code="shop_unreachable") from error
        return self._judged(answer, writes=method != "GET")

    def _judged(self, answer: Answer, *, writes: bool) -> Reply:
        """The answer as a Reply, unless it is about the shop as a whole and not about what was asked for."""
        document = answer.json()
        code = document.get("code") if isinstance(document, Mapping) else None
        if answer.status in _BUSY:
            wait = answer.retry_after(self._clock())
            raise ShopTrouble(
                f"the shop is busy or in maintenance (HTTP {answer.status}); it is asked again later",
                code="shop_busy",
                retry_after=wait,
            )
        if _REDIRECT <= answer.status < _BAD:
            message = (
                "the shop redirects the REST API to another address; set shop.url to the address that it redirects to"
            )
            raise ShopTrouble(f"{message} (HTTP {answer.status})", code="shop_redirects")
        if answer.status in _UNAUTHORISED and isinstance(code, str):
            raise _denied(code[:80], answer.status, answer.retry_after(self._clock()), writes=writes)
        if code == "rest_no_route":
            raise ShopTrouble(_NO_ROUTE, code="no_rest_api")
        if answer.status >= _SERVER:
            message = f"the shop failed (HTTP {answer.status}); look into its log"
            raise ShopTrouble(message, code="shop_error", retry_after=answer.retry_after(self._clock()))
        if document is None:
            raise _unreadable(answer, answer.retry_after(self._clock()))
        return Reply(status=answer.status, document=document, content=answer.content, pages=_pages(answer))


def _denied(code: str, status: int, retry_after: timedelta | None, *, writes: bool) -> ShopTrouble:
    """WooCommerce's own codes are about the key, and last; others are a security plugin's, which may be a passing mood.

    A call that writes follows reads that worked, so there the key lacks the right to write.
    """
    if not code.startswith("woocommerce_rest_"):
        message = f"a plugin of the shop refuses the bridge ({code}, HTTP {status}); allow its requests in that plugin"
        return ShopTrouble(message, code="shop_firewall", retry_after=retry_after)
    if writes:
        return ShopTrouble(_MAY_NOT_WRITE.format(code=code), code="write_permission", pauses=True)
    return ShopTrouble(_WRONG_KEY.format(code=code), code="wrong_key", pauses=True)


def misshapen() -> ShopTrouble:
    """The trouble of a success whose document is not what WooCommerce gives there."""
    return ShopTrouble(
        "the shop's REST API answered in another shape than WooCommerce's; look for a plugin or a cache that changes "
        "its answers",
        code="shop_answer",
    )


def unexpected(reply: Reply) -> ShopTrouble:
    """The trouble of an answer that fits nothing which was asked for."""
    return ShopTrouble(
        f"the shop refused a request with {reply.code[:80] or 'an unknown error'} (HTTP {reply.status}); "
        "look into the shop's log and its plugins for the REST API",
        code="shop_refused",
    )


def _unreadable(answer: Answer, retry_after: timedelta | None) -> ShopTrouble:
    """No JSON: a firewall's page, a maintenance page, PHP warnings before the JSON, a wrong address."""
    if answer.status in _UNAUTHORISED:
        message = f"something in front of the shop refuses the bridge (HTTP {answer.status}, no JSON)"
        words = f"{message}; allow its requests in the shop's firewall"
        return ShopTrouble(words, code="shop_firewall", retry_after=retry_after)
    if answer.status == _NOT_FOUND:
        return ShopTrouble(_NO_ROUTE.replace("rest_no_route", "HTTP 404, no JSON"), code="no_rest_api")
    return ShopTrouble(
        f"the shop answered with something that is no JSON (HTTP {answer.status}): a maintenance page, a firewall or "
        "PHP warnings; open its address in a browser",
        code="shop_unreadable",
    )


def _pages(answer: Answer) -> int:
    text = answer.headers.get("x-wp-totalpages", "")
    return int(text) if text.isascii() and text.isdigit() else 1
