"""`bridge mapping`: check mapping files, and render an order with one. Works without database and credentials."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from bridge import config
from bridge import shops as shop_files
from bridge.cli.live import try_all
from bridge.cli.mapping_test import test
from bridge.cli.opening import settings
from bridge.cli.seen import unknown_methods
from bridge.decide import Adopt, Body, Decision, Hold, Known, Needs, Send, Skip, Unmappable, Wait, decide
from bridge.errors import BridgeError, ConfigurationError, Problem
from bridge.http import Http
from bridge.platforms.base import Fetched, NoOrder, OrderBody, Rung
from bridge.ranking import ranked
from bridge.shops import Shop, Shops
from bridge.sortedpro.contract import encode

_SHOWN = "`bridge order show NAME --fetched` prints that of a sent order"


@click.group()
def mapping() -> None:
    """Check mapping files, and try them on orders."""


mapping.add_command(test)


@mapping.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--variables", is_flag=True, help="A missing variable is an error, as at the start.")
@click.option("--live", is_flag=True, help="Try the credentials on the shops and on SortedPRO, by harmless reads.")
def check(files: tuple[Path, ...], variables: bool, live: bool) -> None:
    """Check mapping files: all of BRIDGE_MAPPINGS, or those named."""
    environ = config.environ()
    paths = files or shop_files.files(settings().mappings)
    problems: list[Problem] = []
    for path in paths:
        try:
            shop = shop_files.load_offline(path, environ)
        except ConfigurationError as error:
            problems += error.problems
            continue
        for warning in shop.mapping.warnings:
            click.echo(f"warning: {warning}")
        click.echo(f"{path}: ok, version {shop.mapping.version[:8]}, {shop.mode}")
        for notice in unknown_methods(shop):
            click.echo(f"warning: {notice}")
    if problems:
        raise ConfigurationError(problems)
    if variables or live:
        shops = shop_files.load_files(paths, environ) if files else shop_files.load(settings().mappings, environ)
        for notice in shops.left_out:
            click.echo(f"notice: {notice}")
        if live:
            _check_live(shops, environ)


@mapping.command()
@click.argument("mapping_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("body_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--fetched",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What is read from the shop, as JSON; `bridge order show NAME --fetched` prints that of a sent order.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: decision, reason, payload, problems.")
def render(mapping_file: Path, body_file: Path, fetched: Path | None, as_json: bool) -> None:
    """Say what becomes of an order body. Status 1 when it cannot be mapped."""
    shop = shop_files.load_offline(mapping_file, config.environ())
    data = _read_fetched(fetched, shop.platform.keys) if fetched else {}
    result = _rendered(shop, body_file.read_bytes(), Fetched(data=data, complete=True))
    click.echo(json.dumps(result, indent=2, ensure_ascii=False) if as_json else _for_people(result))
    sys.exit(1 if result["decision"] == "error" else 0)


def _check_live(shops: Shops, environ: Mapping[str, str]) -> None:
    problems: list[Problem] = []
    http = Http()
    for tried in try_all(shops, environ, http, lambda: datetime.now(UTC)):
        problems += tried.problems
        click.echo(f"{tried.name}: {'trouble' if tried.problems else 'ok'}")
    http.close()
    if problems:
        raise ConfigurationError(problems)


def _read_fetched(path: Path, keys: Sequence[str]) -> Mapping[str, Any]:
    """What a file says was read from the shop: a JSON object by the platform's keys."""
    try:
        data = json.loads(path.read_bytes(), parse_float=Decimal)
    except ValueError as error:
        raise ConfigurationError([Problem(message=f"this is no JSON: {error}", file=str(path))]) from error
    allowed = {key.partition(":")[0] for key in keys}
    unknown = [key for key in data if key.partition(":")[0] not in allowed] if isinstance(data, dict) else ["no object"]
    if unknown:
        message = f"must be a JSON object of what was read, by the keys {', '.join(keys)}; {_SHOWN}"
        raise ConfigurationError([Problem(message=message, file=str(path), found=", ".join(unknown)[:80])])
    read: Mapping[str, Any] = data
    return read


# ---------------------------------------------------------------------------------------------------------------------
# Rendering
# ---------------------------------------------------------------------------------------------------------------------
def _rendered(shop: Shop, raw: bytes, fetched: Fetched) -> dict[str, Any]:
    content = shop.platform.read(raw, "")
    if isinstance(content, Rung | NoOrder):
        return _result("ignored", reason=content.outcome)
    assert isinstance(content, OrderBody)
    now = datetime.now(UTC)
    # A file has come from nowhere: where its order lives is asked of webhooks.
    body = Body(content=replace(content, host=""), received_at=now)
    by = ranked(shop, content, now)
    result = _decided(shop, body, fetched, now)
    return {**result, "priority": by.rule or None, "notes": [*result["notes"], *by.notes]}


def _decided(shop: Shop, body: Body, fetched: Fetched, now: datetime) -> dict[str, Any]:
    try:
        return _as_result(decide(shop, body, fetched, Known(), now))
    except BridgeError as error:
        return _result("error", problems=[Problem(message=str(error), source="order")])
    except (AttributeError, LookupError, TypeError, ValueError):
        if not fetched.data:
            raise
        message = f"what was read does not have the form that the bridge reads; {_SHOWN}"
        return _result("error", problems=[Problem(message=message, source="--fetched")])


def _as_result(decision: Decision) -> dict[str, Any]:  # noqa: PLR0911 - one for each decision
    match decision:
        case Send(payload=payload, notes=notes):
            return _result("send", payload=json.loads(encode(payload)), notes=list(notes))
        case Wait(reason=reason):
            return _result("wait", reason=reason)
        case Skip(reason=reason):
            return _result("skip", reason=reason)
        case Hold(problem=problem):
            return _result("hold", reason=problem.message)
        case Adopt(reference=reference):
            return _result("adopt", reason=f"the shop order carries {reference} already")
        case Unmappable(problems=problems, notes=notes):
            return _result("error", problems=list(problems), notes=list(notes))
        case Needs(keys=keys):
            return _result("wait", reason=f"needs from the shop: {', '.join(sorted(keys))}")


def _result(
    decision: str, *, reason: str | None = None, payload: Any = None, problems: Any = (), notes: Any = ()
) -> dict[str, Any]:
    return {
        "decision": decision,
        "reason": reason,
        "priority": None,
        "payload": payload,
        "problems": [asdict(problem) for problem in problems],
        "notes": list(notes),
    }


def _for_people(result: dict[str, Any]) -> str:
    lines = [f"{result['decision']}: {result['reason']}" if result["reason"] else result["decision"]]
    lines += [str(Problem(**problem)) for problem in result["problems"]]
    lines += [f"priority: {result['priority']}"] if result["priority"] else []
    lines += [f"note: {note}" for note in result["notes"]]
    if result["payload"] is not None:
        lines.append(json.dumps(result["payload"], indent=2, ensure_ascii=False))
    return "\n".join(lines)
