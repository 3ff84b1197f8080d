"""gunicorn's settings: `gunicorn --config python:bridge.web.server "bridge.web.app:application()"`."""

from __future__ import annotations

from bridge import config

_settings = config.load(config.environ())

bind = f"0.0.0.0:{_settings.port}"
workers = _settings.web_processes
worker_class = "gthread"
threads = 8
# Longer than the 90 s for which a PaaS router keeps its connections, so that the router ends them and not we, which
# would cost it a request now and then.
keepalive = 100
timeout = 60
graceful_timeout = 25  # a PaaS kills 30 s after SIGTERM
accesslog = None  # addresses and paths are nobody's business; the bridge logs each webhook itself
worker_tmp_dir = None
