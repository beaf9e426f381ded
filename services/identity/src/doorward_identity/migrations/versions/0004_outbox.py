"""Mail on its way."""

from doorward_mail.migration import create_outbox

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the outbox."""
    create_outbox()
