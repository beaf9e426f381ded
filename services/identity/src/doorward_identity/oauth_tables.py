"""The tables of registered clients, browser sessions, authorization codes, consents and groups."""

from typing import Final

import sqlalchemy as sa

from doorward_kit.column_types import (
    TABLE_OPTIONS,
    JsonObject,
    UtcDateTime,
    Uuid,
    ascii_text,
    exact_text,
    fixed_bytes,
)

CLIENT_ID_LENGTH: Final = 64
CLIENT_NAME_LENGTH: Final = 100
URI_LENGTH: Final = 500
MAX_URIS: Final = 20
URIS_LENGTH: Final = MAX_URIS * (URI_LENGTH + 1)
"""Length of a client's URIs of one kind, with a space behind each."""

SCOPE_LENGTH: Final = 500
LIST_LENGTH: Final = 1_000
"""Length of a client's resources, and of its groups, with a space between them."""

NONCE_LENGTH: Final = 255
GROUP_NAME_LENGTH: Final = 64


def clients_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of registered clients (RFC 6749 section 2)."""
    return sa.Table(
        "oauth_clients",
        metadata,
        sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
        sa.Column("client_id", ascii_text(CLIENT_ID_LENGTH), nullable=False, unique=True),
        sa.Column("name", exact_text(CLIENT_NAME_LENGTH), nullable=False),  # shown to users
        sa.Column("kind", ascii_text(16), nullable=False),  # public, confidential, machine
        # Of the installation itself: it asks for no consent, and may get tokens for Doorward's own services.
        sa.Column("first_party", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("scopes", ascii_text(SCOPE_LENGTH), nullable=False),  # that it may ask for, with spaces
        sa.Column("audiences", ascii_text(LIST_LENGTH), nullable=False),  # resources (RFC 8707), with spaces
        sa.Column("allowed_groups", ascii_text(LIST_LENGTH), nullable=False),  # empty: everyone may sign in
        sa.Column("id_token_alg", ascii_text(8), nullable=False),  # RS256, ES256
        sa.Column("id_token_claims", ascii_text(8), nullable=False),  # full, minimal
        sa.Column("require_pkce", sa.Boolean(create_constraint=False), nullable=False),
        # URIs with spaces between them: each is compared as an exact text, and all are read with the client.
        sa.Column("redirect_uris", ascii_text(URIS_LENGTH), nullable=False),
        sa.Column("post_logout_redirect_uris", ascii_text(URIS_LENGTH), nullable=False),
        sa.Column("origins", ascii_text(URIS_LENGTH), nullable=False),
        sa.Column("backchannel_logout_uri", ascii_text(URI_LENGTH)),
        # Who maintains it: NULL for people, or the name of what applies a list, which deletes only its own.
        sa.Column("managed_by", ascii_text(32)),
        sa.Column("token_version", sa.Integer, nullable=False),  # raised to end every token of a machine
        sa.Column("version", sa.Integer, nullable=False),  # the ETag
        sa.Column("disabled_at", UtcDateTime()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        **TABLE_OPTIONS,
    )


def client_secrets_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of clients' secrets: at most two of each, so that one can replace the other."""
    return sa.Table(
        "oauth_client_secrets",
        metadata,
        sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
        sa.Column(
            "oauth_client_id",
            Uuid(),
            sa.ForeignKey("oauth_clients.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        # SHA-256: a secret is 256 random bits, or an operator's of at least 32 bytes.
        sa.Column("secret_hash", fixed_bytes(32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        **TABLE_OPTIONS,
    )


def browser_sessions_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of sessions of browsers at the pages of auth: single sign-on.

    One is valid while its account is as it was: `token_version` and `auth_version` are compared at each use.
    One that ends is deleted, so that its user gathers no rows.
    """
    return sa.Table(
        "browser_sessions",
        metadata,
        sa.Column("id", Uuid(), primary_key=True),  # UUIDv7: `sid` of ID tokens
        sa.Column(
            "user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("secret_hash", fixed_bytes(32), nullable=False),  # SHA-256 of the cookie's secret
        sa.Column("token_version", sa.Integer, nullable=False),
        sa.Column("auth_version", sa.Integer, nullable=False),
        sa.Column("auth_time", UtcDateTime(), nullable=False),  # of the last proof
        sa.Column("acr", ascii_text(8), nullable=False),
        sa.Column("amr", ascii_text(64), nullable=False),  # RFC 8176 names, separated by spaces
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.Column("idle_expires_at", UtcDateTime(), nullable=False),
        sa.Column("absolute_expires_at", UtcDateTime(), nullable=False, index=True),
        # The user asked for it: it survives the browser's end, and lives as long as an application's.
        sa.Column("is_remembered", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("extensions", JsonObject(512)),  # the claim `ext`, of a login at an upstream
        sa.Column("user_agent", exact_text(255), nullable=False),
        sa.Column("ip_address", ascii_text(45), nullable=False),
        **TABLE_OPTIONS,
    )


def authorization_codes_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of authorization codes (RFC 6749 section 4.1.2).

    A used code is kept for an hour: its second use ends what the first opened.
    """
    return sa.Table(
        "authorization_codes",
        metadata,
        sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
        sa.Column("secret_hash", fixed_bytes(32), nullable=False),  # SHA-256 of the code's secret
        sa.Column(
            "oauth_client_id", Uuid(), sa.ForeignKey("oauth_clients.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("browser_session_id", Uuid(), nullable=False),
        sa.Column("redirect_uri", ascii_text(URI_LENGTH), nullable=False),
        sa.Column("scope", ascii_text(SCOPE_LENGTH), nullable=False),
        sa.Column("resource", ascii_text(URI_LENGTH)),  # RFC 8707
        sa.Column("nonce", exact_text(NONCE_LENGTH)),
        sa.Column("code_challenge", ascii_text(43)),  # RFC 7636, S256
        sa.Column("auth_time", UtcDateTime(), nullable=False),
        sa.Column("acr", ascii_text(8), nullable=False),
        sa.Column("amr", ascii_text(64), nullable=False),
        sa.Column("token_version", sa.Integer, nullable=False),  # of the account, when the code was issued
        sa.Column("auth_version", sa.Integer, nullable=False),
        sa.Column("attempts", sa.SmallInteger, nullable=False),  # wrong verifiers, redirect URIs and clients
        sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),
        sa.Column("used_at", UtcDateTime()),
        sa.Column("session_id", Uuid()),  # that its first use opened
        **TABLE_OPTIONS,
    )


def consents_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of what users allowed clients."""
    return sa.Table(
        "consents",
        metadata,
        sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column(
            "oauth_client_id", Uuid(), sa.ForeignKey("oauth_clients.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("scope", ascii_text(SCOPE_LENGTH), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        **TABLE_OPTIONS,
    )


def logout_deliveries_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of clients to notify of deleted users.

    Sessions that have ended are in the table of sessions, and there are none of a deleted user.
    """
    return sa.Table(
        "logout_deliveries",
        metadata,
        sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
        sa.Column("user_id", Uuid(), nullable=False),  # no foreign key: the user is deleted
        sa.Column(
            "oauth_client_id", Uuid(), sa.ForeignKey("oauth_clients.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("attempts", sa.SmallInteger, nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False, index=True),
        **TABLE_OPTIONS,
    )


def groups_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of groups: names that tokens carry, and no permissions."""
    return sa.Table(
        "user_groups",
        metadata,
        sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
        sa.Column("name", ascii_text(GROUP_NAME_LENGTH), nullable=False, unique=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        **TABLE_OPTIONS,
    )


def group_members_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of groups' members."""
    return sa.Table(
        "group_members",
        metadata,
        sa.Column("group_id", Uuid(), sa.ForeignKey("user_groups.id", ondelete="CASCADE"), primary_key=True),
        sa.Column(
            "user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
        ),
        **TABLE_OPTIONS,
    )
