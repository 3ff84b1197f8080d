"""A deploy under traffic, as a PaaS does it: the database is brought up to date, and web and worker are replaced.

The release before starts on its own schema and runs beside this one for a while. Orders of both platforms come all the
time, each webhook several times.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from bridge.config import Database
from bridge.processes import GUNICORN, Child, wait_ready
from bridge.sandbox.trio import open_trio
from bridge.sandbox.webhooks import Packet
from bridge.store.upgrade import newest
from tests.journeys.site import Site, database_on, free_port, site_on, until
from tests.journeys.traffic import Answer, Traffic

HERE = Path(__file__).parents[2]
BEFORE = "d452147"  # the last commit whose schema is revision 0002
ORDERS = 10  # acknowledged in each phase
UNDER_WAY = 5999  # the order whose webhook is half sent when the old web process is told to end


@pytest.fixture(scope="module")
def old_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the release before, out of the project's history."""
    if shutil.which("git") is None:
        _missing("git is not installed, so there is no release before this one")
    folder = tmp_path_factory.mktemp("old")
    archive = folder / "old.tar"
    command = ["git", "-C", str(HERE), "archive", f"--output={archive}", BEFORE]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        _missing(f"the commit {BEFORE} is not in this checkout, so there is no release before this one")
    shutil.unpack_archive(archive, folder, filter="data")
    return folder


def _missing(words: str) -> None:
    """Skip where somebody has only the files; where CI is set the history belongs to the checkout."""
    if os.environ.get("CI"):
        pytest.fail(words)
    pytest.skip(words)


@dataclass(frozen=True, kw_only=True)
class Deploy:
    """A site after its processes were replaced under traffic, and what was seen of that."""

    site: Site
    traffic: Traffic
    revisions: list[str]  # of the database: by the release before, and by this one
    before: set[Answer]  # all answers until the old web process was told to end
    ready: int  # what the old web process said of itself on the new schema
    under_way: int  # the answer to the webhook that was half sent when the old web process was told to end
    statuses: dict[str, int]  # with which the old processes ended


@pytest.fixture(scope="module")
def deploy(server: Database, old_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deploy]:
    """Old web and worker; the upgrade beside them; new ones beside them; then only the new."""
    with (
        open_trio() as world,
        database_on(server, template="template0") as database,
        site_on(database, world, tmp_path_factory.mktemp("deploy")) as site,
    ):
        world.shopify.webhooks.target = world.woocommerce.webhooks.target = None  # the senders are ours
        revisions = [_upgrade(site, old_release)]
        old_url, router = site.url, [site.url]
        old_web, old_worker = _start(site, old_release, "web"), _start(site, old_release, "worker")
        wait_ready(old_url, old_web)
        with Traffic(site=site, first=6001, both=True, repeats=True, router=router) as traffic:
            traffic.wait_for_more(ORDERS)
            for reference in ("woocommerce-6001", "shopify-6002"):  # the ledger is not as this release knows it yet
                until(lambda made=reference: site.sent(made), seconds=120, what=lambda: "an order of the old release")
            revisions.append(_upgrade_under(site, traffic))
            ready = httpx.get(f"{old_url}/readyz", timeout=10).status_code
            traffic.wait_for_more(ORDERS)
            site.url, site.environ["PORT"] = _other_port()
            site.start_worker()
            site.start_web()
            router.append(site.url)  # a router sends to both now
            traffic.wait_for_more(2 * ORDERS)
            before = set(traffic.answers)
            old_worker.popen.send_signal(signal.SIGTERM)
            under_way = _end_in_mid_request(site, old_web, old_url, traffic)
            traffic.wait_for_answer("reset")  # the router does not know yet
            router.remove(old_url)
            statuses = {"web": old_web.stop(), "worker": old_worker.stop()}
            traffic.wait_for_more(ORDERS)
        traffic.acknowledged.append(UNDER_WAY)
        for number in traffic.acknowledged:
            site.wait_for(f"#{number}", "done", "in_doubt", seconds=120)
        yield Deploy(
            site=site, traffic=traffic, revisions=revisions, before=before, ready=ready, under_way=under_way,
            statuses=statuses,
        )  # fmt: skip


def _upgrade_under(site: Site, traffic: Traffic) -> str:
    """`bridge db upgrade` of this release, which finds its tables in use at first, while webhooks go on."""
    with site.engine.connect() as reader:
        reader.execute(text("select count(*) from orders"))
        running = _begin_upgrade(site, HERE)
        until(lambda: _is_waiting(site), seconds=60, what=lambda: "an upgrade that waits for orders")
        traffic.wait_for_answer(202, times=ORDERS)
        assert running.poll() is None
    return _ended_upgrade(running)


