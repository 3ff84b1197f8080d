"""`--reason`: why a person does something, in words that say something."""

from __future__ import annotations

from typing import Any

import click


class _Reason(click.ParamType[str]):
    """A text with more than blanks in it."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text without space around it."""
        text = str(value).strip()
        if not text:
            self.fail("it is empty: say why, in a few words", param, ctx)
        return text


REASON = _Reason()
