"""Where faults are tried: one site with many shops, each with a destination of its own, and what is known of them.

The shops share the two fakes. What a fault does to a destination (a lock, an open breaker, a pause) stays with one.
"""

from __future__ import annotations

import itertools
import json
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import httpx
from sqlalchemy import func, update

from bridge import actions
from bridge.actions import Settled
from bridge.config import Database
from bridge.processes import Child, start_web, start_worker, wait_ready
from bridge.sandbox.faults import delay
from bridge.sandbox.server import App, Request, serve
from bridge.sandbox.shopify import Article, shopify_order
from bridge.sandbox.shopify.book import FulfillmentOrder, lines_of
from bridge.sandbox.shopify.shop import rails_json
from bridge.sandbox.sortedpro import CreatedOrder
from bridge.sandbox.trio import Trio, open_trio
from bridge.sandbox.webhooks import Packet, signature
from bridge.sandbox.woocommerce import woo_order
from bridge.sandbox.woocommerce.api import php_json
from bridge.store import destinations, ledger, queries
from bridge.store.database import transaction
from bridge.store.ledger import Order
from bridge.store.tables import destinations as accounts
from bridge.store.tables import orders
from tests.faults.parts import Goods, judge_parts
from tests.faults.verdict import Standing, judge
from tests.forward.conftest import MAPPINGS
from tests.journeys.site import Site, site_on, until

Platform = Literal["shopify", "woocommerce"]

LIMIT = 120.0  # seconds; a claim lasts 40, a deadline 30, and the machine may be busy
_SOON = timedelta(minutes=1)
_NEVER = datetime(2100, 1, 1, tzinfo=UTC)
_AT_REST = frozenset({"done", "in_doubt", "skipped", "failed"})


@dataclass(frozen=True, kw_only=True)
class ShopFile:
    """A shop of the ground; `destination` has further settings of it, such as on_unknown_outcome."""

    name: str
    platform: Platform
    destination: Mapping[str, str] = field(default_factory=dict)
    unwell: bool = False  # the destination has failed once lately when an order of the shop comes
    more: str = ""  # further sections of its mapping file
    url: str = ""  # where its mapping says that the shop is; the sandbox's own address where empty


@dataclass(kw_only=True, eq=False)
class Case:
    """One shop order, and what the test did to it."""

    shop: ShopFile
    number: int
    order_id: str
    where: str  # what this order is to show, in words
    cancelled: bool = False
    refused: bool = False  # SortedPRO was told to refuse it
    lost_writes: int = 0  # write-backs that the shop was told to refuse
    troubled: int = 0  # calls about it that the shop answered with a fault
    stranger: str = ""  # another reference that stood on the shop order
    parts: bool = False  # it may become several SortedPRO orders, which `tests.faults.parts` judges

    @property
    def customer_reference(self) -> str:
        return f"{self.shop.name}-{self.number}"


