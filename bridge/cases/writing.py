"""Values as a tests file writes them: on one line, or as a block."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import yaml

from bridge.cases.paths import MISSING
from bridge.cases.sheet import ABSENT, NULLS, NUMBER, Plain

Json = Any

# Text that YAML and the rules of sheet.py read back as it is, without quotes, wherever it stands.
_BARE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 _./+@()'-]*[A-Za-z0-9_./+@()'-])?")
_RESERVED = frozenset({"true", "false", ABSENT.text, *NULLS})


def written(value: Json) -> str:
    """A value on one line, `absent` for MISSING; a text that would be read as something else is put in quotes."""
    if value is MISSING:
        return ABSENT.text
    if isinstance(value, Plain):
        return value.text
    if isinstance(value, Mapping):
        parts = [f"{_text(str(key))}: {written(below)}" for key, below in value.items()]
        return f"{{ {', '.join(parts)} }}" if parts else "{}"
    if isinstance(value, list | tuple):
        return f"[ {', '.join(written(below) for below in value)} ]" if value else "[]"
    return _text(value) if isinstance(value, str) else _number(value)


def block(value: Json, column: int) -> str:
    """A value over several lines whose first begins in `column` (which is not written) and the others below it."""
    margin = "\n" + " " * column
    if isinstance(value, Mapping) and value:
        return margin.join(f"{_text(str(key))}:{_below(below, column)}" for key, below in value.items())
    if isinstance(value, list | tuple) and value:
        return margin.join(f"- {block(below, column + 2)}" for below in value)
    return written(value)


def _below(value: Json, column: int) -> str:
    """A value behind its key: on the same line, or in a block of its own."""
    if isinstance(value, Mapping | list | tuple) and value:
        return "\n" + " " * (column + 2) + block(value, column + 2)
    return f" {written(value)}"


def _text(text: str) -> str:
    if _BARE.fullmatch(text) and text not in _RESERVED and not NUMBER.fullmatch(text):
        return text
    dumped: str = yaml.dump(text, Dumper=yaml.SafeDumper, default_style='"', allow_unicode=True, width=math.inf)
    return dumped.rstrip("\n")


def _number(value: Json) -> str:
    """A number, true, false or null."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)
