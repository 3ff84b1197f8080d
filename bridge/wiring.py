"""Where everything is put together, and where time, ids, chance and transports enter."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache

import httpx
from sqlalchemy import Engine

from bridge import shops as shop_files
from bridge.config import Settings
from bridge.errors import ConfigurationError, Problem, ShopTrouble
from bridge.fetch import Fetcher
from bridge.forward import Forwarder, Tools
from bridge.forward.shop_pacing import PacedClient
from bridge.http import Budget, Http
from bridge.intake import Intake
from bridge.platforms.base import Client
from bridge.shops import Shop, Shops
from bridge.sortedpro.client import SortedPro
from bridge.stops import Reach, armed, nowhere
from bridge.store import destinations, ledger
from bridge.store.database import connect, transaction

# A connection that the server closed while it lay idle would be a doubt, so Create Order takes none older than this.
_CREATE_ORDER_IDLE = timedelta(seconds=1)
_PROBE = timedelta(minutes=1)  # between two tries of a shop that paused itself


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """A wired bridge: what a process works with."""

    settings: Settings
    shops: Shops
    engine: Engine
    intake: Intake
    clock: Callable[[], datetime]
    new_id: Callable[[], uuid.UUID]
    chance: Callable[[], float]
    pause: Callable[[float], None]
    reach: Reach = nowhere
    transport: httpx.BaseTransport | None = None
    stop: threading.Event = field(default_factory=threading.Event)  # set when the process is about to end

    @cached_property
    def forwarder(self) -> Forwarder:
        """The worker's half: clients are made when it is first asked for, so the web process has none."""
        return Forwarder(tools=self._tools)

    def announce(self) -> None:
        """Tell the store how shops and destinations are configured now; waiting orders of a changed mapping are due."""
        with transaction(self.engine) as connection:
            for name, one in sorted(self.shops.destinations.items()):
                destinations.announce_destination(
                    connection,
                    name,
                    url=one.url,
                    credentials=one.credentials,
                    concurrency=one.concurrency,
                    rate=one.rate,
                )
            for name, shop in sorted(self.shops.by_name.items()):
                destinations.announce_shop(
                    connection, name, credentials=shop.credentials, destination=shop.destination.name
                )
        self.take_up()

    def take_up(self) -> None:
        """Take up what a worker with another configuration left.

        Orders that wait by another mapping are due, and queued ones get the destination that their shop has now. It is
        repeated, because that worker may still be ending.
        """
        for name, shop in sorted(self.shops.by_name.items()):
            with transaction(self.engine) as connection:
                ledger.mapping_changed(connection, name, shop.mapping.version, self.clock())
                ledger.redirect_queued(connection, name, shop.destination.name)

    def probe_destinations(self) -> None:
        """Try destinations whose breaker is open, where it is time for that."""
        self.forwarder.probe_destinations()

    def probe_paused_shops(self) -> list[str]:
        """Try shops that paused themselves once more; returns those that work again."""
        with transaction(self.engine) as connection:
            names = destinations.shops_to_probe(connection, self.clock(), _PROBE)
        resumed = [name for name in names if name in self.shops.by_name and not self.check_shop(name)]
        with transaction(self.engine) as connection:
            for name in resumed:
                destinations.lift_own_pause(connection, name)
        return resumed

    def check_shop(self, name: str) -> list[Problem]:
        """What will not work with a shop's credentials, by harmless reads."""
        return access_problems(name, self._tools.fetcher.clients[name])

    def close(self) -> None:
        """Close the pools of database and outbound connections."""
        self.engine.dispose()
        for pool in self._pools:
            pool.close()

    @cached_property
    def _pools(self) -> tuple[Http, Http]:
        """The outbound connections: for the shops, and for Create Order."""
        return Http(transport=self.transport), Http(transport=self.transport, idle=_CREATE_ORDER_IDLE)

    @cached_property
    def _tools(self) -> Tools:
        http, create_order = self._pools
        clients = {
            name: PacedClient(
                shop.platform.client(shop.settings, http, self.clock),
                name,
                engine=self.engine,
                clock=self.clock,
                chance=self.chance,
            )
            for name, shop in self.shops.by_name.items()
        }
        return Tools(
            engine=self.engine,
            shops=self.shops.by_name,
            intake=self.intake,
            fetcher=Fetcher(
                engine=self.engine, clients=clients, max_age=self.settings.products_max_age, clock=self.clock
            ),
            destinations={
                name: SortedPro(create_order, one.url, one.api_key, clock=self.clock)
                for name, one in self.shops.destinations.items()
            },
            stored_mapping=_stored_mapping,
            clock=self.clock,
            new_id=self.new_id,
            chance=self.chance,
            pause=self.pause,
            threads=self.settings.concurrency,
            reach=self.reach,
            stopping=self.stop.is_set,
        )


def open_bridge(
    settings: Settings,
    environ: dict[str, str],
    *,
    pool: int,
    pool_wait: float = 1,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    new_id: Callable[[], uuid.UUID] = uuid.uuid4,
    chance: Callable[[], float] = random.random,
    pause: Callable[[float], None] = time.sleep,
    transport: httpx.BaseTransport | None = None,
) -> Bridge:
    """Wire a bridge. Raises ConfigurationError with every problem of settings and mapping files."""
    shops = load_shops(settings, environ)
    assert settings.database is not None
    engine = connect(settings.database, pool=pool, pool_wait=pool_wait)
    return Bridge(
        settings=settings,
        shops=shops,
        engine=engine,
        intake=Intake(engine=engine, reach=armed(settings.stops)),
        clock=clock,
        new_id=new_id,
        chance=chance,
        pause=pause,
        reach=armed(settings.stops),
        transport=transport,
    )


def load_shops(settings: Settings, environ: Mapping[str, str]) -> Shops:
    """The configured shops. Raises ConfigurationError with what keeps web and worker from starting, all at once."""
    problems = [] if settings.database else [no_database()]
    try:
        shops = shop_files.load(settings.mappings, environ)
    except ConfigurationError as error:
        problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return shops


def access_problems(name: str, client: Client) -> list[Problem]:
    """What will not work with a shop's credentials, by harmless reads."""
    try:
        return list(client.check_access(Budget(30)))
    except ShopTrouble as trouble:
        return [Problem(message=str(trouble), source=f"shop {name}", code=trouble.code)]


def no_database() -> Problem:
    """What web, worker and release say without a database."""
    message = (
        "is not set: give the address of a PostgreSQL (postgres://user:password@host/name); `bridge run` brings its own"
    )
    return Problem(message=message, source="DATABASE_URL", code="missing_variable")


@lru_cache(maxsize=64)
def _stored_mapping(shop: Shop, version: str, text: str) -> Shop:
    """A shop with an older version of its mapping; compiled once."""
    return shop if version == shop.mapping.version else shop_files.with_mapping(shop, version, text)
