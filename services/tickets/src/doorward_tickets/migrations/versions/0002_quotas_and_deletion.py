"""Counters of quotas, and the deletion of tickets."""

import sqlalchemy as sa

from doorward_kit.column_types import Uuid
from doorward_kit.migrations import create_rate_limits, create_table, drop_foreign_key
from doorward_kit.word_index import line_column

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add two tables; replies lose their foreign key, and so can be deleted in batches after their ticket."""
    create_rate_limits()
    create_table(
        "deleted_tickets",
        sa.Column("ticket_id", Uuid(), primary_key=True),
        sa.Column("search_text", line_column(), nullable=False),
    )
    drop_foreign_key("replies", "ticket_id")
