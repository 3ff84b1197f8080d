"""Further parts of an order, orders of the same id, and a limit for surges; the release before goes on working."""

from __future__ import annotations

from alembic import op

from bridge.store import schedule

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CHANGES = """
ALTER TABLE orders ADD COLUMN parts INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE orders ADD COLUMN lines JSONB DEFAULT '{}' NOT NULL;
ALTER TABLE orders ADD COLUMN gone JSONB;
ALTER TABLE orders ADD COLUMN namesake BIGINT REFERENCES orders (id);
ALTER TABLE orders ADD COLUMN eligible_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE attempts ADD COLUMN lines JSONB DEFAULT '{}' NOT NULL;
ALTER TABLE attempts ADD COLUMN route JSONB DEFAULT '{}' NOT NULL;
CREATE INDEX orders_namesake ON orders (namesake) WHERE namesake is not null;
CREATE INDEX orders_eligible ON orders (shop, eligible_at) WHERE eligible_at is not null;
"""


def upgrade() -> None:
    """Add columns that the release before leaves at their defaults."""
    schedule.run_script(op.get_bind(), _CHANGES)
