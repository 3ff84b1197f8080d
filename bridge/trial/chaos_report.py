"""How a soak is told: a table, one JSON object, and the story of each order that is not as was promised."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, Engine

from bridge.cli.showing import moment
from bridge.store import queries
from bridge.store.database import transaction
from bridge.store.ledger import Order, parts_of
from bridge.trial.chaos_count import KINDS, Count, Wrong
from bridge.trial.chaos_courier import Carried

_STORIES = 20  # told in full


@dataclass(frozen=True, kw_only=True)
class Told:
    """A soak that is over."""

    seed: int
    count: Count
    carried: Carried
    kills: Counter[str]
    ended: Counter[str]  # processes that ended by themselves
    bouts: Counter[str]  # of misbehaviour, by place and kind
    met: Counter[str]  # calls that met one, likewise
    resumed: int  # manual steps
    seconds: float


def table(told: Told) -> Table:
    """The count for people."""
    made = Table(title=f"Soak with seed {told.seed}", title_justify="left", header_style="bold")
    made.add_column("what")
    made.add_column("count", justify="right")
    made.add_column("", overflow="fold")
    count, carried = told.count, told.carried
    made.add_row("webhooks", str(carried.webhooks), f"{carried.requests} requests: {_counted(carried.statuses)}")
    made.add_row("acknowledged", str(carried.acknowledged), "")
    words = "not acknowledged at first: a real WooCommerce does not send again"
    made.add_row("of WooCommerce", str(carried.lost_by_woocommerce), words)
    made.add_row("orders in the shops", str(count.orders), f"{count.cancelled} of them cancelled")
    made.add_row("further parts", str(count.parts), "added, set free later, or from another place")
    made.add_row("orders in SortedPRO", str(count.in_sortedpro), f"{count.sent} references on shop orders")
    words = f"Create Order calls whose outcome was lost; of {count.died} the process was killed"
    made.add_row("outcomes lost", str(count.unknown), words)
    made.add_row("in doubt", str(count.in_doubt_made + count.in_doubt_not_made), _doubt(count))
    made.add_row("made again", str(count.made_again), "by the policy of one destination, after a lost answer")
    made.add_row("changed after sending", str(count.changed), "flagged for a person")
    made.add_section()
    for what, means in KINDS.items():
        number = count.of(what)
        made.add_row(what, Text(str(number), style="bold red" if number else "green"), means)
    made.add_section()
    made.add_row("kills", str(told.kills.total()), _counted(told.kills))
    made.add_row("ended by themselves", str(told.ended.total()), _counted(told.ended))
    made.add_row("bouts of faults", str(told.bouts.total()), _unmet(told))
    made.add_row("calls that met one", str(told.met.total()), _counted(told.met))
    made.add_row("manual steps", str(told.resumed), "bridge destinations resume")
    made.add_row("seconds", f"{told.seconds:.0f}", "")
    return made


def tell_json(told: Told) -> None:
    """One JSON object on stdout."""
    click.echo(json.dumps(as_json(told)))


def as_json(told: Told) -> Mapping[str, Any]:
    """The count as JSON."""
    count, carried = told.count, told.carried
    return {
        "seed": told.seed,
        "webhooks": carried.webhooks,
        "requests": carried.requests,
        "statuses": dict(carried.statuses),
        "acknowledged": carried.acknowledged,
        "lost_by_a_real_woocommerce": carried.lost_by_woocommerce,
        "orders": count.orders,
        "cancelled": count.cancelled,
        "further_parts": count.parts,
        "in_sortedpro": count.in_sortedpro,
        "references_on_shop_orders": count.sent,
        "in_doubt": {"made": count.in_doubt_made, "not_made": count.in_doubt_not_made},
        "outcomes_lost": {"calls": count.unknown, "process_killed": count.died},
        "made_again_by_policy": count.made_again,
        "changed_after_sending": count.changed,
        **{what.replace(" ", "_"): count.of(what) for what in KINDS},
        "kills": dict(told.kills),
        "ended_by_themselves": dict(told.ended),
        "bouts": dict(told.bouts),
        "faults_met": dict(told.met),
        "manual_steps": told.resumed,
        "seconds": round(told.seconds, 1),
        "wrong": [vars(one) for one in count.wrong],
    }


def tell_stories(console: Console, engine: Engine, wrong: Sequence[Wrong]) -> None:
    """What happened to each order that is wrong, the first ones in full."""
    for one in wrong:
        whose = f"{one.shop} {one.order_id}: " if one.shop else ""
        console.print(Text(f"{one.what}: {whose}{one.words}", style="red"))
    with transaction(engine) as connection:
        for one in [one for one in wrong if one.order_id][:_STORIES]:
            console.print(Text(f"\n{one.what}: {one.shop} {one.order_id}", style="bold"))
            for whole in queries.find_in_shop(connection, one.shop, order_id=one.order_id):
                for came in queries.came(connection, whole):
                    console.print(Text(f"  {moment(came.received_at)} {came.via} {came.topic}: {came.outcome}"))
                for order in parts_of(connection, whole):
                    _tell_story(console, connection, order)


def _tell_story(console: Console, connection: Connection, order: Order) -> None:
    for event in queries.story(connection, order):
        console.print(Text(f"  {moment(event.at)} {event.from_state} -> {event.to_state}: {event.words}"))
    for tried in queries.tried(connection, order):
        words = f"{tried.outcome or 'under way'} {tried.reference or tried.message}"
        console.print(Text(f"  {moment(tried.started_at)} attempt {tried.id}: {words}"))


def _counted(counter: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in sorted(counter.items()))


def _unmet(told: Told) -> str:
    unmet = [what for what in told.bouts if not told.met[what]]
    return f"no call met {', '.join(sorted(unmet))}" if unmet else "each met by a call"


def _doubt(count: Count) -> str:
    return f"{count.in_doubt_made} with an order in SortedPRO, {count.in_doubt_not_made} without"
