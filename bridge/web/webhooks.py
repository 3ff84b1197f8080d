"""POST /webhooks/<shop>: verify, store, answer."""

from __future__ import annotations

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from bridge.errors import StoreAway, UnknownShop, WebhookRefused
from bridge.platforms.base import Ping
from bridge.wiring import Bridge

log = structlog.get_logger()

MAX_BODY = 10 * 1024 * 1024  # bytes; the largest order seen is some hundred kilobytes


def register(app: Flask, bridge: Bridge) -> None:
    """Add the route."""

    @app.post("/webhooks/<shop>", provide_automatic_options=False)
    def receive(shop: str) -> Response:
        return _receive(bridge, shop)

    @app.errorhandler(WebhookRefused)
    def refused(error: WebhookRefused) -> Response:
        return Response(status=error.status)

    @app.errorhandler(StoreAway)
    def away(error: StoreAway) -> Response:
        log.error("webhook not stored", reason=str(error))
        return Response(status=503, headers={"Retry-After": "5"})


def _receive(bridge: Bridge, name: str) -> Response:
    """202 once the body is committed. Raises WebhookRefused, StoreAway; 413 where the body is over the limit."""
    shop = bridge.shops.by_name.get(name)
    if shop is None:
        log.warning("webhook for an unknown shop")
        raise UnknownShop
    body = request.get_data(cache=False)
    if len(body) > MAX_BODY:
        raise RequestEntityTooLarge
    headers = {key.lower(): value for key, value in request.headers.items()}
    try:
        webhook = shop.platform.receive(shop.settings.secrets, headers, body)
    except WebhookRefused as error:
        log.warning("webhook refused", shop=name, status=error.status, reason=str(error))
        raise
    if isinstance(webhook, Ping):
        return Response(status=200)
    outcome = bridge.intake.record_webhook(shop, webhook, bridge.clock())
    log.info("webhook stored", shop=name, topic=webhook.topic[:80], outcome=outcome)
    return Response(status=202)
