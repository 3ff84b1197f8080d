"""A fake Shopify shop: orders, fulfilment orders, the Admin API that a bridge uses, and webhooks."""

from bridge.sandbox.shopify.book import FulfillmentOrder, Hold, Variant, lines_of, route
from bridge.sandbox.shopify.lines import Article
from bridge.sandbox.shopify.order import shopify_order
from bridge.sandbox.shopify.shop import ALL_SCOPES, FakeShopify

__all__ = [
    "ALL_SCOPES",
    "Article",
    "FakeShopify",
    "FulfillmentOrder",
    "Hold",
    "Variant",
    "lines_of",
    "route",
    "shopify_order",
]
