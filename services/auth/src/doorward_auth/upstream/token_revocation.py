"""Revokes the upstream's tokens of logins that fail afterwards, or are rejected here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
import structlog

from doorward_auth.upstream.grants.provider import Provider
from doorward_auth.upstream.requests import AdapterCall, UpstreamRequests
from doorward_auth.upstream.revocations.outbox import RevocationOutbox
from doorward_auth.upstream_adapters.base import UnusedTokens, UpstreamError, UpstreamLogin
from doorward_client.errors import DoorwardError
from doorward_kit.unit_of_work import Database, DatabaseUnavailableError, Work, do_nothing

log = structlog.get_logger(__name__)


class UpstreamTokenRevocation:
    """Stores the tokens of failed and rejected logins to be revoked. Their callers do not wait for that."""

    def __init__(self, database: Database, requests: UpstreamRequests, outbox: RevocationOutbox) -> None:
        self._database = database
        self._requests = requests
        self._outbox = outbox

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
                await self._revoke(provider, error.unused, do_nothing)
            raise

    @asynccontextmanager
    async def revoke_on_error(
        self, provider: Provider, login: UpstreamLogin, release: Work[None] = do_nothing
    ) -> AsyncIterator[None]:
        """Revoke the tokens of a login if the block rejects it; its error stays the one that is raised.

        Not where the database failed: the commit may have succeeded, and with it the grant. `release` joins
        the transaction that stores the tokens.
        """
        try:
            yield
        except DatabaseUnavailableError as error:
            _log_not_stored(provider, error)
            raise
        except DoorwardError:
            await self._revoke(provider, _unused(login), release)
            raise

    async def revoke(self, provider: Provider, login: UpstreamLogin) -> None:
        """Have the tokens of a rejected login revoked. A failure to store them is logged."""
        await self._revoke(provider, _unused(login), do_nothing)

    def revoke_in(self, connection: sa.Connection, provider: str, login: UpstreamLogin) -> None:
        """Store the tokens of a login to be revoked in this transaction. Call `wake` after the commit."""
        self._outbox.add(connection, provider, _unused(login))

    def wake(self) -> None:
        """Have what was stored delivered now."""
        self._outbox.wake()

    async def _revoke(self, provider: Provider, unused: UnusedTokens, release: Work[None]) -> None:
        def work(connection: sa.Connection) -> None:
            release(connection)
            self._outbox.add(connection, provider.name, unused)

        try:
            await self._database.write(work)
        except Exception as error:  # noqa: BLE001 - the caller must get its error, and not this error
            _log_not_stored(provider, error)
        else:
            self._outbox.wake()


def _log_not_stored(provider: Provider, error: Exception) -> None:
    log.warning("upstream.revocation_not_stored", provider=provider.name, error=type(error).__name__)


def _unused(login: UpstreamLogin) -> UnusedTokens:
    return UnusedTokens(login.tokens, login.user.subject)
