"""What the database itself writes down in the ledger's property test: each claim, and how things stood at each attempt.

Triggers see it in the very transaction that does it; whoever asked later would see what has happened since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row, select, text

from bridge.store.tables import attempts, history, inbox, orders

TABLES = ("watched_claims", "watched_begins", "watched_doubts", "watched_breakers")

_DDL = """
create table watched_claims (
    number bigserial primary key, claim uuid, row_id bigint, shop text, state text, shop_paused boolean);
create table watched_begins (
    number bigserial primary key, attempt uuid, row_id bigint, destination text, claim uuid, claimed_row bigint,
    claimed_as text, body bigint, newest_body bigint, paused boolean, quiet boolean, breaker text, period bigint,
    beside_on_trial bigint, on_the_way bigint, concurrency bigint, earlier jsonb, doubted jsonb);
create table watched_doubts (attempt uuid primary key);
create table watched_breakers (number bigserial primary key, destination text);

create function watch_claim() returns trigger language plpgsql as $$ begin
    insert into watched_claims (claim, row_id, shop, state, shop_paused)
    select new.claim_id, new.id, new.shop, new.state, paused_at is not null from shops where name = new.shop;
    return null;
end $$;
create trigger watch_claim after update on orders for each row
    when (new.claim_id is not null and new.claim_id is distinct from old.claim_id and new.state = old.state)
    execute function watch_claim();

create function watch_begin() returns trigger language plpgsql as $$ begin
    insert into watched_begins (attempt, row_id, destination, claim, claimed_row, claimed_as, body, newest_body, paused,
                                quiet, breaker, period, beside_on_trial, on_the_way, concurrency, earlier, doubted)
    select new.id, new."order", d.name, c.claim, c.row_id, c.state, new.body_id, o.body_id, d.paused_at is not null,
           coalesce(d.quiet_until > new.started_at, false), d.breaker,
           (select count(*) from watched_breakers where destination = d.name),
           (select count(*) from orders other join watched_begins b on b.attempt = other.attempt_id
             where other.state = 'sending' and other.id <> o.id and b.destination = d.name and b.breaker = 'trial'
               and b.period = (select count(*) from watched_breakers where destination = d.name)),
           (select count(*) from orders where destination = d.name and state = 'sending'
               and deadline > new.started_at),
           d.concurrency,
           (select coalesce(jsonb_object_agg(a.id, a.outcome), '{}') from attempts a
             where a."order" = new."order" and a.id <> new.id),
           (select coalesce(jsonb_agg(w.attempt), '[]') from watched_doubts w)
      from destinations d, orders o left join watched_claims c on c.claim = o.claim_id
     where d.name = new.destination and o.id = new."order";
    return null;
end $$;
create trigger watch_begin after insert on attempts for each row execute function watch_begin();

create function watch_doubt() returns trigger language plpgsql as $$ begin
    insert into watched_doubts values (new.id) on conflict do nothing;
    return null;
end $$;
create trigger watch_doubt after update on attempts for each row
    when (new.outcome = 'unknown') execute function watch_doubt();

create function watch_breaker() returns trigger language plpgsql as $$ begin
    insert into watched_breakers (destination) values (new.name);
    return null;
end $$;
create trigger watch_breaker after update on destinations for each row
    when (new.breaker is distinct from old.breaker) execute function watch_breaker();
"""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An order was given to a worker."""

    number: int  # counted up
    claim: UUID
    row_id: int
    shop: str
    state: str
    shop_paused: bool


@dataclass(frozen=True, kw_only=True)
class Begun:
    """An attempt was written down, and how things stood in that transaction."""

    number: int
    attempt: UUID
    row_id: int
    destination: str
    claim: UUID | None  # that the order's row had then; None for what was none
    claimed_row: int | None  # the order that was claimed by it
    claimed_as: str | None  # and its state then
    body: int
    newest_body: int
    paused: bool
    quiet: bool
    breaker: str
    period: int  # how often the breaker had changed
    beside_on_trial: int  # other orders on their way that began while the breaker was on this very trial
    on_the_way: int  # with this one, those whose deadline had not passed
    concurrency: int
    earlier: Mapping[UUID, str]  # attempts of the same order, and their outcomes
    doubted: frozenset[UUID]  # attempts of any order whose outcome was unknown before, whatever came late


@dataclass(frozen=True, kw_only=True)
class News:
    """What has happened since someone looked last."""

    claims: Sequence[Claim] = ()
    begins: Sequence[Begun] = ()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Everything that is in the database at one time: rows of its tables."""

    rows: Sequence[Row[Any]]  # of orders
    story: Sequence[Row[Any]] = ()
    bodies: Sequence[Row[Any]] = ()
    tried: Sequence[Row[Any]] = ()
    doubts: frozenset[UUID] = frozenset()  # attempts whose outcome was unknown, now or before


def install(engine: Engine) -> None:
    """Have the database watch from now on."""
    with engine.begin() as connection:
        connection.execute(text(_DDL))


def see(engine: Engine) -> Seen:
    """Look at everything."""
    with engine.begin() as connection:
        return Seen(
            rows=connection.execute(_ROWS).all(),
            story=connection.execute(_STORY).all(),
            bodies=connection.execute(_BODIES).all(),
            tried=connection.execute(_TRIED).all(),
            doubts=frozenset(connection.execute(text("select attempt from watched_doubts")).scalars()),
        )


def news(engine: Engine, claim: int, begun: int) -> News:
    """What came after the claim and the attempt of these numbers."""
    with engine.begin() as connection:
        claims = connection.execute(text(_NEW.format("watched_claims")), {"after": claim}).mappings()
        begins = connection.execute(text(_NEW.format("watched_begins")), {"after": begun}).mappings()
        return News(claims=[Claim(**row) for row in claims], begins=[_begun(row) for row in begins])


_NEW = "select * from {} where number > :after order by number"
_ROWS = select(
    *(orders.c.id, orders.c.shop, orders.c.order_id, orders.c.order_key, orders.c.part, orders.c.state),
    *(orders.c.reason, orders.c.code, orders.c.trouble, orders.c.trouble_code, orders.c.by_person, orders.c.due_at),
    *(orders.c.released, orders.c.alarm, orders.c.changed, orders.c.change, orders.c.destination),
    *(orders.c.attempt_id, orders.c.deadline, orders.c.reference, orders.c.lines, orders.c.body_id),
    *(orders.c.body_modified_at, orders.c.revision, orders.c.compared),
).order_by(orders.c.id)
_STORY = select(history.c.order, history.c.from_state, history.c.to_state, history.c.event).order_by(history.c.id)
_BODIES = select(inbox.c.shop, inbox.c.order_id, inbox.c.order_key, inbox.c.hash, inbox.c.modified_at)
_TRIED = select(
    *(attempts.c.id, attempts.c.order, attempts.c.destination, attempts.c.outcome, attempts.c.reference),
    *(attempts.c.body_id, attempts.c.lines, attempts.c.deadline),
)


def _begun(row: Mapping[str, Any]) -> Begun:
    earlier = {UUID(attempt): outcome for attempt, outcome in row["earlier"].items()}
    return Begun(**{**row, "earlier": earlier, "doubted": frozenset(map(UUID, row["doubted"]))})
