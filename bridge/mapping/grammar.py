"""Texts to syntax trees: Jinja's lexer and parser, of which only expressions and `{{ }}` are let through.

Of Jinja only the grammar is used. Its own code generator looks every name up before an expression begins (a `let` in a
branch not taken would be evaluated), compares, joins and calculates by Python's rules, and reads attributes of objects;
`evaluate` gives each kind of node our meaning, and what has none cannot be run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, nodes

from bridge.mapping.tree import Literal, Scalar

_JINJA = Environment(autoescape=False)  # noqa: S701 - it parses only, and the request is no HTML
_DELIMITER = re.compile(r"\{\{|\{%|\{#")
# Stands for a filled-in variable while a template is parsed; `reader` lets no NUL into a text.
_MARK = "\0"
_FORBIDDEN = {
    "block_begin": "`{% %}`",
    "raw_begin": "`{% %}`",
    "comment_begin": "`{# #}`",
    "comment": "`{# #}`",
    "linecomment": "`##`",
}
_BARE = "one expression stands here, without braces: write `order.test`, not `{{ order.test }}`"
_VARIABLE_INSIDE = "a variable cannot stand inside an expression: put it into a table under `tables:` and use that name"


@dataclass(frozen=True, kw_only=True)
class Template:
    """A text with expressions in it: texts and expressions in order."""

    pieces: tuple[str | nodes.Expr, ...]


def is_template(scalar: Scalar) -> bool:
    """Whether a text holds expressions, or what looks like one of Jinja's other delimiters."""
    return _DELIMITER.search(_marked(scalar)) is not None


def template(scalar: Scalar) -> Template:
    """The text's pieces. Raises ValueError with a sentence where it is no template of ours."""
    source = _marked(scalar)
    try:
        for _, part, value in _JINJA.lex(source):
            if part in _FORBIDDEN:
                raise ValueError(
                    f"{_FORBIDDEN[part]} is not used here: only `{{{{ expression }}}}` is; "
                    "a condition is written `a if b else c` or stands in `when:`"
                )
            if part != "data" and _MARK in value:
                raise ValueError(_VARIABLE_INSIDE)
        parsed = _JINJA.parse(source)
    except TemplateSyntaxError as error:
        raise ValueError(_syntax_words(error, source)) from error
    filled = iter([str(part) for part in scalar.parts or () if isinstance(part, Literal)])
    pieces = [_refill(node.data, filled) if isinstance(node, nodes.TemplateData) else node for node in _outputs(parsed)]
    return Template(pieces=tuple(piece for piece in pieces if piece != ""))


def expression(scalar: Scalar) -> nodes.Expr:
    """A bare expression. Raises ValueError with a sentence where it is none."""
    if _MARK in _marked(scalar):
        raise ValueError(_VARIABLE_INSIDE)
    source = scalar.text.strip()
    if not source:
        raise ValueError("an expression is missing: write one, such as `order.test`")
    if source.startswith("{{"):
        raise ValueError(_BARE)
    try:
        parsed = _JINJA.parse("{{ " + source + " }}")
    except TemplateSyntaxError as error:
        raise ValueError(_BARE if _DELIMITER.search(source) else _syntax_words(error, source)) from error
    found = _outputs(parsed)
    if len(found) != 1 or len(parsed.body) != 1 or not isinstance(found[0], nodes.Expr):
        raise ValueError(_BARE)
    return found[0]


def names_in(scalar: Scalar) -> list[str]:
    """The names that a bare expression uses, in their order; none where it is unreadable."""
    try:
        node = expression(scalar)
    except ValueError:
        return []
    found = [node, *node.find_all(nodes.Name)]
    return list(dict.fromkeys(name.name for name in found if isinstance(name, nodes.Name)))


def _outputs(parsed: nodes.Template) -> list[nodes.Expr]:
    """What a parsed template writes: texts and expressions."""
    return [node for output in parsed.body if isinstance(output, nodes.Output) for node in output.nodes]


def _marked(scalar: Scalar) -> str:
    """The text with a mark for each variable that was filled in."""
    return "".join(_MARK if isinstance(part, Literal) else part for part in scalar.parts or ())


def _refill(text: str, filled: Iterator[str]) -> str:
    """Text with its marks replaced by what was filled in."""
    return re.sub(_MARK, lambda _: next(filled), text)


def _syntax_words(error: TemplateSyntaxError, source: str) -> str:
    """What Jinja's parser says, made a sentence."""
    if _MARK in source and "unexpected char" in (error.message or ""):
        return _VARIABLE_INSIDE
    words = (error.message or "unreadable").rstrip(".")
    if "end of" in words and "string" not in words:
        words += " (is a closing `}}`, bracket or quote missing?)"
    return f"this is no expression: {words}"
