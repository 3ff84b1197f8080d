"""Money of the fakes' orders: rounding to pence, and shares that add up."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

PENNY = Decimal("0.01")


def pence(amount: Decimal) -> Decimal:
    """An amount rounded half up to two places."""
    return amount.quantize(PENNY, ROUND_HALF_UP)


def shares(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """`total` split in proportion to `weights`, in pence; the shares add up to it exactly."""
    whole = sum(weights, Decimal(0))
    if not whole:
        return [Decimal("0.00") for _ in weights]
    given, so_far, result = Decimal(0), Decimal(0), []
    for weight in weights:
        so_far += weight
        upto = pence(total * so_far / whole)
        result.append(upto - given)
        given = upto
    return result
