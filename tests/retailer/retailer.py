"""A UK retailer: three Shopify and two WooCommerce shops, one SortedPRO account, and a bridge between them.

The people at its command line live in the real time, and the sandbox's clock runs ahead of it by three weeks.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from flask.testing import FlaskClient

from bridge import config
from bridge.config import Database
from bridge.sandbox.server import serve
from bridge.sandbox.shopify import FakeShopify, shopify_order
from bridge.sandbox.sortedpro import CreatedOrder, FakeSortedPro
from bridge.sandbox.woocommerce import FakeWooCommerce, woo_order
from bridge.store import queries
from bridge.store.database import transaction
from bridge.store.ledger import Order
from bridge.web.app import make_app
from bridge.wiring import Bridge, open_bridge
from tests.cli.conftest import Bridge as Desk
from tests.conftest import Clock

MAPPINGS = Path(__file__).parents[2] / "mappings"
SHOPIFY = ("home", "outlet", "trade")
WOOCOMMERCE = ("garden", "gifts")
SHOPS = (*SHOPIFY, *WOOCOMMERCE)

LEEDS = "Main warehouse"  # locations as Shopify calls them
BRISTOL = "Bristol store room"
PARTNER = "Northgate Fulfilment"  # ships its goods itself

Shop = FakeShopify | FakeWooCommerce
Story = list[str]


@dataclass(kw_only=True)
class Retailer:
    """The shops, what they are configured as, and the bridge that runs at the moment."""

    clock: Clock
    sortedpro: FakeSortedPro
    shops: Mapping[str, Shop]
    urls: Mapping[str, str]  # where the shops and "sortedpro" listen
    database: Database
    folder: Path  # of the mapping files and of lists
    mappings: dict[str, dict[str, Any]] = field(default_factory=dict)  # what the files say, by shop
    began: datetime = field(init=False)
    bridge: Bridge = field(init=False)
    web: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    # --- the shops -------------------------------------------------------------------------------------------------
    def shopify(self, name: str) -> FakeShopify:
        found = self.shops[name]
        assert isinstance(found, FakeShopify)
        return found

    def woocommerce(self, name: str) -> FakeWooCommerce:
        found = self.shops[name]
        assert isinstance(found, FakeWooCommerce)
        return found

    def body(self, shop: str, number: int, **options: Any) -> dict[str, Any]:
        """An order of now; Shopify's ids are never shared by two shops."""
        options = {"at": self.clock(), **options}
        if shop in WOOCOMMERCE:
            return woo_order(number, home=self.urls[shop], **options)
        return shopify_order(number, order_id=(SHOPIFY.index(shop) + 5) * 10**12 + number, **options)

    def buys(self, shop: str, number: int, **options: Any) -> str:
        """Someone orders; the order's id as text."""
        return str(self.shops[shop].add_order(self.body(shop, number, **options)))

    def reference_on(self, shop: str, order_id: str) -> str | None:
        """What people see of the bridge on the shop order."""
        if shop in WOOCOMMERCE:
            return self.woocommerce(shop).reference_of(int(order_id))
        return self.shopify(shop).reference_of(order_id)

    # --- the bridge ------------------------------------------------------------------------------------------------
    def configure(self, *shops: str, **sections: Any) -> None:
        """Change sections of mapping files, and start the bridge anew as a deploy does."""
        for shop in shops:
            self.mappings[shop] |= sections
            (self.folder / "mappings" / f"{shop}.yaml").write_text(yaml.safe_dump(self.mappings[shop]), "utf-8")
        self.close()
        self.start()

    def start(self) -> None:
        environ = dict(self.desk.environ)
        settings = config.load(environ, interactive=False)
        self.bridge = open_bridge(settings, environ, pool=6, clock=self.clock, new_id=uuid.uuid4, chance=lambda: 0.5)
        self.bridge.announce()
        self.web = make_app(self.bridge).test_client()

    def close(self) -> None:
        self.bridge.close()

    def settle(self, *, workers: int = 1) -> None:
        """Deliver and forward until no webhook is held and nothing is due; with several workers at once if wanted."""
        while self._deliver() + self._work(workers):
            pass

    def settle_without_echoes(self, shop: str, *, workers: int) -> None:
        """Deliver and forward, and lose the webhooks that our own write-backs cause in a shop, as WooCommerce may."""
        self._deliver()
        self._work(workers)
        self.shops[shop].webhooks.release([])
        self.shops[shop].webhooks.hold()

    def later(self, **parts: float) -> None:
        """Time goes by, and what has become due is done."""
        self.clock.forward(**parts)
        self.settle()

    def _deliver(self) -> int:
        """Hand the webhooks that the shops and their copies hold back to the bridge, in their order; how many."""
        return sum(self._deliver_of(name, fake) for name, fake in self.shops.items())

    def _deliver_of(self, name: str, fake: Shop) -> int:
        copies = fake.copies.values() if isinstance(fake, FakeWooCommerce) else ()
        count = 0
        for sender in [one.webhooks for one in (fake, *copies)]:
            packets = [post.build() for post in sender.held()]
            sender.release([])
            sender.hold()
            for packet in packets:
                answer = self.web.post(f"/webhooks/{name}", data=packet.body, headers=dict(packet.headers))
                assert answer.status_code == 202
            count += len(packets)
        return count

    def _work(self, workers: int) -> int:
        """Forward until nothing is due; how many orders were worked on."""
        if workers == 1:
            return self._forward()
        with ThreadPoolExecutor(workers) as pool:
            return sum(pool.map(lambda _: self._forward(), range(workers)))

    def _forward(self) -> int:
        for count in itertools.count():
            if not self.bridge.forwarder.forward_next():
                return count
            assert count < 5000, "the worker turns in circles"
        raise AssertionError

    # --- people ----------------------------------------------------------------------------------------------------
    @property
    def desk(self) -> Desk:
        """The command as people type it."""
        return Desk(environ=_environ(self))

    def types(self, *words: object, settle: bool = True) -> str:
        """A command that works, and then what it has made due; what it printed."""
        result = self.desk(*words)
        assert result.exit_code == 0, result.output
        self.clock.now = max(self.clock.now, datetime.now(UTC))  # what the command made due is due for the bridge too
        if settle:
            self.settle()
        return result.stdout

    def orders(self, shop: str, name: str) -> list[Order]:
        """The ledger's rows of an order, by part."""
        with transaction(self.bridge.engine) as connection:
            return queries.find_by_name(connection, name, shop=shop)

    def order(self, shop: str, name: str) -> Order:
        """The first part of an order."""
        return self.orders(shop, name)[0]

    def count(self, shop: str) -> dict[str, int]:
        """How many orders of a shop are in each state."""
        with transaction(self.bridge.engine) as connection:
            return queries.count_states(connection, queries.Filter(shop=shop))

    def made_of(self, shop: str, order_id: str) -> list[CreatedOrder]:
        """SortedPRO's orders that the bridge made of a shop order, oldest first."""
        return [
            one
            for one in self.sortedpro.orders()
            if one.customer_reference.startswith(f"{shop}-") and one.metadata.get("ShopOrderId") == order_id
        ]

    def ended(
        self, shop: str, name: str, *states: str, sent: list[dict[str, int]], story: Story, origins: Story | None = None
    ) -> list[CreatedOrder]:
        """Make sure how an order stands: its parts' states, what SortedPRO has of it, its reference, its story.

        `sent` is the quantities by SKU of each of its SortedPRO orders; `story` what `bridge order show` says.
        """
        rows = self.orders(shop, name)
        made = self.made_of(shop, rows[0].order_id)
        assert [row.state for row in rows] == list(states)
        assert [units(one) for one in made] == sent
        assert [origin(one) for one in made] == (origins or ["LEEDS"] * len(sent))
        assert self.reference_on(shop, rows[0].order_id) == (", ".join(one.reference for one in made) or None)
        shown = self.desk("order", "show", name, "--shop", shop).stdout
        assert [words for words in story if words not in shown] == [], shown
        return made


