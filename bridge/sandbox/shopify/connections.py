"""The forms in which the Admin API gives things: global ids, times, pages of a connection, metafields."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from graphql import GraphQLError

from bridge.sandbox.shopify.book import Metafield

Json = dict[str, Any]
T = TypeVar("T")

MOST_PER_PAGE = 250


def gid(kind: str, number: int | str) -> str:
    """A global id."""
    return f"gid://shopify/{kind}/{number}"


def number_of(global_id: str, kind: str) -> str:
    """The number in a global id of this kind, '' where it is none."""
    found = re.fullmatch(rf"gid://shopify/{kind}/(\d+)", global_id)
    return found[1] if found else ""


def zulu(text: str | None) -> str | None:
    """A body's time as GraphQL writes it: in UTC with Z."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if text else None


def page(items: Sequence[T], node: Callable[[T], Json], arguments: Mapping[str, Any]) -> Json:
    """One page of a connection, forwards only; cursors are positions. Raises GraphQLError for arguments it refuses."""
    first, after = arguments.get("first"), arguments.get("after") or "0"
    if first is None or not 0 <= first <= MOST_PER_PAGE:
        raise GraphQLError(f"`first` must be given, and be {MOST_PER_PAGE} at most; the fake shop pages forwards only")
    if not after.isdecimal():
        raise GraphQLError("Invalid cursor for current pagination sort.")
    ordered = items[::-1] if arguments.get("reverse") else items
    start = int(after)
    end = min(start + first, len(ordered))
    nodes = [node(item) for item in ordered[start:end]]
    return {
        "nodes": nodes,
        "edges": [{"cursor": str(start + index + 1), "node": found} for index, found in enumerate(nodes)],
        "pageInfo": {
            "hasNextPage": end < len(items),
            "hasPreviousPage": start > 0,
            "startCursor": str(start + 1) if nodes else None,
            "endCursor": str(end) if nodes else None,
        },
    }


def metafield_fields(held: Sequence[Metafield]) -> Json:
    """The fields `metafield` and `metafields` of whatever has these."""

    def one(_info: object, key: str, namespace: str | None = None) -> Json | None:
        name = (namespace or "$app", key) if namespace or "." not in key else tuple(key.rsplit(".", 1))
        return next((metafield(found) for found in held if (found.namespace, found.key) == name), None)

    def many(_info: object, **arguments: Any) -> Json:
        space, keys = arguments.get("namespace"), arguments.get("keys")
        found = [field for field in held if space in {None, field.namespace}]
        wanted = [field for field in found if keys is None or {field.key, f"{field.namespace}.{field.key}"} & set(keys)]
        return page(wanted, metafield, arguments)

    return {"metafield": one, "metafields": many}


def metafield(held: Metafield) -> Json:
    """One metafield as a node."""
    return {
        "id": gid("Metafield", held.id),
        "namespace": held.namespace,
        "key": held.key,
        "type": held.type,
        "value": held.value,
        "jsonValue": json.loads(held.value) if held.type == "json" else held.value,
        "compareDigest": held.digest,
        "createdAt": held.at.isoformat(),
        "updatedAt": held.at.isoformat(),
    }
