"""Where mapping, platform, contract and destination meet: one mapping file becomes one shop."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from bridge.errors import ConfigurationError, Problem
from bridge.mapping import compiler, document
from bridge.mapping.filters import FILTERS
from bridge.mapping.masking import mask
from bridge.mapping.tree import Map
from bridge.mapping.values import Source
from bridge.mapping.wording import shorten
from bridge.platforms.base import Look, Platform, Settings, ShopFacts
from bridge.platforms.registry import PLATFORMS
from bridge.platforms.routing import Routing
from bridge.sections import Destination, Policy, Sections
from bridge.sortedpro.contract import CreateOrderSchema, flatten


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """What came of rendering one order."""

    payload: Mapping[str, Any] | None  # as the contract loaded it; None beside problems or asked
    problems: Sequence[Problem] = ()
    asked: frozenset[str] = frozenset()  # what must be read from the shop first


class OrderMapping(CreateOrderSchema):
    """A mapping file, compiled: the Create Order contract with a source. One instance per file."""

    def __init__(
        self, compiled: compiler.Compiled, *, version: str, text: str, routing: Routing, policy: Policy
    ) -> None:
        super().__init__()
        self._compiled = compiled
        self.version = version
        self.text = text
        self.routing = routing
        self.policy = policy

    @property
    def sent_elsewhere(self) -> Sequence[compiler.Rule]:
        """The rules for what another connector has sent, in the order of the file."""
        return self._compiled.sent_elsewhere

    @property
    def skip(self) -> Sequence[compiler.Rule]:
        """The skip rules in the order of the file."""
        return self._compiled.skip

    @property
    def hold(self) -> Sequence[compiler.Rule]:
        """The rules for what a person must see first, in the order of the file."""
        return self._compiled.hold

    @property
    def wait(self) -> Sequence[compiler.Rule]:
        """The wait rules in the order of the file."""
        return self._compiled.wait

    @property
    def priority(self) -> Sequence[compiler.Rule]:
        """The rules for what goes before age, the first ranking highest; they depend on the body alone."""
        return self._compiled.priority

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
    shops, left_out, problems = _read_all(files(folder), environ)
    if not shops and not problems:
        problems.append(_no_shop(folder, left_out))
    if problems:
        raise ConfigurationError(problems)
    return Shops(by_name={shop.name: shop for shop in shops}, left_out=left_out)


def load_files(paths: Sequence[Path], environ: Mapping[str, str]) -> Shops:
    """Load some mapping files as `load` does a folder's; none may be configured. Raises ConfigurationError."""
    shops, left_out, problems = _read_all(paths, environ)
    if problems:
        raise ConfigurationError(problems)
    return Shops(by_name={shop.name: shop for shop in shops}, left_out=left_out)


def load_offline(path: Path, environ: Mapping[str, str], over: Sequence[Path | Map] = ()) -> Shop:
    """One mapping file without credentials: unset variables read `<NAME>`. Raises ConfigurationError.

    `over` are recipes or parts of a mapping that are laid over it, the last on top.
    """
    read = None
    try:
        read = document.load(path, environ, offline=True, over=over)
        return _shop(read, offline=True)
    except ConfigurationError as error:
        raise ConfigurationError(mask(error.problems, environ, read)) from error


def files(folder: Path) -> list[Path]:
    """The mapping files of a folder, without their tests. Raises ConfigurationError where there is no such folder."""
    if not folder.is_dir():
        message = (
            "there is no such folder: set it to the folder of the mapping files, or start where the folder mappings is"
        )
        raise ConfigurationError([Problem(message=message, source="BRIDGE_MAPPINGS", found=str(folder))])
    found = [path for path in sorted(folder.iterdir()) if path.suffix in {".yaml", ".yml"}]
    return [path for path in found if not path.stem.endswith(".tests") and not path.name.startswith(("_", "."))]


def with_mapping(shop: Shop, version: str, text: str) -> Shop:
    """The shop with an older version of its mapping, from the text that was stored of it."""
    return replace(shop, mapping=_compiled(document.parse_stored(text), shop.platform, version, text))


# ---------------------------------------------------------------------------------------------------------------------
# One file
# ---------------------------------------------------------------------------------------------------------------------
def _read_all(paths: Sequence[Path], environ: Mapping[str, str]) -> tuple[list[Shop], list[str], list[Problem]]:
    """The shops of some files, notices of those that are left out, and the problems of all."""
    read: list[tuple[Shop, document.Document]] = []
    left_out: list[str] = []
    problems: list[Problem] = []
    for path in paths:
        source = None
        try:
            source = document.load(path, environ)
            if _is_unconfigured(source):
                names = ", ".join(dict.fromkeys(use.name for use in source.variables("shop")))
                left_out.append(f"{path.name} is left out: none of its shop's variables is set ({names})")
                continue
            read.append((_shop(source, offline=False), source))
        except ConfigurationError as error:
            problems += mask(error.problems, environ, source)
    problems += _between(read)
    return [shop for shop, _ in read], left_out, problems