def units(made: CreatedOrder) -> dict[str, int]:
    """The quantities of a SortedPRO order by SKU."""
    found: dict[str, int] = {}
    for item in (item for package in made.body["Packages"] for item in package["Items"]):
        found[item["Sku"]] = found.get(item["Sku"], 0) + int(item["Quantity"])
    return found


def origin(made: CreatedOrder) -> str:
    """From where a SortedPRO order leaves."""
    return next(one["ShippingLocationReference"] for one in made.body["Addresses"] if one["AddressType"] == "Origin")


# ---------------------------------------------------------------------------------------------------------------------
# Opening
# ---------------------------------------------------------------------------------------------------------------------
@contextmanager
def open_retailer(database: Database, folder: Path) -> Iterator[Retailer]:
    """The retailer on the first day: five shops in observe mode, beside another connector."""
    clock = Clock(now=datetime.now(UTC).replace(microsecond=0))
    sortedpro = FakeSortedPro("retailer-key", locations=("LEEDS", "BRISTOL"), clock=clock)
    shops: dict[str, Shop] = {
        **{name: _shopify(name, clock) for name in SHOPIFY},
        **{name: FakeWooCommerce(secret=f"secret-of-{name}", clock=clock) for name in WOOCOMMERCE},
    }
    (folder / "mappings").mkdir()
    with ExitStack() as stack:
        urls = {name: _served(stack, fake) for name, fake in {**shops, "sortedpro": sortedpro}.items()}
        for name, fake in shops.items():
            stack.callback(fake.close)
            fake.webhooks.target = f"http://bridge.example/webhooks/{name}"
            fake.webhooks.hold()
            if isinstance(fake, FakeWooCommerce):
                fake.url = urls[name]
        made = Retailer(clock=clock, sortedpro=sortedpro, shops=shops, urls=urls, database=database, folder=folder)
        made.mappings |= {name: _mapping(name, fake, urls) for name, fake in shops.items()}
        for name, sections in made.mappings.items():
            (folder / "mappings" / f"{name}.yaml").write_text(yaml.safe_dump(sections), "utf-8")
        made.start()
        yield made
        made.close()


