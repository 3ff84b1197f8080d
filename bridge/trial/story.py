"""The demo's story: every scene of both shops, in the order in which they begin."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.trial import shopify_scenes, woocommerce_scenes
from bridge.trial.scene import Scene

STORY: Sequence[Scene] = (*shopify_scenes.SCENES, *woocommerce_scenes.SCENES)
