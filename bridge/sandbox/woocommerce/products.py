"""The fake WooCommerce shop's products, as wc/v3 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Product:
    """A product or a variation of one; `price` includes tax, measures are in the shop's units, '' where not given."""

    id: int
    sku: str
    name: str
    price: Decimal
    weight: str = ""
    length: str = ""
    width: str = ""
    height: str = ""
    virtual: bool = False
    downloadable: bool = False
    parent_id: int = 0  # of a variation
    attributes: Mapping[str, str] = field(default_factory=dict)  # of a variation: "Size" to "L"
    meta: Mapping[str, Any] = field(default_factory=dict)  # what plugins add: "_hs_code" to "691200"


MUG = Product(
    id=10,
    sku="MUG-BLUE",
    name="Stoneware mug, blue",
    price=Decimal("12.50"),
    weight="0.41",
    length="12",
    width="9",
    height="10",
)
LAMP = Product(id=11, sku="LAMP-XL", name="Lamp &amp; shade", price=Decimal("89.00"), weight="3.2")
SHIRT = Product(
    id=15,
    sku="",
    name="T-shirt",
    price=Decimal("19.90"),
    weight="0.2",
    length="30",
    width="25",
    height="2",
)
SHIRT_L = Product(
    id=16,
    sku="TS-L-GREEN",
    name="T-shirt - L, Green",
    price=Decimal("19.90"),
    parent_id=15,
    attributes={"Size": "L", "Colour": "Green"},
)
GUIDE = Product(
    id=18,
    sku="GUIDE-PDF",
    name="Care guide (PDF)",
    price=Decimal("5.00"),
    virtual=True,
    downloadable=True,
)
VOUCHER = Product(id=19, sku="VOUCHER-25", name="Gift voucher", price=Decimal("25.00"), virtual=True)
PRODUCTS = (MUG, LAMP, SHIRT, SHIRT_L, GUIDE, VOUCHER)


def product_json(product: Product, parent: Product | None, home: str) -> dict[str, Any]:
    """A product as GET /products/{id} answers: a variation inherits measures from its parent where it has none."""
    measures = {name: _inherited(product, parent, name) for name in ("weight", "length", "width", "height")}
    kind = "variation" if product.parent_id else "simple"
    collection = f"{home}/wp-json/wc/v3/products"
    return {
        "id": product.id,
        "name": product.name,
        "slug": product.sku.lower(),
        "type": kind,
        "status": "publish",
        "description": "",
        "sku": product.sku,
        "global_unique_id": "",
        "price": str(product.price),
        "regular_price": str(product.price),
        "virtual": product.virtual,
        "downloadable": product.downloadable,
        "tax_status": "taxable",
        "tax_class": "",
        "weight": measures["weight"],
        "dimensions": {name: measures[name] for name in ("length", "width", "height")},
        "shipping_required": not product.virtual,
        "shipping_taxable": not product.virtual,
        "shipping_class": "",
        "parent_id": product.parent_id,
        "attributes": [{"id": 0, "name": name, "option": value} for name, value in product.attributes.items()],
        "variations": [],
        "meta_data": [
            {"id": product.id * 100 + index, "key": key, "value": value}
            for index, (key, value) in enumerate(product.meta.items())
        ],
        "_links": {"self": [{"href": f"{collection}/{product.id}"}], "collection": [{"href": collection}]},
    }


def _inherited(product: Product, parent: Product | None, name: str) -> str:
    own: str = getattr(product, name)
    return own or (getattr(parent, name) if parent else "")
