"""What follows from a new password, whichever way it was chosen."""

import uuid

import sqlalchemy as sa

from doorward_auth import account_repository, known_devices
from doorward_auth.account_repository import Account
from doorward_auth.one_time_codes import repository as codes
from doorward_client.errors import DoorwardError, FieldError
from doorward_identity.accounts import SessionEnd, credentials_changed
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.mail_types import MailName, enqueue_mail
from doorward_identity.sessions import end_other_sessions, end_sessions, end_tokens


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
    """Store a locked account's new password, and end what the old one opened.

    Sessions but `keep_session` end, codes and known devices are deleted, unfinished sign-ins are void, and
    the owner is notified by mail. `token_seconds` is the longest lifetime of an access token.
    """
    user_id = account.id
    account_repository.set_password(connection, account, password_hash)
    credentials_changed(connection, user_id)
    if keep_session is None:
        end_sessions(connection, user_id, SessionEnd.PASSWORD)
        end_tokens(connection, user_id, token_seconds=token_seconds)
    else:
        end_other_sessions(
            connection, user_id, keep_session, SessionEnd.PASSWORD, token_seconds=token_seconds
        )
    known_devices.forget_all(connection, user_id)
    codes.delete(connection, user_id)
    record(connection, action, actor=user_id, target=user_id)
    enqueue_mail(connection, MailName.PASSWORD_CHANGED, account.email, name=account.name)
