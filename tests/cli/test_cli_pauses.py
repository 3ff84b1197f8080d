"""`bridge destinations` and `bridge shops`: what keeps orders back, and what a person does about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import select, update

from bridge.sandbox.faults import status
from bridge.sandbox.shopify import shopify_order
from bridge.store import destinations, doorbell, tables
from bridge.store.database import transaction
from tests.cli.conftest import Bridge
from tests.forward.conftest import Rig

AT = datetime(2026, 3, 9, 14, 2, tzinfo=UTC)
FAR = datetime(2999, 1, 1, 8, 30, tzinfo=UTC)
ADA = {"LOGNAME": "ada"}


def written(rig: Rig, name: str, **values: object) -> None:
    """The row of a destination or shop with other values."""
    table = tables.destinations if name == "sorted" else tables.shops
    with transaction(rig.bridge.engine) as connection:
        assert connection.execute(update(table).where(table.c.name == name).values(**values)).rowcount == 1


def row(rig: Rig, name: str) -> dict[str, object]:
    table = tables.destinations if name == "sorted" else tables.shops
    with transaction(rig.bridge.engine) as connection:
        return dict(connection.execute(select(table).where(table.c.name == name)).mappings().one())


def shown(desk: Bridge, noun: str, name: str) -> dict[str, object]:
    """What `list --json` says of one."""
    lines = [json.loads(line) for line in desk(f"{noun}s", "list", "--json").stdout.splitlines()]
    (found,) = [one for one in lines if one["name"] == name]
    return found


def column(desk: Bridge, noun: str, number: int) -> str:
    """One column of the table, its folded lines in a row."""
    rows = [line.split("│") for line in desk(f"{noun}s", "list").stdout.splitlines() if line.startswith("│")]
    return " ".join(" ".join(cells[number].strip() for cells in rows).split())


@pytest.fixture
def queued(rig: Rig) -> Rig:
    """#1001 came 2026-03-09 14:02 and is queued; nothing keeps it back."""
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    written(rig, "sorted", paused_at=AT, pause_reason="a test", pause_code="person")
    rig.settle()
    assert rig.order("#1001").state == "queued"
    written(rig, "sorted", paused_at=None, pause_reason="", pause_code="")
    with transaction(rig.bridge.engine) as connection:
        connection.execute(update(tables.orders).values(first_seen_at=AT))
    return rig


# --- pause -----------------------------------------------------------------------------------------------------------
def test_a_pause_says_what_it_holds_back(queued: Rig, desk: Bridge) -> None:
    assert desk("destinations", "pause", "sorted", "--reason", "stock-taking", **ADA).stdout == (
        "sorted is paused until `bridge destinations resume sorted`: "
        "it holds back 1 order, the oldest came 2026-03-09 14:02:00\n"
    )
    found = row(queued, "sorted")
    assert (found["pause_code"], found["pause_reason"]) == ("person", "paused by ada: stock-taking")


def test_a_paused_destination_is_sent_nothing_until_it_is_resumed(queued: Rig, desk: Bridge) -> None:
    desk("destinations", "pause", "sorted", "--reason", "stock-taking")
    queued.later(hours=2)
    queued.work()
    assert queued.sent() == []
    desk("destinations", "resume", "sorted")
    queued.work()
    assert queued.sent() == ["shopify-1001"]


def test_a_pause_of_a_shop_counts_no_order_that_is_not_paid_yet(rig: Rig, desk: Bridge) -> None:
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock(), financial_status="pending"))
    rig.settle()
    assert rig.order("#1001").state == "waiting"
    assert shown(desk, "shop", "shopify")["orders"] == 0


def test_a_paused_shop_takes_in_its_webhooks_and_goes_on_when_it_is_resumed(rig: Rig, desk: Bridge) -> None:
    assert desk("shops", "pause", "shopify", "--reason", "sale", **ADA).stdout == (
        "shopify is paused until `bridge shops resume shopify`: no order waits now\n"
    )
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.settle()
    assert rig.order("#1001").state == "received"
    assert desk("shops", "resume", "shopify").stdout == "shopify is resumed: 1 order can go on within seconds\n"
    rig.settle()
    assert rig.order("#1001").state == "done"


def test_a_persons_pause_takes_over_from_one_by_trouble_and_a_new_key_does_not_lift_it(rig: Rig, desk: Bridge) -> None:
    written(rig, "sorted", paused_at=AT, pause_reason="401: wrong key", pause_code="misconfigured")
    said = desk("destinations", "pause", "sorted", "--reason", "ask Tess", **ADA).stdout.splitlines()
    assert said[1] == (
        "it was paused by its own trouble since 2026-03-09 14:02:00 (401: wrong key): "
        "mending that does not lift this pause"
    )
    written(rig, "sorted", credentials="of another key")
    rig.bridge.announce()
    found = row(rig, "sorted")
    assert found["pause_reason"] == "paused by ada: ask Tess"
    assert found["paused_at"] > AT  # since she said so


