"""The soak: traffic of five shops, random kills and faults, and then the count of every order.

The shops and SortedPRO live in this process, which nobody kills; database, web and workers are processes of their own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from rich.console import Console

from bridge.cli.opening import settings
from bridge.errors import BridgeError, StoreAway
from bridge.store.database import transaction
from bridge.store.destinations import list_destinations
from bridge.trial import chaos_report
from bridge.trial.chaos_count import Seen, make_count
from bridge.trial.chaos_courier import Courier
from bridge.trial.chaos_ledger import count_unreachable, is_under_way, read_all
from bridge.trial.chaos_plan import SHOPS, SORTEDPRO, Bout, Plan, make_plan
from bridge.trial.chaos_report import Told
from bridge.trial.chaos_shops import orders_of
from bridge.trial.chaos_site import Site, open_site
from bridge.trial.chaos_world import World, open_world
from bridge.trial.stage import passed_on, shipped_mappings
from bridge.trial.telling import make_console

_SEND_FROM = timedelta(days=3)
_LOOK = 0.5  # seconds between two looks at what is still on its way
_REST = 3.0  # seconds without anything to do, after which nothing more is expected
_PERSON = 2.0  # seconds between two looks of the person who resumes
_MOST_CALLS = 64  # that may be under way to SortedPRO at a time, of all workers


class Timed(Protocol):
    """Something of the plan."""

    @property
    def at(self) -> float:
        """Seconds from the beginning."""


T = TypeVar("T", bound=Timed)


@dataclass(kw_only=True)
class Soak:
    """A soak under way."""

    plan: Plan
    world: World
    site: Site
    console: Console
    bouts: Counter[str] = field(default_factory=Counter)  # by place and kind
    resumed: int = 0  # manual steps
    began: float = field(default_factory=time.monotonic)
    _over: threading.Event = field(default_factory=threading.Event)
    _trouble: list[BaseException] = field(default_factory=list)

    def run(self) -> None:
        """Play the plan. Raises what went wrong in one of its threads."""
        supervisor = threading.Thread(target=self._guarded(self.site.supervise), daemon=True)
        person = threading.Thread(target=self._guarded(self._look_after_pauses), daemon=True)
        supervisor.start()
        person.start()
        with ThreadPoolExecutor(max_workers=4) as pool:
            parts = [
                pool.submit(self._play, self.plan.happenings, self.world.happen),
                pool.submit(self._play, self.plan.sortedpro, self._misbehave),
                pool.submit(self._play, self.plan.shops, self._misbehave),
                pool.submit(self._play, self.plan.kills, self.site.kill),
            ]
            try:
                for part in parts:
                    part.result()
            except BaseException:
                self.end()
                raise
        for place in (SORTEDPRO, *SHOPS):
            self.world.end(place)

    def settle(self, patience: timedelta) -> bool:
        """Wait until nothing is on its way any more; False where the time is over before.

        Raises BridgeError where the site cannot be kept up.
        """
        end = time.monotonic() + patience.total_seconds()
        rests_since = 0.0
        while (now := time.monotonic()) < end:
            if self._trouble:
                raise BridgeError(f"the soak cannot go on: {self._trouble[0]!r}") from self._trouble[0]
            if not self._rests():
                rests_since = 0.0
            elif now - (rests_since := rests_since or now) > _REST:
                return True
            time.sleep(_LOOK)
        return False

    def end(self) -> None:
        """Let nothing more happen."""
        self._over.set()

    def see(self, *, rests: bool) -> Seen:
        """What everybody says now."""
        now, said, world = datetime.now(UTC), read_all(self.site.engine), self.world
        return Seen(
            shop_orders=[*orders_of(world.shops)],
            webhooks=world.courier.webhooks(),
            stored=said.stored,
            ledger=said.ledger,
            attempts=said.attempts,
            made=world.sortedpro.orders(),
            calls=world.wire.calls(),
            cuts=[*self.site.cuts, *world.cuts(_MOST_CALLS)],
            at=now,
            rests=rests,
        )

    def _play(self, events: Sequence[T], act: Callable[[T], None]) -> None:
        """Each at its time, or as soon afterwards as the one before has ended."""
        for event in events:
            if self._over.wait(max(0.0, self.began + event.at - time.monotonic())):
                return
            act(event)

    def _misbehave(self, bout: Bout) -> None:
        self.world.begin(bout)
        time.sleep(bout.seconds)
        self.world.end(bout.place)
        self.bouts[f"{bout.place}: {bout.kind}"] += 1

    def _rests(self) -> bool:
        """Whether nothing is on its way, neither to the bridge nor in it."""
        if not self.world.courier.is_idle:
            return False
        try:
            with transaction(self.site.engine) as connection:
                return not is_under_way(connection, datetime.now(UTC))
        except StoreAway:
            return False  # it is being started again

    def _look_after_pauses(self) -> None:
        """A person who sees that SortedPRO refused the key, and says that it is right again."""
        while not self._over.wait(_PERSON):
            try:
                with transaction(self.site.engine) as connection:
                    paused = [
                        one.name
                        for one in list_destinations(connection, datetime.now(UTC))
                        if one.paused_at is not None
                    ]
            except StoreAway:
                continue
            for name in paused:
                self.resumed += self.site.command("destinations", "resume", name)

    def _guarded(self, work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - told by the main thread
                self._trouble.append(error)

        return run


def soak(*, orders: int, minutes: float, seed: int, workers: int, kills: int, patience: float, as_json: bool) -> int:
    """Play a soak of `minutes`, wait at most `patience` minutes for the rest, and count.

    Returns the exit status: 0 only where nothing was lost, doubled, stuck, or left without its reference. Raises
    ConfigurationError where the mapping files are not there, BridgeError where a process cannot be kept up.
    """
    console = make_console(to_stderr=as_json)
    plan = make_plan(seed=seed, orders=orders, seconds=60 * minutes, kills=kills)
    folder = Path(tempfile.mkdtemp(prefix="bridge-chaos-"))
    console.print(f"seed {seed}: {orders} orders and {kills} kills in {minutes:g} min; the logs are in {folder}")
    with _opened(folder, seed, workers, plan, console) as run:
        run.run()
        console.print("faults and kills are over; waiting for what is still on its way ...")
        rests = run.settle(timedelta(minutes=patience))
        run.end()
        took = time.monotonic() - run.began
        count = make_count(run.see(rests=rests))
        told = Told(
            seed=seed,
            count=count,
            carried=run.world.courier.carried,
            kills=run.site.kills,
            ended=run.site.ended,
            bouts=run.bouts,
            met=run.world.met + count_unreachable(run.site.engine, run.world.absences),
            resumed=run.resumed,
            seconds=took,
        )
        if as_json:
            chaos_report.tell_json(told)
        else:
            console.print(chaos_report.table(told))
        if count.wrong:
            chaos_report.tell_stories(console, run.site.engine, count.wrong)
    if count.wrong:
        console.print(f"the logs are in {folder}", soft_wrap=True)
        return 1
    shutil.rmtree(folder)
    return 0


@contextmanager
def _opened(folder: Path, seed: int, workers: int, plan: Plan, console: Console) -> Iterator[Soak]:
    """World, database and processes, stopped afterwards."""
    shipped = shipped_mappings(settings().mappings.resolve())
    courier = Courier(seed)
    with open_world(courier) as world:
        environ = {
            **passed_on(os.environ),
            **world.environment(),
            "BRIDGE_MAPPINGS": str(world.write_mappings(folder / "mappings", shipped)),
            "BRIDGE_LOG": "json",
            "WEB_CONCURRENCY": "2",
            "SEND_FROM": (datetime.now(UTC) - _SEND_FROM).isoformat(timespec="seconds"),
        }
        with open_site(folder, environ) as site:
            try:
                site.start(workers)
                courier.target = site.url
                run = Soak(plan=plan, world=world, site=site, console=console)
                try:
                    yield run
                finally:
                    run.end()
            finally:
                courier.close()
