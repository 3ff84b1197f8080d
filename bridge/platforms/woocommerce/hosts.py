"""At which host an order or a shop lives, so that a copy of a shop is told from the shop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import httpx

_DEFAULT_PORTS = {"http": 80, "https": 443}


def host_of(address: object) -> str:
    """The host of a web address in lower case and without `www.`, with its port if that is not the usual one.

    "" for what is no web address. Names with other letters than ASCII are given in their ASCII form (xn--).
    """
    if not isinstance(address, str):
        return ""
    start = _START.match(address)  # all that counts; of a shop's orders it is always the same
    return _host_of_start(start[0]) if start else ""


_START = re.compile(r"[^/?#]*//[^/?#]*")


@lru_cache(maxsize=1024)
def _host_of_start(address: str) -> str:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return ""
    if url.scheme not in _DEFAULT_PORTS or not url.raw_host:
        return ""
    host = url.raw_host.decode("ascii").lower().removeprefix("www.")
    host = f"[{host}]" if ":" in host else host
    return host if url.port in {None, _DEFAULT_PORTS[url.scheme]} else f"{host}:{url.port}"


def host_of_order(order: Mapping[str, Any]) -> str:
    """Where a body says that its order lives, by the links that WooCommerce signs with it; "" where it has none.

    https://developer.wordpress.org/rest-api/using-the-rest-api/linking-and-embedding/ : each resource links itself.
    """
    links = order.get("_links")
    if not isinstance(links, Mapping):
        return ""
    return next((host for host in map(_host_of_link, map(links.get, ("self", "collection"))) if host), "")


def _host_of_link(entries: object) -> str:
    """The host of the first of a relation's links."""
    first = entries[0] if isinstance(entries, list) and entries else None
    return host_of(first.get("href")) if isinstance(first, Mapping) else ""
