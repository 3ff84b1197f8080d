"""Further parts of an order, orders of the same id, and a limit for surges; the release before goes on working."""

from __future__ import annotations

from alembic import op

from bridge.store import schedule

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Their indexes are made by revision 0004, and what was there before is checked there: both walk over all orders.
_CHANGES = """
ALTER TABLE orders ADD COLUMN parts INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE orders ADD COLUMN lines JSONB DEFAULT '{}' NOT NULL;
ALTER TABLE orders ADD COLUMN gone JSONB;
ALTER TABLE orders ADD COLUMN namesake BIGINT;
ALTER TABLE orders ADD CONSTRAINT orders_namesake_fkey FOREIGN KEY (namesake) REFERENCES orders (id) NOT VALID;
ALTER TABLE orders ADD COLUMN eligible_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE attempts ADD COLUMN lines JSONB DEFAULT '{}' NOT NULL;
ALTER TABLE attempts ADD COLUMN route JSONB DEFAULT '{}' NOT NULL;
"""


def upgrade() -> None:
    """Add columns that the release before leaves at their defaults."""
    schedule.run_script(op.get_bind(), _CHANGES)
