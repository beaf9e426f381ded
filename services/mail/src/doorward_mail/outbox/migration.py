"""The outbox for migration revisions. Apart from the table, so that services need not load Alembic."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, Uuid, ascii_text, exact_text
from doorward_kit.migrations import create_index, create_table
from doorward_mail.outbox.table import OUTBOX


def create_outbox(name: str = OUTBOX) -> None:
    """Create the outbox of the first release, with its indexes, unless they exist.

    Revisions do not change after their release, and neither does this function: a later column gets a
    function of its own, for a later revision.
    """
    create_table(
        name,
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("template", ascii_text(64), nullable=False),
        sa.Column("recipient", exact_text(254)),
        sa.Column("locale", ascii_text(35), nullable=False),
        sa.Column("parameters", exact_text(8000), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime()),
        sa.Column("expires_at", UtcDateTime()),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("lease_id", Uuid()),
        sa.Column("dead_at", UtcDateTime()),
        sa.Column("last_error", ascii_text(64)),
    )
    create_index(name, "due_at")
    create_index(name, "dead_at")
