"""Fakes of SortedPRO, Shopify and WooCommerce that speak real HTTP; they import nothing of the bridge."""
