"""The Black Friday rehearsal: bursts of orders while SortedPRO is away for hours, then the drain, measured.

One bridge in this process with a worker's crew, on the embedded database, by a clock that is put forward whenever there
is nothing to do: what is waited for takes no time here, what is worked on takes what it takes.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

import click
import psutil  # type: ignore[import-untyped]  # comes with the embedded database
import structlog
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select, text

from bridge import config
from bridge.cli.opening import settings
from bridge.crew import Crew
from bridge.errors import BridgeError
from bridge.platforms.base import Ping
from bridge.store import queries
from bridge.store.database import connect, transaction
from bridge.store.embedded import temporary
from bridge.store.tables import destinations, orders, shops
from bridge.store.upgrade import upgrade
from bridge.trial import chaos_report
from bridge.trial.chaos_count import Count, Seen, make_count
from bridge.trial.chaos_courier import Webhook, as_webhook
from bridge.trial.chaos_ledger import is_under_way, read_all
from bridge.trial.chaos_plan import SORTEDPRO
from bridge.trial.chaos_shops import orders_of, write_mappings
from bridge.trial.rehearsal_world import THROTTLED, Clock, Rests, World
from bridge.trial.stage import passed_on, shipped_mappings
from bridge.trial.telling import make_console
from bridge.wiring import Bridge, open_bridge

_BURSTS = (0.4, 0.3, 0.3)  # shares of the orders; SortedPRO goes away in the middle of the first
_ABSENCE = timedelta(hours=1)  # after each burst
_POOL = 10
_LOOK = 0.02  # seconds between two looks at the crew
_IDLE = 0.05  # seconds in which nobody found work
_LEAST, _MOST = timedelta(seconds=1), timedelta(minutes=1)  # by which the clock is put forward when nobody finds work
_PROBE = timedelta(seconds=2)  # between two looks at open breakers
_PROGRESS = 30.0  # seconds between two lines about how far it has come
_LIMIT = timedelta(days=1)  # by the clock, for the drain


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was measured."""

    orders: int
    webhooks: int
    receipts_per_second: float
    in_doubt_when_away: int  # after the first burst: SortedPRO went away in its middle
    drained: int  # orders sent after SortedPRO was back
    drain_seconds: float  # real ones
    drain_by_clock_seconds: float
    oldest_age_seconds: float  # from receipt to the reference on the shop order, by the clock; the longest
    points_per_order: float  # Shopify's GraphQL points
    throttled_answers: int
    left_alone: int  # how often the throttled shop was
    left_alone_seconds: float  # by the clock
    bytes_per_order: int  # of all tables and their indexes
    answers_500: int
    in_doubt_made: int
    in_doubt_not_made: int
    doubles: int
    lost: int
    wrong: int  # orders that are not as promised, those two among them