def test_a_shop_that_a_person_pauses_while_it_is_tried_stays_paused(rig: Rig, desk: Bridge) -> None:
    written(rig, "shopify", paused_at=AT, pause_reason="no scope", pause_code="missing_scope")
    desk("shops", "pause", "shopify", "--reason", "sale", **ADA)
    with transaction(rig.bridge.engine) as connection:
        destinations.lift_own_pause(connection, "shopify")  # what the trial's success does
    assert row(rig, "shopify")["pause_reason"] == "paused by ada: sale"


def test_what_a_person_has_paused_is_not_paused_again(rig: Rig, desk: Bridge) -> None:
    written(rig, "sorted", paused_at=AT, pause_reason="paused by tess: audit", pause_code="person")
    result = desk("destinations", "pause", "sorted", "--reason", "sale")
    assert result.exit_code == 1
    assert result.stderr == (
        "error: sorted is paused by tess: audit, since 2026-03-09 14:02:00: "
        "`bridge destinations resume sorted` lifts that\n"
    )


@pytest.mark.parametrize("words", [(), ("--reason", ""), ("--reason", " \t")])
@pytest.mark.parametrize("nouns", ["destinations", "shops"])
def test_a_pause_wants_a_reason(bridge: Bridge, nouns: str, words: tuple[str, ...]) -> None:
    result = bridge(nouns, "pause", "sorted", *words)
    assert (result.exit_code, "--reason" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("noun", "words", "known"),
    [
        ("destination", ("pause", "nobody", "--reason", "sale"), "sorted"),
        ("shop", ("resume", "nobody"), "shopify, woocommerce"),
    ],
)
def test_an_unknown_name_is_refused(desk: Bridge, noun: str, words: tuple[str, ...], known: str) -> None:
    result = desk(f"{noun}s", *words)
    refusal = f"error: there is no {noun} nobody; there are {known}: see `bridge {noun}s list`\n"
    assert (result.exit_code, result.stderr) == (1, refusal)


# --- resume ----------------------------------------------------------------------------------------------------------
def test_what_is_not_paused_cannot_be_resumed(desk: Bridge) -> None:
    result = desk("shops", "resume", "shopify")
    assert (result.exit_code, result.stderr) == (
        1,
        "error: shopify is not paused, and no order waits for it: see `bridge shops list`\n",
    )


def test_a_resumed_destination_has_its_breaker_closed_and_the_doorbell_rung(queued: Rig, desk: Bridge) -> None:
    stopped = {"breaker": "open", "breaker_since": AT, "breaker_reason": "no answer", "probe_at": FAR}
    written(queued, "sorted", **stopped, probes=3, trials=2, failures=4, quiet_until=FAR)
    database = queued.bridge.settings.database
    assert database is not None
    with psycopg.connect(database.url, autocommit=True) as listening:
        listening.execute(f"listen {doorbell.CHANNEL}")
        said = desk("destinations", "resume", "sorted").stdout
        heard = list(listening.notifies(timeout=10, stop_after=1))
    assert (said, len(heard)) == ("sorted is resumed: 1 order can go on within seconds\n", 1)
    found = row(queued, "sorted")
    assert [found[name] for name in ("breaker", "trials", "probes", "failures", "quiet_until", "trial_attempt")] == [
        *("", 0, 0, 0),
        *(None, None),
    ]


def test_what_waits_for_its_next_try_is_tried_at_once_by_a_resume(queued: Rig, desk: Bridge) -> None:
    with transaction(queued.bridge.engine) as connection:
        connection.execute(update(tables.orders).values(not_before=FAR, tries=5))
    assert queued.work() == 0
    assert desk("destinations", "resume", "sorted").stdout == "sorted is resumed: 1 order can go on within seconds\n"
    queued.work()
    assert queued.sent() == ["shopify-1001"]


def test_a_try_makes_no_order_younger(queued: Rig, desk: Bridge) -> None:
    queued.world.sortedpro.behave(status(429), count=None)
    queued.work()
    assert queued.order("#1001").tries == 1
    assert shown(desk, "destination", "sorted")["oldest"] == "2026-03-09T14:02:00+00:00"


def test_a_resumed_shop_is_no_longer_quiet(rig: Rig, desk: Bridge) -> None:
    written(rig, "shopify", quiet_until=FAR, quiet_reason="it does not answer", quiet_code="shop_away", failures=5)
    assert desk("shops", "resume", "shopify").stdout == "shopify is resumed: no order waits for it\n"
    found = row(rig, "shopify")
    assert (found["quiet_until"], found["quiet_reason"], found["failures"]) == (None, "", 0)


# --- list ------------------------------------------------------------------------------------------------------------
def test_a_destination_that_refuses_the_key_is_listed_with_the_way_on(rig: Rig, desk: Bridge) -> None:
    rig.world.sortedpro.behave(status(401, body=b'{"statusCode":401,"message":"Access denied"}'), count=None)
    rig.world.shopify.add_order(shopify_order(1001, at=rig.clock()))
    rig.settle()
    listed = desk("destinations", "list").stdout
    assert "401" in listed
    assert listed.splitlines()[-1] == (
        "sorted: mend what is named; it goes on by itself then, or by `bridge destinations resume sorted`"
    )
    assert desk("destinations", "resume", "sorted").exit_code == 0
    assert "401" not in desk("destinations", "list").stdout