@dataclass(kw_only=True)
class Ground:
    """A site, its shops and its cases."""

    site: Site
    shops: Mapping[str, ShopFile]
    cases: list[Case] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(3001))
    _writes: list[str] = field(default_factory=list)  # shop order ids, one for each write of the record

    # --- The shop's side ---------------------------------------------------------------------------------------------
    def place(self, shop: str, where: str, *, stranger: str = "", places: Sequence[str] = ()) -> Case:
        """A buyer's order, of which the bridge has not heard yet.

        `stranger` is a reference that stands on it. Of a Shopify order each line ships from one of `places`.
        """
        file, number = self.shops[shop], next(self._numbers)
        world = self.site.world
        if file.platform == "shopify":
            metafields = {"custom.sorted_order_reference": stranger} if stranger else {}
            body = shopify_order(number, at=datetime.now(UTC))
            lines = zip(body["line_items"], places, strict=True) if places else ()
            split = [FulfillmentOrder(lines=lines_of([line]), location=place) for line, place in lines] or None
            order_id = world.shopify.add_order(body, fulfillment_orders=split, metafields=metafields)
        else:
            meta = {"sorted_order_reference": stranger} if stranger else {}
            order_id = str(world.woocommerce.add_order(woo_order(number, home=world.woocommerce_url, meta=meta)))
        if file.unwell:
            with transaction(self.site.engine) as connection:
                connection.execute(update(accounts).where(accounts.c.name == shop).values(failures=1))
        case = Case(shop=file, number=number, order_id=order_id, where=where, stranger=stranger)
        self.cases.append(case)
        return case

    def cancel(self, case: Case) -> None:
        """The buyer wants it no more."""
        if case.shop.platform == "shopify":
            self.site.world.shopify.cancel(case.order_id)
        else:
            self.site.world.woocommerce.set_status(case.number, "cancelled")
        case.cancelled = True

    def add_goods(self, case: Case) -> None:
        """The merchant adds goods to a Shopify order."""
        self.site.world.shopify.add_variant(case.order_id, Article(sku="VASE", quantity=2))
        case.parts = True

    def change(self, case: Case) -> None:
        """A newer version of the order that ships the same."""
        if case.shop.platform == "shopify":
            self.site.world.shopify.tag(case.order_id, "looked-at")
        else:
            self.site.world.woocommerce.change(case.number, transaction_id="ch_0001")

    def packet(self, case: Case) -> Packet:
        """The webhook that tells of the order as it stands now."""
        world = self.site.world
        if case.shop.platform == "shopify":
            body = rails_json(world.shopify.order(case.order_id).body)
            headers = {"X-Shopify-Topic": "orders/updated"}
            headers["X-Shopify-Hmac-Sha256"] = signature(world.shopify.webhook_secret, body)
            return Packet(body=body, headers={"Content-Type": "application/json", **headers})
        return self._from_woocommerce("order.updated", world.woocommerce.order(case.number))

    def bare_packet(self, case: Case) -> Packet:
        """A webhook of WooCommerce that only says that something happened to the order, which is then read."""
        content = {"action": "woocommerce_order_status_processing", "arg": case.number}
        return self._from_woocommerce("action.woocommerce_order_status_processing", content)

    def _from_woocommerce(self, topic: str, content: Mapping[str, object]) -> Packet:
        body = php_json(content)
        headers = {"X-WC-Webhook-Topic": topic}
        headers["X-WC-Webhook-Signature"] = signature(self.site.world.woocommerce.secret, body)
        return Packet(body=body, headers={"Content-Type": "application/json", **headers})

    def send(self, case: Case, packet: Packet | None = None) -> list[int | None]:
        """Send a webhook until it is acknowledged, as a shop does; what was answered, None for a broken connection."""
        packet, answers = packet or self.packet(case), list[int | None]()

        def acknowledged() -> bool:
            try:
                answers.append(self.site.post(case.shop.name, packet))
            except httpx.TransportError:
                answers.append(None)
            return answers[-1] == httpx.codes.ACCEPTED

        until(acknowledged, seconds=LIMIT, what=lambda: f"{case.where} acknowledged: {answers[-5:]}")
        return answers

    # --- The processes -----------------------------------------------------------------------------------------------
    def start_worker(self, stops: Path | None = None) -> Child:
        """A worker, with points to stop at or without."""
        child = start_worker(self._environ(stops), self.site.output)
        self.site.children.append(child)
        return child

    def start_web(self, stops: Path | None = None) -> Child:
        """A web process that is ready, with points to stop at or without."""
        child = start_web(self._environ(stops), self.site.output)
        self.site.children.append(child)
        wait_ready(self.site.url, child, seconds=LIMIT)
        return child

    def _environ(self, stops: Path | None) -> dict[str, str]:
        return {**self.site.environ, **({"BRIDGE_STOPS": str(stops)} if stops else {})}

    @contextmanager
    def listening(self, held: socket.socket, app: App, *, after: Sequence[Case]) -> Iterator[None]:
        """A fake at another address too, once these orders did not reach it there.

        The port is `held`, without anyone who listens, so that no other process takes it meanwhile.
        """
        for case in after:
            until(
                lambda case=case: self._waits(case),
                seconds=LIMIT,
                what=lambda case=case: f"an order that does not get through: {self.standing(case).told()}",
            )
        port = held.getsockname()[1]
        held.close()
        with closing(serve(app, port=port)):
            yield

    def _is_in(self, case: Case, state: str) -> bool:
        order = self.order(case)
        return order is not None and order.state == state

    def _waits(self, case: Case) -> bool:
        order = self.order(case)
        return order is not None and (order.state == "queued" or order.trouble_code.startswith("shop_"))

    # --- The time that claims last -----------------------------------------------------------------------------------
    def keep_claims(self) -> None:
        """Let the claims of workers that are dead or stopped last until `end_claims`, however slow the machine is.

        Otherwise the orders of one round would be taken up in the middle of the next.
        """
        with transaction(self.site.engine) as connection:
            connection.execute(update(orders).where(orders.c.claimed_until.is_not(None)).values(claimed_until=_NEVER))

    def end_claims(self) -> None:
        """Let them end as the time does: not before the deadline of an order that was being sent."""
        ended = func.greatest(datetime.now(UTC), orders.c.deadline)
        with transaction(self.site.engine) as connection:
            connection.execute(update(orders).where(orders.c.claimed_until == _NEVER).values(claimed_until=ended))

    # --- What came of it ---------------------------------------------------------------------------------------------
    def rows(self, case: Case) -> list[Order]:
        """The ledger's rows, by part."""
        with transaction(self.site.engine) as connection:
            found = queries.find_in_shop(connection, case.shop.name, order_id=case.order_id)
            rows = ledger.parts_of(connection, found[0]) if found else []
        assert case.parts or len(found) <= len(rows) <= 1, [one.label for one in rows]
        return rows

    def order(self, case: Case) -> Order | None:
        """The ledger's row, the first where it has several."""
        return next(iter(self.rows(case)), None)

    def standing(self, case: Case) -> Standing:
        """How a case stands in the shop, in the ledger and in SortedPRO."""
        order, world = self.order(case), self.site.world
        with transaction(self.site.engine) as connection:
            story = queries.story(connection, order) if order else ()
            paused = {
                one.name for one in destinations.list_destinations(connection, datetime.now(UTC)) if one.paused_at
            }
        written = (
            world.shopify.reference_of(case.order_id)
            if case.shop.platform == "shopify"
            else world.woocommerce.reference_of(case.number)
        )
        return Standing(
            name=f"{case.customer_reference} ({case.where})",
            order=order,
            story=[f"{event.at:%H:%M:%S} {event.to_state}: {event.words}" for event in story],
            made=self.site.sent(case.customer_reference),
            written=written,
            writes=self._writes.count(case.order_id) - case.lost_writes,
            cancelled=case.cancelled,
            refused=case.refused,
            sends_again=case.shop.destination.get("on_unknown_outcome") == "send_again",
            paused=case.shop.name in paused,
            stranger=case.stranger,
        )

    def _judge(self, case: Case, *, settled: bool) -> list[str]:
        if case.parts:
            return judge_parts(self.goods(case), settled=settled)
        return judge(self.standing(case), settled=settled)

    def goods(self, case: Case) -> Goods:
        """What of a Shopify order is wanted and what was sent, whatever parts it has."""
        order = self.site.world.shopify.order(case.order_id)
        wanted = {line["sku"]: line["current_quantity"] for line in order.body["line_items"]}
        rows = self.rows(case)
        made = [one for row in rows for one in self._made(row.customer_reference)]
        sent = Counter[str]()
        for one in made:
            for item in (item for package in one.body["Packages"] for item in package["Items"]):
                sent[item["Sku"]] += item["Quantity"]
        return Goods(
            name=f"{case.customer_reference} ({case.where})",
            parts=rows,
            made=[one.reference for one in made],
            wanted=wanted,
            sent=dict(sent),
            written=self.site.world.shopify.reference_of(case.order_id) or "",
        )

    def _made(self, reference: str | None) -> list[CreatedOrder]:
        return [one for one in self.site.world.sortedpro.orders() if one.customer_reference == reference]

    def states(self) -> dict[str, str]:
        """The state of each order, by our reference."""
        return {case.customer_reference: order.state for case in self.cases if (order := self.order(case))}

    def wait(self, cases: Sequence[Case] | None = None) -> None:
        """Until nothing is left that the bridge does by itself; fails with the stories of what still moves."""
        cases = self.cases if cases is None else cases

        def rest() -> bool:
            return not any(self.is_moving(case) for case in cases)

        def moving() -> str:
            return "\n".join(self.standing(case).told() for case in cases if self.is_moving(case))

        until(rest, seconds=LIMIT, what=lambda: f"these do not come to rest:\n{moving()}")

    def wait_out_of_doubt(self, cases: Sequence[Case]) -> None:
        """Until a late answer has ended the doubt about these."""

        def doubtful() -> str:
            return "\n".join(self.standing(case).told() for case in cases if self._is_in(case, "in_doubt"))

        until(lambda: not doubtful(), seconds=LIMIT, what=lambda: f"these stay in doubt:\n{doubtful()}")

    def is_moving(self, case: Case) -> bool:
        """Whether something is still to come for an order without a person."""
        rows = self.rows(case)
        return not rows or any(self._moves(case, order) for order in rows)

    def _moves(self, case: Case, order: Order) -> bool:
        if order.claimed_until is not None:
            return True
        if order.state == "queued":
            return not self.standing(case).paused
        if (
            order.state == "done" and case.parts
        ):  # goods that were not sent at first are looked at once more, in an hour
            return order.due_at is not None and order.due_at < datetime.now(UTC) + _SOON
        if order.state == "created" and case.stranger:
            return order.trouble_code != "write_back_conflict"  # which is looked at each hour
        if order.state == "in_doubt":  # evidence is looked for now and then, as long as it is in doubt
            return order.due_at is not None and order.due_at < datetime.now(UTC) + _SOON
        return order.state not in _AT_REST or order.due_at is not None

    def verdict(self, *, settled: bool = False) -> None:
        """Fail where an order is lost, doubled or stuck; `settled` where a person has ended every doubt."""
        wrong = [
            words for case in self.cases if not case.parts for words in judge(self.standing(case), settled=settled)
        ]
        wrong += [
            words for case in self.cases if case.parts for words in judge_parts(self.goods(case), settled=settled)
        ]
        known = {case.customer_reference for case in self.cases}
        known |= {row.customer_reference or "" for case in self.cases if case.parts for row in self.rows(case)}
        strays = [one for one in self.site.world.sortedpro.orders() if one.customer_reference not in known]
        wrong += [f"SortedPRO has {one.reference} of {one.customer_reference}, which no shop has" for one in strays]
        assert not wrong, "\n".join(wrong)

    def settle(self) -> None:
        """What is left to a person.

        Doubts, by a look into SortedPRO; other references on shop orders; destinations whose key is right again.
        """
        with transaction(self.site.engine) as connection:
            for one in destinations.list_destinations(connection, datetime.now(UTC)):
                destinations.resume_destination(connection, one.name)
        for case in self.cases:
            for order in self.rows(case):
                self._settle(case, order)
        self.wait()

    def _settle(self, case: Case, order: Order) -> None:
        if order.state == "in_doubt":
            made = self.site.sent(order.customer_reference or "")
            found = Settled(exists=made[0]) if made else Settled(send_again=not case.cancelled)
            actions.settle(self.site.engine, order, found, who="test", reason="looked", now=datetime.now(UTC))
        if order.trouble_code == "write_back_conflict":
            actions.overwrite(self.site.engine, order, who="test", reason="not ours", now=datetime.now(UTC))
            until(lambda: self._is_in(case, "done"), seconds=LIMIT, what=lambda: "a reference overwritten")

    def heard(self, request: Request) -> bool:
        """Note the write of a record; never a fault's match."""
        if request.method == "PUT" and b"meta_data" in request.body:
            self._writes.append(request.path.rsplit("/", 1)[-1])
        elif b"metafieldsSet" in request.body:
            given = json.loads(request.body)["variables"]["metafields"]
            # With the digest of nothing it can only be a first write: the shop refuses a second one.
            if self._is_first(given[0]["ownerId"]) or any(one.get("compareDigest") for one in given):
                self._writes.append(given[0]["ownerId"].rsplit("/", 1)[-1])
        return False

    def _is_first(self, owner: str) -> bool:
        return self.site.world.shopify.reference_of(owner.rsplit("/", 1)[-1]) is None


