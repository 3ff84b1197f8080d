"""Packages: which of the shipped lines travel together, by order, line, unit or weight, and by a table of sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bridge.mapping.language import Fields, Filter
from bridge.platforms.base import Json, Look
from bridge.platforms.goods import decimal, pieces, unit_weight
from bridge.platforms.parting import line_id
from bridge.platforms.routing import Lookup

_MOST = 500  # packages; more come of a mistake in the mapping, or of an order that a person should see
_WAYS = ("order", "line", "unit")
# What a line may be found by in the table of sizes, after its SKU.
_KINDS: Mapping[str, str] = {
    "variant": "variant_id",
    "variation": "variation_id",
    "product": "product_id",
    "vendor": "vendor",
}
_WORDS: Mapping[Json, bool] = {"yes": True, "true": True, True: True, "no": False, "false": False, False: False}

Line = Mapping[str, Any]


def packages(look: Look, lines: Json, per: Json = None, default: Json = None, sizes: Json = None) -> list[Json]:
    """Share the lines that ship out to packages.

    In a template: `lines | packages('15000', default_weight_g, package_sizes)`.

    per: 'order' (one package, also where it is missing), 'line' or 'unit' (one for each), or a number of grams that no
    package exceeds: each unit goes into the first package with room, in the order of the lines. A unit is never split,
    so one that is heavier travels alone. default: grams of a unit whose weight the shop does not know.

    sizes: a table of package sizes by SKU, else by `variant:ID`, `variation:ID`, `product:ID` or `vendor:NAME`, else
    under `any`. A row is the size's name, or `{ size: NAME, own: yes }` for goods of which each unit travels alone.

    A package has `number` (from 1), `count` (of all packages), `lines`, `size` ('' unless its lines agree on one) and
    `quantity` (of units). Its lines have their share in `quantity` and `before`, and a `reference` that is unique in
    the order: the line's id, with -2, -3 in its later packages.
    """
    if not isinstance(lines, list | tuple) or not all(isinstance(line, Mapping) for line in lines):
        raise ValueError("packages wants a list of lines: write {{ order | to_ship | packages }}")
    packing = _Packing(look=look, per=_way(per), default=default, sizes=Lookup(name="sizes", rows=_table(sizes)))
    for line in lines:
        if (decimal(line.get("quantity")) or 0) > 0:
            packing.add(line)
    return packing.packed()


def packages_filter(line: Fields) -> Filter:
    """The filter for a platform whose shipped lines have these fields."""
    added: Fields = {**line, "reference": None}
    fields: Fields = {**dict.fromkeys(("number", "count", "size", "quantity")), "lines": added}
    return Filter(function=packages, looks=True, gives=fields)


@dataclass(frozen=True, kw_only=True)
class _Size:
    """A row of the table of sizes."""

    name: str = ""
    own: bool = False  # each unit travels alone


@dataclass(frozen=True, kw_only=True)
class _Share:
    """Some units of a line in one package."""

    line: Line
    size: _Size
    quantity: Json
    before: Json
    number: int  # of the packages that the line is in, from 1

    def as_json(self) -> Json:
        """The line with its share."""
        identity = line_id(self.line)
        reference = f"{identity}-{self.number}" if identity and self.number > 1 else identity
        return {**self.line, "quantity": self.quantity, "before": self.before, "reference": reference}


@dataclass(kw_only=True)
class _Package:
    """One package while it is filled."""

    grams: Decimal = Decimal(0)
    shares: list[_Share] = field(default_factory=list)

    def as_json(self, number: int, count: int) -> Json:
        """The package as the mapping sees it."""
        names = {share.size.name for share in self.shares}
        return {
            "number": number,
            "count": count,
            "lines": [share.as_json() for share in self.shares],
            "size": names.pop() if len(names) == 1 else "",
            "quantity": sum(pieces(share.quantity) for share in self.shares),
        }


@dataclass(kw_only=True)
class _Packing:
    """The packages of one order while its lines are shared out."""

    look: Look
    per: str | Decimal
    default: Json
    sizes: Lookup
    packages: list[_Package] = field(default_factory=list)
    shared: list[_Package] = field(default_factory=list)  # those of `packages` that may take more
    parts: Counter[str] = field(default_factory=Counter)  # in how many packages a line is already

    def add(self, line: Line) -> None:
        """Share out the units of a line."""
        size = self._size(line)
        if size.own or self.per == "unit":
            self._spread(line, size, [(self._opened(), 1) for _ in range(pieces(line["quantity"]))])
        elif self.per == "line":
            self._spread(line, size, [(self._opened(), pieces(line["quantity"]))])
        elif isinstance(self.per, Decimal):
            self._spread(line, size, self._fitted(line, self.per))
        else:
            package = self.shared[0] if self.shared else self._opened(shared=True)
            self._spread(line, size, [(package, pieces(line["quantity"]))])

    def packed(self) -> list[Json]:
        """All packages."""
        return [package.as_json(number, len(self.packages)) for number, package in enumerate(self.packages, start=1)]

    def _fitted(self, line: Line, limit: Decimal) -> list[tuple[_Package, int]]:
        """First fit: the packages that take units of a line, each with how many."""
        left = pieces(line["quantity"])
        grams = unit_weight(self.look, line, self.default)
        if _is_fraction(line["quantity"]):
            grams *= line["quantity"]
        found = []
        for package in self.shared:
            fits = min(left, int((limit - package.grams) // grams))
            if fits > 0:
                found.append((package, fits))
                left -= fits
        while left > 0:
            fits = max(1, min(left, int(limit // grams)))
            found.append((self._opened(shared=True), fits))
            left -= fits
        for package, units in found:
            package.grams += grams * units
        return found

    def _spread(self, line: Line, size: _Size, found: Sequence[tuple[_Package, int]]) -> None:
        """Put the units of a line, in their order, into the packages found for them."""
        before = line.get("before") or 0
        for package, units in found:
            quantity = line["quantity"] if _is_fraction(line["quantity"]) else units
            identity = line_id(line)
            self.parts[identity] += 1
            package.shares.append(
                _Share(line=line, size=size, quantity=quantity, before=before, number=self.parts[identity])
            )
            before += quantity

    def _opened(self, *, shared: bool = False) -> _Package:
        """A new package."""
        if len(self.packages) >= _MOST:
            raise ValueError(f"this way of packing gives more than {_MOST} packages; pack by 'order' or 'line'")
        package = _Package()
        self.packages.append(package)
        if shared:
            self.shared.append(package)
        return package

    def _size(self, line: Line) -> _Size:
        """The row of a line; an empty one where the table has none."""
        kinds = [f"{kind}:{line[key]}" for kind, key in _KINDS.items() if line.get(key)]
        key = self.sizes.key_of([str(line["sku"]), *kinds] if line.get("sku") else kinds)
        return _Size() if key is None else _row(self.sizes.rows[key])


def _way(per: Json) -> str | Decimal:
    """`per` as one of the words, or the limit in grams."""
    if per is None or per == "":
        return "order"
    if per in _WAYS:
        return str(per)
    try:
        limit = decimal(per)
    except ValueError:
        limit = None
    if limit is None or limit <= 0:
        raise ValueError("packages goes by 'order', 'line', 'unit', or a limit in grams above 0 such as '15000'")
    return limit


def _table(sizes: Json) -> Mapping[str, Json]:
    if sizes is None or sizes == "":
        return {}
    if not isinstance(sizes, Mapping):
        raise ValueError("the sizes of packages are one of the mapping's `tables`, with a row for each SKU")
    return sizes


def _row(row: Json) -> _Size:
    """A row of the table of sizes; raises ValueError for what is none."""
    if row is None or (isinstance(row, str | int | Decimal) and not isinstance(row, bool)):
        return _Size(name=str(row or ""))
    if isinstance(row, Mapping) and row.keys() <= {"size", "own"}:
        own = row.get("own", False)
        own = own.lower() if isinstance(own, str) else own
        if isinstance(own, bool | str) and own in _WORDS:
            return _Size(name=str(row.get("size") or ""), own=_WORDS[own])
    raise ValueError("a row of the table of package sizes is a size's name, or { size: NAME, own: yes }")


def _is_fraction(quantity: Json) -> bool:
    """Whether a quantity is measured, in metres perhaps, so that it is one piece."""
    return bool(quantity != int(quantity))