def _is_waiting(site: Site) -> bool:
    query = "select 1 from pg_locks where mode = 'AccessExclusiveLock' and not granted"
    with site.engine.connect() as connection:
        return connection.execute(text(query)).first() is not None


def _upgrade(site: Site, release: Path) -> str:
    return _ended_upgrade(_begin_upgrade(site, release))


def _begin_upgrade(site: Site, release: Path) -> subprocess.Popen[bytes]:
    environ = {**site.environ, "PYTHONPATH": str(release)}
    command = [sys.executable, "-m", "bridge", "db", "upgrade"]
    return subprocess.Popen(command, cwd=release, env=environ, stdout=subprocess.PIPE, stderr=site.output)


def _ended_upgrade(running: subprocess.Popen[bytes]) -> str:
    """The revision that it tells."""
    told, _ = running.communicate(timeout=120)
    assert running.returncode == 0, told
    return told.decode().split()[-1]


def _end_in_mid_request(site: Site, web: Child, url: str, traffic: Traffic) -> int:
    """SIGTERM while half a webhook has come, the rest of it after; the status that its sender hears."""
    packet = traffic.packet(UNDER_WAY)
    half = len(packet.body) // 2
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(_head(packet, traffic.shop(UNDER_WAY)) + packet.body[:half])
        traffic.wait_for_answer(202)  # of another one meanwhile
        web.popen.send_signal(signal.SIGTERM)
        until(lambda: "Handling signal: term" in _log(site), seconds=60, what=lambda: _log(site))
        connection.sendall(packet.body[half:])
        return int(connection.recv(1024).split()[1])


def _head(packet: Packet, shop: str) -> bytes:
    headers = {**packet.headers, "Host": "bridge.example", "Content-Length": str(len(packet.body))}
    lines = [f"POST /webhooks/{shop} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def _log(site: Site) -> str:
    return Path(site.output.name).read_text(errors="replace")


def _start(site: Site, release: Path, name: str) -> Child:
    """A process of another release: what it imports lies in the folder that it starts in."""
    commands = {
        "web": [sys.executable, "-m", "gunicorn", *GUNICORN],
        "worker": [sys.executable, "-m", "bridge", "worker"],
    }
    environ = {**site.environ, "PYTHONPATH": str(release)}
    popen = subprocess.Popen(
        commands[name], cwd=release, env=environ, stdout=site.output, stderr=subprocess.STDOUT, start_new_session=True
    )
    child = Child(name=name, popen=popen)
    site.children.append(child)
    return child


def _other_port() -> tuple[str, str]:
    port = free_port()
    return f"http://127.0.0.1:{port}", str(port)


def test_the_release_before_starts_on_its_own_schema(deploy: Deploy) -> None:
    assert deploy.revisions == ["0002", newest()]


def test_the_release_before_is_ready_on_the_new_schema(deploy: Deploy) -> None:
    assert deploy.ready == 200


def test_no_webhook_fails_while_the_database_is_upgraded_and_both_releases_run(deploy: Deploy) -> None:
    assert deploy.before == {202}


def test_no_webhook_meets_anything_but_a_reset_when_the_old_process_ends(deploy: Deploy) -> None:
    """A connection that is refused or breaks with the old process is tried again by every shop."""
    assert set(deploy.traffic.answers) == {202, "reset"}


def test_a_webhook_under_way_is_taken_in_by_a_process_that_is_told_to_end(deploy: Deploy) -> None:
    assert deploy.under_way == 202


def test_old_processes_end_well_within_the_grace_of_a_paas(deploy: Deploy) -> None:
    assert deploy.statuses == {"web": 0, "worker": 0}


def test_every_acknowledged_order_is_made_once(deploy: Deploy) -> None:
    made = Counter(order.customer_reference for order in deploy.site.world.sortedpro.orders())
    expected = dict.fromkeys(deploy.traffic.references(), 1)
    assert {reference: made[reference] for reference in expected} == expected


def test_no_order_is_left_in_doubt(deploy: Deploy) -> None:
    states = {deploy.site.wait_for(f"#{one}", "done", "in_doubt").state for one in deploy.traffic.acknowledged}
    assert states == {"done"}


def test_orders_of_both_platforms_came(deploy: Deploy) -> None:
    assert {deploy.traffic.shop(number) for number in deploy.traffic.acknowledged} == {"shopify", "woocommerce"}
