"""Procrastinate: the worker's life, its tasks and schedules. The only module that knows asyncio."""

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

from bridge.config import Database
from bridge.errors import StoreAway
from bridge.store import doorbell, ledger, products
from bridge.store.database import transaction
from bridge.wiring import Bridge

log = structlog.get_logger()

_STALLED = 60  # seconds without a heartbeat after which a dead worker's rings are cleared away
_STOP = 25  # seconds that orders on the way may take to end after SIGTERM; a PaaS kills after 30
_AGAIN = 2  # seconds until a worker whose database went away asks for it again


def run_worker(bridge: Bridge, database: Database) -> None:
    """Work until SIGTERM or SIGINT; then finish what is on the way."""
    asyncio.run(_work(bridge, database))


async def _work(bridge: Bridge, database: Database) -> None:
    concurrency = bridge.settings.concurrency
    executor = ThreadPoolExecutor(max_workers=concurrency + 1, thread_name_prefix="order")
    log.info("worker started", concurrency=concurrency, shops=sorted(bridge.shops.by_name))
    stop = asyncio.create_task(_asked_to_stop())
    while not stop.done():
        work = asyncio.create_task(_answer_rings(make_app(bridge, database, executor), concurrency))
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        if stop.done():
            bridge.stop.set()
        work.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await work
        except ConnectorException as error:
            log.error("the database is away", reason=type(error.__cause__).__name__)
            await asyncio.wait({stop}, timeout=_AGAIN)
    # A Create Order call that has begun takes 20 s at most, and is waited for: cut off it would be a doubt.
    executor.shutdown(wait=True, cancel_futures=True)
    log.info("worker stopped")


async def _answer_rings(app: App, concurrency: int) -> None:
    """Work until cancelled, and then finish what is on the way. Raises ConnectorException without a database."""
    async with app.open_async():
        await app.run_worker_async(
            queues=[doorbell.QUEUE, "upkeep"],
            concurrency=concurrency + 2,  # orders never keep the sweep from its turn
            delete_jobs="always",
            shutdown_graceful_timeout=_STOP,
            fetch_job_polling_interval=2.0,
            install_signal_handlers=False,  # ours also listen while there is no database
        )


async def _asked_to_stop() -> None:
    """Return at SIGTERM or SIGINT."""
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await asked.wait()


def make_app(bridge: Bridge, database: Database, executor: ThreadPoolExecutor) -> App:
    """Procrastinate with the bridge's tasks; orders are forwarded on the threads of `executor`."""
    # Three connections: one listens, two fetch and finish jobs. No `lock` on any task: that of a killed worker would
    # stay until its jobs are cleared away. The sixth field of a cron text is the second.
    app = App(connector=PsycopgConnector(conninfo=database.url, min_size=1, max_size=2, timeout=10))

    async def in_thread(work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(executor, work)

    @app.task(name=doorbell.TASK, queue=doorbell.QUEUE)
    async def forward() -> None:
        await in_thread(lambda: _answer(bridge))

    @app.periodic(cron="* * * * * */3")
    @app.task(name="sweep", queue="upkeep", queueing_lock="sweep")
    async def sweep(timestamp: int) -> None:
        await in_thread(lambda: _sweep(bridge))

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


def _answer(bridge: Bridge) -> None:
    """One ring: forward an order, and ring again if more is due."""
    try:
        if bridge.forwarder.forward_next() and bridge.forwarder.is_more_due():
            with transaction(bridge.engine) as connection:
                doorbell.ring(connection)
    except StoreAway as error:
        log.error("the database is away", reason=str(error))


def _sweep(bridge: Bridge) -> None:
    """Ring for what is due by time, or whose ring was lost with a killed worker."""
    try:
        with transaction(bridge.engine) as connection:
            due = ledger.due_now(connection, bridge.clock(), at_most=bridge.settings.concurrency)
            waiting = doorbell.waiting(connection)
            if due > waiting:
                doorbell.ring(connection, due - waiting)
    except StoreAway as error:
        log.error("the database is away", reason=str(error))


def _forget(bridge: Bridge) -> None:
    with transaction(bridge.engine) as connection:
        count = products.forget(connection, bridge.clock() - max(bridge.settings.products_max_age, timedelta(days=1)))
    log.info("old products forgotten", count=count)