@dataclass(kw_only=True)
class Rehearsal:
    """A rehearsal under way."""

    bridge: Bridge
    clock: Clock
    world: World
    rests: Rests
    console: Console
    webhooks: list[Webhook] = field(default_factory=list)
    receiving: float = 0.0  # seconds
    _began: float = field(default_factory=time.monotonic)
    _told: float = field(default_factory=time.monotonic)  # when progress was told last
    _working: int = 0
    _worked: float = field(default_factory=time.monotonic)  # when somebody last found work
    _probed: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def forward_next(self, claimed: Callable[[], None]) -> bool:
        """What the crew does: the forwarder's work, noted."""
        with self._lock:
            self._working += 1
        found = False
        try:
            found = self.bridge.forwarder.forward_next(claimed)
        finally:
            with self._lock:
                self._working -= 1
                if found:
                    self._worked = time.monotonic()
        return found

    def receive(self) -> None:
        """Take in the webhooks that wait."""
        began = time.monotonic()
        for name, packet in self.world.mail():
            shop = self.bridge.shops.by_name[name]
            headers = {key.lower(): value for key, value in packet.headers.items()}
            webhook = shop.platform.receive(shop.settings.secrets, headers, packet.body)
            assert not isinstance(webhook, Ping)
            self.bridge.intake.record_webhook(shop, webhook, self.clock())
            self.webhooks.append(as_webhook(name, webhook.topic, packet, acknowledged=True))
            self.tend()
        self.receiving += time.monotonic() - began

    def tend(self) -> None:
        """What the worker's schedule does."""
        now = self.clock().timestamp()
        if now - self._probed >= _PROBE.total_seconds():
            self._probed = now
            self.bridge.probe_destinations()
        if time.monotonic() - self._told > _PROGRESS:
            self._told = time.monotonic()
            self._tell()

    def pass_time(self, by: timedelta, crew: Crew) -> None:
        """Let time pass, quickly where there is nothing to do."""
        end = self.clock() + by
        while self.clock() < end:
            self._go_on(crew)

    def drain(self, crew: Crew) -> None:
        """Go on until nothing is under way. Raises BridgeError when that takes too long."""
        end = self.clock() + _LIMIT
        while self._is_under_way():
            if self.clock() > end:
                raise BridgeError("orders are still on their way: look at them with `bridge orders list`")
            for _ in range(20):
                self._go_on(crew)

    def see(self) -> Seen:
        """What everybody says now."""
        now, said, world = self.clock(), read_all(self.bridge.engine), self.world
        return Seen(
            shop_orders=[*orders_of(world.shops)],
            webhooks=self.webhooks,
            stored=said.stored,
            ledger=said.ledger,
            attempts=said.attempts,
            made=world.sortedpro.orders(),
            calls=world.wire.calls(),
            at=now,
        )

    def _go_on(self, crew: Crew) -> None:
        self.receive()
        self.tend()
        with self._lock:
            is_idle = not self._working and time.monotonic() - self._worked > _IDLE
        if is_idle:
            self.clock.forward(self._until_next())
            crew.wake()
        time.sleep(_LOOK)

    def _tell(self) -> None:
        """How far it has come."""
        with transaction(self.bridge.engine) as connection:
            states = queries.count_states(connection)
        told = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
        at = f"{self.clock():%H:%M} by the clock"
        spent = timedelta(seconds=round(time.monotonic() - self._began))
        memory = psutil.Process().memory_info().rss // 1_000_000
        self.console.print(f"  {spent}, {at}: {len(self.webhooks)} webhooks, {told}; {memory} MB")

    def _until_next(self) -> timedelta:
        """How long nothing is due, by what orders, shops and destinations wait for."""
        now = self.clock()
        times = (orders.c.ready_at, shops.c.quiet_until, destinations.c.quiet_until, destinations.c.probe_at)
        with transaction(self.bridge.engine) as connection:
            found = [connection.execute(select(func.min(one)).where(one > now)).scalar_one() for one in times]
        return min(max(min((one - now for one in found if one is not None), default=_MOST), _LEAST), _MOST)

    def _is_under_way(self) -> bool:
        with transaction(self.bridge.engine) as connection:
            return is_under_way(connection, self.clock())


def rehearse(*, count: int, seed: int, as_json: bool) -> int:
    """Rehearse with `count` orders; the exit status is 0 only where every order is as promised.

    Raises ConfigurationError where the mapping files are not there, BridgeError where it does not come to an end.
    """
    console = make_console(to_stderr=as_json)
    folder = Path(tempfile.mkdtemp(prefix="bridge-rehearsal-"))
    try:
        with _opened(folder, seed, console) as rehearsal:
            figures, counted = _rehearsed(rehearsal, count)
            if as_json:
                click.echo(json.dumps(asdict(figures)))
            else:
                console.print(_table(figures))
            chaos_report.tell_stories(console, rehearsal.bridge.engine, counted.wrong)
    finally:
        shutil.rmtree(folder)
    return 1 if counted.wrong else 0


def _rehearsed(rehearsal: Rehearsal, count: int) -> tuple[Figures, Count]:
    bridge, clock, world, console = rehearsal.bridge, rehearsal.clock, rehearsal.world, rehearsal.console
    crew = Crew(rehearsal.forward_next, size=bridge.settings.concurrency, stop=bridge.stop, chance=bridge.chance)
    assert bridge.settings.database is not None
    crew.start(bridge.settings.database)
    try:
        doubtful = _bursts(rehearsal, crew, count)
        console.print("SortedPRO is back: draining ...")
        before = len(world.sortedpro.orders())
        world.away, since, real = False, clock(), time.monotonic()
        rehearsal.drain(crew)
        took, took_by_clock = time.monotonic() - real, clock() - since
    finally:
        bridge.stop.set()
        crew.join()
    with transaction(bridge.engine) as connection:
        size = connection.execute(text(_SIZE)).scalar_one()
    seen = rehearsal.see()
    made, shop_orders, counted = seen.made, seen.shop_orders, make_count(seen)
    of_shopify = sum(one.shop in world.buckets for one in shop_orders)
    figures = Figures(
        orders=len(shop_orders),
        webhooks=len(rehearsal.webhooks),
        receipts_per_second=round(len(rehearsal.webhooks) / rehearsal.receiving, 1),
        in_doubt_when_away=doubtful,
        drained=len(made) - before,
        drain_seconds=round(took, 1),
        drain_by_clock_seconds=round(took_by_clock.total_seconds(), 1),
        oldest_age_seconds=round(max((one.state_since - one.first_seen_at).total_seconds() for one in seen.ledger), 1),
        points_per_order=round(sum(one.spent for one in world.buckets.values()) / max(1, of_shopify), 1),
        throttled_answers=world.buckets[THROTTLED].refused,
        left_alone=rehearsal.rests.times[THROTTLED],
        left_alone_seconds=round(rehearsal.rests.long[THROTTLED].total_seconds(), 1),
        bytes_per_order=round(size / len(shop_orders)),
        answers_500=world.broken,
        in_doubt_made=counted.in_doubt_made,
        in_doubt_not_made=counted.in_doubt_not_made,
        doubles=counted.of("double"),
        lost=counted.of("lost"),
        wrong=len(counted.wrong),
    )
    return figures, counted


