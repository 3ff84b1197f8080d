"""What receipt is measured beside: the same server with an application that does next to nothing."""

from __future__ import annotations

from flask import Flask, Response, request
from sqlalchemy import text

from bridge import config
from bridge.store.database import WEB_POOL, autocommit, connect, run

TABLE = text("create table floor (id bigserial primary key, headers jsonb not null, body bytea not null)")
_INSERT = "insert into floor (headers, body) values (%(headers)s::jsonb, %(body)s)"


def bare() -> Flask:
    """Read the body, answer 202."""
    app = Flask("bare", static_folder=None)

    @app.get("/readyz")
    def readyz() -> Response:
        return Response("ready\n")

    @app.post("/webhooks/<shop>")
    def receive(shop: str) -> Response:  # noqa: ARG001 - Flask gives it by name
        request.get_data(cache=False)
        return Response(status=202)

    return app


def insert() -> Flask:
    """Read the body, commit it as one row in one round trip, answer 202."""
    app = bare()
    database = config.load(config.environ()).database
    assert database is not None
    engine = connect(database, pool=WEB_POOL)

    def receive(shop: str) -> Response:  # noqa: ARG001 - Flask gives it by name
        body = request.get_data(cache=False)
        headers = app.json.dumps(dict(request.headers.items()))
        with autocommit(engine) as connection:
            run(connection, _INSERT, {"headers": headers, "body": body})
        return Response(status=202)

    app.view_functions["receive"] = receive
    return app
