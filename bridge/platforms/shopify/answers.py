"""What a status other than 200 means, for every call to Shopify.

https://shopify.dev/docs/api/usage/response-codes
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bridge.errors import ShopTrouble
from bridge.http import Answer

OK, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TOO_MANY = 200, 401, 403, 404, 429
SHORTEST_WAIT = timedelta(seconds=1)  # never none when throttled: it would be asked again at once, and again
USUAL_WAIT = timedelta(seconds=2)  # what a bucket needs for some hundred points at the lowest rate
_CLOSED_SHOP = {
    402: "the shop is frozen until its owner pays Shopify's bill",
    403: "Shopify forbids it: the app may have been blocked or uninstalled",
    404: "Shopify knows no such shop or API version: check domain and api_version",
    423: "Shopify has locked the shop",
}


def refused(answer: Answer, now: datetime) -> ShopTrouble:
    """The trouble that an answer with another status than 200 stands for."""
    if answer.status == TOO_MANY:
        wait = max(answer.retry_after(now) or USUAL_WAIT, SHORTEST_WAIT)
        return ShopTrouble("Shopify asks for fewer calls (429)", code="shop_busy", retry_after=wait)
    if answer.status == UNAUTHORIZED:
        return ShopTrouble(
            "Shopify does not accept the token, a new one neither (401): the app was uninstalled or its credentials "
            "were changed; install it again, or set client_id and client_secret (or access_token) anew",
            code="bad_credentials",
            pauses=True,
        )
    # A firewall in front of Shopify answers 403 with a page, and that passes; Shopify's own answer is JSON, and lasts.
    if answer.status in _CLOSED_SHOP and (answer.status != FORBIDDEN or answer.json() is not None):
        return ShopTrouble(f"{_CLOSED_SHOP[answer.status]} ({answer.status})", code="shop_closed", pauses=True)
    return ShopTrouble(
        f"Shopify answered with status {answer.status}; try again later",
        code="shop_status",
        retry_after=answer.retry_after(now),
    )
