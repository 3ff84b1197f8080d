"""The command as people type it, in process, with an environment of the test's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from tests.forward.conftest import Rig, mappings, rig, world

__all__ = ["mappings", "rig", "world"]  # fixtures

_OURS = ("DATABASE_URL", "BRIDGE_", "SHOPIFY_", "WOOCOMMERCE_", "SORTED_", "SEND_FROM", "SHOP_")


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """Runs `bridge ...`."""

    environ: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *words: object, **more: str) -> Result:
        """The command's status, output and errors; only ends that the command itself chose are let through."""
        gone = {name: None for name in os.environ if name.startswith(_OURS)}
        result = CliRunner().invoke(
            main, [str(word) for word in words], env={**gone, **self.environ, **more}, catch_exceptions=False
        )
        assert "Traceback" not in result.output
        return result


@pytest.fixture
def bridge(tmp_path: Path) -> Bridge:
    """The command with no variable set at all."""
    return Bridge(environ={"BRIDGE_DATA": str(tmp_path / "no-data")})


@pytest.fixture
def desk(rig: Rig, tmp_path: Path) -> Bridge:
    """The command beside a bridge that works: its database, mappings and variables."""
    assert rig.bridge.settings.database is not None
    variables = {"DATABASE_URL": rig.bridge.settings.database.url, "SEND_FROM": "2026-01-01T00:00:00Z"}
    return Bridge(
        environ={**rig.world.environment(), **variables, "BRIDGE_MAPPINGS": str(rig.bridge.settings.mappings)}
    )


Run = Callable[..., Result]
