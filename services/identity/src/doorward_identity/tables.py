"""The tables of the identity database.

Password hashes have a table of their own: the users service may write and never read them, and no
listing of users can carry one.
"""

from typing import Final

import sqlalchemy as sa

from doorward_identity import oauth_tables, upstream_tables
from doorward_kit.column_types import (
    NAMING,
    TABLE_OPTIONS,
    JsonObject,
    UtcDateTime,
    Uuid,
    ascii_text,
    exact_text,
    fixed_bytes,
    medium_bytes,
)
from doorward_kit.rate_limiting.repository import rate_limits_table
from doorward_kit.word_index import word_column
from doorward_mail.outbox.table import outbox_table

metadata: Final = sa.MetaData(naming_convention=NAMING)

EMAIL_LENGTH: Final = 254  # RFC 5321 section 4.5.3.1.3, as corrected by erratum 1690
NAME_LENGTH: Final = 200


users: Final = sa.Table(
    "users",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
    sa.Column("email", exact_text(EMAIL_LENGTH), nullable=False),  # as typed: mail is sent to this
    sa.Column("email_key", exact_text(EMAIL_LENGTH), nullable=False, unique=True),  # see emails.email_key
    sa.Column("name", exact_text(NAME_LENGTH), nullable=False),
    sa.Column(
        "name_key", exact_text(NAME_LENGTH * 2), nullable=False, index=True
    ),  # casefolded: sort, search
    sa.Column("role", ascii_text(32), nullable=False),
    sa.Column("status", ascii_text(16), nullable=False),
    sa.Column("email_verified_at", UtcDateTime()),
    sa.Column("token_version", sa.Integer, nullable=False),  # raised to end every token of the user
    # Raised by accounts.credentials_changed: a sign-in that began before cannot be finished.
    sa.Column("auth_version", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("version", sa.Integer, nullable=False),  # the ETag
    sa.Column("created_at", UtcDateTime(), nullable=False, index=True),
    sa.Column("updated_at", UtcDateTime(), nullable=False),
    sa.Column("avatar_id", Uuid()),  # a row of avatars, which outlives it for a moment: no foreign key
    sa.Column("avatar_digest", fixed_bytes(16)),  # the same as there: lists read no second table
    # The picture was set or deleted here, so that no upstream changes it.
    sa.Column(
        "avatar_chosen", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.text("0")
    ),
    sa.Index("ix_users_role_created_at", "role", "created_at"),
    sa.Index("ix_users_status_created_at", "status", "created_at"),
    **TABLE_OPTIONS,
)

# What the directory is searched by: see directory_index.py. The terms of a user are together, and the index
# alone answers which users have a term.
user_search_terms: Final = sa.Table(
    "user_search_terms",
    metadata,
    sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("source", ascii_text(8), primary_key=True),  # see directory_index.TermSource
    sa.Column("term", word_column(), primary_key=True),
    sa.Index("ix_user_search_terms_source_term_user_id", "source", "term", "user_id"),
    **TABLE_OPTIONS,
)

credentials: Final = sa.Table(
    "credentials",
    metadata,
    sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("password_hash", ascii_text(255), nullable=False),  # Argon2id in PHC form
    # Set by an administrator: the user must choose another one before a session opens.
    sa.Column(
        "must_change", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.text("0")
    ),
    sa.Column("updated_at", UtcDateTime(), nullable=False),
    **TABLE_OPTIONS,
)

sessions: Final = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # UUIDv7: `sid` of its access tokens
    sa.Column(
        "user_id",
        Uuid(),
        sa.ForeignKey("users.id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("current_hash", fixed_bytes(32), nullable=False),  # SHA-256 of the refresh token's secret
    sa.Column("previous_hash", fixed_bytes(32)),
    sa.Column("rotated_at", UtcDateTime()),
    sa.Column("auth_time", UtcDateTime(), nullable=False),  # of the last proof; a refresh keeps it
    sa.Column("acr", ascii_text(8), nullable=False),  # how strongly it is authenticated
    sa.Column("amr", ascii_text(64), nullable=False),  # RFC 8176 names, separated by spaces
    sa.Column("extensions", JsonObject(512)),  # the claim `ext`, of a login at an upstream
    # Of a registered client, else NULL. No foreign key: a client's many sessions end one page at a time.
    sa.Column("oauth_client_id", Uuid()),
    sa.Column("browser_session_id", Uuid()),  # with which it ends, unless it is offline
    sa.Column("scope", ascii_text(oauth_tables.SCOPE_LENGTH)),  # that the client was granted
    sa.Column("audience", ascii_text(oauth_tables.URI_LENGTH)),  # of the client's access tokens
    # Of a client that wants to know when the session has ended: how often that was tried, and when to try
    # again. NULL: no client wants to know, or nothing is left to do.
    sa.Column("logout_attempts", sa.SmallInteger),
    sa.Column("logout_due_at", UtcDateTime()),
    # Of the cookie that holds its refresh token, which then is in no body; NULL: bodies hold it.
    sa.Column("cookie_name", ascii_text(16)),
    # That of its user, while it is live; another one: it opened at the moment of a change, on another node.
    sa.Column("auth_version", sa.Integer),
    sa.Column("created_at", UtcDateTime(), nullable=False),
    sa.Column("last_used_at", UtcDateTime(), nullable=False),
    sa.Column("idle_expires_at", UtcDateTime(), nullable=False),
    sa.Column("absolute_expires_at", UtcDateTime(), nullable=False),
    sa.Column("ended_at", UtcDateTime()),
    sa.Column("end_reason", ascii_text(32)),
    sa.Column("user_agent", exact_text(255), nullable=False),
    sa.Column("ip_address", ascii_text(45), nullable=False),
    # The live ones of a user, a client and a browser session are found whatever has ended; written when a
    # session opens and ends, and not with every refresh.
    sa.Index("ix_sessions_user_id_ended_at", "user_id", "ended_at"),
    sa.Index("ix_sessions_oauth_client_id_ended_at", "oauth_client_id", "ended_at"),
    sa.Index("ix_sessions_browser_session_id_ended_at", "browser_session_id", "ended_at"),
    # Sessions whose client is notified of their end; written when such a session opens and ends.
    sa.Index("ix_sessions_logout_attempts_ended_at", "logout_attempts", "ended_at"),
    **TABLE_OPTIONS,
)

# A sign-in between its first proof and its session; none is stored where one step is enough.
sign_ins: Final = sa.Table(
    "sign_ins",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
    sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("secret_hash", fixed_bytes(32), nullable=False),  # SHA-256; a new secret at every step
    sa.Column("amr", ascii_text(64), nullable=False),  # the proofs so far
    sa.Column("proven_at", UtcDateTime(), nullable=False),  # when the last of them was given
    sa.Column("attempts", sa.SmallInteger, nullable=False),  # wrong answers to the current step
    sa.Column("token_version", sa.Integer, nullable=False),  # of the account, when the sign-in began
    sa.Column("auth_version", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime(), nullable=False),
    sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),
    sa.Index("ix_sign_ins_user_id_created_at", "user_id", "created_at"),
    **TABLE_OPTIONS,
)

revocations: Final = sa.Table(
    "revocations",
    metadata,
    sa.Column("kind", ascii_text(8), primary_key=True),  # see token_revocation.RevocationKind
    sa.Column("subject_id", Uuid(), primary_key=True),  # a session or a user, possibly deleted
    sa.Column("token_version", sa.Integer, nullable=False),  # of a user: the lowest that is still valid
    sa.Column("revoked_at", UtcDateTime(), nullable=False, index=True),
    sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),  # with the last token it can hit
    **TABLE_OPTIONS,
)

