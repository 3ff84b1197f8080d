"""What a person may do to many orders at once, each by its own action: release them, or take another connector's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, Engine

from bridge import actions
from bridge.comparison.listing import Row
from bridge.errors import ActionRefused, CallFailed, ConfigurationError, Problem, ShopTrouble
from bridge.forward import Tools
from bridge.http import Budget
from bridge.platforms.base import OrderBody
from bridge.store import ledger, queries
from bridge.store.database import storable, transaction
from bridge.store.ledger import Order

_ASKED = timedelta(seconds=20)  # that SortedPRO may take to show an order
_READ = 30.0  # seconds that reading one order may take


# ---------------------------------------------------------------------------------------------------------------------
# Releasing
# ---------------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Released:
    """How many orders were let go on, and which were not with the reason."""

    count: int
    refused: Sequence[tuple[Order, str]]


def release(engine: Engine, orders: Sequence[Order], *, who: str, reason: str, now: datetime) -> Released:
    """Let orders go on, one by one; what has changed since it was read is left as it is."""
    refused = []
    for order in orders:
        try:
            actions.release(engine, order, who=who, reason=reason, now=now)
        except ActionRefused as error:
            refused.append((order, str(error)))
    return Released(count=len(orders) - len(refused), refused=refused)


# ---------------------------------------------------------------------------------------------------------------------
# Taking another connector's orders
# ---------------------------------------------------------------------------------------------------------------------
Verdict = Literal["adopt", "already", "conflict", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to become of one row of the file."""

    row: Row
    verdict: Verdict
    words: str  # for people; "" for what can be adopted
    order: Order | None = None  # the ledger's; None where it has none yet and the shop is asked first


def plan(connection: Connection, rows: Sequence[Row], file: str) -> list[Plan]:
    """What each row would do; changes nothing. Raises ConfigurationError where two rows mean the same order."""
    plans = [_planned(connection, row) for row in rows]
    lines: dict[int, int] = {}
    problems = []
    for one in plans:
        first = lines.setdefault(one.order.id, one.row.line) if one.order else one.row.line
        if first != one.row.line:
            message = f"this is the order of line {first}, otherwise written: leave one of the two"
            found = f"{one.row.shop} {one.row.order}"
            problems.append(Problem(message=message, file=file, line=one.row.line, found=found))
    if problems:
        raise ConfigurationError(problems)
    return plans


def matches(connection: Connection, row: Row) -> list[Order]:
    """The ledger's orders that a row may mean."""
    return queries.find_in_shop(connection, row.shop, name=row.name, order_id=row.order_id)


def ambiguous(row: Row, found: Sequence[Order]) -> str:
    """What to say where a row may mean several orders."""
    told = ", ".join(f"{one.name or 'without a name'} (id {one.order_id})" for one in found)
    if len({one.order_id for one in found}) == 1:
        return f"the shop has had several orders of id {found[0].order_id}: settle them one by one, by their stories"
    return f"it may be {told}: write #{row.name.removeprefix('#')} for the name, or id and its number for the id"


def checked(tools: Tools, one: Plan) -> Plan:
    """The plan, unless SortedPRO has no order of its reference. Raises ConfigurationError for a wrong key."""
    if one.verdict != "adopt" or one.row.reference is None:
        return one
    sortedpro = tools.destinations[tools.shop(one.row.shop).destination.name]
    try:
        known = sortedpro.get_order(one.row.reference, limit=_ASKED) is not None
    except CallFailed as error:
        words = f"SortedPRO cannot be asked for {one.row.reference} now: {error}"
        return replace(one, verdict="unknown", words=words)
    words = f"SortedPRO has no order {one.row.reference}: look whether the file's columns are right"
    return one if known else replace(one, verdict="conflict", words=words)


def adopt(tools: Tools, one: Plan, *, by: str, who: str, now: datetime) -> Plan:
    """Do what was planned; the plan with what became of it. An order new to the ledger is read from its shop first."""
    if one.verdict != "adopt":
        return one
    row, shop = one.row, tools.shop(one.row.shop)
    try:
        order = one.order or _open(tools, row, by, who, now)
        actions.adopt(tools.engine, order, row.reference, by=by, destination=shop.destination.name, who=who, now=now)
    except ActionRefused as error:
        return Plan(row=row, verdict="conflict", words=str(error), order=one.order)
    except ShopTrouble as trouble:
        return Plan(row=row, verdict="unknown", words=f"the shop cannot be asked for it now: {trouble}", order=None)
    return one


