"""How the processes start, stop and behave on the wire."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import text

from bridge.processes import GUNICORN, Child, wait_ready
from bridge.sandbox.faults import delay
from bridge.sandbox.trio import open_trio
from bridge.sandbox.woocommerce import woo_order
from bridge.store.database import transaction
from tests.journeys.site import Site, environment, free_port, until

MOST_CONNECTIONS = 20  # of a small plan
GRACE = 30.0  # seconds between a PaaS's SIGTERM and its SIGKILL
MEBIBYTE = 1024 * 1024


# --- SIGTERM ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Stopped:
    """A worker that was asked to stop while SortedPRO had not answered yet."""

    site: Site
    status: int
    seconds: float


@pytest.fixture(scope="module")
def stopped(site: Site) -> Stopped:
    """The site's worker is stopped in the middle of an order; another takes its place."""
    site.world.sortedpro.behave(delay(3), match="woocommerce-421")
    worker = site.children[-1]
    site.world.woocommerce.add_order(woo_order(421, home=site.world.woocommerce_url))
    calls = site.world.sortedpro.calls
    until(lambda: "delay" in [call.fault for call in calls()], seconds=30, what=lambda: str(calls()))
    start = time.monotonic()
    status = worker.stop()
    seconds = time.monotonic() - start
    site.start_worker()
    return Stopped(site=site, status=status, seconds=seconds)


def test_worker_ends_well_at_sigterm(stopped: Stopped) -> None:
    assert stopped.status == 0


def test_worker_ends_within_the_grace_of_a_paas(stopped: Stopped) -> None:
    assert stopped.seconds < GRACE


def test_worker_finishes_what_is_on_the_way_before_it_ends(stopped: Stopped) -> None:
    order = stopped.site.find("#421")
    assert order is not None
    assert (order.state, stopped.site.sent("woocommerce-421")) == ("done", [order.reference])


def test_idle_worker_ends_at_once(fresh: Site) -> None:
    worker = fresh.start_worker()
    until(lambda: _scheduled(fresh), seconds=30, what=lambda: _log(fresh))
    start = time.monotonic()
    assert (worker.stop(), time.monotonic() - start < 5) == (0, True)


def test_worker_that_has_only_just_begun_ends_at_once(fresh: Site) -> None:
    worker = fresh.start_worker()
    until(lambda: "worker started" in _log(fresh), seconds=30, what=lambda: _log(fresh))  # its schedule connects now
    start = time.monotonic()
    assert (worker.stop(), time.monotonic() - start < 5) == (0, True)


def test_web_process_ends_at_once_although_a_router_keeps_its_connection(fresh: Site) -> None:
    web = fresh.start_web()
    with httpx.Client() as router:
        router.get(f"{fresh.url}/healthz")
        start = time.monotonic()
        assert (web.stop(), time.monotonic() - start < 5) == (0, True)


# --- bridge run -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Terminal:
    """`bridge run`, ended by Ctrl-C."""

    status: int
    started: list[str]  # command lines of all its processes
    left: list[psutil.Process]
    database_left: bool


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("run")
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="bridge-") as data,
        open_trio() as world,
        (folder / "log").open("wb") as log,
    ):
        environ = environment(world, folder, PORT=str(port), BRIDGE_DATA=f"{data}/pg")
        command = [sys.executable, "-m", "bridge", "run"]
        run = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
        wait_ready(f"http://127.0.0.1:{port}", Child(name="run", popen=run))
        family = psutil.Process(run.pid).children(recursive=True)
        started = [" ".join(process.cmdline()) for process in family]
        os.killpg(run.pid, signal.SIGINT)
        status = run.wait(timeout=GRACE)
        _, left = psutil.wait_procs(family, timeout=0)
        yield Terminal(
            status=status, started=started, left=left, database_left=(Path(data) / "pg" / "postmaster.pid").exists()
        )


@pytest.mark.parametrize("part", ["gunicorn", "bridge worker"])
def test_run_starts_web_and_worker(terminal: Terminal, part: str) -> None:
    assert any(part in command for command in terminal.started)


