"""The errors of GraphQL answers, which come with status 200, as ShopTrouble.

https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.errors import ShopTrouble
from bridge.platforms.base import Json
from bridge.platforms.shopify import points
from bridge.platforms.shopify.answers import USUAL_WAIT


def check_errors(value: Mapping[str, Json], optional: Sequence[str] = ()) -> None:
    """Raise ShopTrouble for the first error that concerns anything but the top-level fields in `optional`."""
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
        wait = points.wait(value) or USUAL_WAIT
        return ShopTrouble("Shopify asks for fewer points (THROTTLED)", code="shop_busy", retry_after=wait)
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
