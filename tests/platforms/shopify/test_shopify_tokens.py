"""How a Shopify shop's access token is taken, kept and renewed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from bridge.errors import ShopTrouble
from bridge.http import Budget, Http
from bridge.platforms.shopify import PLATFORM
from bridge.platforms.shopify.settings import ShopifySettings
from bridge.platforms.shopify.tokens import REQUIRED_SCOPES, Tokens, missing_scopes

ALL = ",".join(REQUIRED_SCOPES)


class Granting:
    """A token endpoint: answers in turn, the last one for ever."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)


def granted(token: str = "t1", scope: str = ALL) -> httpx.Response:
    return httpx.Response(200, json={"access_token": token, "scope": scope, "expires_in": 86399})


@pytest.fixture
def take(settings: ShopifySettings, clock: Any) -> Iterator[Any]:
    """Tokens against an endpoint."""
    opened = []

    def make(endpoint: Granting, found: ShopifySettings = settings) -> Tokens:
        opened.append(Http(transport=httpx.MockTransport(endpoint)))
        return Tokens(found, opened[-1], clock)

    yield make
    for http in opened:
        http.close()


def test_grant_is_asked_with_a_form(take: Any, budget: Budget) -> None:
    endpoint = Granting(granted())
    take(endpoint).get(budget)
    request = endpoint.requests[0]
    assert (str(request.url), request.headers["content-type"], parse_qs(request.content.decode())) == (
        "https://pottery.myshopify.com/admin/oauth/access_token",
        "application/x-www-form-urlencoded",
        {"grant_type": ["client_credentials"], "client_id": ["client-id"], "client_secret": ["client-secret"]},
    )


def test_token_is_kept(take: Any, budget: Budget) -> None:
    endpoint = Granting(granted("t1"), granted("t2"))
    tokens = take(endpoint)
    assert [tokens.get(budget), tokens.get(budget)] == ["t1", "t1"]


@pytest.mark.parametrize(("seconds", "token"), [(86399 - 61, "t1"), (86399 - 60, "t2")])
def test_token_is_renewed_a_minute_before_its_end(
    take: Any, budget: Budget, clock: Any, seconds: int, token: str
) -> None:
    tokens = take(Granting(granted("t1"), granted("t2")))
    tokens.get(budget)
    clock.move(seconds=seconds)
    assert tokens.get(budget) == token


def test_dropped_token_is_taken_anew(take: Any, budget: Budget) -> None:
    tokens = take(Granting(granted("t1"), granted("t2")))
    tokens.drop(tokens.get(budget))
    assert tokens.get(budget) == "t2"


def test_token_that_another_thread_renewed_is_not_dropped(take: Any, budget: Budget) -> None:
    tokens = take(Granting(granted("t1"), granted("t2")))
    tokens.get(budget)
    tokens.drop("t0")
    assert tokens.get(budget) == "t1"


def test_many_threads_take_one_token(take: Any, budget: Budget) -> None:
    endpoint = Granting(granted())
    tokens = take(endpoint)
    threads = [threading.Thread(target=tokens.get, args=(budget,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("scope", REQUIRED_SCOPES)
def test_missing_scope_is_named_and_pauses_the_shop(take: Any, budget: Budget, scope: str) -> None:
    others = [one for one in REQUIRED_SCOPES if one not in (scope, scope.replace("read_", "write_"))]
    with pytest.raises(ShopTrouble, match=scope) as caught:
        take(Granting(granted(scope=",".join(others)))).get(budget)
    assert (caught.value.code, caught.value.pauses) == ("missing_scope", True)


def test_scope_granted_meanwhile_counts_at_once(take: Any, budget: Budget) -> None:
    tokens = take(Granting(granted("t1", "read_orders"), granted("t2")))
    with pytest.raises(ShopTrouble):
        tokens.get(budget)
    assert tokens.get(budget) == "t2"


def test_write_scope_contains_the_read_scope() -> None:
    assert missing_scopes([scope.replace("read_", "write_") for scope in REQUIRED_SCOPES]) == []


def test_read_scope_does_not_contain_the_write_scope() -> None:
    assert missing_scopes([scope.replace("write_", "read_") for scope in REQUIRED_SCOPES]) == ["write_orders"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(400, json={"error": "shop_not_permitted"}), "organisation"),
        (httpx.Response(400, json={"error": "app_not_installed"}), "not installed"),
        (httpx.Response(401, json={"error": "invalid_client"}), "client_secret is wrong"),
        (httpx.Response(400, json={"error": "something_new"}), "the app is refused"),
        (httpx.Response(404, json={"error": "application_cannot_be_found"}), "client_id is wrong"),
        (httpx.Response(402, json={"error": "unavailable_shop"}), "frozen"),
    ],
)
def test_refused_credentials_pause_the_shop(take: Any, budget: Budget, answer: httpx.Response, words: str) -> None:
    with pytest.raises(ShopTrouble, match=words) as caught:
        take(Granting(answer)).get(budget)
    assert caught.value.pauses


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 423])
@pytest.mark.parametrize("page", [{"text": "<html>"}, {"json": {"errors": "Not Found"}}])
def test_page_in_place_of_the_token_endpoint_pauses_nothing(
    take: Any, budget: Budget, status: int, page: dict[str, Any]
) -> None:
    with pytest.raises(ShopTrouble, match=str(status)) as caught:
        take(Granting(httpx.Response(status, **page))).get(budget)
    assert not caught.value.pauses


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(429, headers={"Retry-After": "7"}),
        httpx.Response(503, headers={"Retry-After": "7"}),
    ],
)
def test_busy_shop_is_asked_again_when_it_says(take: Any, budget: Budget, answer: httpx.Response) -> None:
    with pytest.raises(ShopTrouble) as caught:
        take(Granting(answer)).get(budget)
    assert (caught.value.pauses, caught.value.retry_after) == (False, timedelta(seconds=7))


