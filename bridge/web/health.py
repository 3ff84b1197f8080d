"""GET /healthz: the process is alive. GET /readyz: it can store what comes."""

from __future__ import annotations

from flask import Flask, Response

from bridge.errors import StoreAway
from bridge.store.database import transaction
from bridge.store.upgrade import current, is_ready, newest
from bridge.wiring import Bridge


def register(app: Flask, bridge: Bridge) -> None:
    """Add the routes."""

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("alive\n", mimetype="text/plain")

    @app.get("/readyz")
    def readyz() -> Response:
        ready, words = _readiness(bridge)
        return Response(f"{words}\n", status=200 if ready else 503, mimetype="text/plain")


def _readiness(bridge: Bridge) -> tuple[bool, str]:
    try:
        with transaction(bridge.engine) as connection:
            if is_ready(connection):
                return True, "ready"
            revision = current(connection)
    except StoreAway as error:
        return False, str(error)
    found = f"is at revision {revision}" if revision else "has no tables yet"
    return False, f"the database {found}, the code needs revision {newest()}: run `python -m bridge db upgrade`"
