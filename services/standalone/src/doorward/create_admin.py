"""`doorward create-admin`: the first administrator, or a new password for one."""

import uuid
from enum import Enum, auto

import sqlalchemy as sa
import uuid_utils.compat as uuid7s
from pydantic import TypeAdapter, ValidationError

from doorward_client.permissions import Role
from doorward_identity.account_changes import AccountChange, Owner, follow_up
from doorward_identity.accounts import EmailTakenError, NewAccount, Status, create_account
from doorward_identity.administrators import lock_administrators
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.emails import EmailAddress, email_key
from doorward_identity.passwords import PasswordHashing, UnacceptablePasswordError, require_acceptable
from doorward_kit.column_types import utc_now
from doorward_kit.unit_of_work import Database
from doorward_users.directory import repository
from doorward_users.directory.repository import UserRow

_NAME = "Administrator"
_LONGEST_TOKEN_SECONDS = 3600  # the maximum of the services' setting


class AdminOutcome(Enum):
    """Results of creating an administrator."""

    CREATED = auto()
    PROMOTED = auto()
    PASSWORD_RESET = auto()
    UNCHANGED = auto()


class UnacceptableAdminError(Exception):
    """The address or the password is not acceptable; the message says why."""


def has_admin(database: Database) -> bool:
    """Tell whether there is an active administrator."""
    return bool(database.write_now(lock_administrators))


def create_admin(
    database: Database,
    hashing: PasswordHashing,
    email: str,
    password: str,
    *,
    reset_password: bool = False,
    must_change: bool = False,
) -> AdminOutcome:
    """Make `email` an active administrator. Safe to repeat, and to run twice at once.

    An existing account keeps its password unless `reset_password`. `must_change` makes the password a
    temporary one: its owner replaces it at the next login. Raises UnacceptableAdminError,
    DatabaseUnavailableError.
    """
    _require_acceptable(email, password)
    key = email_key(email)
    password_hash = hashing.hash_blocking(password)

    def work(connection: sa.Connection) -> AdminOutcome:
        user = repository.lock_user_by_email(connection, key)
        if user is None:
            record(
                connection,
                AuditAction.ADMIN_CREATED,
                actor=None,
                target=_insert(connection, email, password_hash, must_change=must_change),
            )
            return AdminOutcome.CREATED
        outcome = AdminOutcome.UNCHANGED
        if user.role != Role.ADMIN or user.status != Status.ACTIVE:
            changes = {"role": Role.ADMIN.value, "status": Status.ACTIVE.value}
            repository.update_user(connection, user.id, changes)
            _follow_up(connection, AccountChange.ROLE, user)
            record(connection, AuditAction.ADMIN_PROMOTED, actor=None, target=user.id)
            outcome = AdminOutcome.PROMOTED
        if reset_password:
            repository.set_password_hash(connection, user.id, password_hash, must_change=must_change)
            if user.email_verified_at is None:
                # The operator names the address, as at a creation.
                repository.update_user(connection, user.id, {"email_verified_at": utc_now()})
            _follow_up(connection, AccountChange.PASSWORD_SET, user)
            record(connection, AuditAction.ADMIN_PASSWORD_SET, actor=None, target=user.id)
            outcome = AdminOutcome.PASSWORD_RESET
        return outcome

    try:
        return database.write_now(work)
    except EmailTakenError:
        # A concurrent run created the account between the read and the insert.
        return database.write_now(work)


def _follow_up(connection: sa.Connection, change: AccountChange, user: UserRow) -> None:
    follow_up(connection, change, Owner(user.id, user.email), token_seconds=_LONGEST_TOKEN_SECONDS)


def _insert(connection: sa.Connection, email: str, password_hash: str, *, must_change: bool) -> uuid.UUID:
    account = NewAccount(
        id=uuid7s.uuid7(),
        email=email,
        name=_NAME,
        role=Role.ADMIN,
        is_verified=True,
        password_hash=password_hash,
        must_change=must_change,
    )
    create_account(connection, account)
    return account.id


def _require_acceptable(email: str, password: str) -> None:
    try:
        TypeAdapter(EmailAddress).validate_python(email)
        require_acceptable(password, email=email, name=_NAME)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise UnacceptableAdminError(f"--email or DOORWARD_ADMIN_EMAIL, {email}: {reason}") from None
    except UnacceptablePasswordError as error:
        raise UnacceptableAdminError(f"the password (DOORWARD_ADMIN_PASSWORD): {error.reason}") from None
