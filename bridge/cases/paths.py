"""Places in a body or a request by path, `line_items[0].quantity`: reading, changing and removing what stands there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from bridge.mapping.targets import Target
from bridge.mapping.wording import choices, kind

Json = Any
Step = str | int
Steps = Sequence[Step]

APPEND: Final = -1  # the step `[+]`: behind the last entry


class Missing:
    """What is found where nothing stands."""


MISSING: Final = Missing()

_STEP = re.compile(r"(?:^|(?<!^)\.)([^.\[\]]+)|\[([0-9]{1,9}|\+)\]")


def steps(path: str) -> Steps:
    """The steps of a path: a text for a key, a number for an index. Raises ValueError for what is no path."""
    found = list(_STEP.finditer(path))
    if not path or "".join(match[0] for match in found) != path:
        raise ValueError(f"`{path}` is no path; a path is written like line_items[0].price_set.shop_money")
    return [match[1] or (APPEND if match[2] == "+" else int(match[2])) for match in found]


def get(value: Json, path: Steps) -> Json:
    """What stands at a path, MISSING where nothing does."""
    for step in path:
        if not _has(value, step):
            return MISSING
        value = value[step]
    return value


def change(body: Json, path: str, value: Json) -> None:
    """Put a value at a path of a body, in place.

    What is changed must exist: `+` before the path lets its last key be new, `[+]` at its end appends to a list. Raises
    ValueError with a sentence for a path that leads nowhere.
    """
    may_be_new = path.startswith("+")
    above, last = _parent(body, path.removeprefix("+"))
    if last == APPEND:
        if not isinstance(above, list):
            raise ValueError(f"`{path}`: `[+]` appends to a list, and {kind(above)} stands there")
        above.append(value)
    elif _has(above, last) or (may_be_new and isinstance(above, dict) and isinstance(last, str)):
        above[last] = value
    else:
        way_out = f'; for a new key write "+{path}"' if isinstance(above, dict) and isinstance(last, str) else ""
        raise ValueError(f"`{path}` leads nowhere: {_lacks(above, last)}{way_out}")


def remove(body: Json, paths: Sequence[str]) -> None:
    """Take what stands at some paths out of a body, in place; all paths count in the body as it was before.

    Raises ValueError with a sentence for a path at which nothing stands, or one that is named twice.
    """
    if len(set(paths)) < len(paths):
        raise ValueError("a path is named twice; indices count in the body as it was before anything was removed")
    places = [_parent(body, path) for path in paths]
    for (above, last), path in zip(places, paths, strict=True):
        if not _has(above, last):
            raise ValueError(f"`{path}` leads nowhere: {_lacks(above, last)}")
    for above, last in sorted(places, key=lambda place: -place[1] if isinstance(place[1], int) else 0):
        del above[last]


def lost(target: Target, path: Steps) -> str:
    """Why a path does not lead anywhere in the request that a target stands for; "" where it does."""
    here: Target | None = target
    for step in path:
        if here is None or here.kind == "any":
            return ""
        below = here.entry if isinstance(step, int) and here.kind == "list" else None
        if isinstance(step, str) and here.kind == "object":
            below = here.below(step)
        if below is None:
            place = f"`{step}`" if isinstance(step, str) else f"[{step}]"
            names = here.names() if here.kind == "object" else []
            tail = f"; {choices(str(step), names)}" if names else ""
            return f"the request has no {place} there{tail}"
        here = below
    return ""


def _parent(body: Json, path: str) -> tuple[Json, Step]:
    """What the last step of a path is taken from, and that step. Raises ValueError."""
    *way, last = steps(path)
    if APPEND in way:
        raise ValueError(f"`{path}`: `[+]` may only stand at the end")
    here = body
    for step in way:
        if not _has(here, step):
            raise ValueError(f"`{path}` leads nowhere: {_lacks(here, step)}")
        here = here[step]
    return here, last


def _has(value: Json, step: Step) -> bool:
    if isinstance(step, int):
        return isinstance(value, list) and 0 <= step < len(value)
    return isinstance(value, dict) and step in value


def _lacks(value: Json, step: Step) -> str:
    """Why a step cannot be taken, in words."""
    if isinstance(step, int) and isinstance(value, list):
        return f"there is no [{step}] in a list of {len(value)}"
    if isinstance(step, str) and isinstance(value, dict):
        return f"there is no `{step}`; {choices(step, value)}"
    return f"{kind(value)} stands where {f'[{step}]' if isinstance(step, int) else f'`{step}`'} is looked for"