# Rows that are written so that other nodes of a cluster see the write: see sentinels.py.
sentinels: Final = sa.Table(
    "sentinels",
    metadata,
    sa.Column("name", ascii_text(32), primary_key=True),
    sa.Column("written_at", UtcDateTime(), nullable=False),
    sa.Column("node", ascii_text(255), nullable=False),  # host and port of the server that wrote it
    **TABLE_OPTIONS,
)

# The feed of deleted_users_feed.py, for services that store data of users.
deleted_users: Final = sa.Table(
    "deleted_users",
    metadata,
    # Consecutive, in commit order: assigned under the lock of row 0, a sentinel.
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", Uuid(), nullable=False),  # differs if a restored backup assigned the position again
    sa.Column("user_id", Uuid()),
    sa.Column("deleted_at", UtcDateTime(), nullable=False, index=True),
    **TABLE_OPTIONS,
)

audit_events: Final = sa.Table(
    "audit_events",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # UUIDv7: the order of events
    sa.Column("action", ascii_text(64), nullable=False),  # see audit.AuditAction
    sa.Column("actor_id", Uuid()),  # the caller, if known; possibly deleted since
    sa.Column("target_id", Uuid()),  # the account concerned; possibly deleted since
    sa.Column("ip_address", ascii_text(45), nullable=False),
    sa.Column("request_id", ascii_text(128), nullable=False),
    sa.Column("occurred_at", UtcDateTime(), nullable=False),
    sa.Column("details", exact_text(1000)),  # JSON, never a secret
    sa.Index("ix_audit_events_target_id_id", "target_id", "id"),
    sa.Index("ix_audit_events_actor_id_id", "actor_id", "id"),
    sa.Index("ix_audit_events_action_id", "action", "id"),
    **TABLE_OPTIONS,
)

