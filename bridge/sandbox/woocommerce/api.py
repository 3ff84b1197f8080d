"""The HTTP side of the fake WooCommerce shop: wc/v3 as measured on WooCommerce 11.0.1."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from bridge.sandbox.server import Reply, Request
from bridge.sandbox.woocommerce.countries import country
from bridge.sandbox.woocommerce.order import ZONE, shown_at, times_of
from bridge.sandbox.woocommerce.products import Product, product_json
from bridge.sandbox.woocommerce.store import NO_ORDERS, Note, Store

Json = dict[str, Any]

MOST_PER_PAGE = 100
_PREFIX = "/wp-json/wc/v3/"
_UNITS = {"woocommerce_weight_unit": "weight_unit", "woocommerce_dimension_unit": "dimension_unit"}


class Shop(Protocol):
    """What the API needs to know of its shop."""

    url: str
    consumer_key: str
    consumer_secret: str
    may_write: bool
    weight_unit: str
    dimension_unit: str
    products: dict[int, Product]
    store: Store

    def saved(self, number: int) -> None:
        """Hear that an order was saved over the API."""

    def trash(self, number: int) -> None:
        """Put an order into the trash."""

    def webhook(self, webhook_id: int) -> Json | None:
        """A webhook as the API shows it."""


class RestError(Exception):
    """An answer in WooCommerce's error shape."""

    def __init__(self, code: str, message: str, status: int) -> None:
        self.status = status
        self.envelope = error_envelope(code, message, status)
        super().__init__(message)


def error_envelope(code: str, message: str, status: int) -> Json:
    """WooCommerce's error object; webhooks carry it too, signed, where an order cannot be read."""
    return {"code": code, "message": message, "data": {"status": status}}


def php_json(content: Any) -> bytes:
    r"""JSON as PHP writes it: compact, ASCII with \uXXXX, slashes escaped, whole floats without a fraction."""
    return json.dumps(_php(content), separators=(",", ":"), default=float).replace("/", "\\/").encode("ascii")


