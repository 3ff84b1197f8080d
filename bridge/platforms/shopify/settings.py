"""The settings of a Shopify shop: the `shop` and `write_back` sections of its mapping file."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from bridge.errors import Problem
from bridge.platforms.base import Settings
from bridge.platforms.shopify import documents

SHOP_KEYS = frozenset(
    {
        "domain", "client_id", "client_secret", "access_token", "api_version", "api_url", "dimension_metafields",
        "send_service_orders", "metafields",
    }
)  # fmt: skip
WRITE_BACK_KEYS = frozenset({"metafield", "record_metafield", "tags"})
API_VERSION = "2026-10"

# A token or a secret is sent to no other host.
# https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_API_VERSION = re.compile(r"20[0-9]{2}-(01|04|07|10)|unstable")
# https://shopify.dev/docs/apps/build/metafields/metafield-limits
_METAFIELD = re.compile(r"([A-Za-z0-9_$:-]{3,255})\.([A-Za-z0-9_-]{2,64})")
_LONGEST_TAG = 40
_DIMENSIONS = 3
_MOST_METAFIELDS = documents.MOST_METAFIELDS
_YES, _NO = frozenset({"yes", "true", "on"}), frozenset({"no", "false", "off"})

Metafield = tuple[str, str]  # namespace and key


@dataclass(frozen=True, kw_only=True)
class ShopifySettings(Settings):
    """One Shopify shop."""

    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    api_version: str = API_VERSION
    address: str = ""  # https://acme.myshopify.com, or the sandbox's
    dimension_metafields: tuple[Metafield, ...] = ()  # length, width, height; or none
    metafields: tuple[Metafield, ...] = ()  # of the order, for rules and values
    send_service_orders: bool = False  # whether what fulfilment services ship is sent like the shop's own
    metafield: Metafield = ("custom", "sorted_order_reference")
    record_metafield: Metafield = ("custom", "sorted_order")
    tags: tuple[str, ...] = ()


def read(shop: Mapping[str, Any], write_back: Mapping[str, Any]) -> tuple[ShopifySettings | None, list[Problem]]:
    """Check the two sections; all problems at once, settings only without any."""
    reading = _Reading(shop, write_back)
    settings = reading.settings()
    return (None if reading.problems else settings), reading.problems


class _Reading:
    """One reading of the two sections; collects the problems."""

    def __init__(self, shop: Mapping[str, Any], write_back: Mapping[str, Any]) -> None:
        self._shop = shop
        self._write_back = write_back
        self.problems: list[Problem] = []
        self._offline = any(_is_placeholder(value) for value in _scalars(shop))

    def settings(self) -> ShopifySettings:
        """What the sections say, with defaults; worth nothing where there are problems."""
        domain = self._domain()
        self._credentials()
        metafield = self._metafield(self._write_back, "write_back.metafield", ("custom", "sorted_order_reference"))
        record_metafield = self._metafield(self._write_back, "write_back.record_metafield", ("custom", "sorted_order"))
        if metafield == record_metafield:
            self._problem("write_back.record_metafield", "the record needs a metafield of its own, not the reference's")
        return ShopifySettings(
            domain=domain,
            secrets=self._secrets(),
            offline=self._offline,
            client_id=self._text("client_id"),
            client_secret=self._text("client_secret"),
            access_token=self._text("access_token"),
            api_version=self._api_version(),
            address=self._address(domain),
            dimension_metafields=self._dimension_metafields(),
            metafields=self._metafields(),
            send_service_orders=self._yes("send_service_orders"),
            metafield=metafield,
            record_metafield=record_metafield,
            tags=self._tags(),
        )

    def _domain(self) -> str:
        domain = self._text("domain")
        domain = domain if _is_placeholder(domain) else domain.lower()
        if not _is_placeholder(domain) and not _DOMAIN.fullmatch(domain):
            self._problem(
                "shop.domain",
                "must be the shop's own name at Shopify, such as acme.myshopify.com (Settings > Domains), without "
                "https:// and not the address that customers see",
                domain,
            )
        return domain

    def _secrets(self) -> Sequence[str]:
        given = self._shop.get("secrets")
        given = [given] if isinstance(given, str) else given
        listed = given if isinstance(given, list) else []
        stripped = [secret.strip() if isinstance(secret, str) else secret for secret in listed]
        secrets = [secret for secret in stripped if secret]
        if not secrets or not all(isinstance(secret, str) for secret in secrets):
            self._problem(
                "shop.secrets",
                "no secret that could verify a webhook: give the app's client secret, and for webhooks made under "
                "Settings > Notifications the secret shown there",
            )
        return tuple(str(secret) for secret in secrets)

    def _credentials(self) -> None:
        pair = self._text("client_id") and self._text("client_secret")
        if pair or self._text("access_token") or self._offline:
            return
        self._problem(
            "shop.client_id",
            "the shop cannot be read: give client_id and client_secret (SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET, "
            "for an app of the Dev Dashboard), or access_token (SHOPIFY_ACCESS_TOKEN, for an app made in the admin)",
        )

    def _api_version(self) -> str:
        version = self._text("api_version") or API_VERSION
        if not _is_placeholder(version) and not _API_VERSION.fullmatch(version):
            self._problem(
                "shop.api_version", f"must be a version of Shopify's Admin API such as {API_VERSION}", version
            )
        return version

    def _address(self, domain: str) -> str:
        address = self._text("api_url").rstrip("/")
        if not address:
            return f"https://{domain}"
        if not _is_placeholder(address) and not _is_loopback(address):
            self._problem(
                "shop.api_url",
                "may only be a loopback address (http://127.0.0.1:PORT), for the sandbox; a real shop is reached by "
                "its domain, so leave api_url out",
                address,
            )
        return address

    def _dimension_metafields(self) -> tuple[Metafield, ...]:
        names = self._shop.get("dimension_metafields")
        if not names:
            return ()
        if not isinstance(names, list) or len(names) != _DIMENSIONS:
            self._problem("shop.dimension_metafields", "must be three metafields of the variant: length, width, height")
            return ()
        sources = [f"shop.dimension_metafields[{position}]" for position in range(_DIMENSIONS)]
        return tuple(self._split(name, source) for name, source in zip(names, sources, strict=True))

    def _metafields(self) -> tuple[Metafield, ...]:
        """The metafields of the order that are read with it; an app's own are not named in answers as they are here."""
        names = self._shop.get("metafields") or []
        names = [names] if isinstance(names, str) else names
        if not isinstance(names, list) or len(names) > _MOST_METAFIELDS:
            message = f"must be a list of {_MOST_METAFIELDS} metafields of the order at most: [custom.legacy_reference]"
            self._problem("shop.metafields", message)
            return ()
        if any(str(name).startswith("$") for name in names):
            self._problem("shop.metafields", "only metafields that belong to the shop can be read, not an app's ($app)")
        return tuple(
            dict.fromkeys(self._split(name, f"shop.metafields[{position}]") for position, name in enumerate(names))
        )

    def _tags(self) -> tuple[str, ...]:
        tags = self._write_back.get("tags")
        tags = [tags] if isinstance(tags, str) else tags or []
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            self._problem("write_back.tags", "must be a list of tags: [sent-to-sorted]")
            return ()
        for tag in tags:
            if "," in tag or not 0 < len(tag.strip()) <= _LONGEST_TAG:
                self._problem("write_back.tags", f"a tag has 1 to {_LONGEST_TAG} characters and no comma", tag)
        return tuple(tag.strip() for tag in tags)

    def _metafield(self, section: Mapping[str, Any], source: str, default: Metafield) -> Metafield:
        value = section.get(source.rpartition(".")[2])
        return self._split(value, source) if value else default

    def _split(self, name: object, source: str) -> Metafield:
        match = _METAFIELD.fullmatch(name) if isinstance(name, str) else None
        if match is None:
            self._problem(source, "must be a metafield's namespace and key, such as custom.sorted_order", str(name))
            return ("", "")
        return match[1], match[2]

    def _yes(self, key: str) -> bool:
        """A setting that is yes or no; no without it."""
        value = str(self._shop.get(key) or "no").strip().lower()
        if value not in _YES | _NO and not _is_placeholder(value):
            self._problem(f"shop.{key}", "must be yes or no", value)
        return value in _YES

    def _text(self, key: str) -> str:
        value = self._shop.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._problem(f"shop.{key}", "must be text")
            return ""
        return value.strip()

    def _problem(self, source: str, message: str, found: str = "") -> None:
        problem = Problem(message=message, source=source, found=found[:80], code="bad_setting")
        if problem not in self.problems:
            self.problems.append(problem)


def _scalars(shop: Mapping[str, Any]) -> list[Any]:
    """All values of the section, those of lists as well."""
    return [entry for value in shop.values() for entry in (value if isinstance(value, list) else [value])]


def _is_placeholder(value: object) -> bool:
    """Whether a value stands for a variable that is not set, as in offline looks: "<SHOPIFY_SHOP>"."""
    return isinstance(value, str) and value.startswith("<")


def _is_loopback(address: str) -> bool:
    """Whether an address stays on this machine."""
    try:
        url = httpx.URL(address)
        return url.scheme == "http" and (url.host == "localhost" or ipaddress.ip_address(url.host).is_loopback)
    except (ValueError, httpx.InvalidURL):
        return False
