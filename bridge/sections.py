"""The sections of a mapping file that are not the mapping language's: shop, destination, mode, limits, routes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

from bridge.errors import Problem
from bridge.mapping.document import SECRET_SETTINGS, Document, Use
from bridge.platforms.base import Platform, Settings
from bridge.platforms.registry import PLATFORMS
from bridge.platforms.routing import Lookup, Routing

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")
_DESTINATION_KEYS = ("name", "url", "api_key", "on_unknown_outcome", "concurrency", "requests_per_second")
_POLICIES = ("hold", "send_again")
_MODES = ("live", "observe")
_CONCURRENCY = 16  # orders on the way to one destination at a time
_RATE = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?")
_MOST_A_SECOND = 1000
_OF_SERVICE = re.compile(r"\bservice\.([A-Za-z_]\w*)")
_DURATION = re.compile(r"([0-9]{1,4}) ?(min|h|days?)")
_UNITS = {"min": "minutes", "h": "hours", "day": "days", "days": "days"}
_LATER = ("ask", "send")
_PLACEHOLDER = "<"  # an unset variable reads `<NAME>` offline


@dataclass(frozen=True, kw_only=True)
class Destination:
    """One SortedPRO account."""

    name: str
    url: str
    api_key: str = field(repr=False)
    on_unknown_outcome: str = "hold"
    concurrency: int = _CONCURRENCY
    rate: float | None = None  # Create Order calls a second at most, None for no limit

    @property
    def credentials(self) -> str:
        """A hash by which a change of the key is noticed."""
        return hashlib.sha256(self.api_key.encode()).hexdigest()

    @property
    def host(self) -> str:
        """By which records on shop orders name it."""
        return urlsplit(self.url).netloc.lower()


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When and how many orders of a shop are sent."""

    send_after: timedelta = timedelta(0)  # after they were made
    surge_limit: int | None = None  # newly eligible orders an hour; what is beyond is held
    send_later_items: bool = False  # goods that become free after the order was sent go without being asked for


