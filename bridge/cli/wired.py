"""The bridge with its database, shops and clients, for commands that ask shops or SortedPRO."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from bridge import config
from bridge import shops as shop_files
from bridge.cli.opening import settings, store
from bridge.intake import Intake
from bridge.wiring import Bridge


@contextmanager
def wired() -> Iterator[Bridge]:
    """A bridge on the database of `store`. Raises ConfigurationError where settings or mapping files are wrong."""
    now, environ = settings(), config.environ()
    shops = shop_files.load(now.mappings, environ)
    with store() as engine:
        bridge = Bridge(
            settings=now,
            shops=shops,
            engine=engine,
            intake=Intake(engine=engine),
            clock=lambda: datetime.now(UTC),
            new_id=uuid.uuid4,
            chance=random.random,
            pause=time.sleep,
        )
        try:
            yield bridge
        finally:
            bridge.close()
