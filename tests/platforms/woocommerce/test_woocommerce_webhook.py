"""WooCommerce's signature and ping."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.errors import BadSignature
from bridge.platforms.base import Ping, Webhook
from bridge.platforms.woocommerce.webhook import receive, unescaped

SECRET = "tea & \"biscuits\" <'5'>"
# openssl dgst -sha256 -hmac SECRET -binary order.created__guest_two_lines.json | base64
SIGNATURE = "dgOZbXZLkyHS4c6g0Ly1m9gz+BRI+PZhHaiGMb/exUU="
FORM = {"content-type": "application/x-www-form-urlencoded"}

Payload = Callable[[str], bytes]


def headers(signature: str = SIGNATURE) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "x-wc-webhook-topic": "order.created",
        "x-wc-webhook-id": "4",
        "x-wc-webhook-delivery-id": "87a59ba17cd6a052a1be3a4980ff1daa",
        "x-wc-webhook-signature": signature,
    }


def test_signed_body_is_a_webhook_with_what_its_headers_tell(payload: Payload) -> None:
    body = payload("order.created__guest_two_lines")
    webhook = receive([SECRET], headers(), body)
    assert webhook == Webhook(
        body=body,
        headers=headers(),
        secret_position=0,
        topic="order.created",
        webhook_id="4",
        event_id="87a59ba17cd6a052a1be3a4980ff1daa",
    )


def test_any_secret_may_match_and_its_position_is_told(payload: Payload) -> None:
    webhook = receive(["old", SECRET, "new"], headers(), payload("order.created__guest_two_lines"))
    assert isinstance(webhook, Webhook)
    assert webhook.secret_position == 1


def test_secret_given_as_wordpress_stores_it_is_unescaped(payload: Payload) -> None:
    stored = "tea &amp; &quot;biscuits&#034; &lt;&#039;5&#x27;&gt;"
    assert isinstance(receive([stored], headers(), payload("order.created__guest_two_lines")), Webhook)


@pytest.mark.parametrize(
    ("stored", "key"),
    [
        ("&amp;&lt;&gt;&quot;&#039;", "&<>\"'"),
        ("&#38;&#0060;&#062;&#34;&#39;&#x26;&#x22;&#X0027;", "&<>\"'&\"'"),
        ("&amp;lt;", "&lt;"),  # once only
        ("&apos;&nbsp;&copy;&eacute;", "&apos;&nbsp;&copy;&eacute;"),  # not in WordPress's tables
        ("&AMP;&#x3c;&#x3e;&", "&AMP;&#x3c;&#x3e;&"),
        ("  blanks stay ", "  blanks stay "),
    ],
)
def test_only_five_characters_are_unescaped(stored: str, key: str) -> None:
    assert unescaped(stored) == key


@pytest.mark.parametrize(
    "signature", ["", "x", SIGNATURE[:-1], SIGNATURE.lower(), "é☕", "JARl/WZ4XhXLCGZpBuzg3DIVjetSCXFQoDItaIb/Py0="]
)
def test_missing_malformed_or_wrong_signature_is_refused(payload: Payload, signature: str) -> None:
    with pytest.raises(BadSignature):
        receive([SECRET], headers(signature), payload("order.created__guest_two_lines"))


def test_body_written_anew_does_not_match(payload: Payload) -> None:
    body = payload("order.created__guest_two_lines").replace(b"\\/", b"/")
    with pytest.raises(BadSignature):
        receive([SECRET], headers(), body)


def test_empty_list_of_secrets_matches_nothing(payload: Payload) -> None:
    with pytest.raises(BadSignature):
        receive([], headers(), payload("order.created__guest_two_lines"))


def test_unsigned_ping_is_known_by_its_form_body() -> None:
    assert receive([SECRET], FORM, b"webhook_id=17") == Ping()


@pytest.mark.parametrize(
    "body", [b"webhook_id=", b"webhook_id=17&x=1", b"webhook_id=17\n", b"webhook_id=\xd9\xa1", b""]
)
def test_what_is_only_like_a_ping_needs_a_signature(body: bytes) -> None:
    with pytest.raises(BadSignature):
        receive([SECRET], FORM, body)


def test_ping_of_another_content_type_needs_a_signature() -> None:
    with pytest.raises(BadSignature):
        receive([SECRET], {"content-type": "application/json"}, b"webhook_id=17")


def test_credentials_among_the_headers_are_not_kept(payload: Payload) -> None:
    given = {**headers(), "authorization": "Basic eA==", "cookie": "a=b"}
    webhook = receive([SECRET], given, payload("order.created__guest_two_lines"))
    assert isinstance(webhook, Webhook)
    assert webhook.headers == headers()
