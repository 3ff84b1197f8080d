"""What a person is shown of a doubt, and how SortedPRO is asked before it is settled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine

from bridge import actions, config
from bridge import shops as shop_files
from bridge.cli.opening import settings
from bridge.cli.showing import moment
from bridge.errors import ConfigurationError, Problem
from bridge.forward import evidence
from bridge.http import Http
from bridge.sortedpro.client import ATTEMPT_MARK, SortedPro
from bridge.store import queries
from bridge.store.database import transaction
from bridge.store.ledger import Order


def shown(tried: Sequence[queries.Tried], story: Sequence[queries.Event]) -> list[str]:
    """What there is to go by, a line each: the attempts that may have made an order in doubt, and what was found since.

    Nothing in it is personal data.
    """
    lines = []
    for one in tried:
        if one.outcome in {"unknown", ""}:
            lines.append(f"tried {moment(one.started_at)} to {moment(one.ended_at) or 'now'}: {one.message}")
            lines.append(f"  if SortedPRO made an order then, its metadata says {ATTEMPT_MARK} {one.id}")
    doubted = max((index for index, event in enumerate(story) if event.from_state != event.to_state), default=0)
    found = [event for event in story[doubted:] if event.code == evidence.CODE]
    return lines + [f"seen {moment(event.at)}: {event.words}" for event in found[-1:]]


def found(engine: Engine, one: Order, reference: str) -> evidence.Found:
    """What SortedPRO says of a reference that an order in doubt is to have. Raises ActionRefused where it is not its.

    Where SortedPRO cannot be asked, the note says why.
    """
    if not actions.may_be_made(one) or not actions.is_reference(reference):
        return evidence.Found()  # `actions.settle` refuses it, in words
    with transaction(engine) as connection:
        tried = [attempt.id for attempt in queries.tried(connection, one)]
    try:
        with _client(one.destination) as sortedpro:
            return evidence.check(sortedpro, one, reference, tried)
    except ConfigurationError as error:
        return evidence.Found(note=f"SortedPRO could not be asked: {error.problems[0].message}", asked=False)


@contextmanager
def _client(destination: str | None) -> Iterator[SortedPro]:
    """The client of a destination by the mapping files here. Raises ConfigurationError where they have none."""
    one = shop_files.load(settings().mappings, config.environ()).destinations.get(destination or "")
    if one is None:
        raise ConfigurationError([Problem(message=f"no mapping file here names the destination {destination}")])
    http = Http()
    try:
        yield SortedPro(http, one.url, one.api_key, clock=lambda: datetime.now(UTC))
    finally:
        http.close()
