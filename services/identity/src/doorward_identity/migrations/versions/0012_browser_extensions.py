"""What upstreams say about users who sign in with a browser."""

import sqlalchemy as sa

from doorward_kit.column_types import ascii_text
from doorward_kit.migrations import add_column

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column, which is NULL for sessions of before."""
    add_column("browser_sessions", sa.Column("extensions", ascii_text(512)))
