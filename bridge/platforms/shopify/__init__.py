"""Shopify: its webhooks and orders (pure), and the client that reads a shop and writes references back."""

from bridge.platforms.shopify.platform import Shopify

PLATFORM = Shopify()

__all__ = ["PLATFORM", "Shopify"]
