"""Registered clients, as administrators manage them."""

import uuid
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import sqlalchemy as sa

from doorward_auth.oidc.clients import registration, repository
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_auth.oidc.clients.errors import ClientIsManagedError, ClientNotFoundError
from doorward_auth.oidc.clients.metadata import ClientPolicy
from doorward_auth.oidc.clients.registration import ClientRegistration, ClientWithSecrets
from doorward_auth.oidc.clients.repository import StoredSecret
from doorward_auth.oidc.clients.schemas import ClientCreate, ClientPatch
from doorward_auth.settings import AuthSettings
from doorward_client.bearer_auth import require_recent_login
from doorward_client.tokens import Claims
from doorward_identity.current_account import require_unchanged_account
from doorward_identity.resources import IdentityResources
from doorward_kit.etags import check_if_match
from doorward_kit.pagination import CursorCodec, Position

T = TypeVar("T")

_LIST: Final = ("clients",)


class ClientService:
    """Reads and changes clients.

    Every change raises InvalidAccessTokenError for a caller who has changed, and
    InsufficientUserAuthenticationError for one whose login is not recent, because a client can get the
    tokens of every user.
    """

    def __init__(self, resources: IdentityResources, settings: AuthSettings) -> None:
        self._resources = resources
        self._database = resources.database
        self._max_age = settings.step_up_max_age_seconds
        policy = ClientPolicy.of(
            audience=settings.audience,
            issuer=settings.issuer,
            public_url=settings.public_url,
            service_clients=settings.client_registry().ids,
        )
        self._registration = ClientRegistration(policy, token_seconds=settings.access_token_seconds)
        self._cursors = CursorCodec(lambda: settings.cursor_secrets(resources.verification.keys))

    async def list_page(
        self, cursor: str | None, limit: int
    ) -> tuple[Sequence[ClientWithSecrets], str | None]:
        """Read one page by client ids; raises InvalidCursorError."""
        after = None if cursor is None else self._cursors.decode(cursor, query=_LIST).value

        def work(connection: sa.Connection) -> Sequence[ClientWithSecrets]:
            clients = repository.list_clients(connection, after, limit + 1)
            secrets = repository.list_secrets(connection, [client.id for client in clients])
            return [ClientWithSecrets(client, tuple(secrets[client.id])) for client in clients]

        found = await self._database.read(work)
        return self._cursors.page(
            found, limit, lambda one: Position(one.client.client_id, one.client.id.hex), query=_LIST
        )

    async def get(self, row_id: uuid.UUID) -> ClientWithSecrets:
        """Read a client; raises ClientNotFoundError."""
        return await self._database.read(lambda connection: registration.read(connection, row_id))

    async def create(self, caller: Claims, new: ClientCreate) -> tuple[ClientWithSecrets, str | None]:
        """Store a client; return it and its secret. Raises as ClientRegistration.create does."""
        require_recent_login(caller, self._max_age)

        def work(connection: sa.Connection) -> tuple[ClientWithSecrets, str | None]:
            require_unchanged_account(connection, caller)
            return self._registration.create(connection, new, actor=caller.user_id)

        return await self._database.write(work)

    async def update(
        self, caller: Claims, row_id: uuid.UUID, patch: ClientPatch, if_match: str | None
    ) -> ClientWithSecrets:
        """Change a client; raises ClientNotFoundError, ClientIsManagedError, PreconditionFailedError.

        Raises InvalidClientMetadataError, too.
        """
        require_recent_login(caller, self._max_age)
        changed = {name: getattr(patch, name) for name in patch.model_fields_set}

        def change(connection: sa.Connection, client: RegisteredClient) -> ClientWithSecrets:
            self._registration.change(connection, client, dict(changed), actor=caller.user_id)
            return registration.read(connection, row_id)

        found = await self._change(caller, row_id, if_match, change)
        if found.client.is_disabled:
            await self._end_sessions(row_id)
        return found

    async def delete(self, caller: Claims, row_id: uuid.UUID, if_match: str | None) -> None:
        """Delete a client and end its sessions; raises as `update` does, but for its members."""
        require_recent_login(caller, self._max_age)
        await self._change(caller, row_id, if_match, self._registration.disable_to_delete)
        await self._end_sessions(row_id)

        def delete(connection: sa.Connection, client: RegisteredClient) -> None:
            self._registration.delete(connection, client, actor=caller.user_id)

        await self._change(caller, row_id, None, delete)

    async def add_secret(self, caller: Claims, row_id: uuid.UUID) -> tuple[StoredSecret, str]:
        """Add a secret; return it with its text.

        Raises ClientNotFoundError, ClientIsManagedError, SecretLimitError.
        """
        require_recent_login(caller, self._max_age)

        def add(connection: sa.Connection, client: RegisteredClient) -> tuple[StoredSecret, str]:
            return self._registration.add_secret(connection, client, actor=caller.user_id)

        return await self._change(caller, row_id, None, add)

    async def remove_secret(self, caller: Claims, row_id: uuid.UUID, secret_id: uuid.UUID) -> None:
        """Delete a secret; raises as `add_secret` does."""
        require_recent_login(caller, self._max_age)

        def remove(connection: sa.Connection, client: RegisteredClient) -> None:
            self._registration.remove_secret(connection, client, secret_id, actor=caller.user_id)

        await self._change(caller, row_id, None, remove)

    async def _change(
        self,
        caller: Claims,
        row_id: uuid.UUID,
        if_match: str | None,
        change: Callable[[sa.Connection, RegisteredClient], T],
    ) -> T:
        def work(connection: sa.Connection) -> T:
            require_unchanged_account(connection, caller)
            client = repository.lock(connection, row_id)
            if client is None:
                raise ClientNotFoundError
            if client.managed_by is not None:
                raise ClientIsManagedError
            check_if_match(if_match, client.version)
            return change(connection, client)

        return await self._database.write(work)

    async def _end_sessions(self, row_id: uuid.UUID) -> None:
        while await self._database.write(
            lambda connection: self._registration.end_sessions(connection, row_id)
        ):
            pass
        self._resources.revocation_poller.wake()
