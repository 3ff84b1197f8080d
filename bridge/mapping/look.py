"""What mappings need of a look at an order; `platforms.base.Look` has it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from bridge.mapping.language import Json


class Shop(Protocol):
    """What templates may know of the shop."""

    @property
    def name(self) -> str:
        """The last part of its webhook address."""

    @property
    def platform(self) -> str:
        """The kind of shop system."""

    @property
    def domain(self) -> str:
        """Where the shop is on the web."""


class Fetched(Protocol):
    """What was read from the shop."""

    @property
    def complete(self) -> bool:
        """Whether nothing more will be read, so that what is absent is missing."""

    @property
    def data(self) -> Mapping[str, Json]:
        """What was read, by key."""


class Look(Protocol):
    """One look at one order."""

    @property
    def order(self) -> Json:
        """The order's body."""

    @property
    def fetched(self) -> Fetched:
        """What was read for it."""

    @property
    def now(self) -> datetime:
        """When the look is taken, in UTC."""

    @property
    def kept(self) -> dict[str, Any]:
        """What was worked out in this look; `notes` is told in the order's story."""

    @property
    def shop(self) -> Shop:
        """The shop it came from."""
