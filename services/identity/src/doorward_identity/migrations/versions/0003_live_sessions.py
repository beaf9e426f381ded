"""The live sessions of a user are found by an index, whatever has ended."""

import sqlalchemy as sa
from alembic import op

from doorward_kit.migrations import create_index

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Replace the index of `user_id` by one that begins with it, which the foreign key can use as well."""
    create_index("sessions", "user_id", "ended_at")
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("sessions")}
    if "ix_sessions_user_id" in known:
        op.drop_index("ix_sessions_user_id", "sessions")
