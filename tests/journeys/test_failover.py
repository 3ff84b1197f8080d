"""PostgreSQL fails over under traffic: connections dropped, read-only for a while, killed and started again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bridge.sandbox.trio import open_trio
from tests.journeys.site import Server, Site, own_server, site_on, until
from tests.journeys.traffic import Answer, Traffic

READ_ONLY = timedelta(seconds=20)  # as long as a real one takes
REFUSED = '"event": "the database is away"'  # in the worker's log
ORDERS = 5  # acknowledged before the first trouble and after each


@dataclass(frozen=True, kw_only=True)
class Failover:
    """A site whose database went through all of it, and what its shops were told meanwhile."""

    site: Site
    traffic: Traffic
    read_only: Counter[Answer]  # answers while nothing could be written


@pytest.fixture(scope="module")
def failover(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failover]:
    with (
        own_server() as server,
        open_trio() as world,
        site_on(server.database, world, tmp_path_factory.mktemp("failover")) as site,
    ):
        world.shopify.webhooks.target = None  # the senders are ours
        site.start_web()
        site.start_worker()
        with Traffic(site=site, first=5001) as traffic:
            site.wait_for("#5001", "done", seconds=120)
            traffic.wait_for_more(ORDERS)
            _tell(server, _DROP)
            traffic.wait_for_more(ORDERS)
            read_only = _read_only(server, site, traffic)
            traffic.wait_for_more(ORDERS)
            server.kill()
            server.start()
            traffic.wait_for_more(ORDERS)
        for number in traffic.acknowledged:
            site.wait_for(f"#{number}", "done", "in_doubt", seconds=120)
        yield Failover(site=site, traffic=traffic, read_only=read_only)


def test_nothing_acknowledged_is_lost_and_nothing_is_made_twice(failover: Failover) -> None:
    made = Counter(order.customer_reference for order in failover.site.world.sortedpro.orders())
    expected = {f"shopify-{number}": 1 for number in failover.traffic.acknowledged}
    assert {reference: made[reference] for reference in expected} == expected


def test_no_order_is_left_in_doubt_by_a_worker_that_lives(failover: Failover) -> None:
    states = {
        failover.site.wait_for(f"#{number}", "done", "in_doubt").state for number in failover.traffic.acknowledged
    }
    assert states == {"done"}


def test_nothing_is_acknowledged_while_nothing_can_be_written(failover: Failover) -> None:
    assert set(failover.read_only) == {503}


def test_senders_hear_nothing_but_202_and_503(failover: Failover) -> None:
    assert set(failover.traffic.answers) == {202, 503}


def test_same_web_and_worker_go_on(failover: Failover) -> None:
    assert [child.popen.poll() for child in failover.site.children] == [None, None]


_DROP = """
    select pg_terminate_backend(pid) from pg_stat_activity
     where backend_type = 'client backend' and pid <> pg_backend_pid()
"""


def _read_only(server: Server, site: Site, traffic: Traffic) -> Counter[Answer]:
    """Let nothing be written for `READ_ONLY` by the server's clock; what was answered meanwhile."""
    refused = _refusals(site)
    _tell(server, "alter system set default_transaction_read_only = on", "select pg_reload_conf()")
    traffic.wait_for_answer(503)
    before, begin = Counter(traffic.answers), _clock(site)
    until(lambda: _clock(site) >= begin + READ_ONLY, seconds=120, what=lambda: "the end of a failover")
    until(lambda: _refusals(site) > refused, seconds=60, what=lambda: "a worker that could not write")
    meanwhile = Counter(traffic.answers) - before
    _tell(
        server,
        "set default_transaction_read_only = off",
        "alter system reset default_transaction_read_only",
        "select pg_reload_conf()",
    )
    return meanwhile


def _clock(site: Site) -> datetime:
    with site.engine.connect() as connection:
        return connection.execute(text("select clock_timestamp()")).scalar_one()


def _refusals(site: Site) -> int:
    """How often the worker found that it cannot write."""
    return Path(site.output.name).read_text(errors="replace").count(REFUSED)


def _tell(server: Server, *statements: str) -> None:
    engine = create_engine(server.database.sqlalchemy_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
