"""What a worker does: its crew forwards orders, Procrastinate runs what has a schedule. Only here is asyncio known."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from procrastinate.worker import Worker

from bridge.config import Database
from bridge.crew import Crew
from bridge.errors import StoreAway
from bridge.store import products
from bridge.store.database import transaction
from bridge.wiring import Bridge

log = structlog.get_logger()

_STALLED = 60  # seconds without a heartbeat after which a dead worker's jobs are cleared away
_STOP = 25  # seconds that jobs on the way may take to end after SIGTERM; a PaaS kills after 30
_AGAIN = 2  # seconds until a worker whose database went away asks for it again
_UPKEEP = 4  # jobs at a time; orders are no jobs
_RINGS = "orders"  # the queue in which the release before rings, by jobs


def run_worker(bridge: Bridge, database: Database) -> None:
    """Work until SIGTERM or SIGINT; then finish what is on the way."""
    asyncio.run(_work(bridge, database))


async def _work(bridge: Bridge, database: Database) -> None:
    concurrency = bridge.settings.concurrency
    crew = Crew(bridge.forwarder.forward_next, size=concurrency, stop=bridge.stop, chance=bridge.chance)
    executor = ThreadPoolExecutor(max_workers=_UPKEEP, thread_name_prefix="upkeep")
    stop = _asked_to_stop()
    stop.add_done_callback(lambda _: bridge.stop.set())
    log.info("worker started", concurrency=concurrency, shops=sorted(bridge.shops.by_name))
    crew.start(database)
    while not stop.done():
        try:
            await _run_schedule(make_app(bridge, database, executor, crew), stop)
        except ConnectorException as error:
            log.error("the database is away", reason=type(error.__cause__).__name__)
            await asyncio.wait({stop}, timeout=_AGAIN)
        except Exception:  # whatever it was: orders go on meanwhile, and want their breakers probed
            log.exception("the schedule is begun again")
            await asyncio.wait({stop}, timeout=_AGAIN)
    # A Create Order call that has begun takes 20 s at most, and is waited for: cut off it would be a doubt.
    crew.join()
    executor.shutdown(wait=True, cancel_futures=True)
    log.info("worker stopped")


async def _run_schedule(app: App, stop: asyncio.Task[bool]) -> None:
    """Run jobs until `stop` is done, and then finish what is on the way. Raises ConnectorException without a database.

    A worker is asked to stop rather than cancelled: a cancellation that meets the end of an `asyncio.wait_for` is lost
    in Python 3.11.
    """
    opening = asyncio.ensure_future(app.open_async())
    try:
        await asyncio.wait({opening, stop}, return_when=asyncio.FIRST_COMPLETED)
        opening.cancel()  # of no effect where it is done
        with contextlib.suppress(asyncio.CancelledError):
            await opening
        if stop.done():
            return
        worker = Worker(
            app,
            queues=[_RINGS, "upkeep"],
            concurrency=_UPKEEP,
            delete_jobs="always",
            shutdown_graceful_timeout=_STOP,
            fetch_job_polling_interval=5.0,
            install_signal_handlers=False,  # ours also listen while there is no database
        )
        stop.add_done_callback(lambda _: worker.stop())  # type: ignore[no-untyped-call]
        await worker.run()  # type: ignore[no-untyped-call]
    finally:
        await app.close_async()  # a pool whose opening was cancelled keeps tasks that outlive the loop


def _asked_to_stop() -> asyncio.Task[bool]:
    """A task that ends at SIGTERM or SIGINT; from now on neither ends the process."""
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asyncio.create_task(asked.wait())


def make_app(bridge: Bridge, database: Database, executor: ThreadPoolExecutor, crew: Crew) -> App:
    """Procrastinate with the bridge's schedule; its work is done on the threads of `executor`."""
    # Three connections: one listens, two fetch and finish jobs. No `lock` on any task: that of a killed worker would
    # stay until its jobs are cleared away. The sixth field of a cron text is the second.
    app = App(connector=PsycopgConnector(conninfo=database.url, min_size=1, max_size=2, timeout=10))

    async def in_thread(work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(executor, work)

    @app.task(name="forward", queue=_RINGS)
    async def forward() -> None:
        crew.wake()

    @app.periodic(cron="* * * * * */2")
    @app.task(name="destinations", queue="upkeep", queueing_lock="destinations")
    async def probe_destinations(timestamp: int) -> None:
        await in_thread(lambda: _unless_away(bridge.probe_destinations))

    @app.periodic(cron="* * * * * */30")
    @app.task(name="probe", queue="upkeep", queueing_lock="probe")
    async def probe(timestamp: int) -> None:
        await in_thread(bridge.take_up)
        for name in await in_thread(bridge.probe_paused_shops):
            log.info("shop resumed: its credentials work again", shop=name)

    @app.periodic(cron="* * * * * */20")
    @app.task(name="clear", queue="upkeep", queueing_lock="clear", pass_context=True)
    async def clear(context: JobContext, timestamp: int) -> None:
        for job in await context.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED):
            await context.app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)

    @app.periodic(cron="17 4 * * *")
    @app.task(name="forget", queue="upkeep")
    async def forget(timestamp: int) -> None:
        await in_thread(lambda: _forget(bridge))

    return app


def _unless_away(work: Callable[[], None]) -> None:
    try:
        work()
    except StoreAway as error:
        log.error("the database is away", reason=str(error))


def _forget(bridge: Bridge) -> None:
    with transaction(bridge.engine) as connection:
        count = products.forget(connection, bridge.clock() - max(bridge.settings.products_max_age, timedelta(days=1)))
    log.info("old products forgotten", count=count)