class RestApi:
    """Answers the calls of one shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def answer(self, request: Request) -> Reply:
        """One call."""
        if not request.path.startswith(_PREFIX):
            page = b"<!DOCTYPE html><title>Page not found</title>"
            return Reply(status=404, headers={"Content-Type": "text/html; charset=UTF-8"}, body=page)
        try:
            self._authenticate(request)
            return self._route(request, request.path.removeprefix(_PREFIX).strip("/").split("/"))
        except RestError as error:
            return _reply(error.envelope, status=error.status)

    def _authenticate(self, request: Request) -> None:
        key, secret = _credentials(request)
        if key != self._shop.consumer_key:
            raise RestError("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", 401)
        if secret != self._shop.consumer_secret:
            raise RestError("woocommerce_rest_authentication_error", "Consumer secret is invalid.", 401)
        if request.method != "GET" and not self._shop.may_write:
            message = "The API key provided does not have write permissions."
            raise RestError("woocommerce_rest_authentication_error", message, 401)

    def _route(self, request: Request, parts: Sequence[str]) -> Reply:
        match parts:
            case ["orders", *rest]:
                return self._orders(request, rest)
            case ["products" | "variations", *rest] if request.method == "GET":
                return self._products(request, parts[0], rest)
            case ["settings", "products", name] if name in _UNITS:
                return _reply({"id": name, "value": getattr(self._shop, _UNITS[name])})
            case ["data", "countries", code]:
                return self._country(code)
            case ["webhooks", number] if number.isdigit():
                return self._webhook(int(number))
        raise _no_route()

    def _orders(self, request: Request, parts: Sequence[str]) -> Reply:
        if not parts:
            return self._order_list(request)
        if not parts[0].isdigit():
            raise _no_route()
        number = int(parts[0])
        match request.method, parts[1:]:
            case "GET", []:
                return _reply(self._order(number))
            case "PUT" | "POST" | "PATCH", []:
                return self._write(number, request)
            case "DELETE", []:
                return self._delete(number, request)
            case "GET" | "POST", ["notes"]:
                return self._notes(number, request)
            case "GET", ["refunds"]:
                self._order(number)
                return _reply(self._shop.store.refunds(number))
        raise _no_route()

    def _order(self, number: int) -> Json:
        body = self._shop.store.order(number)
        if body is None:
            raise RestError("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404)
        return shown_at(body, self._shop.url)

    def _write(self, number: int, request: Request) -> Reply:
        given = request.json()
        if self._shop.store.order(number) is None:
            raise RestError("woocommerce_rest_shop_order_invalid_id", "ID is invalid.", 400)
        if not isinstance(given, dict):
            raise RestError("rest_invalid_json", "Invalid JSON body passed.", 400)
        try:
            self._shop.store.write(number, given, self._shop.products)
        except KeyError as error:
            message = "Order item ID provided is not associated with order."
            raise RestError("woocommerce_rest_invalid_item_id", message, 400) from error
        self._shop.saved(number)
        return _reply(self._order(number))

    def _delete(self, number: int, request: Request) -> Reply:
        body = self._order(number)
        if request.query.get("force") == "true":
            self._shop.store.remove(number)  # measured: a forced deletion sends no webhook
        else:
            self._shop.trash(number)
        return _reply(body)

    def _notes(self, number: int, request: Request) -> Reply:
        if self._shop.store.order(number) is None:
            raise RestError("woocommerce_rest_order_invalid_id", "Invalid order ID.", 404)
        if request.method == "GET":
            return _reply([_note(note) for note in self._shop.store.notes(number)])
        given = request.json()
        if not isinstance(given, dict) or not given.get("note"):
            raise RestError("rest_missing_callback_param", "Missing parameter(s): note", 400)
        author = self._shop.consumer_key if given.get("added_by_user") else "WooCommerce"
        customer = given.get("customer_note") is True
        return _reply(
            _note(self._shop.store.add_note(number, given["note"], customer=customer, author=author)), status=201
        )

    def _order_list(self, request: Request) -> Reply:
        if request.method != "GET":
            raise _no_route()
        query = request.query
        found = [shown_at(body, self._shop.url) for body in self._shop.store.orders() if _is_chosen(body, query)]
        name = {"modified": "date_modified_gmt", "id": "id"}.get(query.get("orderby", "date"), "date_created_gmt")
        found.sort(key=lambda body: (body[name], body["id"]), reverse=query.get("order", "desc") == "desc")
        return _page(found, query)

    def _products(self, request: Request, kind: str, parts: Sequence[str]) -> Reply:
        known = self._shop.products
        if parts:
            product = known.get(int(parts[0])) if parts[0].isdigit() and len(parts) == 1 else None
            if product is None:
                raise RestError("woocommerce_rest_product_invalid_id", "Invalid ID.", 404)
            return _reply(self._product(product))
        wanted = {int(number) for number in request.query.get("include", "").split(",") if number.isdigit()}
        found = [
            self._product(product)
            for product in known.values()
            if bool(product.parent_id) is (kind == "variations") and (not wanted or product.id in wanted)
        ]
        return _page(found, request.query)

    def _product(self, product: Product) -> Json:
        return product_json(product, self._shop.products.get(product.parent_id), self._shop.url)

    def _country(self, code: str) -> Reply:
        found = country(code)
        if found is None:
            raise RestError(
                "woocommerce_rest_data_invalid_location", "There are no locations matching these parameters.", 404
            )
        return _reply(found)

    def _webhook(self, number: int) -> Reply:
        found = self._shop.webhook(number)
        if found is None:
            raise RestError("woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.", 404)
        return _reply(found)


def _credentials(request: Request) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return request.query.get("consumer_key", ""), request.query.get("consumer_secret", "")
    try:
        key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return key, secret


def _no_route() -> RestError:
    return RestError("rest_no_route", "No route was found matching the URL and request method.", 404)


def _is_chosen(body: Json, query: Mapping[str, str]) -> bool:
    wanted = query.get("status", "any").split(",")
    if body["status"] in NO_ORDERS if wanted == ["any"] else body["status"] not in wanted:
        return False
    gmt = query.get("dates_are_gmt") == "true"
    bounds = {"modified_after": "date_modified_gmt", "after": "date_created_gmt"}
    if any(name in query and _moment(body[field]) <= _bound(query[name], gmt=gmt) for name, field in bounds.items()):
        return False
    bounds = {"modified_before": "date_modified_gmt", "before": "date_created_gmt"}
    return not any(
        name in query and _moment(body[field]) >= _bound(query[name], gmt=gmt) for name, field in bounds.items()
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _bound(text: str, *, gmt: bool) -> datetime:
    """A time in a query: without zone it is the shop's own time, unless `dates_are_gmt` says UTC (measured)."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise RestError("rest_invalid_param", "Invalid parameter(s): modified_after", 400) from error
    return given if given.tzinfo else given.replace(tzinfo=UTC if gmt else ZONE)


def _page(found: Sequence[Json], query: Mapping[str, str]) -> Reply:
    size, number = query.get("per_page", "10"), query.get("page", "1")
    if not (size.isdigit() and 1 <= int(size) <= MOST_PER_PAGE):
        raise RestError("rest_invalid_param", "Invalid parameter(s): per_page", 400)
    if not (number.isdigit() and int(number) >= 1):
        raise RestError("rest_invalid_param", "Invalid parameter(s): page", 400)
    start = (int(number) - 1) * int(size)
    pages = -(-len(found) // int(size))
    headers = {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)}
    return _reply(found[start : start + int(size)], headers=headers)


def _note(note: Note) -> Json:
    created = times_of("created", note.at)
    return {"id": note.id, "author": note.author, **created, "note": note.text, "customer_note": note.customer}


def _reply(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    named = {"Content-Type": "application/json; charset=UTF-8", **(headers or {})}
    return Reply(status=status, headers=named, body=php_json(content))


def _php(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _php(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_php(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
