"""Rate, breaker and priority; the release before goes on working, without them."""

from __future__ import annotations

from alembic import op

from bridge.store import schedule

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The locks first, in the order in which claims and sendings take them: a release runs beside both. Nothing here walks
# over a large table, see revision 0004 for that.
_CHANGES = """
LOCK TABLE shops, destinations, orders IN ACCESS EXCLUSIVE MODE;
ALTER TABLE orders ADD COLUMN priority SMALLINT DEFAULT '0' NOT NULL;
ALTER TABLE destinations ADD COLUMN rate DOUBLE PRECISION;
ALTER TABLE destinations ADD COLUMN next_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE destinations ADD COLUMN quiet_until TIMESTAMP WITH TIME ZONE;
ALTER TABLE destinations ADD COLUMN breaker TEXT DEFAULT '' NOT NULL;
ALTER TABLE destinations ADD COLUMN breaker_since TIMESTAMP WITH TIME ZONE;
ALTER TABLE destinations ADD COLUMN breaker_reason TEXT DEFAULT '' NOT NULL;
ALTER TABLE destinations ADD COLUMN probe_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE destinations ADD COLUMN probes INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE destinations ADD COLUMN trials INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE destinations ADD COLUMN trial_attempt UUID;
ALTER TABLE destinations ADD COLUMN failures INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE destinations ADD CONSTRAINT destinations_breaker CHECK (breaker in ('', 'open', 'trial'));
ALTER TABLE shops ADD COLUMN destination TEXT;
ALTER TABLE shops ADD COLUMN turns INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE shops ADD COLUMN quiet_until TIMESTAMP WITH TIME ZONE;
ALTER TABLE shops ADD COLUMN quiet_reason TEXT DEFAULT '' NOT NULL;
ALTER TABLE shops ADD COLUMN quiet_code TEXT DEFAULT '' NOT NULL;
ALTER TABLE shops ADD COLUMN failures INTEGER DEFAULT '0' NOT NULL;
"""

# Whether no order of a shop has this id yet; whoever asks is the only maker of one until its transaction ends. It looks
# with a snapshot of its own, taken after the lock, so that it can stand inside the statement that makes the order.
_IS_NEW = """
CREATE FUNCTION bridge_is_new(a_shop text, an_id text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(a_shop || ' ' || an_id, 0));
    RETURN NOT EXISTS (SELECT 1 FROM orders WHERE shop = a_shop AND order_id = an_id);
END
$$;
"""


def upgrade() -> None:
    """Add columns that the release before leaves at their defaults."""
    schedule.run_script(op.get_bind(), _CHANGES)
    schedule.run_script(op.get_bind(), _IS_NEW)
