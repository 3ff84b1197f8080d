"""Where mapping, platform, contract and destination meet: one mapping file becomes one shop."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError

from bridge.errors import ConfigurationError, Problem
from bridge.mapping import compiler, document
from bridge.mapping.filters import FILTERS
from bridge.mapping.values import Source
from bridge.mapping.wording import shorten
from bridge.platforms.base import Platform, Settings, ShopFacts
from bridge.platforms.registry import PLATFORMS
from bridge.sortedpro.contract import CreateOrderSchema, flatten

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_DESTINATION_KEYS = ("name", "url", "api_key", "on_unknown_outcome", "concurrency")
_POLICIES = ("hold", "send_again")
_MODES = ("live", "observe")
_CONCURRENCY = 16  # orders on the way to one destination at a time
_PLACEHOLDER = "<"  # an unset variable reads `<NAME>` offline


@dataclass(frozen=True, kw_only=True)
class Destination:
    """One SortedPRO account."""

    name: str
    url: str
    api_key: str = field(repr=False)
    on_unknown_outcome: str = "hold"
    concurrency: int = _CONCURRENCY

    @property
    def host(self) -> str:
        """By which records on shop orders name it."""
        return urlsplit(self.url).netloc.lower()


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """What came of rendering one order."""

    payload: Mapping[str, Any] | None  # as the contract loaded it; None beside problems or asked
    problems: Sequence[Problem] = ()
    asked: frozenset[str] = frozenset()  # what must be read from the shop first


class OrderMapping(CreateOrderSchema):
    """A mapping file, compiled: the Create Order contract with a source. One instance per file."""

    def __init__(self, compiled: compiler.Compiled, *, version: str, text: str) -> None:
        super().__init__()
        self._compiled = compiled
        self.version = version
        self.text = text

    @property
    def skip(self) -> Sequence[compiler.Rule]:
        """The skip rules in the order of the file."""
        return self._compiled.skip

    @property
    def wait(self) -> Sequence[compiler.Rule]:
        """The wait rules in the order of the file."""
        return self._compiled.wait

    @property
    def warnings(self) -> Sequence[Problem]:
        """What does not stop the start."""
        return self._compiled.warnings

    def scope(self, look: Any) -> compiler.Scope:
        """The names of one look, for rules and values."""
        return self._compiled.scope(look)

    def map(self, scope: compiler.Scope) -> Mapped:
        """Render the order of a scope and load it; rendering and contract errors are joined by target path."""
        rendered = scope.render()
        if rendered.asked:
            return Mapped(payload=None, asked=rendered.asked)
        problems = list(rendered.problems)
        try:
            payload = self.load(rendered.value)
        except ValidationError as error:
            problems += _contract_problems(error, rendered)
            return Mapped(payload=None, problems=problems)
        return Mapped(payload=None if problems else payload, problems=problems)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """One configured shop."""

    file: str
    facts: ShopFacts
    platform: Platform
    settings: Settings
    mapping: OrderMapping
    mode: str
    send_from: datetime
    destination: Destination

    @property
    def name(self) -> str:
        """The last part of its webhook address."""
        return self.facts.name

    @property
    def credentials(self) -> str:
        """A hash by which a change of the settings is noticed."""
        return hashlib.sha256(repr([(k, v) for k, v in sorted(vars(self.settings).items())]).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Shops:
    """What the folder of mapping files holds."""

    by_name: Mapping[str, Shop]
    left_out: Sequence[str] = ()  # notices: files whose shop is not configured here

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """The destinations of all shops, by name."""
        return {shop.destination.name: shop.destination for shop in self.by_name.values()}


def load(folder: Path, environ: Mapping[str, str]) -> Shops:
    """Load every mapping file of a folder for a running bridge.

    A file in which all variables of `shop` are unset is left out with a notice. Raises ConfigurationError with the
    problems of all files at once.
    """
    shops: list[Shop] = []
    left_out: list[str] = []
    problems: list[Problem] = []
    for path in files(folder):
        try:
            read = document.load(path, environ)
            if _is_unconfigured(read):
                names = ", ".join(dict.fromkeys(use.name for use in read.variables("shop")))
                left_out.append(f"{path.name} is left out: none of its shop's variables is set ({names})")
                continue
            shops.append(_shop(read, offline=False))
        except ConfigurationError as error:
            problems += error.problems
    if not shops and not problems:
        problems.append(_no_shop(folder, left_out))
    problems += _between(shops)
    if problems:
        raise ConfigurationError(problems)
    return Shops(by_name={shop.name: shop for shop in shops}, left_out=left_out)


def load_offline(path: Path, environ: Mapping[str, str]) -> Shop:
    """One mapping file without credentials: unset variables read `<NAME>`. Raises ConfigurationError."""
    return _shop(document.load(path, environ, offline=True), offline=True)


def problems_at_start(path: Path, environ: Mapping[str, str]) -> Sequence[Problem]:
    """What would stop the start with this one file; nothing where its shop is not configured at all."""
    try:
        read = document.load(path, environ)
        if not _is_unconfigured(read):
            _shop(read, offline=False)
    except ConfigurationError as error:
        return error.problems
    return ()


def files(folder: Path) -> list[Path]:
    """The mapping files of a folder, without their tests. Raises ConfigurationError where there is no such folder."""
    if not folder.is_dir():
        message = "there is no such folder: set BRIDGE_MAPPINGS, or start where the folder mappings is"
        raise ConfigurationError([Problem(message=message, source="BRIDGE_MAPPINGS", found=str(folder))])
    found = [path for path in sorted(folder.iterdir()) if path.suffix in {".yaml", ".yml"}]
    return [path for path in found if not path.stem.endswith(".tests") and not path.name.startswith(("_", "."))]


def with_mapping(shop: Shop, version: str, text: str) -> Shop:
    """The shop with an older version of its mapping, from the text that was stored of it."""
    return replace(shop, mapping=_compiled(document.parse_stored(text), shop.platform, version, text))


# ---------------------------------------------------------------------------------------------------------------------
# One file
# ---------------------------------------------------------------------------------------------------------------------
def _shop(read: document.Document, *, offline: bool) -> Shop:
    """A shop out of a document; raises ConfigurationError with every problem of the file."""
    checks = _Checks(read, offline=offline)
    shop, problems = checks.shop_section()
    platform = PLATFORMS.get(str(shop.get("platform")))
    if platform is None:
        raise ConfigurationError([*read.problems, *checks.missing(), *problems])
    problems += checks.missing()
    settings, wrong = checks.platform_settings(platform, shop)
    destination, odd = checks.destination()
    send_from, late = checks.send_from()
    problems += [*wrong, *odd, *late, *checks.mode()]
    mapping = None
    try:
        mapping = _compiled(read, platform, read.version_hash(), read.text())
    except ConfigurationError as error:
        problems += error.problems
    if problems or mapping is None or settings is None:
        raise ConfigurationError(_once(problems))
    name = str(shop["name"])
    return Shop(
        file=read.file,
        facts=ShopFacts(name=name, platform=platform.name, domain=settings.domain),
        platform=platform,
        settings=settings,
        mapping=mapping,
        mode=str(read.plain("mode") or "live"),
        send_from=send_from,
        destination=destination,
    )


def _compiled(read: document.Document, platform: Platform, version: str, text: str) -> OrderMapping:
    compiled = compiler.compile(
        read,
        fields=platform.fields,
        fetched=platform.fetched,
        filters={**FILTERS, **platform.filters},
        contract=CreateOrderSchema(),
    )
    return OrderMapping(compiled, version=version, text=text)


class _Checks:
    """The sections of one document that are not the mapping language's."""

    def __init__(self, read: document.Document, *, offline: bool) -> None:
        self._read = read
        self._offline = offline

    def missing(self) -> list[Problem]:
        """Variables without value and default; offline nothing is missing."""
        if self._offline:
            return []
        return [
            Problem(
                message=f"the variable {use.name} is not set: set it, or give it a default: ${{{use.name}:-...}}",
                source=use.path,
                file=use.file,
                line=use.line,
                code="missing_variable",
            )
            for use in {use.name: use for use in reversed(self._read.variables()) if use.is_missing}.values()
        ]

    def shop_section(self) -> tuple[Mapping[str, Any], list[Problem]]:
        """The shop section as plain values, its name and platform checked."""
        shop = self._section("shop")
        problems = []
        name = str(shop.get("name") or "")
        if not _NAME.fullmatch(name) and not self._is_placeholder(name):
            words = "must be lower-case letters, digits and hyphens: it is the end of the webhook's address"
            problems.append(self._problem("shop.name", words, name))
        if str(shop.get("platform")) not in PLATFORMS:
            words = f"must be one of {', '.join(sorted(PLATFORMS))}"
            problems.append(self._problem("shop.platform", words, str(shop.get("platform") or "")))
        return shop, problems

    def platform_settings(self, platform: Platform, shop: Mapping[str, Any]) -> tuple[Settings | None, list[Problem]]:
        """What the platform makes of `shop` and `write_back`."""
        write_back = self._section("write_back")
        problems = self._unknown("shop", shop, {"name", "platform", "secrets", *platform.shop_keys})
        problems += self._unknown("write_back", write_back, set(platform.write_back_keys))
        secrets = shop.get("secrets")
        if secrets is not None and not isinstance(secrets, list):
            problems.append(self._problem("shop.secrets", 'must be a list: [ "${A_SECRET}", "${THE_NEXT}" ]', ""))
            shop = {**shop, "secrets": []}
        settings, wrong = platform.settings(shop, write_back)
        return settings, problems + [self._placed(problem) for problem in wrong]

    def destination(self) -> tuple[Destination, list[Problem]]:
        """The destination section."""
        section = self._section("destination")
        problems = self._unknown("destination", section, set(_DESTINATION_KEYS))
        url = str(section.get("url") or "").rstrip("/")
        problems += self._destination_url(url)
        if not section.get("api_key"):
            problems.append(
                self._problem("destination.api_key", "is missing: SortedPRO's API key of a user account", "")
            )
        policy = str(section.get("on_unknown_outcome") or "hold")
        if policy not in _POLICIES:
            problems.append(
                self._problem("destination.on_unknown_outcome", f"must be {' or '.join(_POLICIES)}", policy)
            )
        concurrency = str(section.get("concurrency") or _CONCURRENCY)
        if not (concurrency.isascii() and concurrency.isdigit() and 1 <= int(concurrency[:4]) <= 64):
            problems.append(self._problem("destination.concurrency", "must be a number from 1 to 64", concurrency))
            concurrency = "1"
        destination = Destination(
            name=str(section.get("name") or "sorted"),
            url=url,
            api_key=str(section.get("api_key") or ""),
            on_unknown_outcome=policy,
            concurrency=int(concurrency),
        )
        return destination, problems

    def send_from(self) -> tuple[datetime, list[Problem]]:
        """The time from which orders count."""
        text = str(self._read.plain("send_from") or "")
        if self._is_placeholder(text):
            return datetime.min.replace(tzinfo=UTC), []
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            words = "must be a time like 2026-12-01T00:00:00Z: orders made earlier are never sent"
            return datetime.max.replace(tzinfo=UTC), [self._problem("send_from", words, text)]
        return when if when.tzinfo else when.replace(tzinfo=UTC), []

    def mode(self) -> Iterator[Problem]:
        """Live or observe."""
        mode = str(self._read.plain("mode") or "live")
        if mode not in _MODES and not self._is_placeholder(mode):
            yield self._problem("mode", "must be live, or observe (translate and show everything, send nothing)", mode)

    def _destination_url(self, url: str) -> list[Problem]:
        if self._is_placeholder(url):
            return []
        parts = urlsplit(url)
        loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if (parts.scheme == "https" and parts.hostname) or (parts.scheme == "http" and loopback):
            return []
        words = "must be an https address (http only for a loopback address): https://api.electioapp.com"
        return [self._problem("destination.url", words, url)]

    def _section(self, name: str) -> Mapping[str, Any]:
        section = self._read.plain(name)
        return section if isinstance(section, dict) else {}

    def _unknown(self, section: str, values: Mapping[str, Any], allowed: set[str]) -> list[Problem]:
        words = f"is not a setting here; there are {', '.join(sorted(allowed))}"
        return [self._problem(f"{section}.{key}", words, "") for key in values if key not in allowed]

    def _problem(self, path: str, message: str, found: str) -> Problem:
        file, line = self._read.place(path)
        return Problem(message=message, source=path, file=file, line=line, found=found)

    def _placed(self, problem: Problem) -> Problem:
        file, line = self._read.place(problem.source)
        return replace(problem, file=file, line=line)

    def _is_placeholder(self, text: str) -> bool:
        return self._offline and text.startswith(_PLACEHOLDER)


