"""The retailer's WooCommerce shops when hundreds of orders come at once."""

from __future__ import annotations

import pytest

from tests.retailer import floods, reckoning
from tests.retailer.play import Play, Scene

SCENES: tuple[Scene, ...] = (*floods.SCENES, *reckoning.SCENES)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_floods(play: Play, scene: Scene) -> None:
    play.up_to(scene, SCENES)
