"""The other connector's orders as a CSV file: shop, order, and the SortedPRO order that was made of it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bridge.errors import ConfigurationError, Problem

ELSEWHERE = "sent elsewhere"
_COLUMNS = ("shop", "order", "reference")
_REFERENCE = re.compile(r"EO-[A-Z0-9]{3}-[A-Z0-9]{3}-[A-Z0-9]{3}")
_SHORTENED = re.compile(r"\d+[.,]\d+E\+?\d+|\d+E\+\d+", re.IGNORECASE)  # 5.67891E+12: a spreadsheet's idea of a long id
_ID = re.compile(r"id:? *(?=\S)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One order of the file."""

    line: int  # from 1, where it stands in the file
    shop: str
    order: str  # as written
    reference: str | None  # None: sent elsewhere, so it has none in SortedPRO

    @property
    def name(self) -> str:
        """What it is called, where it may be a name: `#1001` is one, `id 1001` is none, `1001` may be."""
        return "" if _ID.match(self.order) else self.order

    @property
    def order_id(self) -> str:
        """Its id in the shop, where it may be one."""
        return "" if self.order.startswith("#") else _ID.sub("", self.order, count=1)


def read(content: bytes, file: str, shops: Collection[str]) -> list[Row]:
    """The rows of a file: UTF-8 with or without byte order mark, columns in any order, apart by comma or semicolon.

    Raises ConfigurationError with everything that is wrong in it; `shops` are the names that may stand there.
    """
    problems: list[Problem] = []
    rows = [_row(line, values, file, shops, problems) for line, values in _lines(content, file)]
    problems += _twice(rows, file)
    if problems:
        raise ConfigurationError(sorted(problems, key=lambda problem: problem.line))
    if not rows:
        raise ConfigurationError([Problem(message="no order stands in it, only the header", file=file)])
    return rows


def _lines(content: bytes, file: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Each filled line below the header, by column."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = "is not UTF-8: save it as CSV in UTF-8"
        raise ConfigurationError([Problem(message=message, file=file)]) from error
    head = text.lstrip("\r\n").split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ",")
    columns: list[str] = []
    for values in _rows(reader, file):
        filled = [value.strip() for value in values]
        if not any(filled):
            continue
        if not columns:
            columns = _columns(filled, file)
            continue
        yield reader.line_num, dict(zip(columns, filled, strict=False))


def _rows(reader: Iterator[list[str]], file: str) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        message = "cannot be read as CSV: look for a quotation mark that is not closed"
        raise ConfigurationError([Problem(message=message, file=file)]) from error


def _columns(header: Sequence[str], file: str) -> list[str]:
    """The header's names; raises ConfigurationError where one that is needed lacks or stands twice."""
    columns = [name.casefold() for name in header]
    wrong = [name for name in _COLUMNS if columns.count(name) != 1]
    if wrong:
        message = f"the first line must name the columns shop, order and reference once each: not so {', '.join(wrong)}"
        raise ConfigurationError([Problem(message=message, file=file, line=1)])
    return columns


def _row(line: int, values: Mapping[str, str], file: str, shops: Collection[str], problems: list[Problem]) -> Row:
    shop, order, reference = (values.get(name, "") for name in _COLUMNS)

    def wrong(message: str, found: str) -> None:
        problems.append(Problem(message=message, file=file, line=line, found=found))

    if shop not in shops:
        wrong(f"no mapping file names this shop; there are {', '.join(sorted(shops)) or 'none'}", shop)
    if not order.removeprefix("#").strip():
        wrong("the order is missing: give its id in the shop, or its name", order)
    elif _SHORTENED.fullmatch(order):
        wrong("a spreadsheet has cut this id short: give the column the format text and fill it in anew", order)
    if reference.casefold() == ELSEWHERE:
        return Row(line=line, shop=shop, order=order, reference=None)
    if not _REFERENCE.fullmatch(reference.upper()):
        wrong(f"is neither an order reference (they look like EO-000-002-0TS) nor the words {ELSEWHERE}", reference)
    return Row(line=line, shop=shop, order=order, reference=reference.upper())


def _twice(rows: Sequence[Row], file: str) -> Iterator[Problem]:
    """Orders and references that stand there a second time."""
    orders: dict[tuple[str, str], int] = {}
    references: dict[str, int] = {}
    for row in rows:
        first = orders.setdefault((row.shop, row.order.removeprefix("#")), row.line)
        if row.order and first != row.line:
            message = f"this order stands in line {first} already: leave one of the two"
            yield Problem(message=message, file=file, line=row.line, found=f"{row.shop} {row.order}")
        first = references.setdefault(row.reference or f"none in line {row.line}", row.line)
        if row.reference and _REFERENCE.fullmatch(row.reference) and first != row.line:
            message = f"this reference stands in line {first} already: two orders never share one"
            yield Problem(message=message, file=file, line=row.line, found=row.reference)