one_time_codes: Final = sa.Table(
    "one_time_codes",
    metadata,
    sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("purpose", ascii_text(16), primary_key=True),
    sa.Column("form", ascii_text(8), primary_key=True),  # a PIN, or a long code
    sa.Column("seed", fixed_bytes(16), nullable=False),  # the code is an HMAC of it
    sa.Column("attempts", sa.Integer, nullable=False),  # wrong guesses; the limit is the address's
    sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),
    sa.Column("sent_to", exact_text(EMAIL_LENGTH), nullable=False),
    **TABLE_OPTIONS,
)

# The code of an address that has no account: one for all of its registrations.
registration_codes: Final = sa.Table(
    "registration_codes",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),
    sa.Column("email", exact_text(EMAIL_LENGTH), nullable=False),  # that the code was first mailed to
    # See emails.spelling_key: a code proves no other mailbox.
    sa.Column("spelling_key", exact_text(EMAIL_LENGTH), nullable=False, unique=True),
    sa.Column("email_key", exact_text(EMAIL_LENGTH), nullable=False, index=True),
    sa.Column("seed", fixed_bytes(16), nullable=False),  # the code is an HMAC of it
    sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),
    **TABLE_OPTIONS,
)

# A registration becomes a user once its author has entered the code of its address. Until then it reserves
# nothing and is not in the directory.
pending_registrations: Final = sa.Table(
    "pending_registrations",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
    sa.Column("email", exact_text(EMAIL_LENGTH), nullable=False),
    sa.Column("email_key", exact_text(EMAIL_LENGTH), nullable=False, index=True),
    sa.Column("name", exact_text(NAME_LENGTH), nullable=False),
    sa.Column("password_hash", ascii_text(255), nullable=False),
    sa.Column("secret_hash", fixed_bytes(32), nullable=False),  # SHA-256 of the registration token's secret
    sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),
    sa.Column("avatar_id", Uuid()),  # as in users
    sa.Column("avatar_digest", fixed_bytes(16)),
    **TABLE_OPTIONS,
)

# The pictures of users, and of registrations, which end with these: see avatars/repository.py.
avatars: Final = sa.Table(
    "avatars",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # UUIDv7; never used again
    sa.Column("digest", fixed_bytes(16), nullable=False),  # beginning of the SHA-256 of the large size
    sa.Column("storage", ascii_text(8), nullable=False),  # see avatars/settings.AvatarStorage
    sa.Column("small", medium_bytes()),  # WebP; null where other storage has it
    sa.Column("large", medium_bytes()),
    sa.Column("expires_at", UtcDateTime(), index=True),  # null while a user has it
    **TABLE_OPTIONS,
)

known_devices: Final = sa.Table(
    "known_devices",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
    sa.Column(
        "user_id",
        Uuid(),
        sa.ForeignKey("users.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("secret_hash", fixed_bytes(32), nullable=False),
    sa.Column("last_used_at", UtcDateTime(), nullable=False),
    sa.Column("confirmed_at", UtcDateTime()),  # of the first login that sent the device token back
    **TABLE_OPTIONS,
)

upstream_identities: Final = upstream_tables.identities_table(metadata)

upstream_grants: Final = upstream_tables.grants_table(metadata)

upstream_registrations: Final = upstream_tables.registrations_table(metadata)

upstream_authorizations: Final = upstream_tables.authorizations_table(metadata)

upstream_revocations: Final = upstream_tables.revocations_table(metadata)

oauth_clients: Final = oauth_tables.clients_table(metadata)

oauth_client_secrets: Final = oauth_tables.client_secrets_table(metadata)

browser_sessions: Final = oauth_tables.browser_sessions_table(metadata)

authorization_codes: Final = oauth_tables.authorization_codes_table(metadata)

consents: Final = oauth_tables.consents_table(metadata)

logout_deliveries: Final = oauth_tables.logout_deliveries_table(metadata)

user_groups: Final = oauth_tables.groups_table(metadata)

group_members: Final = oauth_tables.group_members_table(metadata)

# Events for clients with an open stream; every process reads them, and they live for a minute. Without a
# foreign key, because an event must not wait for a lock of its user's row.
client_events: Final = sa.Table(
    "client_events",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
    sa.Column("user_id", Uuid(), nullable=False),
    sa.Column("session_id", Uuid()),  # None: all sessions of the user
    sa.Column("name", ascii_text(64), nullable=False),
    sa.Column("data", exact_text(1000), nullable=False),  # JSON, never a token
    sa.Column("created_at", UtcDateTime(), nullable=False, index=True),
    **TABLE_OPTIONS,
)

rate_limits: Final = rate_limits_table(metadata)

outbox: Final = outbox_table(metadata)
