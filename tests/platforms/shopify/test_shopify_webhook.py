"""Which Shopify webhooks are believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

import pytest

from bridge.errors import BadSignature
from bridge.platforms.base import Webhook
from bridge.platforms.shopify import PLATFORM

Payload = Callable[[str], bytes]
HEADERS = {
    "x-shopify-topic": "orders/create",
    "x-shopify-webhook-id": "b54557e4-0000",
    "x-shopify-event-id": "98880550-0000",
    "x-shopify-api-version": "2026-10",
    "content-type": "application/json",
}


def sign(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def receive(body: bytes, signature: str | None, secrets: tuple[str, ...] = ("new", "old")) -> Webhook:
    headers = HEADERS if signature is None else {**HEADERS, "x-shopify-hmac-sha256": signature}
    received = PLATFORM.receive(secrets, headers, body)
    assert isinstance(received, Webhook)
    return received


def test_signed_body_is_taken_as_it_came(payload: Payload) -> None:
    body = payload("orders.create__two_lines_paid")
    assert receive(body, sign("new", body)).body == body


def test_signature_of_a_known_secret_and_body_is_this_one() -> None:
    # printf '{"id":1}' | openssl dgst -sha256 -hmac secret -binary | base64
    assert receive(b'{"id":1}', "A971iWIMgT8Zj9A9eWfikrFj7wQ16/Qwcc4OlRl2PLc=", ("secret",)).secret_position == 0


def test_second_secret_is_accepted_and_its_position_recorded(payload: Payload) -> None:
    body = payload("orders.create__two_lines_paid")
    assert receive(body, sign("old", body)).secret_position == 1


def test_headers_are_told(payload: Payload) -> None:
    body = payload("orders.create__two_lines_paid")
    told = receive(body, sign("new", body))
    assert (told.topic, told.webhook_id, told.event_id, told.api_version) == (
        "orders/create",
        "b54557e4-0000",
        "98880550-0000",
        "2026-10",
    )


def test_credentials_of_a_proxy_are_not_kept() -> None:
    headers = {**HEADERS, "authorization": "Basic x", "cookie": "a=b", "x-shopify-hmac-sha256": sign("new", b"{}")}
    received = PLATFORM.receive(["new"], headers, b"{}")
    assert isinstance(received, Webhook)
    assert not {"authorization", "cookie"} & set(received.headers)


def test_changed_body_is_refused(payload: Payload) -> None:
    body = payload("orders.create__two_lines_paid")
    with pytest.raises(BadSignature):
        receive(body + b" ", sign("new", body))


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "not base64 at all",
        "Zm9v",  # base64, but 3 bytes
        "é" * 44,
        "\u0665" * 44,  # digits of another script
        hmac.new(b"new", b"{}", hashlib.sha256).hexdigest(),  # hex instead of base64
        sign("new", b"{}").rstrip("="),
        sign("new", b"{}")[:-2] + "B=",  # bits beyond the 32 bytes: another spelling of the same signature, or not it
        sign("other", b"{}"),
    ],
)
def test_anything_but_the_signature_is_refused_without_a_crash(signature: str | None) -> None:
    with pytest.raises(BadSignature):
        receive(b"{}", signature)


def test_shop_without_secrets_believes_nothing() -> None:
    with pytest.raises(BadSignature):
        receive(b"{}", sign("", b"{}"), ())


def test_empty_secret_verifies_nothing() -> None:
    with pytest.raises(BadSignature):
        receive(b"{}", sign("", b"{}"), ("",))
