"""Requests that are not taken: the status says so, the answer nothing else, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.web.webhooks import MAX_BODY
from tests.forward.conftest import Rig
from tests.web.conftest import Books, Shopfronts

Payload = Callable[[str], bytes]
SIGNATURES = {"shopify": "X-Shopify-Hmac-Sha256", "woocommerce": "X-WC-Webhook-Signature"}
WRONG = {
    "missing": None,
    "empty": "",
    "no base64": "not base64 at all",
    "too short": "c2hvcnQ=",
    "of another secret": "A971iWIMgT8Zj9A9eWfikrFj7wQ16/Qwcc4OlRl2PLc=",
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("shop", SIGNATURES)
def test_body_without_a_right_signature_is_401(rig: Rig, shop: str, wrong: str | None) -> None:
    headers = {} if wrong is None else {SIGNATURES[shop]: wrong}
    assert rig.web.post(f"/webhooks/{shop}", data=b'{"id": 1}', headers=headers).status_code == 401


@pytest.mark.parametrize("shop", SIGNATURES)
def test_401_says_no_more_than_that(rig: Rig, shop: str) -> None:
    answers = [
        rig.web.post(f"/webhooks/{shop}", data=b"{}", headers={SIGNATURES[shop]: wrong or ""})
        for wrong in WRONG.values()
    ]
    assert {(answer.data, answer.headers.get("WWW-Authenticate")) for answer in answers} == {(b"", None)}


@pytest.mark.parametrize("shop", SIGNATURES)
def test_unverified_body_is_not_stored(rig: Rig, books: Books, shop: str) -> None:
    rig.web.post(f"/webhooks/{shop}", data=b'{"id": 1}', headers={SIGNATURES[shop]: WRONG["of another secret"] or ""})
    assert books.inbox() == []


def test_signature_of_the_other_shop_is_401(shops: Shopfronts) -> None:
    assert shops.shopify(b'{"id": 1}', secret=shops.secrets["woocommerce"]).status_code == 401


def test_body_changed_by_one_byte_is_401(shops: Shopfronts, payload: Payload) -> None:
    body = payload("shopify/orders.create__two_lines_paid")
    good = shops.shopify(body).request.headers["X-Shopify-Hmac-Sha256"]
    assert shops.shopify(body + b"\n", X_Shopify_Hmac_Sha256=good).status_code == 401


def test_unknown_shop_is_404(rig: Rig) -> None:
    assert rig.web.post("/webhooks/nobody", data=b"{}").status_code == 404


def test_unknown_shop_is_not_repeated_in_the_answer(rig: Rig) -> None:
    assert rig.web.post("/webhooks/nobody", data=b"{}").data == b""


def test_body_of_ten_mebibytes_is_taken(shops: Shopfronts) -> None:
    assert shops.shopify(b" " * MAX_BODY).status_code == 202


def test_limit_is_ten_mebibytes() -> None:
    assert MAX_BODY == 10_485_760


def test_body_over_ten_mebibytes_is_413(shops: Shopfronts) -> None:
    assert shops.shopify(b" " * (MAX_BODY + 1)).status_code == 413


def test_too_large_body_is_not_stored(shops: Shopfronts, books: Books) -> None:
    shops.shopify(b" " * (MAX_BODY + 1))
    assert books.inbox() == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_anything_but_post_is_405(rig: Rig, method: str) -> None:
    assert rig.web.open("/webhooks/shopify", method=method).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/shopify/",
        "//webhooks/shopify",
        "/webhooks//shopify",
        "/webhooks/shopify//",
        "/webhooks/",
        "/webhooks",
    ],
)
def test_crooked_address_is_never_redirected(rig: Rig, path: str) -> None:
    answer = rig.web.post(f"http://bridge.example{path}", data=b"{}")
    assert (answer.status_code in {401, 404}, answer.headers.get("Location")) == (True, None)


def test_ping_is_exactly_200(rig: Rig) -> None:
    answer = rig.web.post(
        "/webhooks/woocommerce", data=b"webhook_id=12", content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 200


def test_ping_is_not_stored(rig: Rig, books: Books) -> None:
    rig.web.post("/webhooks/woocommerce", data=b"webhook_id=12", content_type="application/x-www-form-urlencoded")
    assert books.inbox() == []


@pytest.mark.parametrize("body", [b"webhook_id=", b"webhook_id=12&x=1", b"webhook_id=12\n", b"id=12"])
def test_what_only_looks_like_a_ping_is_401(rig: Rig, body: bytes) -> None:
    answer = rig.web.post("/webhooks/woocommerce", data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 401


def test_ping_at_a_shopify_shop_is_401(rig: Rig) -> None:
    answer = rig.web.post("/webhooks/shopify", data=b"webhook_id=12", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 401
