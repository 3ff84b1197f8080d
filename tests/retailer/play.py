"""The scenes in their order, each played once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from tests.retailer.predecessor import Lightship
from tests.retailer.retailer import Retailer

Scene = Callable[["Play"], None]


class Play:
    """The retailer and its old connector, and how far the story has come."""

    def __init__(self, retailer: Retailer) -> None:
        self.retailer = retailer
        self.lightship = Lightship(retailer)
        self._played: set[Scene] = set()

    def up_to(self, scene: Scene, scenes: tuple[Scene, ...]) -> None:
        """Play what comes before a scene and was not played yet, and the scene; raises what the scene raises.

        So each scene may be run by itself, and one that fails does not hide those after it.
        """
        for one in scenes[: scenes.index(scene)]:
            if one not in self._played:
                with contextlib.suppress(Exception):  # its own test tells of it
                    self._play(one)
        self._play(scene)

    def _play(self, scene: Scene) -> None:
        self._played.add(scene)
        scene(self)
