"""The `bridge` command: one file a noun. What it prints is for people; `--json` where a program may read it."""

from bridge.cli.group import main

__all__ = ["main"]
