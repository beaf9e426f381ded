"""The rules of listing and withdrawing consents."""

import uuid
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from doorward_auth.oidc.clients import repository as clients
from doorward_auth.oidc.consents import repository
from doorward_auth.oidc.consents.repository import Consent
from doorward_client.errors import NotFoundError
from doorward_identity.accounts import SessionEnd
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import end_sessions_of_client

MAX_LISTED: Final = 200


class ConsentNotFoundError(NotFoundError):
    """404 for an application that the caller has allowed nothing."""

    code = "consent_not_found"
    detail = "This application does not have your consent."


class ConsentService:
    """Lists what a user allowed, and takes it back."""

    def __init__(self, resources: IdentityResources, *, token_seconds: int) -> None:
        self._resources = resources
        self._database = resources.database
        self._token_seconds = token_seconds

    async def list_of(self, user_id: uuid.UUID) -> Sequence[Consent]:
        """Read the consents of a user."""
        return await self._database.read(
            lambda connection: repository.list_of(connection, user_id, MAX_LISTED)
        )

    async def withdraw(self, user_id: uuid.UUID, client_id: str) -> None:
        """Delete a consent, and end the client's sessions of the user; raises ConsentNotFoundError."""

        def work(connection: sa.Connection) -> None:
            client = clients.find(connection, client_id)
            if client is None or not repository.withdraw(connection, user_id, client.id):
                raise ConsentNotFoundError
            ended = end_sessions_of_client(
                connection, user_id, client.id, SessionEnd.CONSENT, token_seconds=self._token_seconds
            )
            details = {"client": client_id, "count": ended}
            record(connection, AuditAction.CONSENT_WITHDRAWN, actor=user_id, target=user_id, details=details)

        await self._database.write(work)
        self._resources.revocation_poller.wake()
