"""Keeps secrets out of what is told about a mapping file, wherever in the file they were put by mistake."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from bridge.errors import Problem
from bridge.mapping.document import SECRET_SETTINGS, Document

_LIKE_A_SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|API_?KEY|CONSUMER_KEY", re.IGNORECASE)
_LEAST = 6  # characters of a secret that count as a trace of it


def mask(problems: Iterable[Problem], environ: Mapping[str, str], read: Document | None) -> list[Problem]:
    """The problems with every secret of `environ` replaced by the name of its variable.

    A variable is a secret by its name, or because `read` uses it for a secret setting.
    """
    used = [use.name for use in read.variables() if use.path.partition("[")[0] in SECRET_SETTINGS] if read else []
    names = {*used, *(name for name in environ if _LIKE_A_SECRET.search(name))}
    secrets = {name: environ[name] for name in names if len(environ.get(name, "")) >= _LEAST}
    return [
        replace(
            problem,
            message=_masked(problem.message, secrets),
            source=_masked(problem.source, secrets),
            target=_masked(problem.target, secrets),
            found=_masked(problem.found, secrets),
        )
        for problem in problems
    ]


def _masked(text: str, secrets: Mapping[str, str]) -> str:
    for name, secret in secrets.items():
        text = text.replace(secret, f"<{name}>")
        text = re.sub(re.escape(secret[:_LEAST]) + r"[^\s'\"]*…", f"<{name}>", text)  # one that was shortened
    return text
