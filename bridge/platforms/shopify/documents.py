"""Every GraphQL document that the bridge sends to Shopify's Admin API.

One query may cost 1,000 points at most; a connection costs its `first` times what one entry costs. The sizes below keep
each document under that. https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits
"""

from __future__ import annotations

FULFILLMENT_ORDERS_PAGE = 5
NESTED_LINES_PAGE = 30
LINES_PAGE = 40
MORE_LINES_PAGE = 80
MORE_FULFILLMENT_LINES_PAGE = 250
MOST_METAFIELDS = 10

_FULFILLMENT_LINES = """
fragment FulfillmentLines on FulfillmentOrderLineItemConnection {
  nodes {
    remainingQuantity
    totalQuantity
    lineItem {
      id
      sku
    }
  }
  pageInfo {
    hasNextPage
    endCursor
  }
}
"""

_FULFILLMENT_ORDERS = f"""
fragment FulfillmentOrders on FulfillmentOrderConnection {{
  nodes {{
    id
    status
    fulfillAt
    deliveryMethod {{
      methodType
      serviceCode
      presentedName
      sourceReference
    }}
    assignedLocation {{
      name
      location {{
        id
        isFulfillmentService
      }}
    }}
    fulfillmentHolds {{
      reason
      reasonNotes
    }}
    lineItems(first: {NESTED_LINES_PAGE}) {{
      ...FulfillmentLines
    }}
  }}
  pageInfo {{
    hasNextPage
    endCursor
  }}
}}
{_FULFILLMENT_LINES}"""

_LINES = """
fragment Lines on LineItemConnection {
  nodes {
    variant {
      id
      inventoryItem {
        harmonizedSystemCode
        countryCodeOfOrigin
        measurement {
          weight {
            value
            unit
          }
        }
      }
      length: metafield(namespace: $lengthNamespace, key: $lengthKey) @include(if: $dimensions) {
        value
      }
      width: metafield(namespace: $widthNamespace, key: $widthKey) @include(if: $dimensions) {
        value
      }
      height: metafield(namespace: $heightNamespace, key: $heightKey) @include(if: $dimensions) {
        value
      }
    }
  }
  pageInfo {
    hasNextPage
    endCursor
  }
}
"""

_DIMENSION_VARIABLES = """
  $dimensions: Boolean!
  $lengthNamespace: String!
  $lengthKey: String!
  $widthNamespace: String!
  $widthKey: String!
  $heightNamespace: String!
  $heightKey: String!
"""

_RECORD_VARIABLES = """
  $referenceNamespace: String!
  $referenceKey: String!
  $recordNamespace: String!
  $recordKey: String!
"""

_RECORD = """
    reference: metafield(namespace: $referenceNamespace, key: $referenceKey) {
      value
      compareDigest
    }
    record: metafield(namespace: $recordNamespace, key: $recordKey) {
      value
      compareDigest
    }
"""

# All that a look needs, of an order of usual size in one call.
ORDER = f"""
query Order(
  $id: ID!
  $metafields: [String!]!
  $someMetafields: Boolean!
{_RECORD_VARIABLES}{_DIMENSION_VARIABLES}) {{
  order(id: $id) {{
    id
    updatedAt
    cancelledAt
{_RECORD}
    metafields(first: {MOST_METAFIELDS}, keys: $metafields) @include(if: $someMetafields) {{
      nodes {{
        namespace
        key
        value
      }}
    }}
    risk {{
      recommendation
      assessments {{
        riskLevel
      }}
    }}
    fulfillmentOrders(first: {FULFILLMENT_ORDERS_PAGE}) {{
      ...FulfillmentOrders
    }}
    lineItems(first: {LINES_PAGE}) {{
      ...Lines
    }}
  }}
}}
{_FULFILLMENT_ORDERS}{_LINES}"""

MORE_FULFILLMENT_ORDERS = f"""
query MoreFulfillmentOrders($id: ID!, $after: String!) {{
  order(id: $id) {{
    fulfillmentOrders(first: {FULFILLMENT_ORDERS_PAGE}, after: $after) {{
      ...FulfillmentOrders
    }}
  }}
}}
{_FULFILLMENT_ORDERS}"""

MORE_FULFILLMENT_LINES = f"""
query MoreFulfillmentLines($id: ID!, $after: String!) {{
  fulfillmentOrder(id: $id) {{
    lineItems(first: {MORE_FULFILLMENT_LINES_PAGE}, after: $after) {{
      ...FulfillmentLines
    }}
  }}
}}
{_FULFILLMENT_LINES}"""

MORE_LINES = f"""
query MoreLines(
  $id: ID!
  $after: String!
{_DIMENSION_VARIABLES}) {{
  order(id: $id) {{
    lineItems(first: {MORE_LINES_PAGE}, after: $after) {{
      ...Lines
    }}
  }}
}}
{_LINES}"""

# What stands on the order, for a write-back that met something.
RECORD = f"""
query Record(
  $id: ID!
{_RECORD_VARIABLES}) {{
  order(id: $id) {{
    id
{_RECORD}
  }}
}}
"""

# metafieldsSet is atomic; the two mutations run one after the other, each with its own userErrors.
# https://shopify.dev/docs/api/admin-graphql/latest/mutations/metafieldsSet
WRITE_REFERENCE = """
mutation WriteReference($metafields: [MetafieldsSetInput!]!, $id: ID!, $tags: [String!]!, $tagged: Boolean!) {
  metafieldsSet(metafields: $metafields) {
    metafields {
      id
    }
    userErrors {
      field
      message
      code
    }
  }
  tagsAdd(id: $id, tags: $tags) @include(if: $tagged) {
    userErrors {
      field
      message
    }
  }
}
"""

SCOPES = """
query Scopes {
  currentAppInstallation {
    accessScopes {
      handle
    }
  }
}
"""

SHOP = """
query Shop {
  shop {
    name
    myshopifyDomain
  }
}
"""

DOCUMENTS = {
    "ORDER": ORDER,
    "MORE_FULFILLMENT_ORDERS": MORE_FULFILLMENT_ORDERS,
    "MORE_FULFILLMENT_LINES": MORE_FULFILLMENT_LINES,
    "MORE_LINES": MORE_LINES,
    "RECORD": RECORD,
    "WRITE_REFERENCE": WRITE_REFERENCE,
    "SCOPES": SCOPES,
    "SHOP": SHOP,
}
