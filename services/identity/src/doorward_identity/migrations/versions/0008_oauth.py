"""OpenID Connect: registered clients, browser sessions, authorization codes, consents and groups."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, Uuid, ascii_text, exact_text, fixed_bytes
from doorward_kit.migrations import add_column, create_index, create_table

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the tables, and what sessions of clients and of browsers have more than others."""
    add_column("sessions", sa.Column("oauth_client_id", Uuid()))
    add_column("sessions", sa.Column("browser_session_id", Uuid()))
    add_column("sessions", sa.Column("scope", ascii_text(500)))
    add_column("sessions", sa.Column("audience", ascii_text(500)))
    add_column("sessions", sa.Column("logout_attempts", sa.SmallInteger))
    add_column("sessions", sa.Column("logout_due_at", UtcDateTime()))
    add_column("sessions", sa.Column("cookie_name", ascii_text(16)))
    create_index("sessions", "oauth_client_id")
    create_index("sessions", "browser_session_id")
    create_index("sessions", "logout_attempts", "ended_at")
    create_table(
        "oauth_clients",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("client_id", ascii_text(64), nullable=False, unique=True),
        sa.Column("name", exact_text(100), nullable=False),
        sa.Column("kind", ascii_text(16), nullable=False),
        sa.Column("first_party", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("scopes", ascii_text(500), nullable=False),
        sa.Column("audiences", ascii_text(1000), nullable=False),
        sa.Column("allowed_groups", ascii_text(1000), nullable=False),
        sa.Column("id_token_alg", ascii_text(8), nullable=False),
        sa.Column("id_token_claims", ascii_text(8), nullable=False),
        sa.Column("require_pkce", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("redirect_uris", ascii_text(10_020), nullable=False),
        sa.Column("post_logout_redirect_uris", ascii_text(10_020), nullable=False),
        sa.Column("origins", ascii_text(10_020), nullable=False),
        sa.Column("backchannel_logout_uri", ascii_text(500)),
        sa.Column("managed_by", ascii_text(32)),
        sa.Column("token_version", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("disabled_at", UtcDateTime()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    create_table(
        "oauth_client_secrets",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column(
            "oauth_client_id", Uuid(), sa.ForeignKey("oauth_clients.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("secret_hash", fixed_bytes(32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    create_index("oauth_client_secrets", "oauth_client_id")
    create_table(
        "browser_sessions",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("secret_hash", fixed_bytes(32), nullable=False),
        sa.Column("token_version", sa.Integer, nullable=False),
        sa.Column("auth_version", sa.Integer, nullable=False),
        sa.Column("auth_time", UtcDateTime(), nullable=False),
        sa.Column("acr", ascii_text(8), nullable=False),
        sa.Column("amr", ascii_text(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.Column("idle_expires_at", UtcDateTime(), nullable=False),
        sa.Column("absolute_expires_at", UtcDateTime(), nullable=False),
        sa.Column("is_remembered", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("user_agent", exact_text(255), nullable=False),
        sa.Column("ip_address", ascii_text(45), nullable=False),
    )
    create_index("browser_sessions", "absolute_expires_at")
    create_index("browser_sessions", "user_id")
    create_table(
        "authorization_codes",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("secret_hash", fixed_bytes(32), nullable=False),
        sa.Column(
            "oauth_client_id", Uuid(), sa.ForeignKey("oauth_clients.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("browser_session_id", Uuid(), nullable=False),
        sa.Column("redirect_uri", ascii_text(500), nullable=False),
        sa.Column("scope", ascii_text(500), nullable=False),
        sa.Column("resource", ascii_text(500)),
        sa.Column("nonce", exact_text(255)),
        sa.Column("code_challenge", ascii_text(43)),
        sa.Column("auth_time", UtcDateTime(), nullable=False),
        sa.Column("acr", ascii_text(8), nullable=False),
        sa.Column("amr", ascii_text(64), nullable=False),
        sa.Column("token_version", sa.Integer, nullable=False),
        sa.Column("auth_version", sa.Integer, nullable=False),
        sa.Column("attempts", sa.SmallInteger, nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime()),
        sa.Column("session_id", Uuid()),
    )
    create_index("authorization_codes", "expires_at")
    create_table(
        "consents",
        sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column(
            "oauth_client_id", Uuid(), sa.ForeignKey("oauth_clients.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("scope", ascii_text(500), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
    )
    create_table(
        "user_groups",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("name", ascii_text(64), nullable=False, unique=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    create_table(
        "group_members",
        sa.Column("group_id", Uuid(), sa.ForeignKey("user_groups.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    )
    create_index("group_members", "user_id")