def _is_unconfigured(read: document.Document) -> bool:
    """Whether no variable of the shop section is set; a file without any is always meant."""
    uses = read.variables("shop")
    return bool(uses) and not any(use.variable.is_set for use in uses)


def _contract_problems(error: ValidationError, rendered: compiler.Rendered) -> Iterator[Problem]:
    """The contract's errors with the line and the template that each came from."""
    for path, message in flatten(error.messages):
        if path in rendered.failed:
            continue
        source = _nearest(rendered.sources, path)
        yield Problem(
            message=message,
            target=path,
            source=source.template if source else "",
            file=source.file if source else "",
            line=source.line if source else 0,
            found=_found(rendered.value, path),
            code="contract",
        )


def _nearest(sources: Mapping[str, Source], path: str) -> Source | None:
    """The mapping's node for a target path, or for what is nearest above it (a field that the mapping lacks)."""
    while path and path not in sources:
        path = re.sub(r"(^|\.)[^.\[\]]+$|\[\d+\]$", "", path)
    return sources.get(path)


def _found(value: Any, path: str) -> str:
    """The value that stands at a target path, shortened; "" where there is none or where it is an object."""
    for step in re.findall(r"[^.\[\]]+", path):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return ""
    return "" if isinstance(value, dict | list) else shorten(value)


# ---------------------------------------------------------------------------------------------------------------------
# Between files
# ---------------------------------------------------------------------------------------------------------------------
def _between(shops: Sequence[Shop]) -> Iterator[Problem]:
    """Names that two files give, and one destination with two addresses or keys."""
    names: dict[str, Shop] = {}
    destinations: dict[str, Shop] = {}
    for shop in shops:
        other = names.setdefault(shop.name, shop)
        if other is not shop:
            words = f"{other.file} has a shop of this name too: every shop needs its own"
            yield Problem(message=words, source="shop.name", file=shop.file, found=shop.name)
        first = destinations.setdefault(shop.destination.name, shop)
        if first.destination != shop.destination:
            words = f"{first.file} has a destination of this name with another address, key or setting: rename one"
            yield Problem(message=words, source="destination.name", file=shop.file, found=shop.destination.name)


def _no_shop(folder: Path, left_out: Sequence[str]) -> Problem:
    words = "; ".join(left_out) if left_out else "it holds no mapping file"
    message = f"no shop is configured: {words}. Set the variables that the README names for your shop"
    return Problem(message=message, source="BRIDGE_MAPPINGS", found=str(folder))


def _once(problems: Sequence[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
