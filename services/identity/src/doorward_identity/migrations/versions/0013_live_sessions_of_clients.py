"""The live sessions of a client, and of a browser session, are found by an index, whatever has ended."""

from doorward_kit.migrations import create_index, drop_index

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Replace the index of each column by one that begins with it."""
    for column in ("oauth_client_id", "browser_session_id"):
        create_index("sessions", column, "ended_at")
        drop_index("sessions", column)
