"""The names of Shopify's order body (REST Admin Order, API versions 2013 to 2026-10), for the check of mappings.

https://shopify.dev/docs/api/admin-rest/latest/resources/order ; names of older bodies stay, so that a mapping over old
orders starts.
"""

from __future__ import annotations

from bridge.mapping.language import Fields


def _names(text: str) -> Fields:
    """Names without further check below them."""
    return dict.fromkeys(text.split())


_AMOUNT = _names("amount currency_code")
_MONEY: Fields = {"shop_money": _AMOUNT, "presentment_money": _AMOUNT}
_PAIR = _names("name value")


def _money(text: str) -> Fields:
    """Names of amounts in both currencies."""
    return dict.fromkeys(text.split(), _MONEY)


ADDRESS: Fields = _names(
    "first_name last_name name company address1 address2 city province province_code zip country country_code phone "
    "latitude longitude"
)

_CUSTOMER_ADDRESS: Fields = {**ADDRESS, **_names("id customer_id country_name default")}

_CONSENT = _names("state opt_in_level consent_updated_at consent_collected_from")

_CUSTOMER: Fields = {
    **_names(
        "id email phone first_name last_name state note tags currency created_at updated_at orders_count total_spent "
        "verified_email tax_exempt tax_exemptions multipass_identifier admin_graphql_api_id accepts_marketing "
        "accepts_marketing_updated_at marketing_opt_in_level last_order_id last_order_name"
    ),
    "default_address": _CUSTOMER_ADDRESS,
    "email_marketing_consent": _CONSENT,
    "sms_marketing_consent": _CONSENT,
}

_TAX_LINE: Fields = {**_names("title price rate channel_liable"), **_money("price_set")}

_DISCOUNT_ALLOCATION: Fields = {**_names("amount discount_application_index"), **_money("amount_set")}

_LOCATION = _names("id name address1 address2 city province_code country_code zip")

LINE: Fields = {
    **_names(
        "id admin_graphql_api_id title name sku variant_id variant_title vendor product_id product_exists quantity "
        "current_quantity fulfillable_quantity fulfillment_service fulfillment_status requires_shipping gift_card "
        "grams price pre_tax_price total_discount taxable variant_inventory_management sales_line_item_group_id "
        "tip tip_payment_gateway tip_payment_method applied_discount"
    ),
    **_money("price_set pre_tax_price_set total_discount_set"),
    "properties": _PAIR,
    "tax_lines": _TAX_LINE,
    "discount_allocations": _DISCOUNT_ALLOCATION,
    "attributed_staffs": _names("id quantity"),
    "duties": {
        **_names("id harmonized_system_code country_code_of_origin admin_graphql_api_id"),
        **_money("shop_money presentment_money"),
        "tax_lines": _TAX_LINE,
    },
    "origin_location": _LOCATION,
    "destination_location": _LOCATION,
}

# What `shippable` and `to_ship` add to a line.
SHIPPED_LINE: Fields = {
    **LINE,
    **_names(
        "ordered before weight_g length_cm width_cm height_cm hs_code origin_country location location_id "
        "methods pickup_point"
    ),
}

_SHIPPING_LINE: Fields = {
    **_names(
        "id title code price discounted_price source phone carrier_identifier delivery_category is_removed "
        "requested_fulfillment_service_id"
    ),
    **_money("price_set discounted_price_set current_discounted_price_set"),
    "tax_lines": _TAX_LINE,
    "discount_allocations": _DISCOUNT_ALLOCATION,
}

_FULFILLMENT: Fields = {
    **_names(
        "id admin_graphql_api_id name order_id location_id status service shipment_status tracking_company "
        "tracking_number tracking_numbers tracking_url tracking_urls created_at updated_at receipt"
    ),
    "origin_address": ADDRESS,
    "line_items": LINE,
}

_REFUND: Fields = {
    **_names(
        "id admin_graphql_api_id order_id note restock user_id created_at processed_at duties order_adjustments "
        "transactions additional_fees return refund_shipping_lines"
    ),
    **_money("total_duties_set total_additional_fees_set"),
    "refund_line_items": {
        **_names("id line_item_id location_id quantity restock_type subtotal total_tax"),
        **_money("subtotal_set total_tax_set"),
        "line_item": LINE,
    },
}

ORDER: Fields = {
    **_names(
        "id admin_graphql_api_id name number order_number confirmation_number token cart_token checkout_id "
        "checkout_token app_id user_id device_id location_id merchant_business_entity_id merchant_of_record_app_id "
        "created_at updated_at processed_at closed_at cancelled_at cancel_reason confirmed test "
        "financial_status fulfillment_status payment_gateway_names gateway processing_method payment_terms "
        "currency presentment_currency subtotal_price total_price total_price_usd total_tax total_discounts "
        "total_line_items_price total_outstanding total_tip_received total_weight current_subtotal_price "
        "current_total_price current_total_tax current_total_discounts taxes_included tax_exempt estimated_taxes "
        "duties_included email phone contact_email customer_locale buyer_accepts_marketing browser_ip "
        "landing_site landing_site_ref referring_site reference source source_name source_identifier source_url "
        "order_status_url note tags po_number returns line_item_groups"
    ),
    **_money(
        "subtotal_price_set total_price_set total_tax_set total_discounts_set total_line_items_price_set "
        "total_shipping_price_set current_subtotal_price_set current_total_price_set current_total_tax_set "
        "current_total_discounts_set current_shipping_price_set current_total_duties_set original_total_duties_set "
        "current_total_additional_fees_set original_total_additional_fees_set "
        "total_cash_rounding_payment_adjustment_set total_cash_rounding_refund_adjustment_set"
    ),
    "billing_address": ADDRESS,
    "shipping_address": ADDRESS,
    "customer": _CUSTOMER,
    "company": _names("id location_id"),
    "client_details": _names("accept_language browser_ip browser_height browser_width session_hash user_agent"),
    "payment_details": _names("avs_result_code credit_card_bin credit_card_company credit_card_number cvv_result_code"),
    "discount_codes": _names("code amount type"),
    "discount_applications": _names(
        "type title code description value value_type allocation_method target_selection target_type"
    ),
    "note_attributes": _PAIR,
    "tax_lines": _TAX_LINE,
    "line_items": LINE,
    "shipping_lines": _SHIPPING_LINE,
    "fulfillments": _FULFILLMENT,
    "refunds": _REFUND,
}
