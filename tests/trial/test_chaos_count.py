"""The count of a soak: a right world has nothing wrong, and each thing that is made wrong in it is named."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import pytest

from bridge.sandbox.server import Answer, App, Dripping, Dropped, Later, Reply, Request
from bridge.sandbox.sortedpro import CreatedOrder
from bridge.store.ledger import Order
from bridge.trial.chaos_count import KINDS, Seen, make_count
from bridge.trial.chaos_courier import Webhook
from bridge.trial.chaos_doubt import DIED, Attempt, Cut
from bridge.trial.chaos_shops import ShopOrder
from bridge.trial.chaos_wire import Call, Wire

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


ATTEMPT, OTHER = UUID(int=1), UUID(int=2)
BODY = {
    "Packages": [{"Items": [{"ItemReferenceProvidedByCustomer": "11", "Quantity": 2}]}],
    "Addresses": [{"AddressType": "Origin"}, {"AddressType": "Destination", "SpecialInstructions": "ring twice"}],
}


def row(**values: Any) -> Order:
    fields: dict[str, Any] = dict.fromkeys(Order.__dataclass_fields__)
    usual = {"id": 7, "shop": "shopify", "order_id": "1", "part": 1, "state": "done", "reference": "EO-000-000-001"}
    told = {"reason": "", "trouble": "", "changed": False, "change": "", "alarm": "", "unsent": "", "left_out": []}
    sent = {"attempt_id": ATTEMPT, "lines": {"11": "2"}}
    return Order(**{**fields, **usual, **told, **sent, **values})


def made(reference: str = "EO-000-000-001", **values: Any) -> CreatedOrder:
    usual: dict[str, Any] = {"customer_reference": "shopify-1", "body": BODY, "headers": {}, "at": NOW}
    metadata = {"ShopOrderId": "1", "BridgeAttempt": str(values.pop("attempt", ATTEMPT))}
    return CreatedOrder(reference=reference, **{**usual, "metadata": metadata, **values})


def attempt(**values: Any) -> Attempt:
    usual: dict[str, Any] = {"id": ATTEMPT, "order": 7, "started_at": NOW, "ended_at": NOW + SECOND}
    return Attempt(**{**usual, "outcome": "created", "message": "", **values})


def call(**values: Any) -> Call:
    usual: dict[str, Any] = {"attempt": str(ATTEMPT), "came_at": NOW, "over_at": NOW + SECOND, "tells": True}
    return Call(**{**usual, **values})


def cut(what: Literal["worker", "database", "sortedpro"], since: datetime, lasts: timedelta = SECOND / 10) -> Cut:
    return Cut(what=what, since=since, until=since + lasts, most=16)


SOLD = ShopOrder(
    shop="shopify",
    order_id="1",
    name="#1",
    customer_reference="shopify-1",
    ships=True,
    lines={"11": 2},
    note="ring twice",
    references=["EO-000-000-001"],
)
WEBHOOK = Webhook(shop="shopify", order_id="1", topic="orders/create", hash=b"1", acknowledged=True)
RIGHT = Seen(
    shop_orders=[SOLD],
    webhooks=[WEBHOOK],
    stored={("shopify", b"1")},
    ledger=[row()],
    attempts=[attempt()],
    made=[made()],
    calls=[call()],
    at=NOW + MINUTE,
)
# An order in doubt: SortedPRO made it, and answered 500.
LOST = attempt(outcome="unknown")
DOUBTFUL = replace(
    RIGHT,
    shop_orders=[replace(SOLD, references=[])],
    ledger=[row(state="in_doubt", reference=None)],
    attempts=[LOST],
    calls=[call(tells=False)],
)
# The same where the policy is to send again, which it did: two orders, the second one's answer came.
TWICE = replace(
    RIGHT,
    shop_orders=[replace(SOLD, references=["EO-000-000-002"], sends_again=True)],
    ledger=[row(reference="EO-000-000-002", attempt_id=OTHER)],
    attempts=[LOST, attempt(id=OTHER)],
    made=[made(), made("EO-000-000-002", attempt=OTHER)],
    calls=[call(tells=False), call(attempt=str(OTHER))],
)


def kinds(seen: Seen) -> list[str]:
    return [one.what for one in make_count(seen).wrong]


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(RIGHT, id="done"),
        pytest.param(DOUBTFUL, id="in doubt, and made"),
        pytest.param(replace(DOUBTFUL, made=[]), id="in doubt, and not made"),
        pytest.param(TWICE, id="sent again by the policy"),
        pytest.param(
            replace(
                RIGHT,
                shop_orders=[replace(SOLD, ships=False, references=[])],
                ledger=[row(state="skipped", reference=None)],
                made=[],
            ),
            id="cancelled before it was sent",
        ),
        pytest.param(
            replace(
                RIGHT,
                shop_orders=[replace(SOLD, ships=False)],
                ledger=[row(changed=True, change="do not ship: cancelled")],
            ),
            id="cancelled, and a person told",
        ),
        pytest.param(replace(RIGHT, ledger=[row(due_at=NOW + HOUR)]), id="looked at again in an hour"),
    ],
)
def test_what_was_promised_has_nothing_wrong(seen: Seen) -> None:
    assert kinds(seen) == []


def test_in_doubt_is_counted_by_what_sortedpro_has() -> None:
    with_one, without = make_count(DOUBTFUL), make_count(replace(DOUBTFUL, made=[]))
    assert (with_one.in_doubt_made, with_one.in_doubt_not_made) == (1, 0)
    assert (without.in_doubt_made, without.in_doubt_not_made) == (0, 1)


def test_order_that_the_policy_made_again_is_counted() -> None:
    assert make_count(TWICE).made_again == 1


def with_row(seen: Seen = RIGHT, **values: Any) -> Seen:
    return replace(seen, ledger=[replace(one, **values) for one in seen.ledger])


def with_order(seen: Seen = RIGHT, **values: Any) -> Seen:
    return replace(seen, shop_orders=[replace(one, **values) for one in seen.shop_orders])


UNSENT: dict[str, Any] = {"reference": None, "attempt_id": None, "lines": {}}
NOTHING_MADE: dict[str, Any] = {"made": [], "attempts": [], "calls": []}

WRONG: dict[str, tuple[Seen, list[str]]] = {
    # SortedPRO
    "done, and SortedPRO lacks it": (replace(RIGHT, made=[]), ["lost"]),
    "done with a reference of another order": (
        with_order(with_row(reference="EO-X"), references=["EO-X"]),
        ["lost", "double"],
    ),
    "created, and SortedPRO lacks it": (replace(with_row(state="created"), made=[]), ["stuck", "lost"]),
    "made twice": (replace(RIGHT, made=[made(), made("EO-000-000-002")]), ["double"]),
    "made twice while in doubt": (replace(DOUBTFUL, made=[made(), made("EO-000-000-002", attempt=OTHER)]), ["double"]),
    "made by another attempt than that in doubt": (replace(DOUBTFUL, made=[made(attempt=OTHER)]), ["double"]),
    "made though it was skipped": (
        with_order(with_row(state="skipped", **UNSENT), ships=False, references=[]),
        ["stray"],
    ),
    "made for an order that no shop has": (
        replace(RIGHT, made=[made(), made("EO-000-000-002", customer_reference="shopify-9")]),
        ["stray"],
    ),
    "made with the id of another order": (
        replace(RIGHT, made=[made(metadata={"ShopOrderId": "2"})]),
        ["stray", "lost"],
    ),
    "made as a part that the ledger does not have": (
        replace(RIGHT, made=[made(), made("EO-000-000-002", customer_reference="shopify-1-2")]),
        ["stray"],
    ),
    # The policy to send again
    "made again, though the first answer came": (
        replace(TWICE, attempts=[attempt(), attempt(id=OTHER)], calls=[call(), call(attempt=str(OTHER))]),
        ["double"],
    ),
    "left in doubt, though the policy is to send again": (with_order(DOUBTFUL, sends_again=True), ["stuck"]),
    "never made, though the policy is to send again": (replace(TWICE, made=[made()]), ["lost"]),
    # Webhooks
    "nothing of it was acknowledged": (
        replace(RIGHT, webhooks=[replace(WEBHOOK, acknowledged=False)]),
        ["not acknowledged", "not received"],
    ),
    "one of its webhooks was not acknowledged": (
        replace(RIGHT, webhooks=[WEBHOOK, replace(WEBHOOK, topic="orders/updated", acknowledged=False)]),
        ["not acknowledged"],
    ),
    "acknowledged, and not stored": (replace(RIGHT, stored=set()), ["not stored"]),
    "stored for another shop": (replace(RIGHT, stored={("woocommerce", b"1")}), ["not stored"]),
    "no webhook was ever sent of it": (replace(RIGHT, webhooks=[]), ["not received"]),
    # The ledger
    "acknowledged, and not in the ledger": (
        with_order(replace(RIGHT, ledger=[], **NOTHING_MADE), references=[]),
        ["lost"],
    ),
    "a row of no shop order": (
        replace(RIGHT, ledger=[row(), row(id=8, order_id="9", **UNSENT, state="skipped")]),
        ["stray"],
    ),
    "done, and still due": (with_row(due_at=NOW), ["stuck"]),
    "in doubt, and still due": (with_row(DOUBTFUL, due_at=NOW), ["stuck"]),
    "done, and still claimed": (with_row(claimed_until=NOW + HOUR), ["stuck"]),
    "it came to no rest in time": (replace(RIGHT, rests=False), ["no rest"]),
    # The shop order
    "done, and its reference is not there": (with_order(references=[]), ["without reference"]),
    "another reference stands there too": (with_order(references=["EO-000-000-001", "EO-X"]), ["without reference"]),
    # What a person must be told
    "cancelled after it was sent": (with_order(ships=False), ["not told"]),
    "cancelled, and only another change told": (
        with_order(with_row(changed=True, change="changed after sending: Addresses"), ships=False),
        ["not told"],
    ),
    "cancelled while in doubt": (with_order(DOUBTFUL, ships=False), ["not told"]),
    "cancelled, and held": (
        with_order(replace(with_row(state="held", **UNSENT), **NOTHING_MADE), ships=False, references=[]),
        ["stopped"],
    ),
    "another note by now": (with_order(note=""), ["not told"]),
    "goods were added": (with_order(lines={"11": 2, "12": 1}), ["not told"]),
    "goods were added, and are to be sent": (with_order(lines={"11": 2, "12": 1}, sends_later=True), ["stopped"]),
    "goods were taken off": (with_order(lines={"11": 1}), ["not told"]),
    "goods were taken off while in doubt": (with_order(DOUBTFUL, lines={"11": 1}), ["not told"]),
}
for _state in ("received", "waiting", "queued", "sending"):
    WRONG[f"{_state} at the end"] = (
        with_order(replace(with_row(state=_state, **UNSENT), **NOTHING_MADE), references=[]),
        ["stuck"],
    )
for _state in ("skipped", "held", "failed"):
    WRONG[f"{_state}, and should ship"] = (
        with_order(replace(with_row(state=_state, **UNSENT), **NOTHING_MADE), references=[]),
        ["stopped"],
    )


@pytest.mark.parametrize(("seen", "expected"), WRONG.values(), ids=WRONG)
def test_what_was_not_promised_is_named(seen: Seen, expected: list[str]) -> None:
    assert kinds(seen) == expected


# A second part for goods of another line.
PART_TWO = row(id=8, part=2, reference="EO-000-000-002", lines={"12": "1"}, attempt_id=OTHER)
TWO_BODY = {**BODY, "Packages": [{"Items": [{"ItemReferenceProvidedByCustomer": "12", "Quantity": 1}]}]}
TWO_PARTS = replace(
    with_order(lines={"11": 2, "12": 1}, references=["EO-000-000-001", "EO-000-000-002"], sends_later=True),
    ledger=[row(), PART_TWO],
    attempts=[attempt(), attempt(id=OTHER, order=8)],
    made=[made(), made("EO-000-000-002", customer_reference="shopify-1-2", body=TWO_BODY, attempt=OTHER)],
)


def test_order_in_two_parts_is_right_where_they_have_its_goods() -> None:
    assert kinds(TWO_PARTS) == []


def test_goods_in_both_parts_are_named() -> None:
    both = {**BODY, "Packages": [*TWO_BODY["Packages"], *BODY["Packages"]]}
    assert kinds(replace(TWO_PARTS, made=[TWO_PARTS.made[0], replace(TWO_PARTS.made[1], body=both)])) == ["not told"]


def test_added_goods_that_the_ledger_names_are_right() -> None:
    assert kinds(with_order(with_row(unsent="not sent: 1 x CANDLE"), lines={"11": 2, "12": 1})) == []


# --- Doubts ----------------------------------------------------------------------------------------------------------
KILLED = attempt(outcome="unknown", message=DIED, ended_at=NOW + 30 * SECOND)
DIED_WITH_WORKER = replace(DOUBTFUL, attempts=[KILLED], calls=[call()], cuts=[cut("worker", NOW + SECOND)])
NEVER_CAME = replace(DOUBTFUL, made=[], calls=[])

EXPLAINED: dict[str, Seen] = {
    "SortedPRO answered what tells nothing": DOUBTFUL,
    "it answered after the limit": replace(DOUBTFUL, calls=[call(over_at=NOW + 21 * SECOND)]),
    "it never answered": replace(DOUBTFUL, calls=[call(over_at=None, tells=False)]),
    "it went away while the call was on its way": replace(NEVER_CAME, cuts=[cut("sortedpro", NOW)]),
    "the worker was killed": DIED_WITH_WORKER,
    "the worker was killed while SortedPRO did not answer": replace(
        DIED_WITH_WORKER, calls=[call(over_at=None, tells=False)], cuts=[cut("worker", NOW + 15 * SECOND)]
    ),
    "the worker was killed while it waited for the database": replace(
        DIED_WITH_WORKER, cuts=[cut("database", NOW, 10 * SECOND), cut("worker", NOW + 12 * SECOND)]
    ),
    "the database was killed when it began": replace(NEVER_CAME, attempts=[KILLED], cuts=[cut("database", NOW)]),
}


@pytest.mark.parametrize("seen", EXPLAINED.values(), ids=EXPLAINED)
def test_doubt_with_a_cause_is_right(seen: Seen) -> None:
    assert kinds(seen) == []


BASELESS: dict[str, Seen] = {
    "SortedPRO told what became of it": replace(DOUBTFUL, calls=[call()]),
    "the call never came, and nothing was in its way": NEVER_CAME,
    "SortedPRO went away later": replace(NEVER_CAME, cuts=[cut("sortedpro", NOW + MINUTE)]),
    "a worker was killed, but the call ended with its answer": replace(
        DOUBTFUL, calls=[call()], cuts=[cut("worker", NOW)]
    ),
    "nobody wrote the outcome down, and no worker died": replace(DIED_WITH_WORKER, cuts=[]),
    "a worker died long after the answer": replace(DIED_WITH_WORKER, cuts=[cut("worker", NOW + 10 * SECOND)]),
    "a worker died before": replace(DIED_WITH_WORKER, cuts=[cut("worker", NOW - SECOND)]),
    "only the database died, after the call had come": replace(DIED_WITH_WORKER, cuts=[cut("database", NOW)]),
    "only the web process's database was away": replace(NEVER_CAME, attempts=[KILLED], cuts=[]),
    "the attempt of the order in doubt is another": with_row(DOUBTFUL, attempt_id=OTHER),
    "its attempt was created": replace(DOUBTFUL, attempts=[attempt()]),
}


@pytest.mark.parametrize("seen", BASELESS.values(), ids=BASELESS)
def test_doubt_without_a_cause_is_named(seen: Seen) -> None:
    assert "baseless" in kinds(seen)


def test_kill_explains_no_more_doubts_than_the_worker_had_calls() -> None:
    killed = [replace(KILLED, id=UUID(int=number)) for number in range(20)]
    calls = [call(attempt=str(one.id)) for one in killed]
    seen = replace(DIED_WITH_WORKER, attempts=killed, calls=calls)
    # 20 calls died with a worker that makes 16 at a time.
    assert kinds(seen).count("baseless") == 4


def test_bridge_that_puts_every_order_in_doubt_is_found_out() -> None:
    attempts = [attempt(id=UUID(int=number), order=number, outcome="unknown") for number in range(1, 101)]
    seen = replace(
        RIGHT,
        shop_orders=[
            replace(SOLD, order_id=str(n), customer_reference=f"shopify-{n}", references=[]) for n in range(1, 101)
        ],
        webhooks=[replace(WEBHOOK, order_id=str(n)) for n in range(1, 101)],
        ledger=[
            row(id=n, order_id=str(n), state="in_doubt", reference=None, attempt_id=UUID(int=n)) for n in range(1, 101)
        ],
        attempts=attempts,
        made=[],
        calls=[call(attempt=str(one.id)) for one in attempts],
        cuts=[cut("worker", NOW)],
    )
    assert kinds(seen) == ["baseless"] * 100


def test_every_kind_of_wrong_is_shown_to_be_found() -> None:
    found = {kind for seen in (*(seen for seen, _ in WRONG.values()), *BASELESS.values()) for kind in kinds(seen)}
    assert found == set(KINDS)


# --- The wire --------------------------------------------------------------------------------------------------------
def post(app: App) -> tuple[Wire, Answer]:
    body = json.dumps({"MetaData": [{"KeyValue": "BridgeAttempt", "StringValue": "a"}]}).encode()
    wire = Wire(app, lambda: NOW)
    return wire, wire(Request(method="POST", path="/orders", body=body))


@pytest.mark.parametrize(
    ("answer", "tells"),
    [
        (Reply(status=201), True),
        (Reply(status=400), True),
        (Reply(status=401), True),
        (Reply(status=429), True),
        (Reply(status=503, headers={"Retry-After": "2"}), True),
        (Reply(status=503), False),
        (Reply(status=500), False),
        (Reply(status=408), False),
        (Dropped(), False),
    ],
    ids=str,
)
def test_wire_notes_whether_an_answer_tells(answer: Answer, tells: bool) -> None:
    wire, _ = post(lambda _: answer)
    assert wire.calls() == [Call(attempt="a", came_at=NOW, over_at=NOW, tells=tells)]


def test_wire_follows_an_answer_that_comes_later() -> None:
    wire, later = post(lambda _: Later(wait=SECOND, then=lambda: Reply(status=201)))
    assert wire.calls()[0].over_at is None
    assert isinstance(later, Later)
    later.then()
    assert wire.calls() == [Call(attempt="a", came_at=NOW, over_at=NOW, tells=True)]


def test_call_whose_answer_drips_is_not_over() -> None:
    wire, _ = post(lambda _: Dripping(reply=Reply(status=201), pause=SECOND))
    assert wire.calls() == [Call(attempt="a", came_at=NOW, over_at=None, tells=False)]


def test_call_of_a_process_that_died_while_it_wrote_is_nobodys() -> None:
    wire = Wire(lambda _: Reply(status=400), lambda: NOW)
    wire(Request(method="POST", path="/orders", body=b""))
    assert [call.attempt for call in wire.calls()] == [""]
