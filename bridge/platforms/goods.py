"""The arithmetic of order lines that all platforms share: values and weights of units that add up to the order's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from html import unescape
from typing import Any

from bridge.mapping.numbers import decimal, rounded
from bridge.platforms.base import Json, Look

__all__ = [
    "decimal",
    "line_name",
    "line_weight",
    "once",
    "part_of",
    "per_unit",
    "pieces",
    "total_weight",
    "unit_weight",
    "worth",
]

_MOST_PLACES = 8  # beside 20 digits before the point, which is all that Decimal keeps exactly
_NOTHING = Decimal(0)


# ---------------------------------------------------------------------------------------------------------------------
# Values
# ---------------------------------------------------------------------------------------------------------------------
def worth(total: Decimal, line: Mapping[str, Any], *, per: str = "line", zero: Json = None) -> Decimal:
    """What the units that ship of a line are worth; as ordered the line is worth `total`.

    They are units `before` + 1 to `before` + `quantity` of the `ordered` ones, so that what ships in several parts or
    packages adds up to `total` exactly, and never exceeds it. With `per` "unit" it is the value of one of them. `zero`
    is what a unit counts for that is worth less than the smallest amount there is: a gift, or goods discounted away.
    Raises ValueError for a line of no units, and for a `zero` that is no amount above 0.
    """
    quantity = decimal(line.get("quantity")) or _NOTHING
    ordered = (decimal(line.get("ordered")) or _NOTHING) if "ordered" in line else quantity
    total = _raised(total, ordered, zero)
    value = _stretch(total, decimal(line.get("before")) or _NOTHING, quantity, ordered)
    return per_unit(value, pieces(quantity)) if per == "unit" else value


def once(look: Look, line: Mapping[str, Any], how: str, work_out: Callable[[], Decimal]) -> Decimal:
    """A line's number, worked out once in a look: a package's value and its items' ask for the same."""
    kept: dict[Any, tuple[Any, Decimal]] = look.kept.setdefault("numbers", {})
    found = kept.get((id(line), how))
    if found is None or found[0] is not line:
        found = kept[id(line), how] = (line, work_out())
    return found[1]


def pieces(quantity: Json) -> int:
    """A quantity as a number of pieces: goods sold by length or weight (a fraction, by plugins) are one piece."""
    number = decimal(quantity) or _NOTHING
    return int(number) if number == number.to_integral_value() else 1


def part_of(total: Decimal, quantity: Decimal | int, of: Decimal | int, *, places: int | None = None) -> Decimal:
    """The value of the first `quantity` of `of` units that together are worth `total`; halves round up.

    All units are worth `total` itself. A part has as many places as the total, at least 2, or as `places` says.
    Cumulative, so that parts add up: what units 3 to 5 are worth is `part_of(t, 5, n) - part_of(t, 2, n)`. No units
    of none are worth 0. Raises ValueError where `of` is negative, or 0 for units that are there.
    """
    places = _places_of(total) if places is None else places
    if not quantity:
        return rounded(Decimal(0), places)
    if of <= 0:
        raise ValueError("a line of no units cannot be divided; its quantity in the order must be above 0")
    if quantity == of:
        return total
    return rounded(total * Decimal(quantity) / Decimal(of), places)


def per_unit(value: Decimal, quantity: Decimal | int, *, places: int | None = None) -> Decimal:
    """The value of one of `quantity` units, halves up, with places as in `part_of`; a single one is worth `value`.

    Raises ValueError for a quantity of 0 or less.
    """
    if quantity <= 0:
        raise ValueError("a line of no units has no value per unit; its quantity must be above 0")
    if quantity == 1:
        return value
    return rounded(value / Decimal(quantity), _places_of(value) if places is None else places)


def _stretch(total: Decimal, before: Decimal, quantity: Decimal, ordered: Decimal) -> Decimal:
    """The value of `quantity` units after the first `before` ones; there are no units beyond the ordered ones."""
    through = part_of(total, min(before + quantity, ordered) if ordered > 0 else quantity, ordered)
    return through - part_of(total, min(before, ordered), ordered) if before else through


def _raised(total: Decimal, ordered: Decimal, zero: Json) -> Decimal:
    """The total, or `zero` for each unit where a unit is worth less than one step of the amount's last place.

    From one step on no unit is worth 0, wherever the total is cut.
    """
    instead = decimal(zero)
    if not instead or ordered <= 0:
        return total
    if instead < 0:
        raise ValueError("what a unit without a value counts for must be above 0, such as zero='0.01'")
    return instead * pieces(ordered) if total < ordered.scaleb(-_places_of(total)) else total


def _places_of(amount: Decimal) -> int:
    """The decimal places of an amount: 2 at least, for shops write whole amounts short, and 3 in dinars."""
    exponent = amount.as_tuple().exponent
    return min(max(2, -exponent), _MOST_PLACES) if isinstance(exponent, int) else 2


# ---------------------------------------------------------------------------------------------------------------------
# Weights
# ---------------------------------------------------------------------------------------------------------------------
def unit_weight(look: Look, line: Mapping[str, Any], default: Json = None) -> Decimal:
    """Grams of one unit of a line: those that the shop knows, else `default`, which the order's story then says.

    A weight of 0 is one that nobody filled in. Raises ValueError where there is no default above 0 either.
    """
    weight = decimal(line.get("weight_g"))
    if weight and weight > 0:
        return weight
    instead = decimal(default)
    if instead is None or instead <= 0:
        raise ValueError(
            "the shop knows no weight for this line; fill it in at the product, or give a default in grams: "
            "line_weight(500), total_weight(500)"
        )
    notes: list[str] = look.kept.setdefault("notes", [])
    note = f"no weight for {line_name(line)}: the default of {instead.normalize():f} g is taken"
    if note not in notes:
        notes.append(note)
    return instead


def line_weight(look: Look, line: Json, default: Json = None, per: str = "line") -> Decimal:
    """Give the grams of what ships of a line, by `default` grams a unit where the shop knows none.

    In a template: `line | line_weight(500)`; with `per='unit'` those of one piece. The order's story names the lines
    that the default was taken for.
    """
    if not isinstance(line, Mapping):
        raise ValueError("line_weight wants a line: write {{ line | line_weight(500) }} inside each: lines")
    if per not in {"line", "unit"}:
        raise ValueError("a weight is per='line' or per='unit'")
    quantity = decimal(line.get("quantity")) or _NOTHING
    whole = unit_weight(look, line, default) * quantity
    return whole / max(pieces(quantity), 1) if per == "unit" else whole


def total_weight(look: Look, lines: Json, default: Json = None) -> Decimal:
    """Add up the grams of lines, by `default` grams a unit where the shop knows none.

    In a template: `lines | total_weight(500)`.
    """
    if not isinstance(lines, list | tuple):
        raise ValueError("total_weight wants a list of lines: write {{ lines | total_weight(500) }}")
    weight = _NOTHING
    for position, line in enumerate(lines, start=1):
        try:
            weight += line_weight(look, line, default)
        except ValueError as error:
            raise ValueError(f"line {position}: {error}") from error
    return weight


def line_name(line: Mapping[str, Any]) -> str:
    """What people call a line: its SKU, else its title (HTML on WooCommerce)."""
    name = line.get("sku") or line.get("title") or line.get("name") or line.get("id") or "a line without a name"
    return unescape(str(name))
