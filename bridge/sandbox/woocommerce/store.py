"""The fake WooCommerce shop's orders, notes and refunds, changed by the rules measured on WooCommerce 11.0.1."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from bridge.sandbox.woocommerce.edits import edited
from bridge.sandbox.woocommerce.order import times_of
from bridge.sandbox.woocommerce.products import Product

Json = dict[str, Any]

NO_ORDERS = frozenset({"trash", "auto-draft", "checkout-draft"})  # statuses that a list without `status` leaves out
_WRITABLE = {"status", "currency", "customer_note", "customer_id", "payment_method", "transaction_id"}


@dataclass(frozen=True, kw_only=True)
class Note:
    """An order note; `customer` ones were mailed to the buyer."""

    id: int
    text: str
    customer: bool
    author: str
    at: datetime


class Store:
    """The orders by number. Threads share it; the bodies it hands out never change afterwards."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self._lock = threading.RLock()
        self._orders: dict[int, Json] = {}
        self._notes: dict[int, list[Note]] = {}
        self._refunds: dict[int, list[Json]] = {}
        self._ids = count(9001)  # of meta rows, notes and refunds

    def add(self, body: Mapping[str, Any]) -> Json:
        """Put an order in."""
        with self._lock:
            self._orders[body["id"]] = dict(body)
            return self._orders[body["id"]]

    def order(self, number: int) -> Json | None:
        """An order, in the trash too; None where there is none."""
        with self._lock:
            return self._orders.get(number)

    def orders(self) -> list[Json]:
        """All orders, in the order they came."""
        with self._lock:
            return list(self._orders.values())

    def write(self, number: int, given: Mapping[str, Any], products: Mapping[int, Product]) -> Json:
        """A REST PUT: addresses are merged, meta by `merged_meta`, lines by `edited`.

        It moves date_modified even if nothing changes. Raises KeyError where there is no such order, line or product.
        """
        with self._lock:
            body = self._orders[number]
            values: Json = {name: value for name, value in given.items() if name in _WRITABLE}
            for name in ("billing", "shipping"):
                if name in given:
                    values[name] = {**body[name], **given[name]}
            if "line_items" in given:
                values |= edited(body, given["line_items"], products, lambda: next(self._ids))
            if "meta_data" in given:
                values["meta_data"] = merged_meta(body["meta_data"], given["meta_data"], lambda: next(self._ids))
            if given.get("set_paid"):
                values |= {"status": "processing", **times_of("paid", self.clock())}
            return self.change(number, **values)

    def change(self, number: int, **values: Any) -> Json:
        """Replace values of an order; date_modified moves by a second at least, so that two versions differ in it."""
        with self._lock:
            body = self._orders[number]
            before = datetime.fromisoformat(body["date_modified_gmt"]).replace(tzinfo=UTC)
            now = max(self.clock(), before + timedelta(seconds=1))
            if values.get("status") == "completed":
                values |= times_of("completed", now)
            self._orders[number] = {**body, **values, **times_of("modified", now)}
            return self._orders[number]

    def take_over(self, other: Store) -> None:
        """Have what another store has, as a copied database has."""
        with other._lock, self._lock:
            self._orders = dict(other._orders)
            self._notes = {number: list(notes) for number, notes in other._notes.items()}
            self._refunds = {number: list(refunds) for number, refunds in other._refunds.items()}

    def roll_back(self, last: int) -> None:
        """Have no orders after the one with this number, as a database has that was restored from a backup."""
        with self._lock:
            for number in [known for known in self._orders if known > last]:
                for kept in (self._orders, self._notes, self._refunds):
                    kept.pop(number, None)

    def remove(self, number: int) -> None:
        """Delete an order for good. Raises KeyError."""
        with self._lock:
            del self._orders[number]

    def notes(self, number: int) -> tuple[Note, ...]:
        """An order's notes, newest first."""
        with self._lock:
            return tuple(reversed(self._notes.get(number, [])))

    def add_note(self, number: int, text: str, *, customer: bool = False, author: str = "WooCommerce") -> Note:
        """Write a note; it leaves date_modified alone, and repeating it makes a second one."""
        with self._lock:
            note = Note(id=next(self._ids), text=text, customer=customer, author=author, at=self.clock())
            self._notes.setdefault(number, []).append(note)
            return note

    def refunds(self, number: int) -> list[Json]:
        """An order's refunds with their lines, newest first."""
        with self._lock:
            return list(reversed(self._refunds.get(number, [])))

    def refund(
        self, number: int, quantities: Mapping[int, int], reason: str, amount: Decimal = Decimal("0.00")
    ) -> Json:
        """Refund quantities of lines (by line id), and an amount beside them that names no line.

        The order as it then is: refunded when nothing is left. Raises KeyError where there is no such order or line.
        """
        with self._lock:
            body = self._orders[number]
            lines = {line["id"]: line for line in body["line_items"]}
            items = [_refund_line(lines[line], quantity, next(self._ids)) for line, quantity in quantities.items()]
            total = sum((Decimal(item["total"]) + Decimal(item["total_tax"]) for item in items), -amount)
            refund = _refund(next(self._ids), total, reason, items, self.clock())
            self._refunds.setdefault(number, []).append(refund)
            shown = {"id": refund["id"], "reason": reason, "total": str(total), "total_tax": "0.00"}
            left = sum(line["quantity"] for line in lines.values()) - self._refunded(number)
            refunds = [shown, *body["refunds"]]
            unpaid = Decimal(body["total"]) + sum(Decimal(one["total"]) for one in refunds)
            status = {} if left > 0 and unpaid > 0 else {"status": "refunded"}
            return self.change(number, refunds=refunds, **status)

    def _refunded(self, number: int) -> int:
        return -sum(int(item["quantity"]) for refund in self._refunds[number] for item in refund["line_items"])


