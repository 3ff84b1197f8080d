"""The web process: webhooks in, health out. It makes no outbound call."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from bridge import config, log
from bridge.errors import ConfigurationError
from bridge.store.database import WEB_POOL
from bridge.web import health, webhooks
from bridge.wiring import Bridge, load_shops, open_bridge

_STOP = 3  # gunicorn stops when a worker ends with it, and starts it anew after any other status
# https://github.com/benoitc/gunicorn/blob/23.0.0/gunicorn/arbiter.py (WORKER_BOOT_ERROR)


def application() -> Flask:
    """What gunicorn serves, one a process. Ends the process with words and status 3 where something is wrong."""
    with words_at_exit():
        environ = config.environ()
        settings = config.load(environ)
        log.configure(settings.log)
        return make_app(open_bridge(settings, environ, pool=WEB_POOL))


def check_settings() -> config.Settings:
    """The settings, once they and the mapping files are known to be right. Raises ConfigurationError.

    gunicorn asks before it listens and has workers, so that a mistake is told once and not by each of them.
    """
    environ = config.environ()
    settings = config.load(environ)
    load_shops(settings, environ)
    return settings


@contextmanager
def words_at_exit() -> Iterator[None]:
    """Ends the process with the problems on standard error, instead of a traceback for each worker."""
    try:
        yield
    except ConfigurationError as error:
        sys.stderr.writelines(f"error: {problem}\n" for problem in error.problems)
        sys.exit(_STOP)


def make_app(bridge: Bridge) -> Flask:
    """The Flask application of a wired bridge."""
    app = Flask("bridge", static_folder=None)
    # One more than may come: of a chunked body werkzeug reads just so much, without a word about the rest.
    app.config["MAX_CONTENT_LENGTH"] = webhooks.MAX_BODY + 1
    # Shopify counts a redirect as a failure, WooCommerce as a success that it does not follow: never one here.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    webhooks.register(app, bridge)
    health.register(app, bridge)
    return app
