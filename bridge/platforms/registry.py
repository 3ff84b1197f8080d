"""The registry of platforms: a third one is a folder, a mapping, its tests, and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.platforms.base import Platform
from bridge.platforms.shopify import PLATFORM as SHOPIFY
from bridge.platforms.woocommerce import PLATFORM as WOOCOMMERCE

PLATFORMS: Mapping[str, Platform] = {platform.name: platform for platform in (SHOPIFY, WOOCOMMERCE)}
