"""The fields that values have, as far as the start can know them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from bridge.mapping.language import Fields


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The fields that a value has, and the ways to write it: its own name first, then what it stands for.

    A value that is written out in the expression has no paths: its own fields are not checked.
    """

    fields: Fields
    paths: tuple[str, ...] = ()

    def named(self, name: str, added: Fields) -> Shape:
        """The same under one more name, with the fields that the mapping adds under it."""
        if not self.paths:
            return self
        return Shape(fields=with_added(self.fields, added), paths=(name, *self.paths))

    def below(self, key: str) -> Shape | None:
        """What stands under one of the fields; None where its own are not known."""
        fields = self.fields[key]
        return None if fields is None else replace(self, fields=fields, paths=self.paths_below(key))

    def paths_below(self, key: str) -> tuple[str, ...]:
        """The ways to write what stands under a key."""
        return tuple(f"{path}.{key}" for path in self.paths)


NOTHING = Shape(fields={})  # of a text, a number, null, `{}` and `[]`


def either(*shapes: Shape | None) -> Shape | None:
    """The shape of `one or other`: a field of any of them will do. None where one of them is not known."""
    united: Shape | None = NOTHING
    for shape in shapes:
        if united is None or shape is None:
            return None
        united = Shape(fields=_united(united.fields, shape.fields), paths=(*united.paths, *shape.paths))
    return united


def tree(paths: Iterable[str]) -> Fields:
    """Paths as fields: `order.pickup_store.id` as {order: {pickup_store: {id}}}; below the last nothing is checked."""
    root: dict[str, Fields | None] = {}
    for path in paths:
        above, _, rest = path.partition(".")
        known = root.get(above, {})
        root[above] = None if not rest or known is None else _united(known, tree([rest]))
    return root


def with_added(fields: Fields, added: Fields) -> Fields:
    """Fields with those that a mapping adds; what was checked below a field still is."""
    merged = dict(fields)
    for key, below in added.items():
        known = merged.get(key)
        if key not in merged:
            merged[key] = below
        elif known is not None and below is not None:
            merged[key] = with_added(known, below)
    return merged


def below_path(fields: Fields, path: str) -> Fields:
    """The fields below `line_items.properties`; none where they are not known."""
    for step in path.split("."):
        fields = fields.get(step) or {}
    return fields


def place_of(fields: Fields, known: Fields) -> str:
    """The path in `known` of what has the most fields, all of which are among `fields`; "" where there is none.

    What a filter gives of an order's lines is so found to be lines.
    """
    places = [(path, below) for path, below in _walk(known) if below and below.keys() <= fields.keys()]
    path, _ = max(places, key=lambda place: (len(place[1]), -place[0].count(".")), default=("", {}))
    return path


def _walk(fields: Fields) -> Iterator[tuple[str, Fields]]:
    """Every field that has known fields, by its path."""
    for key, below in fields.items():
        if below is not None:
            yield key, below
            yield from ((f"{key}.{path}", deeper) for path, deeper in _walk(below))


def _united(one: Fields, other: Fields) -> Fields:
    united: dict[str, Fields | None] = {**one, **other}
    for key in one.keys() & other.keys():
        left, right = one[key], other[key]
        united[key] = None if left is None or right is None else _united(left, right)
    return united