def _shop(read: document.Document, *, offline: bool) -> Shop:
    """A shop out of a document; raises ConfigurationError with every problem of the file."""
    shop = read.plain("shop")
    if not isinstance(shop, dict) or not {"name", "platform"} & shop.keys():
        # What a recipe takes away by null is nothing yet.
        others = [problem for problem in read.problems if not problem.message.endswith("not nothing")]
        raise ConfigurationError([_recipe(read), *others])
    sections = Sections(read, offline=offline)
    plain, problems = sections.shop()
    destination, odd = sections.destination()
    send_from, late = sections.send_from()
    mode, unknown = sections.mode()
    problems += [*odd, *late, *unknown]
    platform = PLATFORMS.get(str(plain.get("platform")).strip())
    settings, mapping = None, None
    if platform is None:  # without its names neither settings nor expressions can be judged
        problems += read.problems
    else:
        settings, wrong = sections.platform_settings(platform, plain)
        mapping, faults = _mapping(read, platform)
        problems += [*wrong, *faults]
    problems = [*sections.missing(), *sections.without_missing(problems)]
    if problems or platform is None or mapping is None or settings is None:
        raise ConfigurationError(_in_order(problems))
    return Shop(
        file=read.file,
        facts=ShopFacts(name=str(plain["name"]).strip(), platform=platform.name, domain=settings.domain),
        platform=platform,
        settings=settings,
        mapping=mapping,
        mode=mode,
        send_from=send_from,
        destination=destination,
    )


def _recipe(read: document.Document) -> Problem:
    message = (
        "this is a recipe, a part of a mapping: its `shop` has neither name nor platform. Name it under `extends:` of "
        "a mapping file and check that, or give it a shop"
    )
    return Problem(message=message, source="shop", file=read.file, code="setting")


def _mapping(read: document.Document, platform: Platform) -> tuple[OrderMapping | None, Sequence[Problem]]:
    """The mapping, or None beside its problems."""
    try:
        return _compiled(read, platform, read.version_hash(), read.text()), ()
    except ConfigurationError as error:
        return None, error.problems


def _compiled(read: document.Document, platform: Platform, version: str, text: str) -> OrderMapping:
    sections = Sections(read, offline=True)
    policy, problems = sections.policy()
    problems += sections.unread()
    if problems:
        read = replace(read, problems=(*read.problems, *problems))
    compiled = compiler.compile(
        read,
        fields=platform.fields,
        fetched=platform.fetched,
        filters={**FILTERS, **platform.filters},
        contract=CreateOrderSchema(),
        made=_made(platform),
    )
    return OrderMapping(compiled, version=version, text=text, routing=sections.routing(), policy=policy)


def _made(platform: Platform) -> Mapping[str, Callable[[Look], Any]]:
    """The names that come of where and how the goods of a look ship."""
    return {
        "origin": lambda look: platform.shipping(look).route.origin,
        "service": lambda look: look.routing.row(platform.shipping(look).route),
        "pickup_point": lambda look: platform.shipping(look).route.pickup_point,
        "part": lambda look: look.part.number,
    }


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
def _between(read: Sequence[tuple[Shop, document.Document]]) -> Iterator[Problem]:
    """Names that two files give, and one destination with two addresses or keys."""
    names: dict[str, Shop] = {}
    destinations: dict[str, Shop] = {}
    for shop, source in read:
        other = names.setdefault(shop.name, shop)
        if other is not shop:
            words = f"{other.file} has a shop of this name too: every shop needs its own"
            yield _placed(source, "shop.name", words, shop.name)
        first = destinations.setdefault(shop.destination.name, shop)
        if first.destination != shop.destination:
            words = (
                f"{first.file} has a destination of this name with another address, key or setting: give both the "
                "same, or one of them another name"
            )
            yield _placed(source, "destination.name", words, shop.destination.name)


def _placed(read: document.Document, path: str, message: str, found: str) -> Problem:
    file, line = read.place(path)
    return Problem(message=message, source=path, file=file, line=line, found=found, code="setting")


def _no_shop(folder: Path, left_out: Sequence[str]) -> Problem:
    words = "; ".join(left_out) if left_out else "it holds no mapping file"
    message = f"no shop is configured: {words}. Set the variables of one file, or put a mapping file into the folder"
    return Problem(message=message, source="BRIDGE_MAPPINGS", found=str(folder))


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    """Each problem once, in the order of the files."""
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line))
