"""Opening a session, once a sign-in has every proof that it needs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_auth import known_devices
from doorward_auth.account_repository import Account
from doorward_auth.known_devices import DeviceToken
from doorward_auth.sessions import extensions as stored_extensions
from doorward_auth.sessions import repository as sessions
from doorward_auth.sessions.repository import NewSession, Origin
from doorward_auth.settings import AuthSettings
from doorward_auth.sign_in.steps import Done
from doorward_auth.tokens.refresh_tokens import RefreshToken
from doorward_auth.tokens.token_pair import SessionGrant
from doorward_client.tokens import NO_EXTENSIONS, Scalar
from doorward_identity.accounts import SessionEnd
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.sessions import end_surplus_sessions


class AccountChangedError(Exception):
    """The account is not as it was read."""


class SessionOpener:
    """Opens sessions in the transaction of their last proof, and ends those past the limit."""

    def __init__(self, settings: AuthSettings) -> None:
        self._token_seconds = settings.access_token_seconds
        self._absolute_seconds = settings.refresh_absolute_seconds
        self._max_sessions = settings.max_sessions
        self.idle_seconds: Final = min(settings.refresh_idle_seconds, self._absolute_seconds)

    def open(  # noqa: PLR0913 - what a session begins with
        self,
        connection: sa.Connection,
        account: Account,
        done: Done,
        auth_time: datetime,
        origin: Origin,
        known_device: DeviceToken | None = None,
        *,
        extensions: Mapping[str, Scalar] = NO_EXTENSIONS,
    ) -> SessionGrant:
        """Open a session; raises AccountChangedError unless the account is as it was read."""
        token = RefreshToken.issue(uuid7s.uuid7())
        session = NewSession(
            session_id=token.session_id,
            user_id=account.id,
            token_hash=token.hash(),
            token_version=account.token_version,
            auth_version=account.auth_version,
            auth_time=auth_time,
            acr=done.acr,
            amr=done.amr,
            extensions=stored_extensions.dump(extensions),
            user_agent=origin.user_agent,
            ip_address=origin.ip_address,
            idle_seconds=self.idle_seconds,
            absolute_seconds=self._absolute_seconds,
        )
        if not sessions.open_session(connection, session):
            raise AccountChangedError
        self._end_surplus(connection, account)
        new_device = _remember_device(connection, account, known_device)
        details = {"session_id": token.session_id, "new_device": new_device is not None}
        record(connection, AuditAction.LOGIN_SUCCEEDED, actor=account.id, target=account.id, details=details)
        return grant_of(
            token,
            account,
            done,
            auth_time,
            seconds=self.idle_seconds,
            extensions=extensions,
            new_device=new_device,
        )

    def _end_surplus(self, connection: sa.Connection, account: Account) -> None:
        """End the least recently used sessions past the limit: whoever can log in cannot fill the table."""
        ended = end_surplus_sessions(
            connection, account.id, most=self._max_sessions, token_seconds=self._token_seconds
        )
        for session_id in ended:
            details = {"session_id": session_id, "reason": SessionEnd.LIMIT}
            record(
                connection, AuditAction.SESSION_ENDED, actor=account.id, target=account.id, details=details
            )


def grant_of(  # noqa: PLR0913 - what a session's tokens say
    token: RefreshToken,
    account: Account,
    done: Done,
    auth_time: datetime,
    *,
    seconds: int,
    extensions: Mapping[str, Scalar],
    new_device: DeviceToken | None = None,
) -> SessionGrant:
    """Return what the tokens of a session say; `seconds` is the refresh token's lifetime."""
    return SessionGrant(
        token=token,
        user_id=account.id,
        role=account.role,
        token_version=account.token_version,
        auth_time=auth_time,
        acr=done.acr,
        amr=done.amr,
        lifetime=timedelta(seconds=seconds),
        extensions=extensions,
        device_token=None if new_device is None else str(new_device),
    )


def _remember_device(
    connection: sa.Connection, account: Account, known_device: DeviceToken | None
) -> DeviceToken | None:
    """Note that a known device was used, or return the token of a new one."""
    if known_device is not None:
        known_devices.touch(connection, known_device.id)
        return None
    new_device = DeviceToken.issue(uuid7s.uuid7())
    known_devices.remember(connection, account.id, new_device)
    return new_device
