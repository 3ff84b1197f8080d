"""The web process: webhooks in, health out. It makes no outbound call."""

from __future__ import annotations

from flask import Flask

from bridge import config, log
from bridge.store.database import WEB_POOL
from bridge.web import health, webhooks
from bridge.wiring import Bridge, open_bridge

MAX_BODY = 10 * 1024 * 1024  # bytes; the largest order seen is some hundred kilobytes


def application() -> Flask:
    """What gunicorn serves, one a process. Raises ConfigurationError with everything that is wrong."""
    environ = config.environ()
    settings = config.load(environ)
    log.configure(settings.log)
    return make_app(open_bridge(settings, environ, pool=WEB_POOL))


def make_app(bridge: Bridge) -> Flask:
    """The Flask application of a wired bridge."""
    app = Flask("bridge", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    # Shopify counts a redirect as a failure, WooCommerce as a success that it does not follow: never one here.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    webhooks.register(app, bridge)
    health.register(app, bridge)
    return app
