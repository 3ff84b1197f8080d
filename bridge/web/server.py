"""gunicorn's settings: `gunicorn --config python:bridge.web.server "bridge.web.app:application()"`."""

from __future__ import annotations

# Not `from bridge import config`: gunicorn takes each name of this module that is one of its settings, as `config` is.
from bridge.web.app import check_settings, words_at_exit

with words_at_exit():
    _settings = check_settings()

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
control_socket_disable = True  # gunicorn 25 and later: in the home folder, where two bridges would share it
