"""The field names of WooCommerce's orders, as its REST API version 3 and its webhooks write them."""

from __future__ import annotations

from bridge.mapping.language import Fields

# https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties
# and measured with WooCommerce 8.9.3 and 11.0.1.
_META: Fields = {"id": None, "key": None, "value": None, "display_key": None, "display_value": None}
_TAX: Fields = {"id": None, "total": None, "subtotal": None}
_LINKS: Fields = {"self": None, "collection": None, "customer": None, "up": None, "email_templates": None}

ADDRESS: Fields = {
    "first_name": None,
    "last_name": None,
    "company": None,
    "address_1": None,
    "address_2": None,
    "city": None,
    "state": None,
    "postcode": None,
    "country": None,
    "phone": None,  # of shipping since WooCommerce 5.6
}

LINE: Fields = {
    "id": None,
    "name": None,
    "product_id": None,
    "variation_id": None,
    "quantity": None,
    "tax_class": None,
    "subtotal": None,
    "subtotal_tax": None,
    "total": None,
    "total_tax": None,
    "taxes": _TAX,
    "meta_data": _META,
    "sku": None,
    "global_unique_id": None,  # since 9.2
    "price": None,
    "image": {"id": None, "src": None},
    "parent_name": None,
    # Of the extensions Product Bundles and Composite Products.
    "bundled_by": None,
    "bundled_item_title": None,
    "bundled_items": None,
    "composite_parent": None,
    "composite_children": None,
}

# What `to_ship` and `shippable` give: the line, and what was fetched of its product.
GOODS: Fields = {
    **LINE,
    "ordered": None,
    "before": None,
    "weight_g": None,
    "length_cm": None,
    "width_cm": None,
    "height_cm": None,
    "hs_code": None,
    "origin_country": None,
    "location": None,
    "location_id": None,
    "methods": None,
    "pickup_point": None,
}

# What `fetched.products` has under each product's id, and the filter `product` gives.
PRODUCT: Fields = {
    "id": None,
    "name": None,
    "type": None,
    "weight": None,
    "length": None,
    "width": None,
    "height": None,
    "shipping_required": None,
    "virtual": None,
    "hs_code": None,
    "origin_country": None,
    "missing": None,
}

ORDER: Fields = {
    "id": None,
    "parent_id": None,
    "number": None,
    "order_key": None,
    "created_via": None,
    "version": None,
    "status": None,
    "currency": None,
    "currency_symbol": None,
    "date_created": None,
    "date_created_gmt": None,
    "date_modified": None,
    "date_modified_gmt": None,
    "date_completed": None,
    "date_completed_gmt": None,
    "date_paid": None,
    "date_paid_gmt": None,
    "discount_total": None,
    "discount_tax": None,
    "shipping_total": None,
    "shipping_tax": None,
    "cart_tax": None,
    "total": None,
    "total_tax": None,
    "prices_include_tax": None,
    "customer_id": None,
    "customer_ip_address": None,
    "customer_user_agent": None,
    "customer_note": None,
    "billing": {**ADDRESS, "email": None},
    "shipping": ADDRESS,
    "payment_method": None,
    "payment_method_title": None,
    "payment_url": None,
    "transaction_id": None,
    "cart_hash": None,
    "is_editable": None,
    "needs_payment": None,
    "needs_processing": None,
    "meta_data": _META,
    "line_items": LINE,
    "tax_lines": {
        "id": None,
        "rate_code": None,
        "rate_id": None,
        "rate_percent": None,
        "label": None,
        "compound": None,
        "tax_total": None,
        "shipping_tax_total": None,
        "meta_data": _META,
    },
    "shipping_lines": {
        "id": None,
        "method_title": None,
        "method_id": None,
        "instance_id": None,
        "total": None,
        "total_tax": None,
        "tax_status": None,
        "taxes": _TAX,
        "meta_data": _META,
    },
    "fee_lines": {
        "id": None,
        "name": None,
        "tax_class": None,
        "tax_status": None,
        "amount": None,
        "total": None,
        "total_tax": None,
        "taxes": _TAX,
        "meta_data": _META,
    },
    "coupon_lines": {
        "id": None,
        "code": None,
        "discount": None,
        "discount_tax": None,
        "discount_type": None,
        "nominal_amount": None,
        "free_shipping": None,
        "meta_data": _META,
    },
    "refunds": {"id": None, "reason": None, "refund": None, "total": None, "total_tax": None},
    "_links": _LINKS,
}
