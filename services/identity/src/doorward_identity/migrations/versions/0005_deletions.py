"""Who was deleted, for services that keep something of theirs."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, fixed_bytes
from doorward_kit.migrations import create_index, create_table

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table."""
    create_table(
        "deletions",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", fixed_bytes(16), nullable=False),
        sa.Column("user_id", fixed_bytes(16)),
        sa.Column("deleted_at", UtcDateTime(), nullable=False),
    )
    create_index("deletions", "deleted_at")
