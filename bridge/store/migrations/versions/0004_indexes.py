"""What has to walk over all orders: indexes and a check, made beside everybody at work, however long it takes.

Nothing here locks the table against reading or writing. It stands in no transaction, so it may be interrupted anywhere,
and is then begun again: what is whole stays.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEXES = {
    "orders_namesake": "(namesake) WHERE namesake is not null",
    "orders_eligible": "(shop, eligible_at) WHERE eligible_at is not null",
    "orders_due": """
        (shop, (case state when 'queued' then 2 when 'received' then 1 else 0 end), (tries > 0), priority desc, ready_at)
        WHERE ready_at is not null
    """,
}
_IS_WHOLE = text("select coalesce((select indisvalid from pg_index where indexrelid = to_regclass(:name)), false)")


def upgrade() -> None:
    """Make what is missing; the release before goes on working, in the end without an index for its claims."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for others' transactions, and nobody waits for it
        op.execute("ALTER TABLE orders VALIDATE CONSTRAINT orders_namesake_fkey")
        for name, definition in _INDEXES.items():
            # https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY: one whose
            # building was interrupted stays behind, invalid.
            if not op.get_bind().execute(_IS_WHOLE, {"name": name}).scalar_one():
                op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
                op.execute(f"CREATE INDEX CONCURRENTLY {name} ON orders {definition}")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS orders_ready")
