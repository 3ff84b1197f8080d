"""SortedPRO fails in every way that design and documents know, and shops in theirs; each at a destination of its own.

At each shop two orders come at once. The first one meets the fault; its webhook comes twice, and an older version of it
after the newer. The second one meets what the first has left: a slot, an open breaker, a pause.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from bridge.config import Database
from bridge.sandbox.faults import (
    Fault,
    create_then_hang,
    delay,
    drop_after,
    drop_before,
    hang,
    html,
    slow_drip,
    status,
)
from bridge.sandbox.server import App, Request
from bridge.sandbox.sortedpro import throttled
from tests.faults.ground import LIMIT, Case, Ground, Platform, ShopFile, ground_on
from tests.journeys.site import database_on, until

State = Literal["done", "in_doubt", "failed", "queued"]

JSON = {"Content-Type": "application/json"}
ERROR = json.dumps({"Code": "OrderNotValid", "Message": "No.", "CorrelationId": "c-1", "Details": []}).encode()
GATEWAY = json.dumps({"statusCode": 404, "message": "Resource not found"}).encode()
THROTTLING = json.dumps({"statusCode": 503, "message": "Rate limit is exceeded. Try again in 1 seconds."}).encode()
LONGER = 30.0  # seconds; a call may take 20
AGAIN = {"on_unknown_outcome": "send_again"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A fault of SortedPRO, where it leaves an order before a person has done anything, and how many were made."""

    fault: Fault
    state: State
    made: int


