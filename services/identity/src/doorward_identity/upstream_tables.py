"""The tables of upstreams: accounts there, what they issued and is to be revoked, and what is under way."""

from typing import Final

import sqlalchemy as sa

from doorward_kit.column_types import (
    TABLE_OPTIONS,
    UtcDateTime,
    Uuid,
    ascii_text,
    exact_text,
    fixed_bytes,
)
from doorward_kit.sealed import KEY_ID_BYTES, SealedValue

PROVIDER_LENGTH: Final = 32
SUBJECT_LENGTH: Final = 255  # OpenID Connect Core section 2
USERNAME_LENGTH: Final = 254
SCOPE_LENGTH: Final = 1000
REDIRECT_URI_LENGTH: Final = 512
CLIENT_STATE_LENGTH: Final = 512


def identities_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of users' accounts at upstreams.

    They are linked by provider and subject alone, never by address. Otherwise a stranger who registers a
    user's address at an upstream would get the user's account here.
    """
    return sa.Table(
        "upstream_identities",
        metadata,
        sa.Column("provider", ascii_text(PROVIDER_LENGTH), primary_key=True),
        sa.Column("subject", exact_text(SUBJECT_LENGTH), primary_key=True),
        sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("username", exact_text(USERNAME_LENGTH)),  # the upstream's, to show
        sa.Column("linked_at", UtcDateTime(), nullable=False),
        # Of the picture there: see doorward_auth/upstream/pictures.
        sa.Column("picture_id", Uuid()),  # the row of avatars that it became
        sa.Column("picture_file_hash", fixed_bytes(32)),  # SHA-256 of the file that it was made of
        sa.Column("picture_url_hash", fixed_bytes(32)),  # SHA-256 of the URL of the last answer
        sa.Column("picture_checked_at", UtcDateTime()),  # time of the last answer
        sa.UniqueConstraint("user_id", "provider"),
        **TABLE_OPTIONS,
    )


def grants_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of what upstreams issued.

    Every change names the lease under which it is made, or the state that it expects.
    """
    return sa.Table(
        "upstream_grants",
        metadata,
        sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
        sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("provider", ascii_text(PROVIDER_LENGTH), nullable=False),
        # NULL: it belongs to the user, and outlives sessions.
        sa.Column("session_id", Uuid(), sa.ForeignKey("sessions.id", ondelete="CASCADE"), index=True),
        sa.Column("state", ascii_text(16), nullable=False),  # active, uncertain, reauth_required, ended
        sa.Column("generation", sa.Integer, nullable=False),  # raised with every refresh
        # NULL once the grant has ended.
        sa.Column("access_token", SealedValue()),
        sa.Column("refresh_token", SealedValue()),
        sa.Column("id_token", SealedValue()),
        sa.Column("key_id", fixed_bytes(KEY_ID_BYTES), index=True),  # of every sealed value of the row
        sa.Column("scope", exact_text(SCOPE_LENGTH), nullable=False),
        sa.Column("access_expires_at", UtcDateTime()),  # NULL: when the upstream says so
        sa.Column("refresh_expires_at", UtcDateTime()),  # NULL: the upstream did not say
        sa.Column("reauth_at", UtcDateTime()),  # from then on no refresh is tried
        # The earliest time of the next refresh in the background: later after a failure and during a lease.
        # NULL: none.
        sa.Column("due_at", UtcDateTime()),
        sa.Column("lease_id", Uuid()),  # of the last lease: the only one that may store
        sa.Column("leased_until", UtcDateTime()),
        sa.Column("sent_at", UtcDateTime()),  # a request began, and its result is not stored
        sa.Column("attempts", sa.Integer, nullable=False),  # since the last success
        sa.Column("last_error", ascii_text(64)),  # a fixed word, no text of the upstream
        sa.Column("last_refreshed_at", UtcDateTime(), nullable=False),  # at first, of the login
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Index("ix_upstream_grants_provider_due_at", "provider", "due_at"),
        sa.Index("ix_upstream_grants_provider_state", "provider", "state"),
        sa.Index("ix_upstream_grants_user_id_provider", "user_id", "provider"),
        **TABLE_OPTIONS,
    )


def registrations_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of registrations at upstreams: the one request that must not be sent twice."""
    return sa.Table(
        "upstream_registrations",
        metadata,
        sa.Column("key_hash", fixed_bytes(32), primary_key=True),  # of Idempotency-Key, provider, address
        sa.Column("fingerprint", fixed_bytes(32), nullable=False),  # of the request without the password
        sa.Column("provider", ascii_text(PROVIDER_LENGTH), nullable=False),
        sa.Column("state", ascii_text(16), nullable=False),  # sending, unknown, done
        sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), index=True),  # once done
        sa.Column("leased_until", UtcDateTime()),  # a request is being sent
        sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),
        **TABLE_OPTIONS,
    )


def authorizations_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of logins under way at upstreams' own pages.

    A row waits for the browser to return, and then for the client to redeem the one-time code.
    """
    return sa.Table(
        "upstream_authorizations",
        metadata,
        sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
        sa.Column("provider", ascii_text(PROVIDER_LENGTH), nullable=False),
        sa.Column("state_hash", fixed_bytes(32), unique=True),  # NULL once the browser has returned
        sa.Column("secrets", SealedValue(), nullable=False),  # what the exchange at the upstream needs
        sa.Column("redirect_uri", exact_text(REDIRECT_URI_LENGTH), nullable=False),
        sa.Column("client_state", exact_text(CLIENT_STATE_LENGTH)),
        sa.Column("code_challenge", ascii_text(43), nullable=False),  # of the client: RFC 7636, S256
        sa.Column("code_hash", fixed_bytes(32)),  # SHA-256 of the one-time code's secret
        sa.Column("login", SealedValue()),  # the user and the tokens, until the code is redeemed
        sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),
        **TABLE_OPTIONS,
    )


def revocations_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of tokens to revoke at upstreams, because Doorward no longer uses them.

    A row outlives its grant, session and user, so it has no foreign keys. It is deleted once the tokens are
    revoked or given up.
    """
    return sa.Table(
        "upstream_revocations",
        metadata,
        sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
        sa.Column("provider", ascii_text(PROVIDER_LENGTH), nullable=False),
        sa.Column("subject", exact_text(SUBJECT_LENGTH)),  # the upstream's user; NULL: not known
        # The grant whose row the values were sealed for. NULL: they are sealed for this row.
        sa.Column("grant_id", Uuid()),
        sa.Column("access_token", SealedValue()),
        sa.Column("refresh_token", SealedValue()),
        sa.Column("key_id", fixed_bytes(KEY_ID_BYTES), nullable=False, index=True),  # of every sealed value
        # Raised by each lease. With the id it names the lease, under which alone the row changes.
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),  # later after a failure and during a lease
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),  # given up then
        sa.Index("ix_upstream_revocations_provider_due_at", "provider", "due_at"),
        **TABLE_OPTIONS,
    )
