"""The tables, as the newest migration leaves them. Times are aware; nothing here says now()."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()

STATES = ("received", "waiting", "held", "queued", "sending", "created", "done", "skipped", "failed", "in_doubt")

# Where a due order stands on its way: 0 for what is not sent next, 1 for what is to be looked at, 2 for what waits for
# its destination.
PHASE = "(case state when 'queued' then 2 when 'received' then 1 else 0 end)"


def _time(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


# Every verified webhook and every body read from a shop, as it came.
inbox = Table(
    "inbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("shop", Text, nullable=False),
    Column("via", Text, nullable=False),  # webhook, read, reconciliation
    Column("order_id", Text),  # the platform's; null where the body names none
    _words("order_key"),
    _words("topic"),
    _words("webhook_id"),  # not unique, never an identity
    _words("event_id"),
    _words("api_version"),
    Column("secret_position", Integer),  # null for what the bridge read itself
    Column("headers", LargeBinary, nullable=False),  # see sealed.py
    Column("body", LargeBinary, nullable=False),  # see sealed.py
    Column("hash", LargeBinary, nullable=False),  # SHA-256 of the body as it came
    _count("repeats"),  # how often the same body came again while it was the newest
    _words("outcome"),
    _time("modified_at"),  # the order's own
    _time("received_at", nullable=False),
    _time("repeated_at"),
    Index("inbox_of_order", "shop", "order_id", "id"),
)

# The ledger: one row is one part of a shop order. No personal data.
orders = Table(
    "orders",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("shop", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("order_key", Text, nullable=False, server_default=""),
    Column("part", Integer, nullable=False, server_default="1"),
    Column("parts", Integer, nullable=False, server_default="1"),  # how many the shop order has
    _words("name"),  # what people call it: "#1001"
    Column("state", Text, nullable=False),
    _words("reason"),  # why it is where it is, without personal data
    _words("code"),  # the same as a slug
    _words("trouble"),  # what is in the way for now (the shop is down), beside the reason, which stays
    _words("trouble_code"),
    _flag("by_person"),  # a person put it here: a newer body does not move it
    _flag("resend"),  # a person asked again: an unchanged request may be sent once more
    Column("released", ARRAY(Text), nullable=False, server_default="{}"),  # codes of holds that a person released
    # The newest body
    Column("body_id", BigInteger, ForeignKey("inbox.id")),
    Column("body_hash", LargeBinary),
    _time("body_modified_at"),
    _time("ordered_at"),  # the earlier of created and processed time
    _count("revision"),  # raised by everything that wants the order looked at again
    _count("compared"),  # the revision up to which a sent order was compared
    _flag("must_read"),  # a deletion or an action named it: read it from the shop first
    _flag("deletion"),  # the shop said that it deleted it
    # When to look
    _time("due_at"),
    _time("not_before"),
    # Goes before age within a shop: the rank of a rule of `priority`, 0 for none.
    Column("priority", SmallInteger, nullable=False, server_default="0"),
    Column(
        "ready_at",
        DateTime(timezone=True),
        Computed("case when due_at is null then null else greatest(due_at, not_before) end", persisted=True),
    ),
    _count("looks"),  # how often a waiting order was looked at
    _count("tries"),  # calls that failed in a row, for the backoff
    _time("unreachable_since"),
    _time("claimed_until"),
    Column("claim_id", Uuid),
    # Sending
    Column("destination", Text),
    Column("customer_reference", Text),
    Column("attempt_id", Uuid),
    _time("deadline"),
    Column("reference", Text),
    Column("sent_attempt", Uuid),  # the attempt that made the SortedPRO order
    Column("mapping_version", Text),  # of the last decision to send or to wait
    # Quantities (as text) by line id that this part stands for, from its first sending until it is skipped; where a
    # person ends a doubt that way they stay. Empty for what was adopted, and for what a release before parts existed
    # has sent.
    Column("lines", JSONB, nullable=False, server_default="{}"),
    # Units (as text) by line id that had left the shop before any part was sent: they are in none of them.
    Column("gone", JSONB),
    Column("left_out", JSONB, nullable=False, server_default="[]"),  # lines not sent that may ship later
    _words("warning"),  # what remains to be done beside the record: a tag, a note
    _count("warning_tries"),
    _flag("changed"),  # the shop order changed after it was sent
    _words("change"),  # how
    _words(
        "alarm"
    ),  # what no later body can mend: two orders in SortedPRO, or one that may be there of an order not to be sent
    _words("unsent"),  # goods that may ship now and stand in no SortedPRO order
    Column("namesake", BigInteger, ForeignKey("orders.id")),  # an older order that the shop gave the same id
    _time("eligible_at"),  # when it first could be sent, where the shop has a surge_limit
    _time("first_seen_at", nullable=False),
    _time("state_since", nullable=False),
    CheckConstraint(f"state in ({', '.join(repr(state) for state in STATES)})", name="orders_state"),
    CheckConstraint("reference is null or state in ('created', 'done')", name="orders_reference_state"),
    CheckConstraint("state not in ('created') or reference is not null", name="orders_created_reference"),
    CheckConstraint("state <> 'sending' or (attempt_id is not null and deadline is not null)", name="orders_sending"),
    Index("orders_key", "shop", "order_id", "order_key", "part", unique=True),
    Index("orders_reference", "reference", unique=True, postgresql_where=text("reference is not null")),
    Index(
        "orders_customer_reference",
        "destination",
        "customer_reference",
        unique=True,
        postgresql_where=text("customer_reference is not null"),
    ),
    # What is due, in the order in which it is claimed. What wants to be sent lies apart, so that nobody walks over
    # 50,000 orders of a destination that is paused; and so does what was tried before.
    Index(
        "orders_due",
        *("shop", text(PHASE), text("(tries > 0)"), text("priority desc"), "ready_at"),
        postgresql_where=text("ready_at is not null"),
    ),
    Index("orders_sending_now", "destination", postgresql_where=text("state = 'sending'")),
    Index("orders_name", "name"),
    Index("orders_namesake", "namesake", postgresql_where=text("namesake is not null")),
    Index("orders_eligible", "shop", "eligible_at", postgresql_where=text("eligible_at is not null")),
    Index("orders_state_since", "state", "state_since"),
)

# One outbound Create Order call, with everything it was decided from.
attempts = Table(
    "attempts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order", BigInteger, ForeignKey("orders.id"), nullable=False),
    Column("destination", Text, nullable=False),
    _time("started_at", nullable=False),
    _time("deadline", nullable=False),
    _time("ended_at"),
    _words("outcome"),  # created, refused, misconfigured, busy, unreachable, unknown; '' while under way
    Column("status", Integer),
    _words("message"),
    Column("reference", Text),
    Column("mapping_version", Text, nullable=False),
    Column("body_id", BigInteger, ForeignKey("inbox.id"), nullable=False),
    _time("clock", nullable=False),  # `now` of the decision
    Column("payload", LargeBinary, nullable=False),  # without what the client adds; see sealed.py
    Column("fetched", LargeBinary, nullable=False),
    Column("known", LargeBinary, nullable=False),
    Column("lines", JSONB, nullable=False, server_default="{}"),  # quantities (as text) by line id
    Column("route", JSONB, nullable=False, server_default="{}"),  # origin, service, pickup_point
    Column("answer", LargeBinary),
    Index("attempts_of_order", "order", "started_at"),
)

# Every change of state and every remark, in words.
history = Table(
    "history",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("order", BigInteger, ForeignKey("orders.id"), nullable=False),
    _time("at", nullable=False),
    _words("from_state"),
    Column("to_state", Text, nullable=False),
    _words("event"),  # in words
    _words("code"),
    Column("actor", Text, nullable=False),  # intake, worker, or person: and a name
    Column("attempt_id", Uuid),
    Column("detail", LargeBinary),  # problems with what was found; see sealed.py
    Index("history_of_order", "order", "id"),
)

mappings = Table(
    "mappings",
    metadata,
    Column("version", Text, primary_key=True),  # hash of the resolved document without shop and destination
    Column("text", Text, nullable=False),
    _time("first_used_at", nullable=False),
)

# What was read of products, with an age limit.
products = Table(
    "products",
    metadata,
    Column("shop", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    _time("read_at", nullable=False),
)

destinations = Table(
    "destinations",
    metadata,
    Column("name", Text, primary_key=True),
    _words("url"),
    _words("credentials"),  # a hash: a new key lifts a pause for a wrong one
    Column("concurrency", Integer, nullable=False),
    Column("rate", Double),  # Create Order calls a second; null for no limit
    _time("next_at"),  # when the next one may begin, by that rate
    _time("crowded_until"),  # an order found no room lately: until then shops take turns
    _time("quiet_until"),  # SortedPRO asked for it (Retry-After)
    _time("paused_at"),
    _words("pause_reason"),
    _words("pause_code"),
    # The breaker: closed (''), open (nothing is sent, a harmless read is tried), trial (one order may go)
    _words("breaker"),
    _time("breaker_since"),
    _words("breaker_reason"),
    _time("probe_at"),  # the next harmless read
    _count("probes"),  # that failed in a row
    _count("trials"),  # orders let through in a row that ended as badly
    Column("trial_attempt", Uuid),  # the order that is let through now
    _count("failures"),  # unreachable and busy answers in a row
    CheckConstraint("breaker in ('', 'open', 'trial')", name="destinations_breaker"),
)

shops = Table(
    "shops",
    metadata,
    Column("name", Text, primary_key=True),
    _words("credentials"),
    Column("destination", Text),
    _time("served_at"),
    _count("turns"),  # how often it was served: each fourth time what was tried before goes first
    _time("begun_at"),  # when it last took a place of its crowded destination
    _time("quiet_until"),  # no call before: the shop asked for it, or does not answer
    _words("quiet_reason"),
    _words("quiet_code"),
    _count("failures"),  # looks and write-backs in a row that the shop did not answer
    _time("paused_at"),
    _words("pause_reason"),
    _words("pause_code"),
    _time("probed_at"),
)