ANSWERS = {
    "late": Answer(fault=delay(3), state="done", made=1),
    "no-reference": Answer(fault=status(200, headers=JSON, body=b"[]"), state="in_doubt", made=0),
    "unreadable": Answer(fault=html(201), state="in_doubt", made=0),
    "refused": Answer(fault=status(400, headers=JSON, body=ERROR), state="failed", made=0),
    "refused-in-html": Answer(fault=html(422), state="failed", made=0),
    "not-found-by-it": Answer(fault=status(404, headers=JSON, body=ERROR), state="failed", made=0),
    "wrong-key": Answer(fault=status(401), state="queued", made=0),
    "forbidden": Answer(fault=status(403), state="queued", made=0),
    "moved": Answer(fault=status(302, headers={"Location": "https://sorted.example/"}), state="queued", made=0),
    "wrong-method": Answer(fault=status(405), state="queued", made=0),
    "wrong-address": Answer(fault=status(404, headers=JSON, body=GATEWAY), state="queued", made=0),
    "busy": Answer(fault=throttled(1), state="done", made=1),
    "busy-503": Answer(fault=status(503, headers={"Retry-After": "1"}), state="done", made=1),
    "busy-gateway": Answer(fault=status(503, headers=JSON, body=THROTTLING), state="done", made=1),
    "timeout-408": Answer(fault=status(408), state="in_doubt", made=0),
    "failing-500": Answer(fault=status(500), state="in_doubt", made=0),
    "failing-502": Answer(fault=html(502), state="in_doubt", made=0),
    "bare-503": Answer(fault=status(503), state="in_doubt", made=0),
    "cut-before": Answer(fault=drop_before(), state="in_doubt", made=0),
    "cut-after": Answer(fault=drop_after(), state="in_doubt", made=1),
    "silent": Answer(fault=hang(LONGER), state="in_doubt", made=0),
    "silent-after": Answer(fault=create_then_hang(LONGER), state="in_doubt", made=1),
    "dripping": Answer(fault=slow_drip(1), state="in_doubt", made=1),
}
BY_POLICY = {  # with send_again: never none, and two where the first was made
    "again-500": Answer(fault=status(500), state="done", made=1),
    "again-cut-before": Answer(fault=drop_before(), state="done", made=1),
    "again-cut-after": Answer(fault=drop_after(), state="done", made=2),
    "again-no-reference": Answer(fault=status(200, headers=JSON, body=b"[]"), state="done", made=1),
}
# Nothing listens at the address of SortedPRO or of a shop until two orders have failed to reach it.
AWAY: dict[str, Platform] = {"away": "woocommerce", "shopify-away": "shopify", "woo-away": "woocommerce"}
# Shop orders that carry another reference: a person says which one stays.
CONFLICTS: dict[str, Platform] = {"shopify-conflict": "shopify", "woo-conflict": "woocommerce"}
STRANGER = "EO-999-999-999"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A fault of a shop, shown to so many of the calls that read an order; `write` to those that write its record."""

    platform: Platform
    fault: Fault
    times: int = 1
    write: bool = False
    lost: bool = False  # the write is not carried out
    gone: bool = False  # the order looks as if it were deleted: a newer webhook tells that it is not


def _json(content: Any, code: int = 200, **headers: str) -> Fault:
    return status(code, headers={**JSON, **headers}, body=json.dumps(content).encode())


def _shopify(fault: Fault, *, times: int = 1) -> Trouble:
    return Trouble(platform="shopify", fault=fault, times=times)


def _woo(fault: Fault) -> Trouble:
    return Trouble(platform="woocommerce", fault=fault)


def _graphql(code: str, message: str = "No.") -> Fault:
    return _json({"errors": [{"message": message, "path": ["order"], "extensions": {"code": code}}]})


def _rest(code: str, number: int) -> Fault:
    return _json({"code": code, "message": "No.", "data": {"status": number}}, number)


THROTTLED = _graphql("THROTTLED", "Throttled")
BLOCKED = _rest("firewall_blocked", 403)
READS = {
    "shopify-throttled": _shopify(THROTTLED),
    "shopify-429": _shopify(status(429, headers={"Retry-After": "1"})),
    "shopify-502": _shopify(html(502)),
    "shopify-cut": _shopify(drop_before()),
    "shopify-silent": _shopify(hang(LONGER)),
    "shopify-dripping": _shopify(slow_drip(1)),
    "shopify-unreadable": _shopify(html(200)),
    "shopify-no-data": _shopify(_json({"data": None})),
    "shopify-error": _shopify(_graphql("INTERNAL_SERVER_ERROR")),
    "shopify-old-token": _shopify(status(401)),  # once: a new one works
    "shopify-wrong-token": _shopify(status(401), times=2),  # pauses the shop, as the next three do
    "shopify-no-scope": _shopify(_graphql("ACCESS_DENIED")),
    "shopify-frozen": _shopify(status(402)),
    "shopify-blocked": _shopify(_json({"errors": "Forbidden"}, 403)),
    "shopify-firewall": _shopify(html(403)),
    "shopify-gone": Trouble(platform="shopify", fault=_json({"data": {"order": None}}), gone=True),
    "woo-429": _woo(status(429, headers={"Retry-After": "1"})),
    "woo-maintenance": _woo(status(503, headers={"Retry-After": "1"})),
    "woo-500": _woo(status(500)),
    "woo-502": _woo(html(502)),
    "woo-cut": _woo(drop_before()),
    "woo-silent": _woo(hang(LONGER)),
    "woo-dripping": _woo(slow_drip(1)),
    "woo-unreadable": _woo(html(200)),
    "woo-other-shape": _woo(_json([])),
    "woo-moved": _woo(status(301, headers={"Location": "https://shop.example/"})),
    "woo-no-route": _woo(_rest("rest_no_route", 404)),
    "woo-firewall": _woo(html(403)),
    "woo-plugin": _woo(BLOCKED),
    "woo-wrong-key": _woo(_rest("woocommerce_rest_cannot_view", 401)),  # pauses the shop
    "woo-gone": Trouble(platform="woocommerce", fault=_rest("woocommerce_rest_shop_order_invalid_id", 404), gone=True),
}
WRITES = {
    "shopify-write-throttled": Trouble(platform="shopify", fault=THROTTLED, write=True, lost=True),
    "shopify-write-cut": Trouble(platform="shopify", fault=drop_after(), write=True),
    "shopify-write-unreadable": Trouble(platform="shopify", fault=html(200), write=True, lost=True),
    "woo-write-403": Trouble(platform="woocommerce", fault=BLOCKED, write=True, lost=True),
    "woo-write-403-html": Trouble(platform="woocommerce", fault=html(403), write=True, lost=True),
    "woo-write-401": Trouble(
        platform="woocommerce", fault=_rest("woocommerce_rest_cannot_edit", 401), write=True, lost=True
    ),
    "woo-write-429": Trouble(
        platform="woocommerce", fault=status(429, headers={"Retry-After": "1"}), write=True, lost=True
    ),
    "woo-write-500": Trouble(platform="woocommerce", fault=status(500), write=True, lost=True),
    "woo-write-cut": Trouble(platform="woocommerce", fault=drop_after(), write=True),
}
TROUBLES = {**READS, **WRITES}


@dataclass(frozen=True, kw_only=True)
class Failures:
    """All faults after they were met, before a person has done anything."""

    ground: Ground
    first: dict[str, Case]  # by shop
    states: dict[str, str]  # by our reference
    made: dict[str, int]  # orders in SortedPRO, by our reference


@pytest.fixture(scope="module")
def failures(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failures]:
    folder = tmp_path_factory.mktemp("answers")
    with ExitStack() as stack:
        held = {name: stack.enter_context(socket.socket()) for name in AWAY}
        for one in held.values():
            one.bind(("127.0.0.1", 0))
        urls = {name: f"http://127.0.0.1:{one.getsockname()[1]}" for name, one in held.items()}
        database = stack.enter_context(database_on(server))
        ground = stack.enter_context(ground_on(database, folder, _shops(urls)))
        ground.start_web()
        for _ in range(2):
            ground.start_worker()
        cases = {shop: _buy(ground, shop) for shop in ground.shops}
        world = ground.site.world
        apps: dict[str, App] = {"away": world.sortedpro, "shopify-away": world.shopify, "woo-away": world.woocommerce}
        for name, app in apps.items():
            stack.enter_context(ground.listening(held[name], app, after=cases[name]))
        for name in (name for name, trouble in TROUBLES.items() if trouble.gone):
            _tell_that_it_is_there(ground, cases[name][0])
        ground.wait()
        made = {case.customer_reference: len(ground.site.sent(case.customer_reference)) for case in ground.cases}
        first = {shop: pair[0] for shop, pair in cases.items()}
        yield Failures(ground=ground, first=first, states=ground.states(), made=made)


def _shops(urls: Mapping[str, str]) -> Sequence[ShopFile]:
    return [
        *(ShopFile(name=name, platform="woocommerce") for name in ANSWERS),
        *(ShopFile(name=name, platform="woocommerce", destination=AGAIN) for name in BY_POLICY),
        *(ShopFile(name=name, platform=trouble.platform) for name, trouble in TROUBLES.items()),
        *(ShopFile(name=name, platform=platform) for name, platform in CONFLICTS.items()),
        ShopFile(name="away", platform=AWAY["away"], destination={"url": urls["away"]}),
        *(ShopFile(name=name, platform=AWAY[name], url=urls[name]) for name in ("shopify-away", "woo-away")),
    ]


def _buy(ground: Ground, shop: str) -> list[Case]:
    first = ground.place(shop, f"{shop}, first", stranger=STRANGER if shop in CONFLICTS else "")
    second = ground.place(shop, f"{shop}, second")
    answer = {**ANSWERS, **BY_POLICY}.get(shop)
    if answer is not None:
        ground.site.world.sortedpro.behave(answer.fault, match=first.customer_reference)
        first.refused = answer.state == "failed"
    if shop in TROUBLES:
        _trouble(ground, first, TROUBLES[shop])
    old = ground.packet(first)
    ground.change(first)
    new = ground.packet(first)
    # A WooCommerce order is read before it is sent where a webhook says no more than that something happened to it.
    bare = [ground.bare_packet(first)] if shop in READS and first.shop.platform == "woocommerce" else []
    for packet in (*bare, new, old, new):
        ground.send(first, packet)
    ground.send(second)
    return [first, second]


def _trouble(ground: Ground, case: Case, trouble: Trouble) -> None:
    def about(request: Request) -> bool:
        writes = b"metafieldsSet" in request.body or request.method == "PUT"
        named = case.order_id.encode() in request.body or request.path.endswith(f"orders/{case.order_id}")
        if not named or writes != trouble.write:
            return False
        case.troubled += 1
        return True

    fake = getattr(ground.site.world, case.shop.platform)
    fake.behave(trouble.fault, match=about, count=trouble.times)
    case.lost_writes = int(trouble.lost)


def _tell_that_it_is_there(ground: Ground, case: Case) -> None:
    """A newer webhook of an order that the bridge has looked for and not found, unless a repeat told of it already."""

    def looked_for() -> bool:
        order = ground.order(case)
        return order is not None and order.state in {"skipped", "waiting", "done"} and order.claimed_until is None

    until(looked_for, seconds=LIMIT, what=lambda: f"{case.where} looked for: {ground.standing(case).told()}")
    ground.change(case)
    ground.send(case)


def test_no_order_is_lost_doubled_or_stuck_whatever_failed(failures: Failures) -> None:
    failures.ground.verdict()


@pytest.mark.parametrize("name", [*ANSWERS, *BY_POLICY])
def test_each_answer_leads_where_the_table_of_outcomes_says(failures: Failures, name: str) -> None:
    reference, expected = failures.first[name].customer_reference, {**ANSWERS, **BY_POLICY}[name]
    assert (failures.states[reference], failures.made[reference]) == (expected.state, expected.made)


@pytest.mark.parametrize("name", [*TROUBLES, *AWAY])
def test_trouble_of_a_shop_or_network_ends_by_itself(failures: Failures, name: str) -> None:
    reference = failures.first[name].customer_reference
    assert (failures.states[reference], failures.made[reference]) == ("done", 1)


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_was_met(failures: Failures, name: str) -> None:
    assert failures.first[name].troubled == TROUBLES[name].times


@pytest.mark.parametrize("name", CONFLICTS)
def test_another_reference_on_a_shop_order_stays_until_a_person_looks(failures: Failures, name: str) -> None:
    case, standing = failures.first[name], failures.ground.standing(failures.first[name])
    reference = case.customer_reference
    assert (failures.states[reference], failures.made[reference], standing.written) == ("created", 1, STRANGER)


def test_a_person_settles_doubts_and_resumes_and_all_but_the_refused_are_made_once(failures: Failures) -> None:
    failures.ground.settle()
    failures.ground.verdict(settled=True)
    refused = {name for name, answer in ANSWERS.items() if answer.state == "failed"}
    states = failures.ground.states()
    left = {case.shop.name for case in failures.ground.cases if states[case.customer_reference] != "done"}
    assert left == refused
