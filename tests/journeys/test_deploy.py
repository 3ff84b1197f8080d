"""Web and worker replaced under traffic, as a PaaS does: the release before runs beside this one for a while."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.config import Database
from bridge.processes import GUNICORN, Child, wait_ready
from bridge.sandbox.trio import open_trio
from tests.journeys.site import Site, database_on, free_port, site_on
from tests.journeys.traffic import Traffic

HERE = Path(__file__).parents[2]
BEFORE = "d452147"  # the last commit whose schema is the revision before this one's
ORDERS = 10  # acknowledged in each phase


@pytest.fixture(scope="module")
def old_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the release before, out of the project's history."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed, so there is no release before this one")
    folder = tmp_path_factory.mktemp("old")
    archive = folder / "old.tar"
    command = ["git", "-C", str(HERE), "archive", f"--output={archive}", BEFORE]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip(f"the commit {BEFORE} is not in this checkout, so there is no release before this one")
    shutil.unpack_archive(archive, folder, filter="data")
    return folder


@dataclass(frozen=True, kw_only=True)
class Deploy:
    """A site after its processes were replaced under traffic, and how the old ones ended."""

    site: Site
    traffic: Traffic
    statuses: dict[str, int]


@pytest.fixture(scope="module")
def deploy(server: Database, old_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deploy]:
    """Old web and worker; new ones beside them on the migrated database; then only the new."""
    with (
        open_trio() as world,
        database_on(server) as database,
        site_on(database, world, tmp_path_factory.mktemp("deploy")) as site,
    ):
        world.shopify.webhooks.target = None  # the senders are ours
        router = [site.url]
        old_web, old_worker = _start(site, old_release, "web"), _start(site, old_release, "worker")
        wait_ready(site.url, old_web)
        with Traffic(site=site, first=6001, router=router) as traffic:
            traffic.wait_for_more(ORDERS)
            site.wait_for("#6001", "done", seconds=120)
            site.url, site.environ["PORT"] = _other_port()
            site.start_worker()
            site.start_web()
            router.append(site.url)  # a router sends to both now
            traffic.wait_for_more(2 * ORDERS)
            router.pop(0)
            statuses = {"web": old_web.stop(), "worker": old_worker.stop()}
            traffic.wait_for_more(ORDERS)
        for number in traffic.acknowledged:
            site.wait_for(f"#{number}", "done", "in_doubt", seconds=120)
        yield Deploy(site=site, traffic=traffic, statuses=statuses)


def test_old_processes_end_well_within_the_grace_of_a_paas(deploy: Deploy) -> None:
    assert deploy.statuses == {"web": 0, "worker": 0}


def test_no_webhook_fails_that_a_shop_would_not_send_again(deploy: Deploy) -> None:
    """A connection that breaks with the old process is tried again; no webhook is answered with an error."""
    assert set(deploy.traffic.answers) <= {202, None}


def test_every_acknowledged_order_is_made_once(deploy: Deploy) -> None:
    made = Counter(order.customer_reference for order in deploy.site.world.sortedpro.orders())
    expected = {f"shopify-{number}": 1 for number in deploy.traffic.acknowledged}
    assert {reference: made[reference] for reference in expected} == expected


def test_no_order_is_left_in_doubt(deploy: Deploy) -> None:
    states = {deploy.site.wait_for(f"#{one}", "done", "in_doubt").state for one in deploy.traffic.acknowledged}
    assert states == {"done"}


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
