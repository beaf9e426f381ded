"""Of when the directory's word on somebody is, so that an older one does not take its place."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime
from doorward_kit.migrations import add_column

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add a column."""
    add_column("people", sa.Column("profile_updated_at", UtcDateTime()))
