"""A UK retailer replaces another connector: five shops, two origins and a partner, three weeks of going live.

Each scene is a function named for the fact that it shows; it finds the shops as the scenes before it left them.
"""

from __future__ import annotations

import pytest

from tests.retailer import going_live, odd_orders, parallel_days, parts, reckoning
from tests.retailer.play import Play, Scene

SCENES: tuple[Scene, ...] = (
    *parallel_days.SCENES,
    *going_live.SCENES,
    *parts.SCENES,
    *odd_orders.SCENES,
    *reckoning.SCENES,
)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_three_weeks(play: Play, scene: Scene) -> None:
    play.up_to(scene, SCENES)
