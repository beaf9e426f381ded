"""Numbers of tickets. The service numbers the stored ones (numbers/task.py)."""

import sqlalchemy as sa

from doorward_kit.column_types import Uuid
from doorward_kit.migrations import add_column, create_index, create_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add a table and a column, which the previous release leaves empty."""
    create_table(
        "ticket_numbers",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("ticket_id", Uuid(), nullable=False),
    )
    create_index("ticket_numbers", "ticket_id", unique=True)
    add_column("tickets", sa.Column("number", sa.BigInteger))
    create_index("tickets", "number", unique=True)
