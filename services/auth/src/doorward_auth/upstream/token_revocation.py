"""Revokes the upstream's tokens of logins that fail afterwards, or are rejected here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
import structlog

from doorward_auth.upstream import identities
from doorward_auth.upstream.grants import repository as grants
from doorward_auth.upstream.grants.provider import Provider
from doorward_auth.upstream.requests import AdapterCall, UpstreamRequests
from doorward_auth.upstream_adapters.base import UnusedTokens, UpstreamError, UpstreamLogin
from doorward_client.errors import DoorwardError
from doorward_kit.unit_of_work import Database, DatabaseUnavailableError

log = structlog.get_logger(__name__)


class UpstreamTokenRevocation:
    """Revokes the tokens of failed and rejected logins at the upstream, as far as it can.

    Through the gate of callers' requests: a flood of rejected logins delays no refresh.
    """

    def __init__(self, database: Database, requests: UpstreamRequests) -> None:
        self._database = database
        self._requests = requests

    async def send_or_revoke(
        self, provider: Provider, operation: str, call: AdapterCall[UpstreamLogin]
    ) -> UpstreamLogin:
        """Send a registration or login; raises UpstreamError.

        If it fails although the upstream has issued tokens, they are revoked: so of a wrong ID token.
        """
        try:
            return await self._requests.send(provider, operation, call)
        except UpstreamError as error:
            if error.unused is not None:
                await self._revoke(provider, error.unused)
            raise

    @asynccontextmanager
    async def revoke_on_error(self, provider: Provider, login: UpstreamLogin) -> AsyncIterator[None]:
        """Revoke the tokens of a login if the block rejects it; its error stays the one that is raised.

        Not where the database failed: the commit may have succeeded, and with it the grant.
        """
        try:
            yield
        except DatabaseUnavailableError:
            raise
        except DoorwardError:
            await self.revoke(provider, login)
            raise

    async def revoke(self, provider: Provider, login: UpstreamLogin) -> None:
        """Ask the upstream once, if it is available, to revoke the tokens of a rejected login.

        A failure is logged.
        """
        await self._revoke(provider, UnusedTokens(login.tokens, login.user.subject))

    async def _revoke(self, provider: Provider, unused: UnusedTokens) -> None:
        """Revoke the tokens.

        Not while the subject's user has a live grant there: some upstreams issue the same tokens at each
        login, and others end every token of a user with one (Keycloak).
        """
        try:
            if await self._database.read(lambda connection: _has_live_grant(connection, provider, unused)):
                return
            await self._requests.send(provider, "revoke", lambda: provider.adapter.revoke(unused.tokens))
        except Exception as error:  # noqa: BLE001 - the caller must get its error, and not this error
            log.warning("upstream.revocation_failed", provider=provider.name, error=type(error).__name__)


def _has_live_grant(connection: sa.Connection, provider: Provider, unused: UnusedTokens) -> bool:
    if unused.subject is None:
        return False
    owner = identities.find_user(connection, provider.name, unused.subject)
    if owner is None:
        return False
    rows = grants.list_of_user(connection, owner, provider.name)
    return any(row.is_wanted and row.is_refreshable for row in rows)
