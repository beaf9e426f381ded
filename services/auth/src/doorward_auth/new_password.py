"""The consequences of a new password, however it was chosen."""

import uuid

import sqlalchemy as sa

from doorward_auth import account_repository
from doorward_auth.account_repository import Account
from doorward_client.errors import DoorwardError, FieldError
from doorward_identity.account_changes import AccountChange, follow_up
from doorward_identity.audit.repository import AuditAction, record


class SamePasswordError(DoorwardError):
    """422: the new password is the current one."""

    status = 422
    code = "password_unchanged"
    detail = "The new password is the one that the account has."
    errors = (FieldError(pointer="/new_password", code=code, detail=detail),)


def store_new_password(
    connection: sa.Connection,
    account: Account,
    password_hash: str,
    action: AuditAction,
    *,
    keep_session: uuid.UUID | None = None,
    token_seconds: int,
) -> None:
    """Store a locked account's new password, chosen by its owner, with what follows (account_changes).

    `token_seconds` is the longest lifetime of an access token.
    """
    account_repository.set_password(connection, account, password_hash)
    follow_up(
        connection,
        AccountChange.PASSWORD_CHANGED,
        account.as_owner,
        token_seconds=token_seconds,
        keep_session=keep_session,
    )
    record(connection, action, actor=account.id, target=account.id)
