"""The rules of browser sessions."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_auth import known_devices
from doorward_auth.account_repository import Account, AccountChangedError
from doorward_auth.authentication import Authentication
from doorward_auth.browser_sessions import repository
from doorward_auth.browser_sessions.ending import end_browser_session, end_replaced, end_surplus
from doorward_auth.browser_sessions.repository import BrowserSession, NewBrowserSession
from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.known_devices import DeviceToken
from doorward_auth.request_source import RequestSource
from doorward_client.request_context import note_caller
from doorward_client.tokens import NO_EXTENSIONS, Scalar
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.resources import IdentityResources

TOUCH_INTERVAL: Final = timedelta(minutes=1)
"""A use is noted at most this often: most requests only read."""


@dataclass(frozen=True, slots=True)
class SessionLifetime:
    """Lifetime of sessions, in seconds: without a use (`idle`), and in all (`absolute`)."""

    idle: int
    absolute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSessionLimits:
    """How long browser sessions live, how many a user has, and how long access tokens live in seconds."""

    usual: SessionLifetime
    remembered: SessionLifetime
    max_sessions: int
    token_seconds: int


@dataclass(frozen=True, slots=True)
class OpenedBrowserSession:
    """A browser session and its cookie's token. `device_token` is that of a new device."""

    user_id: uuid.UUID
    token: BrowserSessionToken
    seconds: int
    device_token: DeviceToken | None
    is_remembered: bool


class BrowserSessionService:
    """Opens, finds and ends browser sessions."""

    def __init__(self, resources: IdentityResources, limits: BrowserSessionLimits) -> None:
        self._resources = resources
        self._database = resources.database
        self._limits = limits

    def open(  # noqa: PLR0913 - what a session begins with
        self,
        connection: sa.Connection,
        account: Account,
        authentication: Authentication,
        source: RequestSource,
        known_device: DeviceToken | None = None,
        *,
        replaces: BrowserSessionToken | None = None,
        is_remembered: bool = False,
        extensions: Mapping[str, Scalar] = NO_EXTENSIONS,
        login_name: str | None = None,
    ) -> OpenedBrowserSession:
        """Open a session; raises AccountChangedError unless the account is as it was read.

        `replaces` is the token that the browser has sent. A new proof of the same user keeps the session's
        id, so that its clients stay signed in; another user's sign-in ends that session. `extensions` is the
        claim `ext` of tokens for Doorward's API. A new device is known with `login_name` only.
        """
        previous = None if replaces is None else repository.lock_replaced(connection, replaces, account.id)
        is_renewed = previous is not None and previous.account.id == account.id
        session_id = previous.id if previous is not None and is_renewed else uuid7s.uuid7()
        if previous is not None and is_renewed:
            repository.delete(connection, previous.id)
        elif previous is not None:
            end_replaced(connection, previous, account.id, token_seconds=self._limits.token_seconds)
        token = BrowserSessionToken.issue(session_id)
        lifetime = self._lifetime(is_remembered=is_remembered)
        session = NewBrowserSession(
            id=token.id,
            user_id=account.id,
            secret_hash=token.hash(),
            token_version=account.token_version,
            auth_version=account.auth_version,
            auth_time=authentication.auth_time,
            acr=authentication.acr,
            amr=authentication.amr,
            is_remembered=is_remembered,
            extensions=extensions,
            user_agent=source.user_agent,
            ip_address=source.ip_address,
            idle_seconds=min(lifetime.idle, lifetime.absolute),
            absolute_seconds=lifetime.absolute,
        )
        if not repository.insert(connection, session):
            raise AccountChangedError
        end_surplus(
            connection,
            account.id,
            most=self._limits.max_sessions,
            token_seconds=self._limits.token_seconds,
        )
        new_device = known_devices.note_login(connection, account.id, known_device, login_name)
        details = {"browser_session_id": token.id, "new_device": new_device is not None}
        record(connection, AuditAction.LOGIN_SUCCEEDED, actor=account.id, target=account.id, details=details)
        return OpenedBrowserSession(
            account.id, token, lifetime.absolute, new_device, is_remembered=is_remembered
        )

    async def current(self, token: BrowserSessionToken | None) -> BrowserSession | None:
        """Return the valid session of a cookie's token, and note its use; None for any other token."""
        if token is None:
            return None
        session = await self._database.read(lambda connection: repository.find_valid(connection, token))
        note_visitor(session)
        if session is not None and _is_touch_due(session):
            await self._database.write(lambda connection: self.note_use(connection, session))
        return session

    def note_use(self, connection: sa.Connection, session: BrowserSession) -> None:
        """Extend a session, unless that was done a moment ago."""
        if _is_touch_due(session):
            idle = timedelta(seconds=self._lifetime(is_remembered=session.is_remembered).idle)
            expires = min(session.now + idle, session.absolute_expires_at)
            repository.touch(connection, session.id, idle_expires_at=expires)

    async def end(self, session: BrowserSession) -> None:
        """End a session. Ending it again changes nothing and is no error."""
        is_ended = await self._database.write(
            lambda connection: end_browser_session(
                connection, session.id, session.account.id, token_seconds=self._limits.token_seconds
            )
        )
        if is_ended:
            self._resources.revocation_poller.wake()

    def _lifetime(self, *, is_remembered: bool) -> SessionLifetime:
        return self._limits.remembered if is_remembered else self._limits.usual


def note_visitor(session: BrowserSession | None) -> None:
    """Name the user of a browser's session, if there is one, in the request's log line."""
    if session is not None:
        note_caller(session.account.id, session.id)


def _is_touch_due(session: BrowserSession) -> bool:
    return session.now - session.last_used_at > TOUCH_INTERVAL
