"""WooCommerce: webhooks, orders and filters (pure), and the client that talks to the shop."""

from bridge.platforms.base import Platform
from bridge.platforms.woocommerce.platform import WooCommerce

__all__ = ["PLATFORM"]

PLATFORM: Platform = WooCommerce()
