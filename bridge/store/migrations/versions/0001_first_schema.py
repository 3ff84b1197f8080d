"""The first schema: ledger, inbox, attempts, history, and Procrastinate's tables."""

from __future__ import annotations

from alembic import op

from bridge.store import schedule

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE destinations (
    name TEXT NOT NULL,
    url TEXT DEFAULT '' NOT NULL,
    credentials TEXT DEFAULT '' NOT NULL,
    concurrency INTEGER NOT NULL,
    paused_at TIMESTAMP WITH TIME ZONE,
    pause_reason TEXT DEFAULT '' NOT NULL,
    pause_code TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE inbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    shop TEXT NOT NULL,
    via TEXT NOT NULL,
    order_id TEXT,
    order_key TEXT DEFAULT '' NOT NULL,
    topic TEXT DEFAULT '' NOT NULL,
    webhook_id TEXT DEFAULT '' NOT NULL,
    event_id TEXT DEFAULT '' NOT NULL,
    api_version TEXT DEFAULT '' NOT NULL,
    secret_position INTEGER,
    headers BYTEA NOT NULL,
    body BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    repeats INTEGER DEFAULT 0 NOT NULL,
    outcome TEXT DEFAULT '' NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    repeated_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
);

CREATE INDEX inbox_of_order ON inbox (shop, order_id, id);

CREATE TABLE mappings (
    version TEXT NOT NULL,
    text TEXT NOT NULL,
    first_used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (version)
);

CREATE TABLE products (
    shop TEXT NOT NULL,
    key TEXT NOT NULL,
    data BYTEA NOT NULL,
    read_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (shop, key)
);

CREATE TABLE shops (
    name TEXT NOT NULL,
    credentials TEXT DEFAULT '' NOT NULL,
    served_at TIMESTAMP WITH TIME ZONE,
    paused_at TIMESTAMP WITH TIME ZONE,
    pause_reason TEXT DEFAULT '' NOT NULL,
    pause_code TEXT DEFAULT '' NOT NULL,
    probed_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (name)
);

CREATE TABLE orders (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    shop TEXT NOT NULL,
    platform TEXT NOT NULL,
    order_id TEXT NOT NULL,
    order_key TEXT DEFAULT '' NOT NULL,
    part INTEGER DEFAULT 1 NOT NULL,
    name TEXT DEFAULT '' NOT NULL,
    state TEXT NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    code TEXT DEFAULT '' NOT NULL,
    trouble TEXT DEFAULT '' NOT NULL,
    trouble_code TEXT DEFAULT '' NOT NULL,
    by_person BOOLEAN DEFAULT false NOT NULL,
    resend BOOLEAN DEFAULT false NOT NULL,
    released TEXT[] DEFAULT '{}' NOT NULL,
    body_id BIGINT,
    body_hash BYTEA,
    body_modified_at TIMESTAMP WITH TIME ZONE,
    ordered_at TIMESTAMP WITH TIME ZONE,
    revision INTEGER DEFAULT 0 NOT NULL,
    compared INTEGER DEFAULT 0 NOT NULL,
    must_read BOOLEAN DEFAULT false NOT NULL,
    deletion BOOLEAN DEFAULT false NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    not_before TIMESTAMP WITH TIME ZONE,
    ready_at TIMESTAMP WITH TIME ZONE GENERATED ALWAYS AS (case when due_at is null then null else greatest(due_at, not_before) end) STORED,
    looks INTEGER DEFAULT 0 NOT NULL,
    tries INTEGER DEFAULT 0 NOT NULL,
    unreachable_since TIMESTAMP WITH TIME ZONE,
    claimed_until TIMESTAMP WITH TIME ZONE,
    claim_id UUID,
    destination TEXT,
    customer_reference TEXT,
    attempt_id UUID,
    deadline TIMESTAMP WITH TIME ZONE,
    reference TEXT,
    sent_attempt UUID,
    mapping_version TEXT,
    left_out JSONB DEFAULT '[]' NOT NULL,
    warning TEXT DEFAULT '' NOT NULL,
    warning_tries INTEGER DEFAULT 0 NOT NULL,
    changed BOOLEAN DEFAULT false NOT NULL,
    change TEXT DEFAULT '' NOT NULL,
    alarm TEXT DEFAULT '' NOT NULL,
    unsent TEXT DEFAULT '' NOT NULL,
    first_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state_since TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT orders_state CHECK (state in ('received', 'waiting', 'held', 'queued', 'sending', 'created', 'done', 'skipped', 'failed', 'in_doubt')),
    CONSTRAINT orders_reference_state CHECK (reference is null or state in ('created', 'done')),
    CONSTRAINT orders_created_reference CHECK (state not in ('created') or reference is not null),
    CONSTRAINT orders_sending CHECK (state <> 'sending' or (attempt_id is not null and deadline is not null)),
    FOREIGN KEY(body_id) REFERENCES inbox (id)
);

CREATE UNIQUE INDEX orders_customer_reference ON orders (destination, customer_reference) WHERE customer_reference is not null;

CREATE UNIQUE INDEX orders_key ON orders (shop, order_id, order_key, part);

CREATE INDEX orders_name ON orders (name);

CREATE INDEX orders_ready ON orders (shop, ready_at) WHERE ready_at is not null;

CREATE UNIQUE INDEX orders_reference ON orders (reference) WHERE reference is not null;

CREATE INDEX orders_sending_now ON orders (destination) WHERE state = 'sending';

CREATE INDEX orders_state_since ON orders (state, state_since);

CREATE TABLE attempts (
    id UUID NOT NULL,
    "order" BIGINT NOT NULL,
    destination TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    deadline TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT DEFAULT '' NOT NULL,
    status INTEGER,
    message TEXT DEFAULT '' NOT NULL,
    reference TEXT,
    mapping_version TEXT NOT NULL,
    body_id BIGINT NOT NULL,
    clock TIMESTAMP WITH TIME ZONE NOT NULL,
    payload BYTEA NOT NULL,
    fetched BYTEA NOT NULL,
    known BYTEA NOT NULL,
    answer BYTEA,
    PRIMARY KEY (id),
    FOREIGN KEY("order") REFERENCES orders (id),
    FOREIGN KEY(body_id) REFERENCES inbox (id)
);

CREATE INDEX attempts_of_order ON attempts ("order", started_at);

CREATE TABLE history (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    "order" BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    from_state TEXT DEFAULT '' NOT NULL,
    to_state TEXT NOT NULL,
    event TEXT DEFAULT '' NOT NULL,
    code TEXT DEFAULT '' NOT NULL,
    actor TEXT NOT NULL,
    attempt_id UUID,
    detail BYTEA,
    PRIMARY KEY (id),
    FOREIGN KEY("order") REFERENCES orders (id)
);

CREATE INDEX history_of_order ON history ("order", id);
"""


def upgrade() -> None:
    """Make everything; there is no release before."""
    schedule.run_script(op.get_bind(), _TABLES)
    schedule.install(op.get_bind())
