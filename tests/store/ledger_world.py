"""What surrounds the ledger in its property test: two shops and SortedPRO.

Everything of the bridge is real, down to the HTTP clients; only the network is a function.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select, text

from bridge import config
from bridge.config import Database
from bridge.forward import Forwarder
from bridge.intake import Intake
from bridge.platforms.base import Webhook
from bridge.sandbox.server import Reply, Request
from bridge.sandbox.webhooks import Packet, signature
from bridge.sandbox.woocommerce import FakeWooCommerce
from bridge.store.tables import attempts, orders
from bridge.wiring import Bridge, open_bridge
from tests.conftest import Clock
from tests.store import ledger_watch
from tests.store.ledger_promises import Asked, Made, Told
from tests.store.ledger_watch import News, Seen
from tests.store.ledger_workers import Killed, Step, Worker

MAPPINGS = Path(__file__).parents[2] / "mappings"
SHOPS = {"red": "hold", "blue": "send_again"}  # and the policy of each one's destination
ROOM = {"red": 2, "blue": 1}  # orders on their way to each one's destination at once
LATER_ITEMS = {"red": "later_items: send", "blue": ""}
REFERENCE = "sorted_order_reference"  # the custom field of a shop order

_MAPPING = """\
version: 1
extends: {base}
shop: {{ name: {name}, url: https://{name}.example, secrets: [ hush ], consumer_key: ck_1, consumer_secret: cs_1 }}
send_from: 2026-01-01T00:00:00Z
{later_items}
destination:
  name: sorted-{name}
  url: https://sorted-{name}.example
  api_key: key-1
  on_unknown_outcome: {policy}
  concurrency: {room}
hold:
  someone wants to see it: order.customer_note == 'look'
"""


@dataclass
class World:
    """The bridge and all around it, as new for each run of the machine by `begin`."""

    bridge: Bridge
    clock: Clock
    shops: dict[str, FakeWooCommerce] = field(default_factory=dict)
    told: Told = field(default_factory=lambda: Told(policies={}))
    workers: dict[int, Worker] = field(default_factory=dict)
    web_dies_at: str = ""
    probes_answer: bool = True  # the harmless reads of SortedPRO
    _answers: dict[UUID, str] = field(default_factory=dict)  # references that were on their way to a worker
    _here: threading.local = field(default_factory=threading.local)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def begin(self) -> None:
        """Empty tables, empty shops."""
        with self.bridge.engine.begin() as connection:
            for table in (*TABLES, *ledger_watch.TABLES):
                connection.execute(text(f"delete from {table}"))
        self.clock.forward(days=1)  # what the bridge keeps in memory is never of a time to come
        self.shops = {
            name: FakeWooCommerce(f"https://{name}.example", "hush", "ck_1", "cs_1", clock=self.clock) for name in SHOPS
        }
        for shop in self.shops.values():
            shop.webhooks.hold()
        self.told = Told(policies={f"sorted-{name}": policy for name, policy in SHOPS.items()})
        self.workers, self._numbers, self._answers = {}, itertools.count(1), {}
        self.bridge.announce()

    def end_workers(self) -> None:
        """Kill those that still stand somewhere."""
        for worker in self.workers.values():
            if not worker.is_over:
                worker.go(Step(dies=True))
                worker.wait()
        self.workers.clear()

    def end(self) -> None:
        """Close the shops."""
        for shop in self.shops.values():
            shop.close()

    def see(self) -> Seen:
        """The database as it is, and with it the shops."""
        for shop, fake in self.shops.items():
            for order in fake.store.orders():
                key = (shop, str(order["id"]))
                self.told.shown[key] = str(fake.reference_of(order["id"], REFERENCE) or "")
                (self.told.gone.add if order["status"] == "trash" else self.told.gone.discard)(key)
        return ledger_watch.see(self.bridge.engine)

    def news(self, claim: int, begun: int) -> News:
        """What has happened since the claim and the attempt of these numbers."""
        return ledger_watch.news(self.bridge.engine, claim, begun)

    # --- the shops ---------------------------------------------------------------------------------------------------
    def ordered(self, shop: str, number: int) -> None:
        """A shop order is new or was edited."""
        now: Counter[str] = Counter()
        for line in self.shops[shop].order(number)["line_items"]:
            now[str(line["id"])] += line["quantity"]
            now[line["sku"]] += line["quantity"]
        key = (shop, str(number))
        self.told.wanted[key] = self.told.wanted.get(key, Counter()) | now

    def write_reference(self, shop: str, number: int) -> None:
        """Another connector writes its reference onto a shop order that carries none."""
        fake, key = self.shops[shop], (shop, str(number))
        if fake.reference_of(number, REFERENCE) is None:
            self.told.foreign[key] = self.reference("OTH")
            fake.store.write(number, {"meta_data": [{"key": REFERENCE, "value": self.told.foreign[key]}]}, {})
            fake.saved(number)

    # --- the web process ---------------------------------------------------------------------------------------------
    def posted(self, name: str) -> list[Packet]:
        """The webhooks that a shop has sent since one asked last."""
        sender = self.shops[name].webhooks
        packets = [post.build() for post in sender.held()]
        sender.release([])
        sender.hold()
        return packets

    def packet(self, name: str, content: Mapping[str, Any], topic: str) -> Packet:
        """A webhook that the shop did not send by itself."""
        body = json.dumps(content).encode()
        headers = {"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Signature": signature(self.shops[name].secret, body)}
        return Packet(body=body, headers=headers)

    def receive(self, name: str, packet: Packet, *, dies_at: str = "") -> bool:
        """Whether a webhook was acknowledged; it is not where the process dies at a point on the way."""
        shop = self.bridge.shops.by_name[name]
        headers = {key.lower(): value for key, value in packet.headers.items()}
        webhook = shop.platform.receive(shop.settings.secrets, headers, packet.body)
        assert isinstance(webhook, Webhook)
        self.web_dies_at = dies_at
        try:
            self.bridge.intake.record_webhook(shop, webhook, self.clock())
        except Killed:
            return False
        finally:
            self.web_dies_at = ""
        return True

    # --- workers -----------------------------------------------------------------------------------------------------
    def step(self, *steps: tuple[int, Step]) -> None:
        """Move workers on at the same time, each to its next stop; one that is idle takes up the next order."""
        moved = []
        for number, step in steps:
            if self.is_idle(number):
                self.workers[number] = self._hire()
            worker = self.workers[number]
            worker.go(step)
            moved.append(worker)
        for worker in moved:
            worker.wait()

    def is_idle(self, number: int) -> bool:
        """Whether a worker has no order."""
        return number not in self.workers or self.workers[number].is_over

    def _hire(self) -> Worker:
        forwarder = Forwarder(tools=self.bridge.forwarder.tools)  # as a process has: what it remembers dies with it

        def work() -> None:
            self._here.worker = worker
            forwarder.forward_next()

        worker = Worker(work)
        return worker

    def new_id(self) -> UUID:
        """Of a claim or an attempt; a worker remembers its own."""
        made = UUID(int=next(self._ids))
        worker: Worker | None = getattr(self._here, "worker", None)
        self.told.owners[made] = worker
        return made

    def reach(self, point: str) -> None:
        """What the bridge calls at its named points."""
        worker: Worker | None = getattr(self._here, "worker", None)
        if worker is not None:
            if point == "ended":
                self.told.answered |= {one: text for one, text in self._answers.items() if self._is_mine(one)}
            worker.reach(point)
        elif point == self.web_dies_at:
            raise Killed

    def _is_mine(self, attempt: UUID) -> bool:
        return self.told.owners[attempt] is self._here.worker

    def probe(self, *, answers: bool) -> None:
        """What the schedule does while time passes."""
        self.probes_answer = answers
        self.bridge.probe_destinations()

    # --- the network -------------------------------------------------------------------------------------------------
    def answer(self, request: httpx.Request) -> httpx.Response:
        """What an outbound call gets."""
        worker: Worker | None = getattr(self._here, "worker", None)
        if request.url.host.startswith("sorted-"):
            if request.method != "POST":
                return httpx.Response(200 if self.probes_answer else 503, json=[])
            document = json.loads(request.content)
            attempt = UUID(document["MetaData"][-1]["StringValue"])
            self.told.asked.append(self._asked(attempt))
            if worker is None:
                return self._create(document, attempt, "created")
            worker.reach("asked")
            return self._create(document, attempt, worker.step.answer)
        mood = worker.step.shop if worker else "well"
        if mood == "away":
            raise httpx.ConnectError("nobody is there")
        response = self._of_shop(request)
        if mood == "deaf" and request.method != "GET":
            raise httpx.ReadError("the line went dead")
        return response

    def _of_shop(self, request: httpx.Request) -> httpx.Response:
        asked = Request(
            method=request.method,
            path=request.url.path,
            query=dict(request.url.params),
            headers={key.lower(): value for key, value in request.headers.items()},
            body=request.content,
        )
        reply = self.shops[request.url.host.partition(".")[0]](asked)
        assert isinstance(reply, Reply)
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body)

    def _asked(self, attempt: UUID) -> Asked:
        query = select(orders.c.deadline).join(attempts, attempts.c.id == orders.c.attempt_id)
        with self.bridge.engine.begin() as connection:
            deadline = connection.execute(
                query.where(attempts.c.id == attempt, orders.c.state == "sending")
            ).scalar_one_or_none()
        is_late = deadline is not None and deadline < self.clock()
        return Asked(attempt=attempt, is_begun=deadline is not None, is_late=is_late)

    def _create(self, document: Mapping[str, Any], attempt: UUID, answer: str) -> httpx.Response:
        """SortedPRO takes the request, or does not; what it says is another matter."""
        if answer == "unreachable":
            raise httpx.ConnectError("nobody is there")
        reference = ""
        if answer in {"created", "made, lost", "made, 500"}:
            reference = self._make(document, attempt).reference
        elif answer == "another's":
            reference = self._known_reference()
        if answer.endswith("lost"):
            raise httpx.ReadError("the line went dead")
        match answer:
            case "created":
                self._answers[attempt] = reference
                return _created(reference)
            case "another's" if reference:
                return _created(reference)
            case "refused":
                return httpx.Response(400, json={"Code": "BadRequest", "Message": "no", "CorrelationId": "c"})
            case "wrong key":
                return httpx.Response(401, json={"Message": "who are you"})
            case "busy":
                return httpx.Response(429, headers={"Retry-After": "20"}, json={"Message": "later"})
            case _:
                return httpx.Response(500, json={"Message": "broken"})

    def _known_reference(self) -> str:
        """The reference of an order that the bridge knows; "" while there is none."""
        known = select(orders.c.reference).where(orders.c.reference.is_not(None)).order_by(orders.c.id).limit(1)
        with self.bridge.engine.begin() as connection:
            return connection.execute(known).scalar_one_or_none() or ""

    def _make(self, document: Mapping[str, Any], attempt: UUID) -> Made:
        quantities: dict[str, int] = {}
        for package in document["Packages"]:
            for item in package["Items"]:
                quantities[item["Sku"]] = quantities.get(item["Sku"], 0) + int(item["Quantity"])
        made = Made(reference=self.reference("MAD"), attempt=attempt, quantities=quantities)
        self.told.made.append(made)
        return made

    def reference(self, group: str) -> str:
        """One that nobody has had yet."""
        return f"EO-{group}-000-{next(self._numbers):03d}"


ANSWERS = (
    *["created"] * 4,
    *("made, lost", "made, 500", "500", "lost", "refused", "busy", "unreachable", "wrong key", "another's"),
)
TABLES = ("procrastinate_jobs", "history", "attempts", "orders", "inbox", "shops", "destinations")


def _created(reference: str) -> httpx.Response:
    link = {"Rel": "Link", "Href": f"https://sorted.example/orders/{reference}"}
    return httpx.Response(201, json={"Message": "created", "ApiLinks": [link]})


def open_world(database: Database, folder: Path) -> World:
    """A bridge of two WooCommerce shops with the shipped mapping, and nothing in it."""
    for name, policy in SHOPS.items():
        words = _MAPPING.format(
            base=MAPPINGS / "woocommerce.yaml",
            name=name,
            policy=policy,
            room=ROOM[name],
            later_items=LATER_ITEMS[name],
        )
        (folder / f"{name}.yaml").write_text(words)
    environ = {"DATABASE_URL": database.url, "BRIDGE_MAPPINGS": str(folder), "SORTED_ORIGIN": "WAREHOUSE-1"}
    settings = config.load(environ, interactive=False)
    clock, network, stops, new_id = Clock(), _Later(), _Later(), _Later()
    bridge = open_bridge(
        settings, environ, pool=8, clock=clock, new_id=new_id, chance=lambda: 0.5,
        pause=_never, transport=httpx.MockTransport(network),
    )  # fmt: skip
    bridge = replace(bridge, reach=stops, intake=Intake(engine=bridge.engine, reach=stops))
    ledger_watch.install(bridge.engine)
    world = World(bridge=bridge, clock=clock)
    network.call, stops.call, new_id.call = world.answer, world.reach, world.new_id
    return world


class _Later:
    """A function that is known only when everything is put together."""

    call: Callable[..., Any]

    def __call__(self, *given: Any) -> Any:
        return self.call(*given)


def _never(seconds: float) -> None:
    raise AssertionError(f"the store is away, says a worker that would wait {seconds} s")
