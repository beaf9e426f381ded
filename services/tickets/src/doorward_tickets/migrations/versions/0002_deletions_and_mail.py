"""Who was deleted, who wants no mail about what, and mail on its way."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, ascii_text, fixed_bytes
from doorward_kit.migrations import add_column, create_index, create_table
from doorward_mail.migration import create_outbox

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns, create the tables."""
    add_column("people", sa.Column("locale", ascii_text(35)))
    add_column("people", sa.Column("deleted_at", UtcDateTime()))
    create_table(
        "feeds",
        sa.Column("name", ascii_text(32), primary_key=True),
        sa.Column("cursor", ascii_text(64), nullable=False),
    )
    create_table("mutes", _ticket_key(), sa.Column("person_id", fixed_bytes(16), primary_key=True))
    create_table(
        "notices",
        _ticket_key(),
        sa.Column("person_id", fixed_bytes(16), primary_key=True),
        sa.Column("kind", ascii_text(64), primary_key=True),
        sa.Column("mail_id", fixed_bytes(16), nullable=False),
        sa.Column("since", sa.Integer, nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
    )
    create_index("notices", "due_at")
    create_outbox("tickets_outbox")


def _ticket_key() -> sa.Column[bytes]:
    return sa.Column(
        "ticket_id", fixed_bytes(16), sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True
    )
