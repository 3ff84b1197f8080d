"""The bodies of a tests file: by name, from a file beside it, or a base with changes."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bridge.cases.paths import MISSING, change, remove
from bridge.cases.sheet import Part, Sheet, read_json, read_yaml, value_of
from bridge.errors import ConfigurationError
from bridge.mapping.wording import choices

Json = Any

_FORMS = ("base", "file")  # the key that makes a map one of the forms; no order and nothing that was read has either


class Bodies:
    """The named bodies of one section, `orders` or `fetched`.

    A body is written in place, `{ file: paid.json }` (JSON, or YAML by its name's end; counted from the tests file's
    folder), or `{ base: NAME }`; the last two may have `change` and `remove`.
    """

    def __init__(self, sheet: Sheet, section: str, named: Mapping[str, Part]) -> None:
        self._sheet = sheet
        self._section = section
        self._named = named
        self._made: dict[str, Json] = {}
        self._open: list[str] = []

    def check(self) -> None:
        """Make every named body, so that what is wrong with one is told even where no case asks for it."""
        for name, part in self._named.items():
            self._by_name(name, part.key)

    def body(self, node: yaml.Node) -> Json:
        """The body that a name or one of the forms stands for; MISSING beside a problem. Not to be changed in place."""
        if isinstance(node, yaml.ScalarNode):
            return self._by_name(node.value, node)
        if not isinstance(node, yaml.MappingNode):
            self._sheet.problem(f"must be a name of `{self._section}`, or a body", node)
            return MISSING
        keys = {key.value for key, _ in node.value}
        return self._formed(node) if keys.intersection(_FORMS) else value_of(node)

    def changed(self, body: Json, changes: yaml.Node | None, removals: yaml.Node | None) -> Json:
        """A copy of a body with `change` and then `remove` applied; what leads nowhere is a problem."""
        if body is MISSING or (changes is None and removals is None):
            return body
        made = copy.deepcopy(body)
        parts = self._sheet.parts(changes, "`change`") if changes is not None else {}
        for path, part in parts.items():
            try:
                change(made, path, value_of(part.node))
            except ValueError as error:
                self._sheet.problem(str(error), part.key)
        if removals is not None:
            self._remove(made, removals)
        return made

    def _remove(self, body: Json, node: yaml.Node) -> None:
        paths: Sequence[str] = self._sheet.texts(node, "`remove`")
        try:
            remove(body, paths)
        except ValueError as error:
            self._sheet.problem(str(error), node)

    def _by_name(self, name: str, node: yaml.Node) -> Json:
        if name in self._open:
            self._sheet.problem("a body cannot be its own base, not even through others", node, name)
            return MISSING
        if name not in self._named:
            words = f"`{self._section}` has no body of this name; {choices(name, self._named)}"
            self._sheet.problem(words, node, name)
            return MISSING
        if name not in self._made:
            self._open.append(name)
            self._made[name] = self.body(self._named[name].node)
            self._open.pop()
        return self._made[name]

    def _formed(self, node: yaml.MappingNode) -> Json:
        """A body from a file, or from another by its name."""
        parts = self._sheet.parts(node, "a body", (*_FORMS, "change", "remove"))
        if len(parts.keys() & set(_FORMS)) > 1:
            self._sheet.problem("`base` and `file` exclude each other", node)
            return MISSING
        if "base" in parts:
            below = self.body(parts["base"].node)
        else:
            below = self._from_file(parts["file"])
        return self.changed(below, _node(parts.get("change")), _node(parts.get("remove")))

    def _from_file(self, part: Part) -> Json:
        name = self._sheet.text_of(part.node, "`file`")
        if not name:
            return MISSING
        path = Path(self._sheet.folder) / name
        try:
            return read_yaml(path) if path.suffix in {".yaml", ".yml"} else read_json(path)
        except ValueError as error:
            self._sheet.problem(str(error), part.node, name)
        except ConfigurationError as error:
            self._sheet.problems += error.problems
        return MISSING


def _node(part: Part | None) -> yaml.Node | None:
    return part.node if part else None