def named(point: str) -> str:
    """The shop whose orders stop at a point: what a transaction that stands there locks is its own."""
    return point.replace("_", "-")


def shops_for(points: Sequence[str], prefix: str = "", **destination: str) -> list[ShopFile]:
    """A shop for each point, of both platforms in turn, whose orders come to it.

    Most orders begin and end in one statement each. Those that keep to a rate begin in a transaction, and so do those
    end whose destination has to hear that it is well again.
    """
    platforms: tuple[Platform, ...] = ("shopify", "woocommerce")
    rated = {"begin_written": {"requests_per_second": "50"}}
    return [
        ShopFile(
            name=f"{prefix}{named(point)}",
            platform=platforms[turn % 2],
            destination={**destination, **rated.get(point, {})},
            unwell=point == "end_written",
        )
        for turn, point in enumerate(points)
    ]


@contextmanager
def ground_on(database: Database, folder: Path, shops: Sequence[ShopFile], **environ: str) -> Iterator[Ground]:
    """A ground without processes. Its shops send nothing by themselves: each webhook is the test's."""
    with open_trio() as world, site_on(database, world, folder, **environ) as site:
        world.shopify.webhooks.target = world.woocommerce.webhooks.target = None
        for shop in shops:
            _write(Path(site.environ["BRIDGE_MAPPINGS"]), shop, world)
        made = Ground(site=site, shops={shop.name: shop for shop in shops})
        for fake in (world.shopify, world.woocommerce):
            fake.behave(delay(0), match=made.heard, count=None)
        yield made


def _write(folder: Path, shop: ShopFile, world: Trio) -> None:
    """Its mapping file: the shipped one with another name, and a destination of its own."""
    if shop.platform == "shopify":
        own = f"api_url: {shop.url or world.shopify_url}"
    else:
        home = world.woocommerce_url.partition("://")[2]  # which its orders tell, wherever the bridge reaches it
        own = f"hosts: [ shop.example, '{home}' ]" + (f"\n  url: {shop.url}" if shop.url else "")
    destination = {"name": shop.name, **shop.destination}
    lines = [f"  {key}: {value}" for key, value in destination.items()]
    head = f"version: 1\nextends: {MAPPINGS}/{shop.platform}.yaml\nshop:\n  name: {shop.name}\n  {own}\ndestination:\n"
    (folder / f"{shop.name}.yaml").write_text(head + "\n".join(lines) + f"\n{shop.more}")
