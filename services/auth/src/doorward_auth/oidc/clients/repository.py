"""Queries on registered clients."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from doorward_auth.client_secrets import is_client_id
from doorward_auth.oidc.clients.client import ClientKind, IdTokenAlgorithm, IdTokenClaims, RegisteredClient
from doorward_identity.accounts import SessionEnd
from doorward_identity.sessions import end_listed_sessions
from doorward_identity.tables import oauth_client_secrets, oauth_clients, sessions
from doorward_kit.column_types import utc_now

SESSIONS_AT_ONCE: Final = 1_000

_LISTS: Final = (
    *("scopes", "audiences", "allowed_groups"),
    *("redirect_uris", "post_logout_redirect_uris", "origins"),
)
_BY_CLIENT_ID: Final = sa.select(oauth_clients).where(oauth_clients.c.client_id == sa.bindparam("client_id"))
_BY_ID: Final = sa.select(oauth_clients).where(oauth_clients.c.id == sa.bindparam("id"))
_SECRET_HASHES: Final = sa.select(oauth_client_secrets.c.secret_hash).where(
    oauth_client_secrets.c.oauth_client_id == sa.bindparam("oauth_client_id")
)


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A secret, of which only a hash is stored."""

    id: uuid.UUID
    secret_hash: bytes
    created_at: datetime


def find(connection: sa.Connection, client_id: str) -> RegisteredClient | None:
    """Read a client by the id that it calls itself; None for an unknown one. It may be disabled.

    The id may be any text. MariaDB compares no text beyond ASCII with the column, and ignores spaces at the
    end.
    """
    if not is_client_id(client_id):
        return None
    row = connection.execute(_BY_CLIENT_ID, {"client_id": client_id}).one_or_none()
    return None if row is None else _client(row)


def get(connection: sa.Connection, row_id: uuid.UUID) -> RegisteredClient | None:
    """Read a client by the id of its row."""
    row = connection.execute(_BY_ID, {"id": row_id}).one_or_none()
    return None if row is None else _client(row)


def lock(connection: sa.Connection, row_id: uuid.UUID) -> RegisteredClient | None:
    """Read a client and lock its row until the end of the transaction."""
    row = connection.execute(_BY_ID.with_for_update(), {"id": row_id}).one_or_none()
    return None if row is None else _client(row)


def list_clients(connection: sa.Connection, after: str | None, count: int) -> Sequence[RegisteredClient]:
    """Read up to `count` clients by their client ids, after the client id `after`."""
    statement = sa.select(oauth_clients).order_by(oauth_clients.c.client_id).limit(count)
    if after is not None:
        statement = statement.where(oauth_clients.c.client_id > after)
    return [_client(row) for row in connection.execute(statement)]


def list_managed(connection: sa.Connection, managed_by: str) -> Sequence[RegisteredClient]:
    """Read the clients that one list maintains."""
    statement = sa.select(oauth_clients).where(oauth_clients.c.managed_by == managed_by)
    return [_client(row) for row in connection.execute(statement)]


def count(connection: sa.Connection) -> int:
    """Count the clients."""
    return connection.execute(sa.select(sa.func.count()).select_from(oauth_clients)).scalar_one()


def insert(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Store a new client; raises IntegrityError for a client id that is taken."""
    fixed = {"token_version": 0, "version": 1, "disabled_at": None}
    times = {"created_at": utc_now(), "updated_at": utc_now()}
    connection.execute(oauth_clients.insert().values({**_stored(values), **fixed, **times}))


def update(connection: sa.Connection, row_id: uuid.UUID, changed: Mapping[str, Any]) -> None:
    """Change members of a locked client, and its version."""
    versions = {"version": oauth_clients.c.version + 1, "updated_at": utc_now()}
    statement = oauth_clients.update().where(oauth_clients.c.id == row_id)
    connection.execute(statement.values({**_stored(changed), **versions}))


def delete(connection: sa.Connection, row_id: uuid.UUID) -> None:
    """Delete a client, with its secrets, codes and consents; its sessions have ended before."""
    connection.execute(oauth_clients.delete().where(oauth_clients.c.id == row_id))


def secret_hashes(connection: sa.Connection, row_id: uuid.UUID) -> list[bytes]:
    """Read the hashes of a client's secrets."""
    return list(connection.execute(_SECRET_HASHES, {"oauth_client_id": row_id}).scalars())


def list_secrets(
    connection: sa.Connection, row_ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, Sequence[StoredSecret]]:
    """Read the secrets of clients, the oldest first."""
    columns = oauth_client_secrets.c
    found: dict[uuid.UUID, list[StoredSecret]] = {row_id: [] for row_id in row_ids}
    statement = sa.select(columns.oauth_client_id, columns.id, columns.secret_hash, columns.created_at).where(
        columns.oauth_client_id.in_(row_ids)
    )
    for client, *values in connection.execute(statement.order_by(columns.id)):
        found[client].append(StoredSecret(*values))
    return found


def insert_secret(
    connection: sa.Connection, row_id: uuid.UUID, secret_id: uuid.UUID, secret_hash: bytes
) -> None:
    """Store the hash of a new secret."""
    values = {"id": secret_id, "oauth_client_id": row_id, "secret_hash": secret_hash, "created_at": utc_now()}
    connection.execute(oauth_client_secrets.insert().values(values))


def delete_secret(connection: sa.Connection, row_id: uuid.UUID, secret_id: uuid.UUID) -> bool:
    """Delete a secret; tell whether the client had it."""
    columns = oauth_client_secrets.c
    statement = oauth_client_secrets.delete().where(
        columns.id == secret_id, columns.oauth_client_id == row_id
    )
    return connection.execute(statement).rowcount == 1


def end_sessions(
    connection: sa.Connection, row_id: uuid.UUID, reason: SessionEnd, *, token_seconds: int
) -> int:
    """End up to SESSIONS_AT_ONCE live sessions of a client, with their access tokens; return how many."""
    live = sessions.c.oauth_client_id == row_id, sessions.c.ended_at.is_(None)
    found = connection.execute(sa.select(sessions.c.id).where(*live).limit(SESSIONS_AT_ONCE)).scalars().all()
    end_listed_sessions(connection, found, reason, token_seconds=token_seconds)
    return len(found)


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: " ".join(value) if name in _LISTS else value for name, value in values.items()}


def _client(row: sa.Row[Any]) -> RegisteredClient:
    values = dict(row._mapping)  # noqa: SLF001 - the public API of SQLAlchemy
    return RegisteredClient(
        **values
        | {name: tuple(values[name].split()) for name in _LISTS}
        | {
            "kind": ClientKind(values["kind"]),
            "id_token_alg": IdTokenAlgorithm(values["id_token_alg"]),
            "id_token_claims": IdTokenClaims(values["id_token_claims"]),
        }
    )