_SIZE = """
    select sum(pg_total_relation_size(c.oid)) from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname = 'public'
"""


def _bursts(rehearsal: Rehearsal, crew: Crew, count: int) -> int:
    """The bursts, SortedPRO gone in the middle of the first; how many orders that left in doubt."""
    world, console, first, doubtful = rehearsal.world, rehearsal.console, 0, 0
    for number, share in enumerate(_BURSTS):
        size = count - first if number == len(_BURSTS) - 1 else round(share * count)
        console.print(f"burst {number + 1}: {size} orders, then {_ABSENCE} without SortedPRO ...")
        half = size // 2
        world.place_orders(first, half)
        rehearsal.receive()
        if number == 0:
            before = _in_doubt(rehearsal.bridge)
            world.away = True
        world.place_orders(first + half, size - half)
        rehearsal.receive()
        first += size
        rehearsal.pass_time(_ABSENCE, crew)
        if number == 0:
            doubtful = _in_doubt(rehearsal.bridge) - before
    return doubtful


def _in_doubt(bridge: Bridge) -> int:
    with transaction(bridge.engine) as connection:
        return connection.execute(select(func.count()).where(orders.c.state == "in_doubt")).scalar_one()


@contextmanager
def _opened(folder: Path, seed: int, console: Console) -> Iterator[Rehearsal]:
    """Database, world and bridge."""
    shipped = shipped_mappings(settings().mappings.resolve())
    clock = Clock()
    world, rests = World(clock, seed), Rests(clock)
    structlog.configure(  # the table says the rest
        processors=[rests], wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING)
    )
    with temporary() as database:
        engine = connect(database, pool=1)
        upgrade(engine)
        engine.dispose()
        environ = {
            **passed_on(os.environ),
            "DATABASE_URL": database.url,
            "BRIDGE_MAPPINGS": str(write_mappings(folder / "mappings", shipped, world.shops, world.urls)),
            "SORTED_API_URL": world.urls[SORTEDPRO],
            "SORTED_API_KEY": world.sortedpro.api_key,
            "SORTED_ORIGIN": world.sortedpro.locations[0],
            "SEND_FROM": (clock() - timedelta(days=3)).isoformat(timespec="seconds"),
        }
        loaded = config.load(environ, interactive=False)
        bridge = open_bridge(loaded, environ, pool=_POOL, pool_wait=10, clock=clock, transport=world.transport())
        try:
            bridge.announce()
            yield Rehearsal(bridge=bridge, clock=clock, world=world, rests=rests, console=console)
        finally:
            bridge.close()


def _left_alone(figures: Figures) -> str:
    return f"{figures.left_alone} times, {timedelta(seconds=round(figures.left_alone_seconds))} by the clock"


def _table(figures: Figures) -> Table:
    """The figures for people."""
    made = Table(title="Black Friday rehearsal", title_justify="left", header_style="bold")
    made.add_column("what")
    made.add_column("figure", justify="right")
    rows = {
        "orders": f"{figures.orders}",
        "webhooks, with the shops' own echoes": f"{figures.webhooks}",
        "receipts a second, while orders are forwarded": f"{figures.receipts_per_second:g}",
        "in doubt because SortedPRO went away in mid-burst": f"{figures.in_doubt_when_away}",
        "sent after it was back": f"{figures.drained}",
        "drain time": f"{figures.drain_seconds:g} s of work, {figures.drain_by_clock_seconds:g} s by the clock",
        "oldest age at its reference": f"{timedelta(seconds=round(figures.oldest_age_seconds))}",
        "GraphQL points an order": f"{figures.points_per_order:g}",
        f"throttled answers ({THROTTLED})": f"{figures.throttled_answers}",
        f"left alone for its points ({THROTTLED})": _left_alone(figures),
        "bytes stored an order": f"{figures.bytes_per_order}",
        "answers 500": f"{figures.answers_500}",
        "in doubt": f"{figures.in_doubt_made} with an order in SortedPRO, {figures.in_doubt_not_made} without",
        "made twice": f"{figures.doubles}",
        "lost": f"{figures.lost}",
        "otherwise not as promised": f"{figures.wrong - figures.doubles - figures.lost}",
    }
    for what, figure in rows.items():
        made.add_row(what, figure)
    return made
