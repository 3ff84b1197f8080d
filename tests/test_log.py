"""The log tells what happened, never whose order it was."""

from __future__ import annotations

import json
import logging

import pytest

from bridge import log

_STREET = "14 Larkspur Row"


@pytest.fixture(autouse=True)
def _restored():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_exception_is_logged_without_its_message(capsys) -> None:
    log.configure("json")
    try:
        int(_STREET)  # its message shows the text
    except ValueError:
        logging.getLogger("library").exception("job failed")
    line = capsys.readouterr().out
    assert json.loads(line)["error"] == "ValueError"
    assert "Larkspur" not in line
