"""The live sessions of a user are found by an index, whatever has ended."""

from doorward_kit.migrations import create_index, drop_index

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Replace the index of `user_id` by one that begins with it, which the foreign key can use as well."""
    create_index("sessions", "user_id", "ended_at")
    drop_index("sessions", "user_id")
