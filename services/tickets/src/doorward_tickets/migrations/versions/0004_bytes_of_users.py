"""How many bytes each user stores in tickets and replies."""

import sqlalchemy as sa

from doorward_kit.column_types import Uuid
from doorward_kit.migrations import add_column, create_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add a table and two columns, which the previous release leaves empty."""
    create_table(
        "user_storage",
        sa.Column("user_id", Uuid(), primary_key=True),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )
    add_column("tickets", sa.Column("counted_bytes", sa.Integer))
    add_column("replies", sa.Column("counted_bytes", sa.Integer))
