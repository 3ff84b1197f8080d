"""Bundles among an order's lines: a container and its contents are lines of their own, and travel as one or apart.

The extensions Product Bundles and Composite Products add both to the order; containers may stand in containers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bridge.platforms.goods import decimal, part_of
from bridge.platforms.woocommerce.records import meta_values

# https://woocommerce.com/document/bundles/bundles-rest-api-reference/ : the line id of the container, or "".
_CONTAINER = ("bundled_by", "composite_parent")
# "yes" where a part is shipped individually, "no" where it travels in its container (WC_PB_Order::add_bundle_to_order).
_NEEDS_SHIPPING = ("_bundled_item_needs_shipping", "_composite_item_needs_shipping")

Line = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Bundles:
    """The bundles of one order; empty for most."""

    containers: Mapping[str, Line]  # by the line id of each part
    contents: Mapping[str, Sequence[Line]]  # the parts, by the line id of their container

    def container_of(self, line: Line) -> Line | None:
        """The line that a line is a part of."""
        return self.containers.get(line_id(line)) if self.containers else None

    def parts_of(self, line: Line) -> Sequence[Line]:
        """The lines that are parts of a line."""
        return self.contents.get(line_id(line), ())


_NO_BUNDLES = Bundles(containers={}, contents={})


def bundles_of(lines: Sequence[Line]) -> Bundles:
    """Find the bundles among an order's lines."""
    if not any(line.get(key) for line in lines for key in _CONTAINER):
        return _NO_BUNDLES
    by_id = {line_id(line): line for line in lines if line_id(line)}
    containers = {
        line_id(line): by_id[_container_id(line)]
        for line in lines
        if _container_id(line) in by_id and _container_id(line) != line_id(line)
    }
    contents: dict[str, list[Line]] = {}
    for part, container in containers.items():
        contents.setdefault(line_id(container), []).append(by_id[part])
    return Bundles(containers=containers, contents=contents)


def says_it_travels_alone(part: Line) -> bool | None:
    """Whether a part is shipped individually by its own meta data; None where they do not say."""
    for key in _NEEDS_SHIPPING:
        for value in meta_values(part, key):
            return str(value).lower() in {"yes", "1", "true"}
    return None


def whole_value(
    line: Line, bundles: Bundles, inside: AbstractSet[str], apart: AbstractSet[str], *, gross: bool
) -> Decimal:
    """What a line is worth for its ordered quantity, so that a bundle's price goes where its goods go.

    A container is worth its own total and that of the parts inside it; a part whose container does not ship has a share
    of the container's total, by quantity. `inside` are the line ids of parts that travel in their container, `apart`
    those of lines that need no shipping.
    """
    within = (part for part in bundles.parts_of(line) if line_id(part) in inside)
    value = total(line, gross=gross) + sum(
        (whole_value(part, bundles, inside, apart, gross=gross) for part in within), Decimal(0)
    )
    container = bundles.container_of(line)
    if container is None or line_id(container) not in apart:
        return value
    sharing = [part for part in bundles.parts_of(container) if line_id(part) not in inside | apart]
    return value + _share(total(container, gross=gross), line, sharing)


def total(line: Line, *, gross: bool) -> Decimal:
    """A line's total after discounts, in shop currency, with or without tax; WooCommerce keeps the tax apart."""
    net = decimal(line.get("total")) or Decimal(0)
    return net + (decimal(line.get("total_tax")) or Decimal(0)) if gross else net


def line_id(line: Line) -> str:
    """A line's id as text."""
    return str(line.get("id") or "")


def _share(worth: Decimal, line: Line, sharing: Sequence[Line]) -> Decimal:
    """The stretch of `worth` that falls on one of the lines that share it; all stretches add up to it."""
    names = [line_id(part) for part in sharing]
    if line_id(line) not in names:
        return Decimal(0)
    units = [decimal(part.get("quantity")) or Decimal(0) for part in sharing]
    place = names.index(line_id(line))
    before, through = sum(units[:place], Decimal(0)), sum(units[: place + 1], Decimal(0))
    return part_of(worth, through, sum(units)) - part_of(worth, before, sum(units))


def _container_id(line: Line) -> str:
    return next((str(line[key]) for key in _CONTAINER if line.get(key)), "")