def _shopify(name: str, clock: Callable[[], datetime]) -> FakeShopify:
    """A shop on a plan with room enough for a clock that stands still between scenes."""
    return FakeShopify(
        f"{name}.myshopify.com", f"id-of-{name}", f"secret-of-{name}", clock=clock, points_per_second=1000
    )


def _served(stack: ExitStack, fake: Any) -> str:
    server = serve(fake)
    stack.callback(server.close)
    return server.url


def _mapping(name: str, fake: Shop, urls: Mapping[str, str]) -> dict[str, Any]:
    """A shop's file: the shipped mapping with its own shop, and nothing sent yet."""
    secret = f"${{{name.upper()}_SECRET}}"
    common = {"version": "1", "mode": "observe"}
    if isinstance(fake, FakeShopify):
        shop = {
            "name": name,
            "domain": fake.domain,
            "api_url": urls[name],
            "client_id": fake.client_id,
            "client_secret": secret,
            "secrets": [secret],
        }
        locations = {"any": None, LEEDS: "LEEDS"}
        return {**common, "extends": str(MAPPINGS / "shopify.yaml"), "shop": shop, "locations": locations}
    key = f"${{{name.upper()}_KEY}}"
    shop = {
        "name": name,
        "url": urls[name],
        "secrets": [secret],
        "consumer_key": "ck_fake",
        "consumer_secret": key,
    }
    return {**common, "extends": str(MAPPINGS / "woocommerce.yaml"), "shop": shop}


def _environ(retailer: Retailer) -> dict[str, str]:
    own = {
        **{f"{name.upper()}_SECRET": f"secret-of-{name}" for name in SHOPS},
        **{f"{name.upper()}_KEY": "cs_fake" for name in WOOCOMMERCE},
    }
    return {
        **own,
        "DATABASE_URL": retailer.database.url,
        "BRIDGE_MAPPINGS": str(retailer.folder / "mappings"),
        "SORTED_API_URL": retailer.urls["sortedpro"],
        "SORTED_API_KEY": retailer.sortedpro.api_key,
        "SORTED_ORIGIN": "LEEDS",
        "SEND_FROM": (retailer.began - timedelta(hours=1)).isoformat(),
        "SHIPPER_EORI": "GB123456789000",
        "SHIPPER_VAT": "GB123456789",
        "SHIPPER_PERSON": "Robin Ashdown",
    }
