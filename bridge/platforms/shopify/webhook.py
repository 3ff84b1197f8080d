"""Verifying Shopify webhooks: headers and bytes in, a Webhook or BadSignature out; no I/O."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from bridge.errors import BadSignature
from bridge.platforms.base import Webhook

_SIGNATURE = "x-shopify-hmac-sha256"
_SIGNATURE_BYTES = 32  # SHA-256
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})  # a proxy may add them; never stored


def receive(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Webhook:
    """Verify a request by its signature over the raw body; `headers` by lower-case name.

    Each secret is tried, whichever matches: while a secret is rotated Shopify signs with the oldest one that is not
    revoked. Raises BadSignature where the signature is missing, malformed or made with another secret.
    https://shopify.dev/docs/apps/build/webhooks/verify-deliveries
    """
    position = _matching(secrets, _signature(headers.get(_SIGNATURE, "")), body)
    return Webhook(
        body=body,
        headers={name: value for name, value in headers.items() if name not in _CREDENTIALS},
        secret_position=position,
        topic=headers.get("x-shopify-topic", ""),
        webhook_id=headers.get("x-shopify-webhook-id", ""),
        event_id=headers.get("x-shopify-event-id", ""),
        api_version=headers.get("x-shopify-api-version", ""),
    )


def _signature(text: str) -> bytes:
    """The 32 bytes of the header; only the one base64 spelling that Shopify sends is taken."""
    try:
        signature = base64.b64decode(text.strip(), validate=True)
    except ValueError as error:  # not base64, or not ASCII
        raise BadSignature("the signature header is not base64") from error
    if len(signature) != _SIGNATURE_BYTES or base64.b64encode(signature).decode() != text.strip():
        raise BadSignature("the signature header is missing, or not the base64 of 32 bytes")
    return signature


def _matching(secrets: Sequence[str], signature: bytes, body: bytes) -> int:
    """The position of the first secret that made `signature`; all are computed, so time tells nothing."""
    matches = [
        hmac.compare_digest(hmac.new(secret.encode(), body, hashlib.sha256).digest(), signature) and bool(secret)
        for secret in secrets
    ]
    if not any(matches):
        raise BadSignature(
            "no secret of the shop makes this signature: compare shop.secrets with the app's client secret, "
            "or with the secret under Settings > Notifications"
        )
    return matches.index(True)