def merged_meta(rows: Sequence[Json], given: Sequence[Json], new_id: Callable[[], int]) -> list[Json]:
    """Meta rows after a PUT, as abstract-wc-data.php's update_meta_data leaves them (measured, WooCommerce 11.0.1).

    A row with a known id is updated. One without id updates the first of its key and deletes the others, or is added.
    One with an unknown id replaces all rows of its key. A null value deletes.
    """
    result = list(rows)
    for wanted in given:
        value = _stored(wanted.get("value"))
        known = next((row for row in result if "id" in wanted and row["id"] == wanted["id"]), None)
        if known is not None:
            result = _replaced(result, known, {**known, "key": wanted.get("key", known["key"]), "value": value})
            continue
        same = [row for row in result if row["key"] == wanted["key"]]
        first = same[0] if same and "id" not in wanted else None
        result = [row for row in result if row["key"] != wanted["key"] or row is first]
        if first is not None:
            result = _replaced(result, first, {**first, "value": value})
        elif value is not None:
            result.append({"id": new_id(), "key": wanted["key"], "value": value})
    return result


def _replaced(rows: list[Json], row: Json, new: Json) -> list[Json]:
    if new["value"] is None:
        return [found for found in rows if found is not row]
    return [new if found is row else found for found in rows]


def _stored(value: Any) -> Any:
    """A meta value as it is read back: scalars become text, lists and objects stay."""
    if isinstance(value, bool):
        return "1" if value else ""
    return str(value) if isinstance(value, int | float | Decimal) else value


def _refund_line(line: Json, quantity: int, line_id: int) -> Json:
    def part(name: str) -> str:
        share = Decimal(line[name]) * quantity / line["quantity"]
        return str(-share.quantize(Decimal("0.01")))

    kept = {name: line[name] for name in ("name", "product_id", "variation_id", "sku", "price", "tax_class")}
    return {
        **kept,
        "id": line_id,
        "quantity": -quantity,
        "total": part("total"),
        "total_tax": part("total_tax"),
        "subtotal": part("subtotal"),
        "subtotal_tax": part("subtotal_tax"),
        "taxes": [],
        "meta_data": [
            {"id": line_id, "key": "_refunded_item_id", "value": str(line["id"]), "display_key": "_refunded_item_id"}
        ],
    }


def _refund(identity: int, total: Decimal, reason: str, items: list[Json], now: datetime) -> Json:
    return {
        "id": identity,
        **times_of("created", now),
        "amount": str(-total),
        "reason": reason,
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [],
        "line_items": items,
        "shipping_lines": [],
        "tax_lines": [],
        "fee_lines": [],
    }
