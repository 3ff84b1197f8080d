"""Credentials and addresses tried on the shops and on SortedPRO, by harmless reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from bridge.errors import CallFailed, ConfigurationError, Problem
from bridge.http import Http
from bridge.mapping import document
from bridge.mapping.document import Document
from bridge.mapping.tree import Scalar, walk
from bridge.platforms.routing import SKIP
from bridge.shops import Shop, Shops
from bridge.sortedpro.client import Location, SortedPro
from bridge.wiring import access_problems

_LIMIT = timedelta(seconds=20)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One shop or destination after its trial."""

    name: str  # "shop shopify", "destination sorted"
    problems: tuple[Problem, ...]


def try_all(shops: Shops, environ: Mapping[str, str], http: Http, clock: Callable[[], datetime]) -> Iterator[Tried]:
    """Try every shop, and every destination with the locations that the shops' mappings name."""
    read = {name: document.load(Path(shop.file), environ) for name, shop in sorted(shops.by_name.items())}
    for name, source in read.items():
        shop = shops.by_name[name]
        found = access_problems(name, shop.platform.client(shop.settings, http, clock))
        yield Tried(name=f"shop {name}", problems=tuple(_placed(problem, source) for problem in found))
    for name in sorted(shops.destinations):
        mine = [(shop, read[shop.name]) for shop in shops.by_name.values() if shop.destination.name == name]
        yield Tried(name=f"destination {name}", problems=tuple(_destination_problems(mine, http, clock)))


def _destination_problems(
    shops: list[tuple[Shop, Document]], http: Http, clock: Callable[[], datetime]
) -> Iterator[Problem]:
    """What will not work with one destination, and locations that its account does not have."""
    shop, source = shops[0]
    account = shop.destination
    try:
        locations = SortedPro(http, account.url, account.api_key, clock=clock).list_locations(limit=_LIMIT)
    except ConfigurationError as error:
        yield from (_placed(problem, source) for problem in error.problems)
        return
    except CallFailed as error:
        message = f"SortedPRO does not answer as it should: {error}; check the address and the network"
        yield _placed(Problem(message=message, source="destination.url", found=account.url), source)
        return
    for _, document_of_shop in shops:
        yield from _location_problems(document_of_shop, locations)


def _location_problems(source: Document, locations: tuple[Location, ...]) -> Iterator[Problem]:
    """Shipping locations that a mapping names as they are, without an expression, and the account does not have."""
    known = {location.reference for location in locations}
    order, places = source.section("order"), source.section("locations")
    named = [
        *(one for one in (walk(order, "order") if order else ()) if one[0].endswith(".ShippingLocationReference")),
        *(one for one in (walk(places, "locations") if places else ()) if one[0] != "locations"),
    ]
    for path, node in named:
        if not isinstance(node, Scalar) or "{{" in node.text:
            continue
        if node.text and node.text not in {*known, SKIP}:
            there = f"it has {', '.join(sorted(known))}" if known else "it has none: make one in SortedPRO"
            yield Problem(
                message=f"the account has no shipping location of this reference; {there}",
                source=path,
                file=node.file,
                line=node.line,
                found=node.text,
                code="unknown_location",
            )


def _placed(problem: Problem, source: Document) -> Problem:
    file, line = source.place(problem.source)
    return replace(problem, file=file, line=line)
