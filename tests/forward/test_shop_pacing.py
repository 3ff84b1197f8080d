"""A shop that asks for quiet, or is down, is left alone for a while; all others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import event

from bridge.config import Database
from bridge.sandbox.faults import html, status
from bridge.sandbox.shopify import shopify_order
from bridge.sandbox.woocommerce import woo_order
from bridge.store import destinations, shop_pacing
from bridge.store.database import transaction
from bridge.store.destinations import Pause
from tests.conftest import Clock
from tests.forward.conftest import Rig, make_rig

WOO = ["#21", "#22", "#23"]


class Watched(httpx.HTTPTransport):
    """Real calls, noted with what was answered; `before` is called ahead of each to a shop that is watched for."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, bytes]] = []
        self.before: dict[str, Callable[[], None]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        address = f"{request.url.scheme}://{request.url.host}:{request.url.port}"
        if address in self.before:
            self.before.pop(address)()
        answer = super().handle_request(request)
        self.calls.append((address, answer.read()))
        return answer

    def to(self, address: str) -> int:
        return sum(called == address for called, _ in self.calls)


@pytest.fixture
def transport() -> Watched:
    return Watched()


@pytest.fixture
def rig(database: Database, mappings, world, clock: Clock, transport: Watched) -> Iterator[Rig]:
    made = make_rig(database, mappings, world, clock, transport=transport)
    yield made
    made.bridge.close()


@pytest.fixture
def statements(rig: Rig) -> Callable[[], list[str]]:
    """Begin to note what the store is asked."""

    def begin() -> list[str]:
        seen: list[str] = []
        event.listen(rig.bridge.engine, "before_cursor_execute", lambda *told: seen.append(told[2]))
        return seen

    return begin


def shop(rig: Rig, name: str = "woocommerce") -> Pause:
    with transaction(rig.bridge.engine) as connection:
        return next(one for one in destinations.list_shops(connection, rig.clock()) if one.name == name)


def quiet_for(rig: Rig, name: str = "woocommerce") -> float | None:
    """Seconds for which the shop is still left alone."""
    until = shop(rig, name).quiet_until
    return (until - rig.clock()).total_seconds() if until else None


def woo(rig: Rig, *numbers: int) -> None:
    for number in numbers:
        rig.world.woocommerce.add_order(woo_order(number, at=rig.clock()))


def shopify(rig: Rig, *numbers: int) -> None:
    for number in numbers:
        rig.world.shopify.add_order(shopify_order(number, at=rig.clock()))


def states(rig: Rig, *names: str) -> set[str]:
    return {rig.order(name).state for name in names}


# --- a shop that asks for quiet --------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", [429, 403, 503])
def test_retry_after_is_kept_by_the_whole_shop_and_by_no_other(rig: Rig, transport: Watched, code: int) -> None:
    rig.world.woocommerce.behave(status(code, headers={"Retry-After": "60"}, body=b"<html>"))
    woo(rig, 21, 22, 23)
    shopify(rig, 1001)
    rig.settle()
    assert (rig.order("#1001").state, transport.to(rig.world.woocommerce_url), quiet_for(rig)) == ("done", 1, 60)
    rig.later(seconds=59)
    assert rig.work() == 0
    rig.later(seconds=1)
    rig.settle()
    assert states(rig, *WOO) == {"done"}


def test_retry_after_a_day_is_kept_for_an_hour(rig: Rig) -> None:
    rig.world.woocommerce.behave(status(429, headers={"Retry-After": "86400"}))
    woo(rig, 21)
    rig.settle()
    not_before = rig.order("#21").not_before
    assert quiet_for(rig) == 3600
    assert not_before is not None
    assert not_before - rig.clock() == timedelta(hours=1)


def test_busy_shop_that_names_no_time_is_left_alone_from_the_first_answer(rig: Rig, transport: Watched) -> None:
    rig.world.woocommerce.behave(status(429))
    woo(rig, 21, 22)
    rig.settle()
    assert (transport.to(rig.world.woocommerce_url), quiet_for(rig)) == (1, 10)


def test_write_backs_keep_the_quiet_time_too(rig: Rig) -> None:
    rig.world.woocommerce.behave(status(429, headers={"Retry-After": "60"}), match="meta_data")
    woo(rig, 21, 22)
    rig.settle()
    assert sorted(rig.order(name).state for name in ("#21", "#22")) == ["created", "received"]
    rig.later(seconds=60)
    rig.settle()
    assert (states(rig, "#21", "#22"), len(rig.sent())) == ({"done"}, 2)


def another_worker_told(rig: Rig, code: str) -> Callable[[], None]:
    """Another worker was told to leave WooCommerce alone, a while after this one last asked the store."""

    def tell() -> None:
        rig.later(seconds=6)
        until = rig.clock() + timedelta(seconds=60)
        with transaction(rig.bridge.engine) as connection:
            shop_pacing.quiet_shop(connection, "woocommerce", until=until, reason="told", code=code)

    return tell


def test_what_is_on_its_way_makes_no_further_call_to_a_shop_that_asked_for_quiet(rig: Rig, transport: Watched) -> None:
    woo(rig, 21)
    transport.before[rig.world.sortedpro_url] = another_worker_told(rig, "shop_busy")
    rig.settle()
    assert (rig.order("#21").state, rig.order("#21").trouble_code) == ("created", "shop_quiet")
    rig.later(seconds=60)
    rig.settle()
    assert (rig.order("#21").state, len(rig.sent())) == ("done", 1)


def test_what_is_on_its_way_is_finished_while_a_shop_is_only_spared(rig: Rig, transport: Watched) -> None:
    woo(rig, 21)
    transport.before[rig.world.sortedpro_url] = another_worker_told(rig, shop_pacing.LOW)
    rig.settle()
    assert rig.order("#21").state == "done", rig.story("#21")


def test_of_two_quiet_times_the_later_counts(rig: Rig) -> None:
    now = rig.clock()
    with transaction(rig.bridge.engine) as connection:
        for seconds, reason in ((60, "first"), (90, "later"), (30, "sooner")):
            until = now + timedelta(seconds=seconds)
            shop_pacing.quiet_shop(connection, "shopify", until=until, reason=reason, code="shop_busy")
    assert (quiet_for(rig, "shopify"), shop(rig, "shopify").quiet_reason) == (90, "later")


def test_a_busy_shop_costs_a_failed_tag_no_try(rig: Rig) -> None:
    shopify(rig, 1001)
    rig.world.shopify.behave(
        status(200, body=TAG_REFUSED, headers={"content-type": "application/json"}), match="tagsAdd"
    )
    rig.settle()
    rig.world.shopify.behave(status(429, headers={"Retry-After": "9"}), match="tagsAdd")
    rig.later(minutes=1)
    rig.settle()
    order = rig.order("#1001")
    assert (order.warning != "", order.warning_tries) == (True, 0)


TAG_REFUSED = b"""{"data": {
    "metafieldsSet": {"metafields": [{"id": "gid://shopify/Metafield/1"}], "userErrors": []},
    "tagsAdd": {"userErrors": [{"message": "no room"}]}
}}"""


# --- Shopify's points ------------------------------------------------------------------------------------------------
def test_shop_whose_points_run_low_is_spared_before_it_refuses(rig: Rig, transport: Watched) -> None:
    shopify(rig, *range(1001, 1006))
    rig.deliver()
    rig.world.shopify.bucket.spend(950)
    woo(rig, 21)
    turns = 0
    while states(rig, *(f"#{number}" for number in range(1001, 1006))) != {"done"}:
        rig.settle()
        rig.later(seconds=1)
        turns += 1
        assert turns < 120
    throttled = sum(b"THROTTLED" in content for _, content in transport.calls)
    assert (throttled, turns > 1, rig.order("#21").state) == (0, True, "done")


def test_throttled_shop_is_left_alone_until_its_points_pay_again(rig: Rig, transport: Watched) -> None:
    shopify(rig, 1001, 1002, 1003)
    rig.deliver()
    rig.world.shopify.bucket.drain()
    rig.settle()
    assert sum(b"THROTTLED" in content for _, content in transport.calls) == 1
    assert (shop(rig, "shopify").quiet_reason, rig.sent()) == ("its points for calls are nearly spent", [])
    rig.later(minutes=1)
    rig.settle()
    assert states(rig, "#1001", "#1002", "#1003") == {"done"}


# --- a shop that is down ---------------------------------------------------------------------------------------------
def test_shop_that_is_down_holds_back_only_its_own_orders(rig: Rig, transport: Watched) -> None:
    rig.world.woocommerce.behave(html(502), count=None)
    woo(rig, *range(21, 29))
    shopify(rig, 1001, 1002)
    rig.settle()
    assert states(rig, "#1001", "#1002") == {"done"}
    assert (transport.to(rig.world.woocommerce_url), quiet_for(rig)) == (3, 10)
    rig.world.woocommerce.clear()
    rig.later(minutes=1)
    rig.settle()
    assert (states(rig, *(f"#{number}" for number in range(21, 29))), shop(rig).quiet_until) == ({"done"}, None)


def test_quiet_times_of_a_shop_that_stays_down_double_up_to_five_minutes(rig: Rig, transport: Watched) -> None:
    rig.world.woocommerce.behave(html(502), count=None)
    woo(rig, *range(21, 35))
    rig.settle()
    waits = []
    for _ in range(7):
        wait = quiet_for(rig)
        assert wait is not None
        waits.append(wait)
        rig.later(seconds=wait)
        rig.work()
    assert waits == [10, 20, 40, 80, 160, 300, 300]
    assert transport.to(rig.world.woocommerce_url) == 3 + 7  # each time one order tried it


def test_while_one_order_tries_a_shop_that_was_down_no_other_does(rig: Rig, transport: Watched) -> None:
    rig.world.woocommerce.behave(html(502), count=3)
    woo(rig, *range(21, 27))
    rig.settle()
    rig.later(seconds=10)
    claims = []
    transport.before[rig.world.woocommerce_url] = lambda: claims.append(rig.bridge.forwarder.forward_next())
    assert rig.bridge.forwarder.forward_next()
    assert claims == [False]
    assert (states(rig, *(f"#{number}" for number in range(21, 27))), quiet_for(rig)) == ({"received", "done"}, None)


def test_trial_whose_worker_died_does_not_keep_the_shop_quiet(rig: Rig) -> None:
    rig.world.woocommerce.behave(html(502), count=3)
    woo(rig, 21, 22, 23)
    rig.settle()
    rig.later(seconds=10)
    with transaction(rig.bridge.engine) as connection:
        until = rig.clock() + timedelta(seconds=40)
        begun = [shop_pacing.begin_trial(connection, "woocommerce", until=until, now=rig.clock()) for _ in range(2)]
    assert begun == [True, False]
    assert rig.work() == 0
    rig.later(seconds=40)
    rig.settle()
    assert states(rig, *WOO) == {"done"}


def test_an_answer_ends_the_row_of_failures(rig: Rig) -> None:
    for number in range(21, 26):
        rig.world.woocommerce.behave(html(502))
        woo(rig, number)
        rig.settle()
        woo(rig, number + 10)
        rig.settle()
    assert states(rig, *(f"#{number}" for number in range(31, 36))) == {"done"}
    assert shop(rig).quiet_until is None


def test_order_that_alone_upsets_its_shop_stops_no_other(rig: Rig) -> None:
    woo(rig, 21)
    rig.world.woocommerce.behave(status(500), match="orders/21", count=None)
    for _ in range(6):
        rig.settle()
        rig.later(hours=1)
    assert (rig.order("#21").state, shop(rig).quiet_until) == ("created", None)
    woo(rig, 22)
    rig.settle()
    assert rig.order("#22").state == "done"


def test_wrong_key_pauses_the_shop_and_is_no_failure(rig: Rig) -> None:
    refused = b'{"code": "woocommerce_rest_cannot_view"}'
    rig.world.woocommerce.behave(status(401, headers={"content-type": "application/json"}, body=refused), count=None)
    woo(rig, 21, 22, 23, 24)
    rig.settle()
    assert (shop(rig).code, shop(rig).quiet_until) == ("wrong_key", None)


def test_a_shop_that_answers_costs_no_statement_more_an_order(rig: Rig, statements: Callable[[], list[str]]) -> None:
    woo(rig, 21)
    rig.settle()
    woo(rig, *range(22, 30))
    rig.deliver()
    seen = statements()
    rig.work()
    assert not [one for one in seen if "shops.failures" in one]
    assert states(rig, *(f"#{number}" for number in range(22, 30))) == {"done"}