def test_a_stopped_destination_is_listed_with_its_next_probe(rig: Rig, desk: Bridge) -> None:
    stopped = {"breaker": "open", "breaker_since": AT, "breaker_reason": "no answer", "probe_at": FAR}
    written(rig, "sorted", **stopped)
    assert column(desk, "destination", 2) == (
        "stopped since 2026-03-09 14:02:00: no answer; next probe 2999-01-01 08:30:00"
    )
    assert desk("destinations", "list").stdout.splitlines()[-1] == (
        "sorted: it goes on by itself, or at once by `bridge destinations resume sorted`"
    )


def test_a_destination_on_trial_is_listed(rig: Rig, desk: Bridge) -> None:
    written(rig, "sorted", breaker="trial", breaker_since=AT, breaker_reason="no answer")
    assert column(desk, "destination", 2) == "the next order goes alone; stopped since 2026-03-09 14:02:00: no answer"


def test_quiet_is_listed_while_it_lasts(rig: Rig, desk: Bridge) -> None:
    written(rig, "shopify", quiet_until=FAR, quiet_reason="it asked for it")
    written(rig, "woocommerce", quiet_until=AT.replace(year=2020), quiet_reason="it does not answer")
    assert column(desk, "shop", 2) == "quiet until 2999-01-01 08:30:00: it asked for it goes"


def test_destinations_as_json_are_one_object_a_line(queued: Rig, desk: Bridge) -> None:
    written(queued, "sorted", rate=0.5, breaker="open", breaker_since=AT, breaker_reason="no answer", probe_at=FAR)
    assert shown(desk, "destination", "sorted") == {
        "name": "sorted",
        "paused_at": None,
        "pause_code": "",
        "pause_reason": "",
        "quiet_until": None,
        "breaker": "open",
        "breaker_since": "2026-03-09T14:02:00+00:00",
        "breaker_reason": "no answer",
        "probe_at": "2999-01-01T08:30:00+00:00",
        "concurrency": 16,
        "requests_per_second": 0.5,
        "orders": 1,
        "oldest": "2026-03-09T14:02:00+00:00",
    }
    assert column(desk, "destination", 3) == "16 at a time, 0.5 a second"


def test_shops_as_json_are_one_object_a_line(queued: Rig, desk: Bridge) -> None:
    written(queued, "shopify", paused_at=AT, pause_reason="no scope", pause_code="missing_scope")
    assert shown(desk, "shop", "shopify") == {
        "name": "shopify",
        "paused_at": "2026-03-09T14:02:00+00:00",
        "pause_code": "missing_scope",
        "pause_reason": "no scope",
        "quiet_until": None,
        "quiet_reason": "",
        "orders": 1,
        "oldest": "2026-03-09T14:02:00+00:00",
    }


# --- what an order says ----------------------------------------------------------------------------------------------
def test_a_queued_order_says_that_its_destination_is_paused_and_how_to_go_on(queued: Rig, desk: Bridge) -> None:
    desk("destinations", "pause", "sorted", "--reason", "stock-taking", **ADA)
    told = desk("order", "show", "#1001").stdout
    since = row(queued, "sorted")["paused_at"]
    assert isinstance(since, datetime)
    assert (
        f"\n  destination sorted: paused by ada: stock-taking (since {since:%Y-%m-%d %H:%M:%S}); "
        "it goes on by `bridge destinations resume sorted`\n"
    ) in told


def test_a_queued_order_says_that_its_destination_does_not_answer(queued: Rig, desk: Bridge) -> None:
    written(queued, "sorted", breaker="open", breaker_since=AT, breaker_reason="no answer", probe_at=FAR)
    assert (
        "\n  destination sorted: stopped since 2026-03-09 14:02:00: no answer; next probe 2999-01-01 08:30:00; "
        "it goes on by itself, or at once by `bridge destinations resume sorted`\n"
    ) in desk("order", "show", "#1001").stdout


def test_a_sent_order_says_nothing_of_its_destination(queued: Rig, desk: Bridge) -> None:
    queued.work()
    assert queued.order("#1001").state == "done"
    desk("destinations", "pause", "sorted", "--reason", "stock-taking")
    assert "stock-taking" not in desk("order", "show", "#1001").stdout


def test_an_order_says_what_puts_it_first(queued: Rig, desk: Bridge) -> None:
    shopify = queued.bridge.settings.mappings / "shopify.yaml"
    shopify.write_text(shopify.read_text() + "priority: { urgent: order.test, dear: order.confirmed }\n")
    with transaction(queued.bridge.engine) as connection:
        connection.execute(update(tables.orders).values(priority=1))
    told = desk("order", "show", "#1001").stdout
    assert "\n  priority 1 (dear): it goes before its shop's orders of a lower one\n" in told
