"""The consequences of a change of an account, however it was made: sessions, devices, codes, mail.

CONSEQUENCES is the only place that decides them. docs/security.md shows the same table to readers.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final

import sqlalchemy as sa

from doorward_identity.accounts import SessionEnd, credentials_changed
from doorward_identity.mail_types import MailName, enqueue_mail
from doorward_identity.sessions import end_other_sessions, end_sessions, end_tokens
from doorward_identity.tables import known_devices, one_time_codes


class AccountChange(StrEnum):
    """Changes of an account's password, address, role or status, by their author where that matters."""

    DISABLED = "disabled"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a change, not a secret
    """By the owner: changed, reset, or chosen in place of a temporary one."""
    PASSWORD_SET = "password_set"  # noqa: S105 - a change, not a secret
    """By an administrator, or by command."""
    FIRST_PASSWORD_CHOSEN = "first_password_chosen"  # noqa: S105 - a change, not a secret
    """By the owner, with an invitation."""
    EMAIL_CHANGED = "email_changed"
    """By the owner, who has proven the new address."""
    EMAIL_SET = "email_set"
    """By an administrator, so that the new address is unverified."""
    EMAIL_SET_WITHOUT_PASSWORD = "email_set_without_password"  # noqa: S105 - a change, not a secret
    """By an administrator, of a user without a password: an invitation goes to the new address."""
    ROLE = "role"
    ENABLED = "enabled"


class EndedSessions(Enum):
    """The sessions that a change ends."""

    NOTHING = auto()
    ACCESS_TOKENS = auto()
    """Sessions stay, and their next access token has the new role."""
    SESSIONS = auto()
    """All sessions with their access tokens, except one that the caller names."""


@dataclass(frozen=True, slots=True)
class Consequences:
    """The consequences of a change. A sign-in that is not finished never survives one.

    `old_address` and `new_address` are the mails that these get; without a change of the address it is the
    old one. `forgets` is whether known devices and outstanding codes are deleted.
    """

    ended: EndedSessions
    reason: SessionEnd | None = None
    forgets: bool = False
    old_address: MailName | None = None
    new_address: MailName | None = None


CONSEQUENCES: Final[Mapping[AccountChange, Consequences]] = {
    AccountChange.DISABLED: Consequences(EndedSessions.SESSIONS, SessionEnd.DISABLED),
    AccountChange.PASSWORD_CHANGED: Consequences(
        EndedSessions.SESSIONS, SessionEnd.PASSWORD, forgets=True, old_address=MailName.PASSWORD_CHANGED
    ),
    AccountChange.PASSWORD_SET: Consequences(
        EndedSessions.SESSIONS, SessionEnd.PASSWORD, forgets=True, old_address=MailName.PASSWORD_SET
    ),
    # There was nothing to open before. The owner has just read the mail with the code.
    AccountChange.FIRST_PASSWORD_CHOSEN: Consequences(EndedSessions.NOTHING, forgets=True),
    AccountChange.EMAIL_CHANGED: Consequences(
        EndedSessions.SESSIONS, SessionEnd.EMAIL, forgets=True, old_address=MailName.EMAIL_CHANGED
    ),
    AccountChange.EMAIL_SET: Consequences(
        EndedSessions.SESSIONS,
        SessionEnd.EMAIL,
        forgets=True,
        old_address=MailName.EMAIL_REPLACED,
        new_address=MailName.EMAIL_SET,
    ),
    AccountChange.EMAIL_SET_WITHOUT_PASSWORD: Consequences(
        EndedSessions.SESSIONS,
        SessionEnd.EMAIL,
        forgets=True,
        old_address=MailName.EMAIL_REPLACED,
        new_address=MailName.INVITATION,
    ),
    AccountChange.ROLE: Consequences(EndedSessions.ACCESS_TOKENS),
    AccountChange.ENABLED: Consequences(EndedSessions.NOTHING),
}
"""In the order of their reasons: of several changes at once, the first names why sessions ended."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The account, with its address before the change."""

    id: uuid.UUID
    email: str


def follow_up(
    connection: sa.Connection,
    change: AccountChange,
    owner: Owner,
    *,
    token_seconds: int,
    new_email: str | None = None,
    keep_session: uuid.UUID | None = None,
) -> None:
    """Do what follows from a change of a locked account, in its transaction.

    `token_seconds` is the longest lifetime of an access token. `keep_session` is the session of an owner who
    makes the change.
    """
    consequences = CONSEQUENCES[change]
    _end(connection, consequences, owner.id, keep_session, token_seconds=token_seconds)
    credentials_changed(connection, owner.id)
    if consequences.forgets:
        connection.execute(known_devices.delete().where(known_devices.c.user_id == owner.id))
        connection.execute(one_time_codes.delete().where(one_time_codes.c.user_id == owner.id))
    mails = ((consequences.old_address, owner.email), (consequences.new_address, new_email))
    for mail, recipient in mails:
        if mail is not None:
            # An upstream may have said no address.
            enqueue_mail(connection, mail, recipient or None, user_id=owner.id)


def _end(
    connection: sa.Connection,
    consequences: Consequences,
    user_id: uuid.UUID,
    keep_session: uuid.UUID | None,
    *,
    token_seconds: int,
) -> None:
    if consequences.ended is EndedSessions.NOTHING:
        return
    if consequences.reason is not None:
        if keep_session is not None:
            end_other_sessions(
                connection, user_id, keep_session, consequences.reason, token_seconds=token_seconds
            )
            return
        end_sessions(connection, user_id, consequences.reason)
    end_tokens(connection, user_id, token_seconds=token_seconds)
