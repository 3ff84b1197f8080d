"""SortedPRO fails in every way that design and documents know, and shops in theirs; each at a destination of its own.

At each shop two orders come at once. The first one meets the fault; its webhook comes twice, and an older version of it
after the newer. The second one meets what the first has left: a slot, an open breaker, a pause.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

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
from bridge.sandbox.server import Request
from bridge.sandbox.sortedpro import throttled
from tests.faults.ground import Case, Ground, Platform, ShopFile, ground_on
from tests.journeys.site import database_on

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
AWAY = "away"  # nothing listens at its destination's address until two orders have failed to reach it


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A fault of a shop, shown `times` to the calls about an order; `write` to those that write its record."""

    platform: Platform
    fault: Fault
    write: bool = False
    lost: bool = False  # the write is not carried out


_GRAPHQL = json.dumps({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}).encode()
_PLUGIN = json.dumps({"code": "firewall_blocked", "message": "Blocked", "data": {"status": 403}}).encode()
TROUBLES = {
    "throttled": Trouble(platform="shopify", fault=status(200, headers=JSON, body=_GRAPHQL)),
    "shopify-502": Trouble(platform="shopify", fault=html(502)),
    "shopify-cut": Trouble(platform="shopify", fault=drop_before()),
    "shopify-write-throttled": Trouble(
        platform="shopify", fault=status(200, headers=JSON, body=_GRAPHQL), write=True, lost=True
    ),
    "shopify-write-cut": Trouble(platform="shopify", fault=drop_after(), write=True),
    "woo-write-403": Trouble(
        platform="woocommerce", fault=status(403, headers=JSON, body=_PLUGIN), write=True, lost=True
    ),
    "woo-write-403-html": Trouble(platform="woocommerce", fault=html(403), write=True, lost=True),
    "woo-write-429": Trouble(
        platform="woocommerce", fault=status(429, headers={"Retry-After": "1"}), write=True, lost=True
    ),
    "woo-write-500": Trouble(platform="woocommerce", fault=status(500), write=True, lost=True),
    "woo-write-cut": Trouble(platform="woocommerce", fault=drop_after(), write=True),
}


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
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    with database_on(server) as database, ground_on(database, folder, _shops(held.getsockname()[1])) as ground:
        ground.start_web()
        for _ in range(2):
            ground.start_worker()
        cases = {shop: _buy(ground, shop) for shop in ground.shops}
        with ground.listening(held, after=cases[AWAY]):
            ground.wait()
            made = {case.customer_reference: len(ground.site.sent(case.customer_reference)) for case in ground.cases}
            first = {shop: pair[0] for shop, pair in cases.items()}
            yield Failures(ground=ground, first=first, states=ground.states(), made=made)


def _shops(port: int) -> Sequence[ShopFile]:
    return [
        *(ShopFile(name=name, platform="woocommerce") for name in ANSWERS),
        *(ShopFile(name=name, platform="woocommerce", destination=AGAIN) for name in BY_POLICY),
        *(ShopFile(name=name, platform=trouble.platform) for name, trouble in TROUBLES.items()),
        ShopFile(name=AWAY, platform="woocommerce", destination={"url": f"http://127.0.0.1:{port}"}),
    ]


def _buy(ground: Ground, shop: str) -> list[Case]:
    first, second = ground.place(shop, f"{shop}, first"), ground.place(shop, f"{shop}, second")
    answer = {**ANSWERS, **BY_POLICY}.get(shop)
    if answer is not None:
        ground.site.world.sortedpro.behave(answer.fault, match=first.customer_reference)
        first.refused = answer.state == "failed"
    if shop in TROUBLES:
        _trouble(ground, first, TROUBLES[shop])
    old = ground.packet(first)
    ground.change(first)
    new = ground.packet(first)
    for packet in (new, old, new):
        ground.send(first, packet)
    ground.send(second)
    return [first, second]


def _trouble(ground: Ground, case: Case, trouble: Trouble) -> None:
    def about(request: Request) -> bool:
        writes = b"metafieldsSet" in request.body or request.method == "PUT"
        named = case.order_id.encode() in request.body or request.path.endswith(f"orders/{case.order_id}")
        return named and writes == trouble.write

    fake = getattr(ground.site.world, case.shop.platform)
    fake.behave(trouble.fault, match=about)
    case.lost_writes = int(trouble.lost)


def test_no_order_is_lost_doubled_or_stuck_whatever_failed(failures: Failures) -> None:
    failures.ground.verdict()


@pytest.mark.parametrize("name", [*ANSWERS, *BY_POLICY])
def test_each_answer_leads_where_the_table_of_outcomes_says(failures: Failures, name: str) -> None:
    reference, expected = failures.first[name].customer_reference, {**ANSWERS, **BY_POLICY}[name]
    assert (failures.states[reference], failures.made[reference]) == (expected.state, expected.made)


@pytest.mark.parametrize("name", [*TROUBLES, AWAY])
def test_trouble_of_a_shop_or_network_ends_by_itself(failures: Failures, name: str) -> None:
    reference = failures.first[name].customer_reference
    assert (failures.states[reference], failures.made[reference]) == ("done", 1)


def test_a_person_settles_doubts_and_resumes_and_all_but_the_refused_are_made_once(failures: Failures) -> None:
    failures.ground.settle()
    failures.ground.verdict(settled=True)
    refused = {name for name, answer in ANSWERS.items() if answer.state == "failed"}
    left = {
        case.shop.name for case in failures.ground.cases if failures.ground.states()[case.customer_reference] != "done"
    }
    assert left == refused
