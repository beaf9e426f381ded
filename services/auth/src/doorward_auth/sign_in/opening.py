"""Opening a session, once a sign-in has every proof that it needs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_auth import known_devices
from doorward_auth.account_repository import Account, AccountChangedError
from doorward_auth.known_devices import DeviceToken
from doorward_auth.refresh_cookies.cookies import RefreshCookie
from doorward_auth.request_source import RequestSource
from doorward_auth.sessions.new_session import NewSession, open_session
from doorward_auth.settings import AuthSettings
from doorward_auth.sign_in.steps import Authenticated
from doorward_auth.tokens.token_pair import RefreshToken, SessionGrant
from doorward_client.tokens import NO_EXTENSIONS, Scalar
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.sessions import end_surplus_sessions


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
        authenticated: Authenticated,
        auth_time: datetime,
        source: RequestSource,
        known_device: DeviceToken | None = None,
        *,
        extensions: Mapping[str, Scalar] = NO_EXTENSIONS,
        login_name: str | None = None,
    ) -> SessionGrant:
        """Open a session; raises AccountChangedError unless the account is as it was read.

        A new device is known with `login_name` only (see known_devices).
        """
        token = RefreshToken.issue(uuid7s.uuid7())
        session = NewSession(
            session_id=token.session_id,
            user_id=account.id,
            token_hash=token.hash(),
            token_version=account.token_version,
            auth_version=account.auth_version,
            auth_time=auth_time,
            acr=authenticated.acr,
            amr=authenticated.amr,
            extensions=extensions,
            user_agent=source.user_agent,
            ip_address=source.ip_address,
            cookie_name=None if source.cookie is None else source.cookie.name,
            idle_seconds=self.idle_seconds,
            absolute_seconds=self._absolute_seconds,
        )
        if not open_session(connection, session):
            raise AccountChangedError
        end_surplus_sessions(
            connection, account.id, most=self._max_sessions, token_seconds=self._token_seconds
        )
        new_device = known_devices.note_login(connection, account.id, known_device, login_name)
        details = {"session_id": token.session_id, "new_device": new_device is not None}
        record(connection, AuditAction.LOGIN_SUCCEEDED, actor=account.id, target=account.id, details=details)
        return grant_of(
            token,
            account,
            authenticated,
            auth_time,
            seconds=self.idle_seconds,
            extensions=extensions,
            new_device=new_device,
            cookie=source.cookie,
        )


def grant_of(  # noqa: PLR0913 - what a session's tokens say
    token: RefreshToken,
    account: Account,
    authenticated: Authenticated,
    auth_time: datetime,
    *,
    seconds: int,
    extensions: Mapping[str, Scalar],
    new_device: DeviceToken | None = None,
    cookie: RefreshCookie | None = None,
) -> SessionGrant:
    """Return what the tokens of a session say; `seconds` is the refresh token's lifetime."""
    return SessionGrant(
        token=token,
        user_id=account.id,
        role=account.role,
        token_version=account.token_version,
        auth_time=auth_time,
        acr=authenticated.acr,
        amr=authenticated.amr,
        lifetime=timedelta(seconds=seconds),
        extensions=extensions,
        device_token=None if new_device is None else str(new_device),
        cookie=cookie,
    )
