"""What a platform is: a pure half that reads webhooks and orders, and a client half that talks to the shop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from bridge.errors import NotRead, Problem
from bridge.http import Budget, Http
from bridge.mapping.language import Fields, Filter
from bridge.platforms.routing import Route, Routing

Json = Any  # a value parsed from JSON: numbers are int or Decimal, never float


# ---------------------------------------------------------------------------------------------------------------------
# Webhooks: headers and bytes in, values out; no I/O
# ---------------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Ping:
    """An unsigned greeting that wants exactly 200 and is not stored."""


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """One verified inbound request. Only `body` is signed: the rest is told, not known."""

    body: bytes
    headers: Mapping[str, str]  # names in lower case; no secret among them
    secret_position: int  # which of the shop's secrets matched, from 0
    topic: str = ""
    webhook_id: str = ""
    event_id: str = ""
    api_version: str = ""


@dataclass(frozen=True, kw_only=True)
class OrderBody:
    """One version of a shop order, parsed."""

    order: Json  # the body as a dict
    order_id: str
    order_key: str  # WooCommerce's; '' elsewhere
    name: str  # what people call it: "#1001"
    created_at: datetime  # the earlier of created and processed
    modified_at: datetime  # the order's own modification time
    host: str = ""  # where the body says that its order lives, in lower case and without www.; "" where it says nothing


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A body that names an order without being one: a deletion or an action. The order is then read from the shop."""

    order_id: str
    outcome: str  # in words, for the inbox
    deletion: bool = False


@dataclass(frozen=True, kw_only=True)
class NoOrder:
    """A verified body that has no order in it; `outcome` says in words what it is."""

    outcome: str


# ---------------------------------------------------------------------------------------------------------------------
# Looking at an order
# ---------------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What was read from the shop for one order, by key (see each platform's `client`).

    `complete` says that nothing more will be read (offline, and when bodies are compared after sending): what is absent
    then reads as missing. Otherwise asking for an absent key raises `NotRead`.
    """

    data: Mapping[str, Json] = field(default_factory=dict)
    complete: bool = False

    def read(self, *keys: str) -> list[Json | None]:
        """The values of `keys`, None for what is absent; raises `NotRead` naming all absent ones at once."""
        absent = [key for key in keys if key not in self.data]
        if absent and not self.complete:
            raise NotRead(absent)
        return [self.data.get(key) for key in keys]


@dataclass(frozen=True, kw_only=True)
class ShopFacts:
    """What templates may know of the shop."""

    name: str
    platform: str
    domain: str  # acme.myshopify.com, shop.example


@dataclass(frozen=True, kw_only=True)
class PartOf:
    """Which part of the shop order a look is about, and what its other parts have; quantities are by line id."""

    number: int = 1
    taken: Mapping[str, Decimal] = field(default_factory=dict)  # what stands in other parts
    gone: Mapping[str, Decimal] = field(default_factory=dict)  # what had left the shop before any part was sent
    # After sending, when bodies are compared: at most what was sent, on the way that it was sent.
    only: Mapping[str, Decimal] | None = None
    route: Route | None = None


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at one order: everything that rules, values and filters may depend on."""

    order: Json
    fetched: Fetched
    now: datetime
    shop: ShopFacts
    routing: Routing = field(default_factory=Routing)  # the mapping's tables of locations, services, pickup points
    part: PartOf = field(default_factory=PartOf)
    kept: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)  # worked out once a look


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the bridge leaves on a shop order for itself, beside the reference for people."""

    order_id: str
    order_key: str
    part: int
    reference: str
    destination: str  # host of the SortedPRO address
    written_at: datetime
    also: tuple[str, ...] = ()  # other references of this order that stand beside it; read, never written

    def names(self, order_id: str, order_key: str) -> bool:
        """Whether it is about this very order: ids recur in restored and copied shops, order keys do not.

        A key that is missing on either side (records and bodies that a tool has shortened) leaves it to the id.
        """
        return self.order_id == order_id and (not self.order_key or not order_key or self.order_key == order_key)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Goods of the order that do not ship now, and why."""

    line_id: str
    name: str  # sku or title, for people
    quantity: int
    reason: str  # "on hold: high risk", "picked up at the shop"
    may_ship: bool  # later, so the order is looked at again
    until: datetime | None = None  # where the shop says when


@dataclass(frozen=True, kw_only=True)
class Shipping:
    """Which goods ship now, by what the shop says."""

    lines: Sequence[Json]  # see `Platform.shipping`
    left_out: Sequence[LeftOut] = ()
    # By line id: units that the customer still wants or has got, and those of them that have left. Else a line's own
    # quantity, and none.
    wanted: Mapping[str, Decimal] = field(default_factory=dict)
    fulfilled: Mapping[str, Decimal] = field(default_factory=dict)
    elsewhere: Mapping[str, Decimal] = field(default_factory=dict)  # by line id: units of places that `locations` skips
    rest: Sequence[Json] = ()  # lines that ship now too, but in a further part: from another place, or another way
    route: Route = field(default_factory=Route)  # of `lines`
    problems: Sequence[Problem] = ()  # places and methods that the mapping's tables do not know
    notes: Sequence[str] = ()  # for the story: "product 12 no longer exists: the mapping's defaults are taken"


