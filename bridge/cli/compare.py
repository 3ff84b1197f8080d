"""`bridge compare`: what another connector made in SortedPRO, against what the bridge would send."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import simplejson
from rich.table import Table
from rich.text import Text

from bridge import parallel
from bridge.cli.showing import console
from bridge.cli.wired import wired
from bridge.comparison import listing
from bridge.comparison.differences import Difference, is_ignored
from bridge.parallel import Compared, NotSent, Unmatched

_LONGEST = 60  # characters of an example


@dataclass(kw_only=True)
class _Report:
    """What was found, with what the person has explained taken out."""

    ignored: Collection[str]
    elsewhere: int
    compared: list[Compared] = field(default_factory=list)
    not_sent: list[NotSent] = field(default_factory=list)
    unmatched: list[Unmatched] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # of what is ignored

    def add(self, found: parallel.Finding) -> None:
        """Note one order."""
        match found:
            case Compared():
                self.compared.append(replace(found, found=[one for one in found.found if not self._is_ignored(one)]))
            case NotSent():
                meant = {f"{found.decision}: {found.reason}"} & set(self.ignored)
                self.used |= meant
                if not meant:
                    self.not_sent.append(found)
            case Unmatched():
                self.unmatched.append(found)

    @property
    def differing(self) -> list[Compared]:
        """Orders with a difference that nobody explained."""
        return [one for one in self.compared if one.found]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left to explain."""
        return not (self.differing or self.not_sent or self.unmatched)

    def by_field(self) -> dict[str, list[tuple[Compared, Difference]]]:
        """For each field the orders that differ in it, the most frequent first."""
        fields: dict[str, dict[int, tuple[Compared, Difference]]] = {}
        for one in self.compared:
            for difference in one.found:
                fields.setdefault(difference.path, {}).setdefault(one.order.id, (one, difference))
        ranked = sorted(fields.items(), key=lambda item: -len(item[1]))
        return {path: list(found.values()) for path, found in ranked}

    def _is_ignored(self, difference: Difference) -> bool:
        meant = {one for one in self.ignored if is_ignored(difference.path, one)}
        self.used |= meant
        return bool(meant)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--shop", default="", help="Only of this shop.")
@click.option(
    "--ignore", "ignored", multiple=True,
    help="An explained difference: a path as shown, [] for any entry, or a decision as shown ('skip: cancelled').",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(1), help="Compare only the first so many.")
@click.option("--show-values", is_flag=True, help="Show examples of addresses too; they are personal data.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def compare(
    file: Path, shop: str, ignored: tuple[str, ...], limit: int | None, show_values: bool, as_json: bool
) -> None:
    """Compare the orders of another connector with what the bridge would send, field by field. Only reads.

    FILE is CSV with the columns shop, order (id or name) and reference (EO-...). Status 0 where nothing differs and
    nothing is unmatched, else 1.
    """
    with wired() as bridge:
        tools = bridge.forwarder.tools
        rows = [one for one in listing.read(file.read_bytes(), file.name, tools.shops) if shop in {"", one.shop}]
        matched, unmatched = parallel.pairs(tools, rows)
        report = _Report(ignored=ignored, elsewhere=sum(row.reference is None for row, _ in matched))
        for found in unmatched:
            report.add(found)
        for row, order in [(row, order) for row, order in matched if row.reference is not None][:limit]:
            report.add(parallel.compare(tools, row, order))
    if as_json:
        click.echo(simplejson.dumps(_as_json(report, show_values), use_decimal=True, ensure_ascii=False, indent=2))
    else:
        _show(report, show_values)
    sys.exit(0 if report.is_clean else 1)


def _show(report: _Report, show_values: bool) -> None:
    fields = report.by_field()
    if fields:
        table = _table("field", "orders that differ", "such as", "theirs", "ours")
        for path, found in fields.items():
            one, difference = found[0]
            values = _values(difference, show_values)
            table.add_row(Text(path), str(len(found)), Text(one.order.label), *(Text(value) for value in values))
        console.print(table)
    if report.not_sent:
        table = _table("shop", "order", "reference", "the bridge would not send it")
        for lone in report.not_sent:
            words = f"{lone.decision}: {lone.reason}"
            table.add_row(*map(Text, (lone.row.shop, lone.order.label, lone.row.reference or "", words)))
        console.print(table)
    if report.unmatched:
        table = _table("shop", "order", "reference", "only one side has it")
        for single in report.unmatched:
            table.add_row(*map(Text, (single.shop, single.order, single.reference or "", single.words)))
        console.print(table)
    for unused in sorted(set(report.ignored) - report.used):
        console.print(Text(f"nothing differs in {unused}: --ignore names it in vain"))
    console.print(Text(_summary(report)), soft_wrap=True)


def _summary(report: _Report) -> str:
    equal = len(report.compared) - len(report.differing)
    parts = [
        f"{equal} compared equal",
        f"{len(report.differing)} differ",
        f"{len(report.not_sent)} would not be sent",
        f"{len(report.unmatched)} unmatched",
    ]
    return ", ".join([*parts, *([f"{report.elsewhere} sent elsewhere, not compared"] if report.elsewhere else [])])


def _table(*names: str) -> Table:
    table = Table(header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _values(difference: Difference, show_values: bool) -> Sequence[str]:
    """Both values for people; of what may be personal only whether there is one."""
    hidden = difference.is_personal and not show_values
    return [_value(value, hidden) for value in (difference.theirs, difference.ours)]


def _value(value: Any, hidden: bool) -> str:
    if value is None:
        return "nothing"
    text = "differs" if hidden else " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _as_json(report: _Report, show_values: bool) -> dict[str, Any]:
    def order(one: Compared) -> dict[str, Any]:
        fields = [
            {"field": each.path, **dict(zip(("theirs", "ours"), _values(each, show_values), strict=True))}
            for each in one.found
        ]
        return {"shop": one.row.shop, "order": one.order.label, "reference": one.row.reference, "fields": fields}

    return {
        "equal": len(report.compared) - len(report.differing),
        "fields": {path: len(found) for path, found in report.by_field().items()},
        "differing": [order(one) for one in report.differing],
        "not_sent": [
            {"shop": one.row.shop, "order": one.order.label, "reference": one.row.reference}
            | {"decision": one.decision, "reason": one.reason}
            for one in report.not_sent
        ],
        "unmatched": [
            {"shop": one.shop, "order": one.order, "reference": one.reference, "words": one.words}
            for one in report.unmatched
        ],
        "sent_elsewhere": report.elsewhere,
    }
