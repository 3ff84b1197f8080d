"""What is read from a WooCommerce shop for an order, in the compact shapes that are kept and looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import unescape
from typing import Any

from bridge.errors import ShopTrouble
from bridge.http import Budget
from bridge.platforms.base import Json
from bridge.platforms.woocommerce.api import Api, Reply, misshapen, unexpected
from bridge.platforms.woocommerce.records import meta_values
from bridge.platforms.woocommerce.settings import WooCommerceSettings

PAGE = 100  # entries; wc/v3 refuses more
_NOT_FOUND = 404
_KEPT = ("name", "type", "weight", "shipping_required", "virtual")
_SIZES = ("length", "width", "height")
_MISSING = {"missing": True}


def order(api: Api, order_id: str, budget: Budget) -> Reply | None:
    """The shop's own order, or None where it has none or it lies in the trash."""
    reply = api.get(f"orders/{order_id}", budget)
    if reply.status == _NOT_FOUND and reply.code.startswith("woocommerce_rest_"):
        return None
    if not reply.ok or not isinstance(reply.document, dict):
        raise unexpected(reply)
    return None if reply.document.get("status") == "trash" else reply


def refunds(api: Api, order_id: str, budget: Budget) -> list[Json]:
    """The order's refunds: `[{"id": "37", "lines": [{"line_id", "product_id", "quantity"}]}]`, quantities positive.

    `line_id` is that of the order's line, '' where a plugin's refund does not name it.
    """
    found = _all_pages(api, f"orders/{order_id}/refunds", budget)
    return [
        {"id": str(one.get("id")), "lines": [_refunded(line) for line in _objects(one, "line_items")]} for one in found
    ]


def products(
    api: Api, identities: Iterable[str], variations: frozenset[str], settings: WooCommerceSettings, budget: Budget
) -> dict[str, Json]:
    """Products by id; `{"missing": True}` for those that no longer exist.

    Simple products come many at a time; that list passes over variations (measured, WooCommerce 8.9.3 and 11.0.1),
    which come one by one. If the time runs out after some were read, those are returned: they are kept, so that the
    next look goes on from there.
    """
    wanted = sorted(set(identities), key=int)
    simple = [identity for identity in wanted if identity not in variations]
    found: dict[str, Json] = {}
    try:
        for start in range(0, len(simple), PAGE):
            found |= _listed(api, simple[start : start + PAGE], settings, budget)
        for identity in wanted:
            if identity not in found:
                found[identity] = _product(api, identity, settings, budget)
    except ShopTrouble as trouble:
        if trouble.code != "shop_too_slow" or not found:
            raise
    return found


def units(api: Api, budget: Budget) -> Json:
    """The shop's units: `{"weight": "kg", "dimension": "cm"}`; kg, g, lbs or oz, and m, cm, mm, in or yd."""
    return {
        name: str(_object(api.read(f"settings/products/woocommerce_{name}_unit", budget)).get("value") or "")
        for name in ("weight", "dimension")
    }


def regions(api: Api, country: str, budget: Budget) -> Json:
    """The names of a country's regions by WooCommerce's codes; none for countries without a list."""
    reply = api.get(f"data/countries/{country.lower()}", budget)
    if reply.status == _NOT_FOUND:
        return {}
    if not reply.ok or not isinstance(reply.document, dict):
        raise unexpected(reply)
    return {str(one.get("code")): unescape(str(one.get("name"))) for one in _objects(reply.document, "states")}


def _listed(api: Api, identities: Sequence[str], settings: WooCommerceSettings, budget: Budget) -> dict[str, Json]:
    params = {"include": ",".join(identities), "per_page": str(PAGE)}
    documents = api.read("products", budget, params)
    known = documents if isinstance(documents, list) else []
    return {str(one["id"]): _compact(one, settings) for one in known if isinstance(one, dict) and one.get("id")}


def _product(api: Api, identity: str, settings: WooCommerceSettings, budget: Budget) -> Json:
    """One product or variation; a variation's empty weight and sizes are its parent's (measured, 11.0.1)."""
    reply = api.get(f"products/{identity}", budget)
    if reply.status == _NOT_FOUND and reply.code.startswith("woocommerce_rest_"):
        return dict(_MISSING)
    if not reply.ok:
        raise unexpected(reply)
    product = _object(reply.document)
    if not product.get("id"):
        raise misshapen()
    return _compact(product, settings)


def _compact(product: Mapping[str, Any], settings: WooCommerceSettings) -> Json:
    """Of a product what shipping needs; weight and sizes as WooCommerce's text, in the shop's units."""
    dimensions = product.get("dimensions")
    sizes = dimensions if isinstance(dimensions, Mapping) else {}
    found = {
        "id": str(product["id"]),
        **{key: product.get(key) for key in _KEPT},
        **{key: sizes.get(key) for key in _SIZES},
    }
    if found["shipping_required"] is None and product.get("virtual") is not None:
        found["shipping_required"] = not product["virtual"]
    found["hs_code"] = _meta_text(product, settings.hs_code_meta)
    found["origin_country"] = _meta_text(product, settings.origin_meta)
    return found


def _meta_text(product: Mapping[str, Any], key: str) -> str | None:
    values = [
        str(value).strip() for value in (meta_values(product, key) if key else ()) if isinstance(value, str | int)
    ]
    return next((value for value in values if value), None)


def _refunded(line: Mapping[str, Any]) -> Json:
    """A refund's line has an id of its own; the order's is in its meta data, and its quantity is below 0."""
    names = meta_values(line, "_refunded_item_id")
    quantity = line.get("quantity")
    return {
        "line_id": str(names[0]) if names else "",
        "product_id": str(line.get("variation_id") or line.get("product_id") or ""),
        "quantity": str(quantity or 0).removeprefix("-"),
    }


def _all_pages(api: Api, path: str, budget: Budget) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    page = pages = 1
    while page <= pages:
        reply = api.get(path, budget, {"per_page": str(PAGE), "page": str(page)})
        if not reply.ok or not isinstance(reply.document, list):
            raise unexpected(reply)
        found += [one for one in reply.document if isinstance(one, Mapping)]
        page, pages = page + 1, reply.pages
    return found


def _object(document: Json) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise misshapen()
    return document


def _objects(owner: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = owner.get(key)
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []
