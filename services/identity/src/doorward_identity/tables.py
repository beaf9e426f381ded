"""The tables of the identity database.

Password hashes stand apart from people, so that the users service can be granted writing them
without reading them, and so that no listing can ever carry one.
"""

from typing import Final

import sqlalchemy as sa

from doorward_kit.column_types import (
    NAMING,
    TABLE_OPTIONS,
    UtcDateTime,
    Uuid,
    ascii_text,
    exact_text,
    fixed_bytes,
)
from doorward_mail.outbox import outbox_table

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
    sa.Column("role", ascii_text(16), nullable=False),
    sa.Column("status", ascii_text(16), nullable=False),
    sa.Column("email_verified_at", UtcDateTime()),
    sa.Column("token_version", sa.Integer, nullable=False),  # raised to end every token of the user
    sa.Column("version", sa.Integer, nullable=False),  # the ETag
    sa.Column("created_at", UtcDateTime(), nullable=False, index=True),
    sa.Column("updated_at", UtcDateTime(), nullable=False),
    sa.Index("ix_users_role_created_at", "role", "created_at"),
    sa.Index("ix_users_status_created_at", "status", "created_at"),
    **TABLE_OPTIONS,
)

credentials: Final = sa.Table(
    "credentials",
    metadata,
    sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("password_hash", ascii_text(255), nullable=False),  # Argon2id in PHC form
    # Chosen by an administrator: its owner has to choose another before it opens anything.
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
        index=True,
    ),
    sa.Column("current_hash", fixed_bytes(32), nullable=False),  # SHA-256 of the refresh token's secret
    sa.Column("previous_hash", fixed_bytes(32)),
    sa.Column("rotated_at", UtcDateTime()),
    sa.Column("created_at", UtcDateTime(), nullable=False),
    sa.Column("last_used_at", UtcDateTime(), nullable=False),
    sa.Column("idle_expires_at", UtcDateTime(), nullable=False),
    sa.Column("absolute_expires_at", UtcDateTime(), nullable=False),
    sa.Column("ended_at", UtcDateTime()),
    sa.Column("end_reason", ascii_text(32)),
    sa.Column("user_agent", exact_text(255), nullable=False),
    sa.Column("address", ascii_text(45), nullable=False),
    **TABLE_OPTIONS,
)

revocations: Final = sa.Table(
    "revocations",
    metadata,
    sa.Column("kind", ascii_text(8), primary_key=True),  # see revocations.Kind
    sa.Column("subject_id", Uuid(), primary_key=True),  # a session or a user, perhaps deleted
    sa.Column("token_version", sa.Integer, nullable=False),  # of a user: the lowest that still counts
    sa.Column("revoked_at", UtcDateTime(), nullable=False, index=True),
    sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),  # with the last token it can hit
    **TABLE_OPTIONS,
)

# A feed for services that keep something of people's: see deletions.py.
deletions: Final = sa.Table(
    "deletions",
    metadata,
    # Without gaps, in the order of the commits: given under the lock of row 0, which is nobody's deletion.
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", Uuid(), nullable=False),  # tells a number that a restored backup gave again
    sa.Column("user_id", Uuid()),
    sa.Column("deleted_at", UtcDateTime(), nullable=False, index=True),
    **TABLE_OPTIONS,
)

audit_events: Final = sa.Table(
    "audit_events",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # UUIDv7: the order of events
    sa.Column("action", ascii_text(64), nullable=False),  # see audit.Action
    sa.Column("actor_id", Uuid()),  # who did it, if that is known; perhaps deleted since
    sa.Column("target_id", Uuid()),  # whose account it is about; perhaps deleted since
    sa.Column("address", ascii_text(45), nullable=False),
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
    sa.Column("code_hash", fixed_bytes(32), nullable=False),  # HMAC: a million values are soon tried
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),
    sa.Column("subject", exact_text(EMAIL_LENGTH)),  # what the code confirms: a new address
    **TABLE_OPTIONS,
)

# People who have not proven their address yet are no users: whoever claims an address first gains
# nothing, and the directory never shows them.
registrations: Final = sa.Table(
    "registrations",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
    sa.Column("email", exact_text(EMAIL_LENGTH), nullable=False),
    sa.Column("email_key", exact_text(EMAIL_LENGTH), nullable=False),
    sa.Column("name", exact_text(NAME_LENGTH), nullable=False),
    sa.Column("password_hash", ascii_text(255), nullable=False),
    sa.Column("code_hash", fixed_bytes(32)),  # from when the mail was sent
    sa.Column("created_at", UtcDateTime(), nullable=False),
    sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),
    sa.Index("ix_registrations_email_key_created_at", "email_key", "created_at"),
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
    **TABLE_OPTIONS,
)

rate_limits: Final = sa.Table(
    "rate_limits",
    metadata,
    sa.Column("subject", fixed_bytes(32), primary_key=True),  # a hash: no address is kept here in clear
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),
    sa.Column("blocked_until", UtcDateTime(), nullable=False),
    **TABLE_OPTIONS,
)

outbox: Final = outbox_table(metadata)