def test_answer_without_a_token_passes(take: Any, budget: Budget) -> None:
    with pytest.raises(ShopTrouble) as caught:
        take(Granting(httpx.Response(200, text="<html>"))).get(budget)
    assert not caught.value.pauses


def test_trouble_shows_no_secret(take: Any, budget: Budget) -> None:
    with pytest.raises(ShopTrouble) as caught:
        take(Granting(httpx.Response(401, json={"error": "invalid_client"}))).get(budget)
    assert "client-secret" not in str(caught.value)


# ---------------------------------------------------------------------------------------------------------------------
# A static token
# ---------------------------------------------------------------------------------------------------------------------
def scopes(*handles: str) -> httpx.Response:
    found = {"accessScopes": [{"handle": handle} for handle in handles]}
    return httpx.Response(200, json={"data": {"currentAppInstallation": found}})


@pytest.fixture
def static(shop_section: dict[str, Any]) -> ShopifySettings:
    found, _ = PLATFORM.settings({**shop_section, "access_token": "shpat_1"}, {})
    assert isinstance(found, ShopifySettings)
    return found


def test_static_token_is_used_once_its_scopes_are_seen(take: Any, static: ShopifySettings, budget: Budget) -> None:
    endpoint = Granting(scopes(*REQUIRED_SCOPES))
    tokens = take(endpoint, static)
    assert [tokens.get(budget), tokens.get(budget), len(endpoint.requests)] == ["shpat_1", "shpat_1", 1]


def test_static_token_asks_for_its_scopes_with_itself(take: Any, static: ShopifySettings, budget: Budget) -> None:
    endpoint = Granting(scopes(*REQUIRED_SCOPES))
    take(endpoint, static).get(budget)
    request = endpoint.requests[0]
    assert request.headers["x-shopify-access-token"] == "shpat_1"
    assert "accessScopes" in json.loads(request.content)["query"]


def test_static_token_without_a_scope_is_named(take: Any, static: ShopifySettings, budget: Budget) -> None:
    with pytest.raises(ShopTrouble, match="write_orders"):
        take(Granting(scopes(*REQUIRED_SCOPES[:1], *REQUIRED_SCOPES[2:])), static).get(budget)


def test_static_token_that_is_refused_pauses_the_shop(take: Any, static: ShopifySettings, budget: Budget) -> None:
    with pytest.raises(ShopTrouble, match="access_token is wrong") as caught:
        take(Granting(httpx.Response(401, json={"errors": "Invalid API key"})), static).get(budget)
    assert caught.value.pauses


def test_throttled_scopes_of_a_static_token_are_asked_again_later(
    take: Any, static: ShopifySettings, budget: Budget
) -> None:
    status = {"maximumAvailable": 2000, "currentlyAvailable": 0, "restoreRate": 100}
    cost = {"requestedQueryCost": 300, "throttleStatus": status}
    throttled = {
        "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
        "extensions": {"cost": cost},
    }
    with pytest.raises(ShopTrouble) as caught:
        take(Granting(httpx.Response(200, json=throttled)), static).get(budget)
    # 300 points at 100 a second
    assert (caught.value.code, caught.value.pauses, caught.value.retry_after) == (
        "shop_busy",
        False,
        timedelta(seconds=3),
    )


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(200, text="<html>"), httpx.Response(401, text="<html>"), httpx.Response(200, json={"data": {}})],
)
def test_scopes_that_nobody_told_pause_nothing(
    take: Any, static: ShopifySettings, budget: Budget, answer: httpx.Response
) -> None:
    with pytest.raises(ShopTrouble) as caught:
        take(Granting(answer), static).get(budget)
    assert not caught.value.pauses
