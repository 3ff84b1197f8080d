"""The ledger: the only writer of orders, their attempts and their history.

Each function works on the caller's connection, so the caller says what belongs to one transaction. Every change of
state goes through `rows.move`, which names the state and the claim it leaves and writes the history row beside it.
"""

from bridge.store.ledger.bodies import (
    Receipt,
    find_or_open,
    look_now,
    mapping_changed,
    namesakes,
    receive,
    redirect_queued,
    ring,
)
from bridge.store.ledger.claims import claim, due_now, extend, note, postpone, release, rest
from bridge.store.ledger.parts import another_writes, as_text, is_open, open_part, parts_of, quantities_of, taken
from bridge.store.ledger.rows import SENT, Detail, Order, find, foreign_key, get, move, read_unless_newer, remark
from bridge.store.ledger.sending import (
    Attempt,
    NoRoom,
    admit,
    begin_send,
    end_send,
    expire,
    last_refused,
    late_reference,
    reference_owner,
    reserve,
    sent_attempt,
    was_in_doubt,
)

__all__ = [
    "SENT",
    "Attempt",
    "Detail",
    "NoRoom",
    "Order",
    "Receipt",
    "admit",
    "another_writes",
    "as_text",
    "begin_send",
    "claim",
    "due_now",
    "end_send",
    "expire",
    "extend",
    "find",
    "find_or_open",
    "foreign_key",
    "get",
    "is_open",
    "last_refused",
    "late_reference",
    "look_now",
    "mapping_changed",
    "move",
    "namesakes",
    "note",
    "open_part",
    "parts_of",
    "postpone",
    "quantities_of",
    "read_unless_newer",
    "receive",
    "redirect_queued",
    "reference_owner",
    "release",
    "remark",
    "reserve",
    "rest",
    "ring",
    "sent_attempt",
    "taken",
    "was_in_doubt",
]
