"""What the Admin API's two mutations do to the book: metafieldsSet with compareDigest, and tagsAdd."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bridge.sandbox.shopify.book import Book, Metafield, Order, with_body

Json = dict[str, Any]

MOST_METAFIELDS = 25
_TYPES = {"single_line_text_field", "multi_line_text_field", "json", "id", "url", "number_integer", "boolean"}
_OWNER = re.compile(r"gid://shopify/Order/(\d+)")


def metafields_set(book: Book, inputs: Sequence[Json]) -> tuple[list[Metafield], list[Json]]:
    """Set all or none: what was stored, and the user errors.

    `compareDigest` as Shopify's schema says: left out, nothing is compared; null, there must be none yet; a digest, it
    must be the stored one's. Setting a metafield does not move the order's `updated_at`.
    """
    with book.together():
        errors = [error for index, given in enumerate(inputs) if (error := _error(book, given, index))]
        if len(inputs) > MOST_METAFIELDS:
            errors = [
                _user_error(None, "Exceeded the maximum metafields input limit of 25.", "LESS_THAN_OR_EQUAL_TO", 0)
            ]
        return ([], errors) if errors else ([_store(book, given) for given in inputs], [])


def tags_add(book: Book, order_id: str, tags: Sequence[str]) -> Order:
    """Add tags; a comma separates two, one that is there already stays single, and only a change moves `updated_at`."""
    wanted = [part.strip() for tag in tags for part in tag.split(",") if part.strip()]
    with book.together():
        order = book.order(order_id)
        if order is None:
            raise KeyError(order_id)
        have = {tag.lower() for tag in order.tags()}
        new = [tag for tag in dict.fromkeys(wanted) if tag.lower() not in have]
        if not new:
            return order
        joined = ", ".join(sorted([*order.tags(), *new], key=str.lower))
        return book.change(order_id, lambda found: with_body(found, tags=joined))


def _error(book: Book, given: Json, index: int) -> Json | None:
    order = _owner(book, given)
    if order is None:
        return _user_error("ownerId", "Owner does not exist.", "INVALID", index)
    namespace, key, value = given.get("namespace", "$app"), given["key"], given["value"]
    if not re.fullmatch(r"[A-Za-z0-9_-]{2,64}", key):
        return _user_error("key", "Key is invalid: 2 to 64 letters, digits, hyphens or underscores.", "INVALID", index)
    if not re.fullmatch(r"[A-Za-z0-9_$:-]{3,255}", namespace):
        return _user_error("namespace", "Namespace is too short (minimum is 3 characters)", "TOO_SHORT", index)
    before = order.metafield(namespace, key)
    kind = given.get("type") or (before.type if before else None)
    if kind is None:
        return _user_error("type", "Type can't be blank", "BLANK", index)
    if kind not in _TYPES or (before and before.type != kind):
        return _user_error("type", "Type must be consistent with the definition's type.", "INVALID_TYPE", index)
    return _value_error(kind, value, index) or _stale(before, given, index)


def _value_error(kind: str, value: str, index: int) -> Json | None:
    if not value.strip():
        return _user_error("value", "Value can't be blank.", "BLANK", index)
    if kind == "single_line_text_field" and "\n" in value:
        return _user_error("value", "Value must be a single line text string.", "INVALID_VALUE", index)
    if kind == "json" and not _is_json(value):
        return _user_error("value", "Value is invalid JSON.", "INVALID_VALUE", index)
    return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _stale(before: Metafield | None, given: Json, index: int) -> Json | None:
    if "compareDigest" not in given or given["compareDigest"] == (before.digest if before else None):
        return None
    message = "The resource has been updated since it was loaded. Try again with an updated `compareDigest` value."
    return _user_error(None, message, "STALE_OBJECT", index)


def _store(book: Book, given: Json) -> Metafield:
    order = _owner(book, given)
    if order is None:
        raise KeyError(given["ownerId"])
    namespace, key = given.get("namespace", "$app"), given["key"]
    before = order.metafield(namespace, key)
    kind = given.get("type") or (before.type if before else "")
    stored = Metafield(namespace=namespace, key=key, type=kind, value=given["value"], at=book.clock())
    if before:
        stored = replace(stored, id=before.id)
    others = tuple(held for held in order.metafields if held is not before)
    book.change(order.id, lambda found: replace(found, metafields=(*others, stored)), touch=False)
    return stored


def _owner(book: Book, given: Json) -> Order | None:
    found = _OWNER.fullmatch(given["ownerId"])
    return book.order(found[1]) if found else None


def _user_error(field: str | None, message: str, code: str, index: int) -> Json:
    path = ["metafields", str(index)] + ([field] if field else [])
    return {"field": path, "message": message, "code": code, "elementIndex": index}
