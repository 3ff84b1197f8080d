"""A person's word that our reference may take the place of another one on the shop order.

It stands among the codes of released holds and names our reference, so that it counts for that one part and never for
another, which takes over the codes when it is opened.
"""

from __future__ import annotations

from bridge.store.ledger import Order

_CODE = "overwrite_reference"


def is_allowed(order: Order) -> bool:
    """Whether a person has said so for the reference that the order has now."""
    return _code(order) in order.released


def allowed(order: Order) -> list[str]:
    """The order's released codes with that word."""
    return sorted({*order.released, _code(order)})


def used(order: Order) -> list[str]:
    """The released codes without it: it counts for one write-back."""
    return [code for code in order.released if not code.startswith(_CODE)]


def _code(order: Order) -> str:
    return f"{_CODE} {order.reference}"
