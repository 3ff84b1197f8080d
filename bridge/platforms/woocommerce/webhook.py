"""What proves that a webhook is the shop's: WooCommerce's signature over the body, and its unsigned ping."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

from bridge.errors import BadSignature
from bridge.platforms.base import Ping, Webhook

_SIGNATURE = "x-wc-webhook-signature"
_FORM = "application/x-www-form-urlencoded"
# The body of WC_Webhook::deliver_ping, sent when a webhook is made (measured, WooCommerce 11.0.1).
_PING = re.compile(rb"webhook_id=[0-9]+")
# https://developer.wordpress.org/reference/functions/wp_specialchars_decode/ with ENT_QUOTES: names in lower case only,
# leading zeros allowed, each stretch decoded once. `&apos;`, `&#x3c;` and `&#x3e;` are not in its tables.
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|#0*(?:34|38|39|60|62)|#[xX]0*(?:22|26|27));")
_CHARACTERS = {
    "amp": "&", "38": "&", "x26": "&",
    "lt": "<", "60": "<",
    "gt": ">", "62": ">",
    "quot": '"', "34": '"', "x22": '"',
    "39": "'", "x27": "'",
}  # fmt: skip
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})


def receive(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Webhook | Ping:
    """Verify a request by the shop's secrets; header names in lower case. Raises BadSignature.

    Topic, webhook id and delivery id are told by unsigned headers. The delivery id is not unique: all webhooks that one
    subscription sends within a second share it (measured, WooCommerce 8.9.3 and 11.0.1).
    """
    signature = headers.get(_SIGNATURE, "")
    if not signature and _is_ping(headers, body):
        return Ping()
    return Webhook(
        body=body,
        headers={name: value for name, value in headers.items() if name not in _CREDENTIALS},
        secret_position=_matching(secrets, signature, body),
        topic=headers.get("x-wc-webhook-topic", ""),
        webhook_id=headers.get("x-wc-webhook-id", ""),
        event_id=headers.get("x-wc-webhook-delivery-id", ""),
    )


def sign(secret: str, body: bytes) -> str:
    """The signature that WooCommerce gives a body: base64 of its HMAC-SHA256 under the unescaped secret."""
    return base64.b64encode(hmac.digest(unescaped(secret).encode(), body, hashlib.sha256)).decode()


def unescaped(secret: str) -> str:
    """The key that WooCommerce makes of a stored secret: `& < > " '` are taken out of their HTML entities."""
    return _ENTITY.sub(_character, secret)


def _is_ping(headers: Mapping[str, str], body: bytes) -> bool:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == _FORM and _PING.fullmatch(body) is not None


def _matching(secrets: Sequence[str], signature: str, body: bytes) -> int:
    """The position of the first secret that made `signature`; every secret is tried, in constant time each."""
    given = signature.strip().encode("utf-8", "replace")
    matches = [hmac.compare_digest(sign(secret, body).encode(), given) for secret in secrets]
    if not given or True not in matches:
        raise BadSignature(
            "no secret of the shop makes this signature: compare shop.secrets with the webhook's Secret in WooCommerce"
        )
    return matches.index(True)


def _character(entity: re.Match[str]) -> str:
    name = entity.group()[1:-1]
    if not name.startswith("#"):
        return _CHARACTERS[name]
    number = name[1:].lower()
    return _CHARACTERS["x" + number[1:].lstrip("0") if number.startswith("x") else number.lstrip("0")]
