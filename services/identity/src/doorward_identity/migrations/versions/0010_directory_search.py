"""What the directory is searched by: words of names, and beginnings of addresses."""

import sqlalchemy as sa

from doorward_kit.column_types import Uuid, ascii_text, exact_text
from doorward_kit.migrations import create_index, create_table

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the table, which no earlier release uses. The users service fills it in the background."""
    create_table(
        "user_search_terms",
        sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("source", ascii_text(8), primary_key=True),
        sa.Column("term", exact_text(84), primary_key=True),
    )
    create_index("user_search_terms", "source", "term", "user_id")