def test_run_ends_well_at_ctrl_c(terminal: Terminal) -> None:
    assert terminal.status == 0


def test_run_leaves_no_process(terminal: Terminal) -> None:
    assert terminal.left == []


def test_run_stops_its_database(terminal: Terminal) -> None:
    assert not terminal.database_left


# --- On the wire ------------------------------------------------------------------------------------------------------
def test_web_and_worker_stay_under_twenty_connections(site: Site) -> None:
    numbers = range(521, 551)
    site.world.woocommerce.webhooks.hold()
    for number in numbers:
        site.world.woocommerce.add_order(woo_order(number, home=site.world.woocommerce_url), topics=["order.created"])
    done = threading.Event()
    with ThreadPoolExecutor(9) as threads:
        watcher = threads.submit(_watch, site, done)
        try:
            list(threads.map(lambda packet: site.post("woocommerce", packet), site.held("woocommerce")))
            for number in numbers:
                site.wait_for(f"#{number}", "done")
        finally:
            done.set()
    assert 4 < watcher.result() < MOST_CONNECTIONS


def test_too_large_body_is_413_before_it_has_come(site: Site) -> None:
    head = f"POST /webhooks/shopify HTTP/1.1\r\nHost: bridge.example\r\nContent-Length: {100 * MEBIBYTE}\r\n\r\n"
    assert _answer_to(site, [head.encode()]).startswith(b"HTTP/1.1 413 ")


def test_too_large_body_of_no_told_length_is_413(site: Site) -> None:
    head = b"POST /webhooks/shopify HTTP/1.1\r\nHost: bridge.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b" " * MEBIBYTE + b"\r\n"
    assert _answer_to(site, [head, *[chunk] * 11]).startswith(b"HTTP/1.1 413 ")


def test_connection_is_kept_longer_than_a_router_keeps_it(site: Site) -> None:
    command = [sys.executable, "-m", "gunicorn", "--print-config", *GUNICORN]
    shown = subprocess.run(command, env=site.environ, capture_output=True, text=True, timeout=60, check=True).stdout
    assert [line.split() for line in shown.splitlines() if line.startswith("keepalive")] == [["keepalive", "=", "100"]]


def test_connection_is_kept_after_an_answer(site: Site) -> None:
    address = httpx.URL(site.url)
    with closing(HTTPConnection(address.host, address.port, timeout=10)) as connection:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        first = connection.sock  # None where the server said that it closes
        connection.request("GET", "/healthz")
        assert (connection.getresponse().status, connection.sock is first) == (200, True)


@pytest.mark.parametrize("path", ["/webhooks/shopify/", "//webhooks/shopify", "/webhooks//shopify"])
def test_crooked_address_is_never_redirected(site: Site, path: str) -> None:
    request = f"POST {path} HTTP/1.1\r\nHost: bridge.example\r\nContent-Length: 2\r\n\r\n{{}}"
    status = int(_answer_to(site, [request.encode()]).split()[1])
    assert status in {401, 404}


def _connect(site: Site) -> socket.socket:
    return socket.create_connection(("127.0.0.1", httpx.URL(site.url).port or 0), timeout=10)


def _answer_to(site: Site, pieces: list[bytes]) -> bytes:
    """The first bytes of the answer to a request sent piece by piece, whether or not all of it is taken."""
    with closing(_connect(site)) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return connection.recv(4096)


def _watch(site: Site, done: threading.Event) -> int:
    """The most connections of the processes that were open at any look."""
    most = 0
    while not done.wait(0.02):
        most = max(most, _connections(site))
    return most


def _log(site: Site) -> str:
    return Path(site.output.name).read_text("utf-8")


def _scheduled(site: Site) -> bool:
    """Whether a worker's schedule has begun."""
    with transaction(site.engine) as connection:
        return bool(connection.execute(text("select count(*) from procrastinate_workers")).scalar_one())


def _connections(site: Site) -> int:
    """Connections to the site's database, without the test's own."""
    query = (
        "select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend'"
    )
    with transaction(site.engine) as connection:
        count = int(connection.execute(text(query)).scalar_one())
    return count - site.engine.pool.checkedin() - site.engine.pool.checkedout()