class Sections:
    """Reads the sections of one document; each method returns what it read and everything that is wrong with it.

    Offline, credentials may be placeholders and nothing is missing.
    """

    def __init__(self, read: Document, *, offline: bool) -> None:
        self._read = read
        self._offline = offline

    def missing(self) -> list[Problem]:
        """A problem for each variable without value and default, at its first use."""
        if self._offline:
            return []
        first = {use.name: use for use in reversed(self._read.variables()) if use.is_missing}
        return [
            Problem(message=_missing_words(use), source=use.path, file=use.file, line=use.line, code="missing_variable")
            for use in reversed(first.values())
        ]

    def without_missing(self, problems: list[Problem]) -> list[Problem]:
        """The problems without those of settings that a missing variable left empty: it is told already."""
        lacking = set() if self._offline else {use.path for use in self._read.variables() if use.is_missing}
        settings = lacking | {path.partition("[")[0] for path in lacking}
        return [problem for problem in problems if problem.found or problem.source not in settings]

    def shop(self) -> tuple[Mapping[str, Any], list[Problem]]:
        """The shop section as plain values, its name and platform checked."""
        shop = self._section("shop")
        problems = []
        name = _text(shop, "name")
        if not _NAME.fullmatch(name) and not self._is_placeholder(name):
            words = "must be lower-case letters, digits and hyphens: it is the end of the webhook's address"
            problems.append(self._problem("shop.name", words, name))
        platform = _text(shop, "platform")
        if platform not in PLATFORMS:
            problems.append(self._problem("shop.platform", f"must be one of {', '.join(sorted(PLATFORMS))}", platform))
        return shop, problems

    def platform_settings(self, platform: Platform, shop: Mapping[str, Any]) -> tuple[Settings | None, list[Problem]]:
        """What the platform makes of `shop` and `write_back`."""
        write_back = self._section("write_back")
        problems = self._unknown("shop", shop, {"name", "platform", "secrets", *platform.shop_keys})
        problems += self._unknown("write_back", write_back, set(platform.write_back_keys))
        secrets = shop.get("secrets")
        if secrets is not None and not isinstance(secrets, list):
            problems.append(self._problem("shop.secrets", 'must be a list: [ "${A_SECRET}", "${THE_NEXT}" ]', ""))
            shop = {**shop, "secrets": ["-"]}  # so that the platform does not call it missing as well
        settings, wrong = platform.settings(shop, write_back)
        return settings, problems + [self._placed(problem) for problem in wrong]

    def destination(self) -> tuple[Destination, list[Problem]]:
        """The destination section."""
        section = self._section("destination")
        url = _text(section, "url").rstrip("/")
        key = _text(section, "api_key")
        policy = _text(section, "on_unknown_outcome") or "hold"
        concurrency, crowded = self._concurrency(_text(section, "concurrency") or str(_CONCURRENCY))
        rate, odd_rate = self._rate(_text(section, "requests_per_second"))
        problems = self._unknown("destination", section, set(_DESTINATION_KEYS))
        problems += [*self._url_problems(url), *self._key_problems(key), *crowded, *odd_rate]
        if policy not in _POLICIES and not self._is_placeholder(policy):
            problems.append(
                self._problem("destination.on_unknown_outcome", f"must be {' or '.join(_POLICIES)}", policy)
            )
        destination = Destination(
            name=_text(section, "name") or "sorted",
            url=url,
            api_key=key,
            on_unknown_outcome=policy,
            concurrency=concurrency,
            rate=rate,
        )
        return destination, problems

    def send_from(self) -> tuple[datetime, list[Problem]]:
        """The time from which orders count; one without a zone is UTC."""
        value = self._read.plain("send_from")
        text = value if isinstance(value, str) else ""
        if self._is_placeholder(text):
            return datetime.min.replace(tzinfo=UTC), []
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            words = (
                "is required, a time like 2026-12-01T00:00:00Z: orders made earlier are never sent, so that the first "
                "day does not send the orders of years"
            )
            return datetime.max.replace(tzinfo=UTC), [self._problem("send_from", words, text)]
        if when.tzinfo is None:
            words = "needs a zone, so that it is the same moment everywhere: 2026-12-01T00:00:00Z"
            return datetime.max.replace(tzinfo=UTC), [self._problem("send_from", words, text)]
        return when, []

    def mode(self) -> tuple[str, list[Problem]]:
        """Live or observe."""
        value = self._read.plain("mode")
        mode = value if isinstance(value, str) and value else "live"
        if mode in _MODES or self._is_placeholder(mode):
            return mode, []
        words = "must be live, or observe (translate and show everything, send nothing)"
        return mode, [self._problem("mode", words, mode)]

    def policy(self) -> tuple[Policy, list[Problem]]:
        """When and how many orders are sent."""
        wait, limit, later = (
            _plain_text(self._read.plain(key)) for key in ("send_after", "surge_limit", "later_items")
        )
        problems = []
        duration = _DURATION.fullmatch(wait)
        if wait and not duration:
            words = "must be a time like 30 min, 2 h or 1 day: orders are sent so long after they were made"
            problems.append(self._problem("send_after", words, wait))
        if limit and not (limit.isascii() and limit.isdigit() and 0 < int(limit[:7]) <= 1_000_000):
            words = "must be a number from 1 to 1000000: so many orders an hour may become ready to be sent"
            problems.append(self._problem("surge_limit", words, limit))
        if later and later not in _LATER:
            words = "must be ask (a person sends goods that are added later) or send (they are sent by themselves)"
            problems.append(self._problem("later_items", words, later))
        if problems:
            return Policy(), problems
        return Policy(
            send_after=timedelta(**{_UNITS[duration[2]]: int(duration[1])}) if duration else timedelta(0),
            surge_limit=int(limit) if limit else None,
            send_later_items=later == "send",
        ), []

    def routing(self) -> Routing:
        """The tables of locations, services and pickup points; what has another shape is told by the document."""
        return Routing(**{name: self._lookup(name) for name in ("locations", "services", "pickup_points")})

    def unread(self) -> list[Problem]:
        """What rows of `services` say and no expression reads: a misspelt key would be left out without a word."""
        read = sorted(set(_OF_SERVICE.findall(self._read.text())))
        return [
            self._problem(f"services.{row}.{key}", f"nothing in this mapping reads it; it reads {', '.join(read)}", "")
            for row, values in self._section("services").items()
            for key in (values if isinstance(values, dict) else ())
            if key not in read
        ]

    def _lookup(self, name: str) -> Lookup:
        rows = self._section(name)
        file, line = self._read.place(name)
        return Lookup(
            name=name, rows={key: row for key, row in rows.items() if row not in (None, "")}, file=file, line=line
        )

    def _url_problems(self, url: str) -> list[Problem]:
        if self._is_placeholder(url):
            return []
        parts = _split(url)
        if parts is None or "@" in url or "?" in url:
            words = "must be an address without name, password or query: https://api.electioapp.com"
            return [self._problem("destination.url", words, "")]  # not shown: a password or key may stand in it
        loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if (parts.scheme == "https" and parts.hostname) or (parts.scheme == "http" and loopback):
            return []
        words = "must be an https address (http only for a loopback address): https://api.electioapp.com"
        return [self._problem("destination.url", words, url)]

    def _key_problems(self, key: str) -> list[Problem]:
        if not key:
            words = "is missing: give the API key of a user account of SortedPRO"
            return [self._problem("destination.api_key", words, "")]
        if not _HEADER_VALUE.fullmatch(key):
            words = "has a space, line break or foreign letter in it (it is not shown): copy it again from SortedPRO"
            return [self._problem("destination.api_key", words, "")]
        return []

    def _concurrency(self, text: str) -> tuple[int, list[Problem]]:
        """How many orders may be on the way at a time."""
        if text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= 64:
            return int(text), []
        if self._is_placeholder(text):
            return _CONCURRENCY, []
        return 1, [self._problem("destination.concurrency", "must be a number from 1 to 64", text)]

    def _rate(self, text: str) -> tuple[float | None, list[Problem]]:
        """How many Create Order calls may begin in a second; None where it says nothing."""
        if not text or self._is_placeholder(text):
            return None, []
        rate = float(text) if _RATE.fullmatch(text) else 0
        if 0 < rate <= _MOST_A_SECOND:
            return rate, []
        words = f"must be a number over 0, to {_MOST_A_SECOND}: 0.5 is one order in two seconds"
        return None, [self._problem("destination.requests_per_second", words, text)]

    def _section(self, name: str) -> Mapping[str, Any]:
        section = self._read.plain(name)
        return section if isinstance(section, dict) else {}

    def _unknown(self, section: str, values: Mapping[str, Any], allowed: set[str]) -> list[Problem]:
        words = f"is not a setting here; there are {', '.join(sorted(allowed))}"
        return [self._problem(f"{section}.{key}", words, "") for key in values if key not in allowed]

    def _problem(self, path: str, message: str, found: str) -> Problem:
        file, line = self._read.place(path)
        return Problem(message=message, source=path, file=file, line=line, found=found, code="setting")

    def _placed(self, problem: Problem) -> Problem:
        file, line = self._read.place(problem.source)
        return replace(problem, file=file, line=line)

    def _is_placeholder(self, text: str) -> bool:
        return self._offline and text.startswith(_PLACEHOLDER)


def _missing_words(use: Use) -> str:
    """The way out of a missing variable; a secret's default would be a secret in the file."""
    words = f"the variable {use.name} is unset or empty: set it where the bridge runs"
    is_secret = use.path.partition("[")[0] in SECRET_SETTINGS
    return words if is_secret else f"{words}, or give it a default here: ${{{use.name}:-...}}"


def _text(section: Mapping[str, Any], key: str) -> str:
    """A setting's text; "" where it is absent or no text, which then counts as missing."""
    return _plain_text(section.get(key))


def _plain_text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _split(url: str) -> SplitResult | None:
    """An address in its parts, None where it is none."""
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 else None
    except ValueError:
        return None
