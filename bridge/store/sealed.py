"""The two functions through which all stored bytes with personal data pass: encryption will change these alone."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import simplejson


def seal(content: bytes) -> bytes:
    """What is stored for `content`."""
    return content


def unseal(stored: bytes) -> bytes:
    """The content of what `seal` gave."""
    return bytes(stored)


def seal_json(value: Any) -> bytes:
    """A JSON value (numbers int or Decimal, kept exactly), sealed."""
    return seal(
        simplejson.dumps(value, use_decimal=True, ensure_ascii=False, separators=(",", ":")).encode(
            errors="surrogatepass"
        )
    )


def unseal_json(stored: bytes) -> Any:
    """The value of what `seal_json` gave."""
    return json.loads(unseal(stored), parse_float=Decimal)
