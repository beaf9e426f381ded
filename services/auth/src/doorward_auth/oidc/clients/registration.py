"""The rules of registering, changing and removing clients, in a transaction of the caller: API and commands.

A removed or disabled client gets nothing from the moment that this is committed. Its sessions end afterwards,
in transactions of their own, because there may be many.
"""

import uuid
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s
from sqlalchemy import exc

from doorward_auth.client_secrets import MAX_SECRETS, hash_secret, new_secret
from doorward_auth.oidc.clients import repository
from doorward_auth.oidc.clients.client import ClientKind, RegisteredClient
from doorward_auth.oidc.clients.errors import (
    ClientIdTakenError,
    ClientNotFoundError,
    SecretLimitError,
    TooManyClientsError,
)
from doorward_auth.oidc.clients.metadata import ClientPolicy, check_metadata
from doorward_auth.oidc.clients.repository import StoredSecret
from doorward_auth.oidc.clients.schemas import ClientCreate, ClientMetadata
from doorward_identity.accounts import SessionEnd
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.token_revocation import revoke_user
from doorward_kit.column_types import utc_now

MAX_CLIENTS: Final = 1_000

_METADATA: Final = tuple(ClientMetadata.model_fields)


@dataclass(frozen=True, slots=True)
class ClientWithSecrets:
    """A client and what is stored of its secrets."""

    client: RegisteredClient
    secrets: tuple[StoredSecret, ...]


@dataclass(frozen=True, slots=True)
class ClientRegistration:
    """Changes clients. `token_seconds` is the lifetime of an access token."""

    policy: ClientPolicy
    token_seconds: int

    def create(
        self,
        connection: sa.Connection,
        new: ClientCreate,
        *,
        actor: uuid.UUID | None,
        secret: str | None = None,
        managed_by: str | None = None,
    ) -> tuple[ClientWithSecrets, str | None]:
        """Store a client; return it with its secret in clear, which is None for a public client.

        Raises InvalidClientMetadataError, ClientIdTakenError, TooManyClientsError.
        """
        members = new.model_dump()
        check_metadata(new.kind, members, self.policy)
        if repository.count(connection) >= MAX_CLIENTS:
            raise TooManyClientsError
        row_id = uuid7s.uuid7()
        try:
            repository.insert(connection, {**members, "id": row_id, "managed_by": managed_by})
        except exc.IntegrityError:
            raise ClientIdTakenError from None
        clear = None if new.kind is ClientKind.PUBLIC else secret or new_secret()
        if clear is not None:
            repository.insert_secret(connection, row_id, uuid7s.uuid7(), hash_secret(clear))
        _record(connection, AuditAction.CLIENT_CREATED, actor, new.client_id)
        return read(connection, row_id), clear

    def change(
        self,
        connection: sa.Connection,
        client: RegisteredClient,
        changed: dict[str, Any],
        *,
        actor: uuid.UUID | None,
    ) -> None:
        """Change members of a locked client; raises InvalidClientMetadataError.

        `disabled` is the only one that is not of ClientMetadata. After a change to True the caller ends the
        client's sessions.
        """
        is_disabled = changed.pop("disabled", None)
        if changed:
            # Otherwise a rule that became stricter would keep an operator from disabling a client.
            members = {name: getattr(client, name) for name in _METADATA} | changed
            check_metadata(client.kind, members, self.policy)
        if is_disabled is True and not client.is_disabled:
            self._disable(connection, client)
        if is_disabled is False and client.is_disabled:
            repository.update(connection, client.id, {"disabled_at": None})
        if changed:
            repository.update(connection, client.id, changed)
        names = sorted([*changed, *([] if is_disabled is None else ["disabled"])])
        _record(connection, AuditAction.CLIENT_UPDATED, actor, client.client_id, changed=names)

    def disable_to_delete(self, connection: sa.Connection, client: RegisteredClient) -> None:
        """Let a locked client get nothing more; its sessions and then its row follow."""
        if not client.is_disabled:
            self._disable(connection, client)

    def end_sessions(self, connection: sa.Connection, row_id: uuid.UUID) -> bool:
        """End a page of a disabled client's sessions; tell whether there may be more."""
        ended = repository.end_sessions(
            connection, row_id, SessionEnd.CLIENT, token_seconds=self.token_seconds
        )
        return ended == repository.SESSIONS_AT_ONCE

    def delete(self, connection: sa.Connection, client: RegisteredClient, *, actor: uuid.UUID | None) -> None:
        """Delete a disabled client whose sessions have ended."""
        repository.delete(connection, client.id)
        _record(connection, AuditAction.CLIENT_DELETED, actor, client.client_id)

    def add_secret(
        self,
        connection: sa.Connection,
        client: RegisteredClient,
        *,
        actor: uuid.UUID | None,
        secret: str | None = None,
    ) -> tuple[StoredSecret, str]:
        """Add a secret to a locked client; return it and its text. Raises SecretLimitError."""
        if not client.has_secret or len(repository.secret_hashes(connection, client.id)) >= MAX_SECRETS:
            raise SecretLimitError
        secret_id, clear = uuid7s.uuid7(), secret or new_secret()
        repository.insert_secret(connection, client.id, secret_id, hash_secret(clear))
        repository.update(connection, client.id, {})
        _record(connection, AuditAction.CLIENT_SECRET_ADDED, actor, client.client_id, secret_id=secret_id)
        stored = read(connection, client.id).secrets
        return next(secret for secret in stored if secret.id == secret_id), clear

    def remove_secret(
        self,
        connection: sa.Connection,
        client: RegisteredClient,
        secret_id: uuid.UUID,
        *,
        actor: uuid.UUID | None,
    ) -> None:
        """Delete a secret of a locked client.

        Raises ClientNotFoundError for a secret that it does not have, SecretLimitError for its last one.
        """
        known = {secret.id for secret in read(connection, client.id).secrets}
        if secret_id not in known:
            raise ClientNotFoundError
        if len(known) == 1:
            raise SecretLimitError
        repository.delete_secret(connection, client.id, secret_id)
        repository.update(connection, client.id, {})
        _record(connection, AuditAction.CLIENT_SECRET_REMOVED, actor, client.client_id, secret_id=secret_id)

    def _disable(self, connection: sa.Connection, client: RegisteredClient) -> None:
        version = client.token_version + 1
        repository.update(connection, client.id, {"disabled_at": utc_now(), "token_version": version})
        # A machine's access tokens are about the client itself.
        revoke_user(connection, client.id, token_version=version, token_seconds=self.token_seconds)


def read(connection: sa.Connection, row_id: uuid.UUID) -> ClientWithSecrets:
    """Read a client with its secrets; raises ClientNotFoundError."""
    client = repository.get(connection, row_id)
    if client is None:
        raise ClientNotFoundError
    return ClientWithSecrets(client, tuple(repository.list_secrets(connection, [row_id])[row_id]))


def _record(
    connection: sa.Connection, action: AuditAction, actor: uuid.UUID | None, client_id: str, **details: object
) -> None:
    record(connection, action, actor=actor, target=None, details={"client": client_id, **details})
