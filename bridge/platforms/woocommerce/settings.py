"""The settings of a WooCommerce shop: its address, its webhooks' secrets, its keys, and how the reference is left."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from bridge.errors import Problem
from bridge.platforms.base import Settings
from bridge.platforms.woocommerce.hosts import host_of
from bridge.platforms.woocommerce.records import DEFAULT_META, RECORD_META

SHOP_KEYS = frozenset({"url", "hosts", "consumer_key", "consumer_secret", "hs_code_meta", "origin_meta"})
WRITE_BACK_KEYS = frozenset({"meta", "note"})
DEFAULT_NOTE = "Sent to SortedPRO as {reference}"

_API = re.compile(r"(?<!/)/wp-json(?=/|$)")  # people copy the address of the API: https://shop.example/wp-json/wc/v3
_OFF = frozenset({"no", "false", "off"})


@dataclass(frozen=True, kw_only=True)
class WooCommerceSettings(Settings):
    """A mapping's `shop` and `write_back`, checked."""

    url: str  # where WordPress lives, without a slash at the end: https://shop.example/blog
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    hs_code_meta: str = ""  # the product's meta key that a customs plugin keeps the HS code under
    origin_meta: str = ""  # and its country of origin, ISO alpha-2
    meta: str = DEFAULT_META
    note: str = DEFAULT_NOTE  # with {reference}; '' writes no note


def settings(
    shop: Mapping[str, Any], write_back: Mapping[str, Any]
) -> tuple[WooCommerceSettings | None, list[Problem]]:
    """Check the two sections; None beside problems. Placeholders like `<WOOCOMMERCE_URL>` make offline settings."""
    problems: list[Problem] = []
    url = _text(shop, "url", problems, required=True)
    key = _text(shop, "consumer_key", problems, required=True)
    secret = _text(shop, "consumer_secret", problems, required=True)
    secrets = _secrets(shop.get("secrets"), problems)
    hosts = _hosts(shop.get("hosts"), problems)
    meta, note = _write_back(write_back, problems)
    offline = any(map(_is_placeholder, (url, key, secret, *secrets)))
    if url and not _is_placeholder(url):
        problems.extend(_address_problems(url))
    hs_code_meta, origin_meta = (_text(shop, name, problems) for name in ("hs_code_meta", "origin_meta"))
    if problems:
        return None, problems
    return WooCommerceSettings(
        domain=url if _is_placeholder(url) else httpx.URL(url).host,
        secrets=secrets,
        offline=offline,
        hosts=() if _is_placeholder(url) else tuple(dict.fromkeys([host_of(url), *hosts])),
        url=_API.split(url, maxsplit=1)[0].rstrip("/"),
        consumer_key=key,
        consumer_secret=secret,
        hs_code_meta=hs_code_meta,
        origin_meta=origin_meta,
        meta=meta,
        note=note,
    ), []


def _text(section: Mapping[str, Any], name: str, problems: list[Problem], *, required: bool = False) -> str:
    value = section.get(name)
    if isinstance(value, str) and value.strip():
        return value.strip()
    if value not in (None, "") and not isinstance(value, str):
        problems.append(Problem(message="this setting is one text; write it on one line", source=f"shop.{name}"))
    elif required:
        problems.append(Problem(message=_MISSING[name], source=f"shop.{name}", code="missing_setting"))
    return ""


_MISSING = {
    "url": "the shop's address is missing; set it to where WordPress lives: https://shop.example",
    "consumer_key": "the REST API key is missing; make one with read and write permission in WooCommerce > Settings > "
    "Advanced > REST API and set its consumer key (ck_...)",
    "consumer_secret": "the REST API key's secret is missing; set the consumer secret (cs_...) that WooCommerce showed "
    "when the key was made",
}


def _secrets(value: object, problems: list[Problem]) -> tuple[str, ...]:
    """The webhooks' secrets; empty ones are dropped, blanks at their ends belong to them."""
    given = [value] if isinstance(value, str) else value
    if isinstance(given, Sequence) and all(isinstance(secret, str) or secret is None for secret in given):
        if kept := tuple(secret for secret in given if secret):
            return kept
        message = "the shop has no webhook secret; set the text in the field Secret of the webhook in WooCommerce"
    else:
        message = "the webhook secrets are a list of texts; the secret stands in the webhook's settings in WooCommerce"
    problems.append(Problem(message=message, source="shop.secrets", code="missing_setting"))
    return ()


def _hosts(value: object, problems: list[Problem]) -> list[str]:
    """Further hosts that the shop's orders may come from: former names, those of other languages.

    One text may list several, so that a variable can.
    """
    given = value.split(",") if isinstance(value, str) else value or []
    if not isinstance(given, Sequence) or not all(isinstance(host, str) or host is None for host in given):
        message = "the hosts are a list of names: [old.shop.example, shop.example]"
        problems.append(Problem(message=message, source="shop.hosts"))
        return []
    texts = [host.strip() for host in given if host and host.strip() and not _is_placeholder(host.strip())]
    for text in texts:
        if not _is_bare_host(text):
            message = "this is no bare host; write it like old.shop.example, without https:// and without a path"
            problems.append(Problem(message=message, source="shop.hosts", found="" if "@" in text else text[:80]))
    return [host_of(f"https://{text}") for text in texts if _is_bare_host(text)]


def _is_bare_host(text: str) -> bool:
    return bool(host_of(f"https://{text}")) and not any(sign in "/@?#%" or sign.isspace() for sign in text)


def _write_back(section: Mapping[str, Any], problems: list[Problem]) -> tuple[str, str]:
    """The meta key for people and the note's text, '' for none."""
    meta, note = section.get("meta") or DEFAULT_META, section.get("note", DEFAULT_NOTE)
    note = "" if note is None or str(note).strip().lower() in _OFF else note
    if not isinstance(meta, str) or meta == RECORD_META:
        problems.append(
            Problem(
                message=f"this is the meta key for the reference, one text other than {RECORD_META} (the bridge's own)",
                source="write_back.meta",
                found=str(meta)[:60],
            )
        )
    if not isinstance(note, str) or (note and "{reference}" not in note):
        problems.append(
            Problem(
                message="the note is one text with {reference} in it, or `no` for none",
                source="write_back.note",
                found=str(note)[:60],
            )
        )
    return str(meta), str(note)


def _address_problems(text: str) -> list[Problem]:
    """What is wrong with the shop's address. WooCommerce takes Basic auth over https only."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"https", "http"} or not url.host or any(map(str.isspace, text)):
        message = "this is no web address; write it like https://shop.example"
    elif url.userinfo or url.query or url.fragment:
        message = "the shop's address may not carry a name, password, query or fragment; write https://shop.example"
    elif url.scheme == "http" and not _is_loopback(url.host):
        message = (
            "keys and orders may not travel over http, where WooCommerce refuses these keys anyway; write https://"
        )
    else:
        return []
    found = "" if {"@", "?"} & set(text) else text[:80]  # there a password or a key may stand
    return [Problem(message=message, source="shop.url", found=found)]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_placeholder(text: str) -> bool:
    return text.startswith("<") and text.endswith(">")
