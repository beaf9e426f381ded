"""Pictures of users at upstreams."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, Uuid, fixed_bytes
from doorward_kit.migrations import add_column

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add who chose a user's picture, and what is known of the one at each upstream."""
    chosen: sa.Column[bool] = sa.Column(
        "avatar_chosen", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.text("0")
    )
    add_column("users", chosen)
    add_column("upstream_identities", sa.Column("picture_id", Uuid()))
    add_column("upstream_identities", sa.Column("picture_file_hash", fixed_bytes(32)))
    add_column("upstream_identities", sa.Column("picture_url_hash", fixed_bytes(32)))
    add_column("upstream_identities", sa.Column("picture_checked_at", UtcDateTime()))
