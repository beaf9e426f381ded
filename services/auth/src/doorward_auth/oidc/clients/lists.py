"""Clients that a list outside maintains, such as the values of the chart. It is applied as a whole.

A list changes only clients that it has made. Those that it no longer names are deleted.
"""

import hmac
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_auth.client_secrets import hash_secret
from doorward_auth.oidc.clients import registration, repository
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_auth.oidc.clients.registration import ClientRegistration
from doorward_auth.oidc.clients.schemas import ClientCreate, ClientMetadata

Run = Callable[[Callable[[sa.Connection], bool]], bool]
"""Runs work in a transaction and returns its result."""

_METADATA: Final = tuple(ClientMetadata.model_fields)


class UnacceptableListError(Exception):
    """The list cannot be applied; the message names the client and says why."""


@dataclass(frozen=True, slots=True)
class ListedClient:
    """A client of a list. `secret` is None for a public client."""

    new: ClientCreate
    secret: str | None


@dataclass(slots=True)
class AppliedChanges:
    """The client ids that a list has created, changed and deleted."""

    created: list[str]
    changed: list[str]
    deleted: list[str]


class ClientList:
    """A list of clients with a name."""

    def __init__(self, rules: ClientRegistration, name: str, clients: Sequence[ListedClient]) -> None:
        self._rules = rules
        self._name = name
        self._clients: Mapping[str, ListedClient] = {client.new.client_id: client for client in clients}

    def apply(self, connection: sa.Connection) -> tuple[AppliedChanges, Sequence[uuid.UUID]]:
        """Create and change clients, and disable those to delete, whose ids are returned.

        Raises UnacceptableListError, and as ClientRegistration does.
        """
        applied = AppliedChanges([], [], [])
        for client_id, listed in self._clients.items():
            found = repository.find(connection, client_id)
            if found is None:
                self._rules.create(
                    connection, listed.new, actor=None, secret=listed.secret, managed_by=self._name
                )
                applied.created.append(client_id)
            elif self._update(connection, self._require_own(found, listed), listed):
                applied.changed.append(client_id)
        return applied, self._disable_others(connection, applied)

    def _require_own(self, client: RegisteredClient, listed: ListedClient) -> RegisteredClient:
        if client.managed_by != self._name:
            raise UnacceptableListError(f"{client.client_id} exists and is not of this list; delete it first")
        if client.kind is not listed.new.kind:
            raise UnacceptableListError(
                f"{client.client_id} is {client.kind}, and the kind of a client stays; give it another id"
            )
        return client

    def _update(self, connection: sa.Connection, client: RegisteredClient, listed: ListedClient) -> bool:
        values = {name: getattr(listed.new, name) for name in _METADATA}
        changed: dict[str, object] = {
            name: value for name, value in values.items() if _plain(getattr(client, name)) != _plain(value)
        }
        if client.is_disabled:
            changed["disabled"] = False
        has_new_secret = listed.secret is not None and self._replace_secret(connection, client, listed.secret)
        if changed:
            self._rules.change(connection, client, changed, actor=None)
        return bool(changed) or has_new_secret

    def _replace_secret(self, connection: sa.Connection, client: RegisteredClient, secret: str) -> bool:
        """Add a new secret and keep the newest one; a secret that stays is the only one from then on.

        So the first application of the list brings the new secret, and the second drops the old one.
        """
        stored, hashed = registration.read(connection, client.id).secrets, hash_secret(secret)
        matching = [known for known in stored if hmac.compare_digest(known.secret_hash, hashed)]
        remaining = matching or stored[-1:]
        for known in stored:
            if known not in remaining:
                repository.delete_secret(connection, client.id, known.id)
        if not matching:
            repository.insert_secret(connection, client.id, uuid7s.uuid7(), hashed)
        return not matching

    def _disable_others(self, connection: sa.Connection, applied: AppliedChanges) -> Sequence[uuid.UUID]:
        unlisted = [
            client
            for client in repository.list_managed(connection, self._name)
            if client.client_id not in self._clients
        ]
        for client in unlisted:
            self._rules.disable_to_delete(connection, client)
            applied.deleted.append(client.client_id)
        return [client.id for client in unlisted]


def delete_disabled(rules: ClientRegistration, run: Run, row_id: uuid.UUID) -> None:
    """End the sessions of a disabled client, a page in a transaction, and delete it."""

    def delete(connection: sa.Connection) -> bool:
        client = repository.lock(connection, row_id)
        if client is not None:
            rules.delete(connection, client, actor=None)
        return False

    while run(lambda connection: rules.end_sessions(connection, row_id)):
        pass
    run(delete)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