# ---------------------------------------------------------------------------------------------------------------------
# The two halves
# ---------------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Read:
    """What a client read from the shop."""

    data: Mapping[str, Json]  # goes into `Fetched.data`
    body: bytes | None = None  # the shop's own order, where it is newer than the body asked with
    gone: bool = False  # the shop has no such order, or it lies in the trash


class Client(Protocol):
    """The half that talks to one shop. Raises ShopTrouble where the shop does not answer as it should."""

    def fetch(self, order_id: str, body: OrderBody | None, keys: frozenset[str], budget: Budget) -> Read:
        """Read `keys` for an order; with `body` None (only its id is known) the whole order comes in `Read.body`."""

    def write_reference(
        self, body: OrderBody, record: Record, budget: Budget, *, overwrite: bool = False
    ) -> Sequence[str]:
        """Leave reference and record on the shop order, beside those of its other parts; idempotent.

        Returns warnings (a tag or note that failed). Raises WriteBackConflict where another reference stands, unless a
        person wants to `overwrite` it: then it is replaced, and what names other parts stays. Raises WriteBackRefused
        where the shop says no, ShopTrouble where it may work later.
        """

    def rest_until(self) -> datetime | None:
        """When the shop can bear further orders, by what its last answer told; None where it can now. Makes no call."""

    def check_access(self, budget: Budget) -> Sequence[Problem]:
        """Try the credentials with harmless reads: a problem for each thing that will not work."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A mapping file's `shop` and `write_back`, checked by the platform. Platforms subclass it."""

    domain: str
    secrets: Sequence[str] = field(repr=False)
    offline: bool = False  # credentials may be placeholders; no client can be made
    hosts: Sequence[str] = ()  # that a body may say it comes from; without any it is not asked


class Platform(Protocol):
    """The pure half of a platform; one object for all shops of the kind."""

    name: str
    fields: Fields  # every field name that the platform's orders have
    fetched: Mapping[str, Callable[[Look], Json]]  # the names under `fetched`; may raise NotRead
    filters: Mapping[str, Filter]  # shippable, to_ship, total_weight, line_value, ...
    shop_keys: frozenset[str]  # what may stand in `shop` beside name, platform and secrets
    write_back_keys: frozenset[str]
    keys: Sequence[str]  # what can be read of a shop for an order: "order", "product:<id>"
    gone_is_deleted: bool  # a read that finds no order proves a deletion (else only beside a deletion webhook)

    def settings(self, shop: Mapping[str, Any], write_back: Mapping[str, Any]) -> tuple[Settings | None, list[Problem]]:
        """Check the two sections; problems name the setting as `shop.domain` in `source`. None beside problems."""

    def receive(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Webhook | Ping:
        """Verify a request; headers by lower-case name. Raises BadSignature."""

    def read(self, body: bytes, topic: str) -> OrderBody | Rung | NoOrder:
        """Say what a verified body is; the unsigned `topic` only helps to name what is no order."""

    def fresh(self, look: Look, received_at: datetime) -> None:
        """Raise NotRead while the order must be read from the shop before it may be sent."""

    def records(self, look: Look) -> Sequence[Record]:
        """The records that stand on the shop order, one for each part; raises NotRead where only the shop can tell."""

    def stopped(self, look: Look) -> str | None:
        """A reason in words not to send that only a read shows (cancelled meanwhile), else None; may raise NotRead."""

    def shipping(self, look: Look) -> Shipping:
        """What ships now, and what does not.

        Each line is the body's own line with `quantity` replaced by the quantity that ships, and beside it `ordered`
        (the body's quantity), `before` (units of it that count before these, in other parts and entries), `weight_g`
        (Decimal grams of one unit), `length_cm`, `width_cm`, `height_cm`, `hs_code`, `origin_country` (ISO alpha-2),
        each None where unknown. A line may come in several entries, where its units ship from several places.

        What a platform itself finds passes through `parting.parted`. For that each entry has `location` and
        `location_id`, `methods` (names of the shipping method, the surest first) and `pickup_point` (names of the
        point, or None where it goes to an address), and `Shipping` says what is `wanted` and `fulfilled`. May raise
        NotRead.
        """

    def personal_data_removed(self, order: Json) -> Problem | None:
        """A problem where the shop withholds personal data for lack of a permission."""

    def comparable(self, order: Json, fetched: Mapping[str, Json]) -> tuple[Json, Mapping[str, Json]]:
        """Both without what changes by itself after sending: fulfilment progress, our record, reference and tags."""

    def reread(self, order: Json, fetched: Mapping[str, Json]) -> frozenset[str]:
        """Keys that a body after sending needs anew, because what was read at the sending no longer tells of it."""

    def ended(self, order: Json) -> str | None:
        """A reason in words that this body's order must not ship at all (cancelled, trashed), else None."""

    def client(self, settings: Settings, http: Http, clock: Callable[[], datetime]) -> Client:
        """The half that talks."""


def digest(body: bytes) -> bytes:
    """SHA-256 of a body, by which repeats are known."""
    return hashlib.sha256(body).digest()