def _planned(connection: Connection, row: Row) -> Plan:
    found = matches(connection, row)
    if len(found) > 1:
        return Plan(row=row, verdict="unknown", words=ambiguous(row, found))
    if not found:
        return _unheard(row)
    beside = [one for one in ledger.parts_of(connection, found[0])[1:] if one.state != "skipped"]
    met = _met(row, found[0])
    if beside and met.verdict == "adopt":
        told = ", ".join(f"{one.label} ({one.reference or one.state})" for one in beside)
        words = f"the bridge has further parts of it: {told}; skip those that are not sent, then run this again"
        return Plan(row=row, verdict="conflict", words=words, order=found[0])
    return met


def _met(row: Row, order: Order) -> Plan:
    """A row whose order the ledger knows."""
    if order.state in {"created", "done"}:
        if order.reference == row.reference:
            return Plan(row=row, verdict="already", words=f"already so: {order.state}", order=order)
        words = f"the bridge has {order.reference} for it: find out in SortedPRO which one ships"
        return Plan(row=row, verdict="conflict", words=words, order=order)
    if order.state == "sending":
        return Plan(row=row, verdict="conflict", words="it is being sent: run this again in a minute", order=order)
    elsewhere = order.state == "skipped" and order.by_person and order.reason.startswith(actions.SENT_ELSEWHERE)
    if row.reference is None and elsewhere:
        return Plan(row=row, verdict="already", words=f"already so: {order.reason}", order=order)
    return Plan(row=row, verdict="adopt", words="", order=order)


def _unheard(row: Row) -> Plan:
    """An order whose webhook has not come: by its id it can be asked for, by its name it cannot."""
    if row.order_id:
        return Plan(row=row, verdict="adopt", words="")
    words = "no order of this name has come from the shop yet: give its id in the shop instead"
    return Plan(row=row, verdict="unknown", words=words)


def _open(tools: Tools, row: Row, by: str, who: str, now: datetime) -> Order:
    """A row for an order that the ledger did not know, taken out by a person: no worker sends it meanwhile.

    It is read from the shop first, so that a name which looks like an id opens no row. Raises ShopTrouble, and
    ActionRefused where the shop has no such order.
    """
    shop = tools.shop(row.shop)
    body, content = _read(tools, row)
    with transaction(tools.engine) as connection:
        order = ledger.find_or_open(
            connection, shop=row.shop, platform=shop.platform.name, order_id=content.order_id,
            order_key=storable(content.order_key), now=now,
        )  # fmt: skip
        if order.body_id is None and order.state == "received":
            words = f"{actions.SENT_ELSEWHERE}: by {by}"
            order = ledger.move(
                connection, order, "skipped", event=words, now=now, actor=f"person: {who}", code="sent_elsewhere",
                by_person=True,
            )  # fmt: skip
    tools.intake.record_read(shop, content, body, now)
    with transaction(tools.engine) as connection:
        return ledger.get(connection, order.id)


def _read(tools: Tools, row: Row) -> tuple[bytes, OrderBody]:
    """An order's body as its shop has it now."""
    nothing = ActionRefused(
        f"the shop shows no order of id {row.order_id}: if that is its name, give the id; Shopify shows orders older "
        "than 60 days only to apps with read_all_orders"
    )
    if not row.order_id.isascii() or not row.order_id.isdigit():
        raise nothing
    read = tools.fetcher.read(row.shop, row.order_id, None, frozenset({"order"}), Budget(_READ))
    if read.gone or read.body is None:
        raise nothing
    content = tools.shop(row.shop).platform.read(read.body, "")
    if not isinstance(content, OrderBody) or content.order_id != row.order_id:
        raise ShopTrouble("the shop answered with something that is not this order", code="shop_answer")
    return read.body, content
