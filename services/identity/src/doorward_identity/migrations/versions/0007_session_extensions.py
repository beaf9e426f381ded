"""Sessions carry what an upstream says about their user: the claim `ext`."""

import sqlalchemy as sa

from doorward_kit.column_types import ascii_text
from doorward_kit.migrations import add_column

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; sessions of before have none."""
    add_column("sessions", sa.Column("extensions", ascii_text(512)))
