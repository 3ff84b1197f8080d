"""A fake WooCommerce shop: products, orders, notes and refunds by WooCommerce's rules, and webhooks."""

from bridge.sandbox.woocommerce.order import Purchase, woo_order
from bridge.sandbox.woocommerce.products import PRODUCTS, Product
from bridge.sandbox.woocommerce.shop import FakeWooCommerce

__all__ = ["PRODUCTS", "FakeWooCommerce", "Product", "Purchase", "woo_order"]
