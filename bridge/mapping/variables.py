"""`${VAR}` and `${VAR:-default}` in the texts of a mapping file."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridge.mapping.tree import Literal, Variable

# $${ stands for ${ itself; a default goes up to the next brace.
_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^{}]*))?\}|\$\{")


def fill(text: str, environ: Mapping[str, str], *, offline: bool) -> tuple[tuple[str, ...], tuple[Variable, ...]]:
    """The text with its variables filled in as `Literal` parts, and the variables it used.

    A variable set to "" is unset. An unset one without a default gives "", or `<NAME>` offline. Raises ValueError with
    a sentence where a `${` is no variable.
    """
    parts: list[str] = [""]
    used: list[Variable] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        parts[-1] += text[end : match.start()]
        end = match.end()
        if match[0] == "$${":
            parts[-1] += "${"
            continue
        if match["name"] is None:
            raise ValueError(
                "`${` must be followed by a variable's name and `}`: ${NAME} or ${NAME:-default}; "
                "write $${ for the two characters themselves"
            )
        value, default = environ.get(match["name"], ""), match["default"]
        used.append(Variable(name=match["name"], is_set=bool(value), has_default=default is not None))
        missing = f"<{match['name']}>" if offline else ""
        parts += [Literal(value or (missing if default is None else default)), ""]
    parts[-1] += text[end:]
    return tuple(part for part in parts if part or isinstance(part, Literal)) or ("",), tuple(used)
