"""Whose turn it is where shops want the same places; the release before goes on working, without it."""

from __future__ import annotations

from alembic import op

from bridge.store import schedule

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_CHANGES = """
LOCK TABLE shops, destinations IN ACCESS EXCLUSIVE MODE;
ALTER TABLE destinations ADD COLUMN crowded_until TIMESTAMP WITH TIME ZONE;
ALTER TABLE shops ADD COLUMN begun_at TIMESTAMP WITH TIME ZONE;
"""


def upgrade() -> None:
    """Add columns that the release before leaves empty."""
    schedule.run_script(op.get_bind(), _CHANGES)
