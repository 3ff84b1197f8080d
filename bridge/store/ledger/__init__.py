"""The ledger: the only writer of orders, their attempts and their history.

Each function works on the caller's connection, so the caller says what belongs to one transaction. Every change of
state goes through `rows.move`, which names the state and the claim it leaves and writes the history row beside it.
"""

from bridge.store.ledger.bodies import Receipt, find_or_open, look_now, mapping_changed, receive, redirect_queued, ring
from bridge.store.ledger.claims import claim, due_now, extend, note, postpone, release, rest
from bridge.store.ledger.rows import Detail, Order, find, get, move, read_unless_newer, remark
from bridge.store.ledger.sending import (
    Attempt,
    NoRoom,
    begin_send,
    end_send,
    expire,
    last_refused,
    late_reference,
    reference_owner,
    sent_attempt,
    was_in_doubt,
)

__all__ = [
    "Attempt",
    "Detail",
    "NoRoom",
    "Order",
    "Receipt",
    "begin_send",
    "claim",
    "due_now",
    "end_send",
    "expire",
    "extend",
    "find",
    "find_or_open",
    "get",
    "last_refused",
    "late_reference",
    "look_now",
    "mapping_changed",
    "move",
    "note",
    "postpone",
    "read_unless_newer",
    "receive",
    "redirect_queued",
    "reference_owner",
    "release",
    "remark",
    "rest",
    "ring",
    "sent_attempt",
    "was_in_doubt",
]
