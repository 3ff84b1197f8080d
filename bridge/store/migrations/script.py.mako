"""${message}"""

from __future__ import annotations

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Must work with the code of the release before: add, never rename or drop what it uses."""
    ${upgrades if upgrades else "pass"}
