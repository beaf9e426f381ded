"""Queries on consents."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from doorward_auth.oidc import scopes
from doorward_identity.oauth_tables import SCOPE_LENGTH
from doorward_identity.tables import consents, oauth_clients
from doorward_kit.column_types import utc_now
from doorward_kit.upsert import upsert


@dataclass(frozen=True, slots=True)
class Consent:
    """The scopes that a user has allowed a client."""

    client_id: str
    client_name: str
    scopes: tuple[str, ...]
    granted_at: datetime


def has_consented(
    connection: sa.Connection, user_id: uuid.UUID, client: uuid.UUID, required: Sequence[str]
) -> bool:
    """Tell whether a user allowed a client all of these scopes, or without any, allowed it once."""
    allowed = scopes_of(connection, user_id, client)
    return allowed is not None and allowed.issuperset(required)


def grant(connection: sa.Connection, user_id: uuid.UUID, client: uuid.UUID, allowed: Sequence[str]) -> None:
    """Store that a user allows a client these scopes, too."""
    before = scopes_of(connection, user_id, client) or frozenset()
    together = scopes.join(sorted(before | set(allowed)))
    # What was allowed long ago, and is asked for no more, makes room.
    scope = together if len(together) <= SCOPE_LENGTH else scopes.join(sorted(allowed))
    row = {"user_id": user_id, "oauth_client_id": client, "scope": scope, "granted_at": utc_now()}
    upsert(connection, consents, row, changed=("scope", "granted_at"))


def list_of(connection: sa.Connection, user_id: uuid.UUID, count: int) -> list[Consent]:
    """Read up to `count` consents of a user, by the clients' names."""
    statement = (
        sa.select(oauth_clients.c.client_id, oauth_clients.c.name, consents.c.scope, consents.c.granted_at)
        .join(oauth_clients, oauth_clients.c.id == consents.c.oauth_client_id)
        .where(consents.c.user_id == user_id)
        .order_by(oauth_clients.c.name, oauth_clients.c.client_id)
        .limit(count)
    )
    return [
        Consent(client_id, name, tuple(scope.split()), granted_at)
        for client_id, name, scope, granted_at in connection.execute(statement)
    ]


def withdraw(connection: sa.Connection, user_id: uuid.UUID, client: uuid.UUID) -> bool:
    """Delete a consent; tell whether there was one."""
    return connection.execute(consents.delete().where(_is_consent_of(user_id, client))).rowcount == 1


def scopes_of(
    connection: sa.Connection, user_id: uuid.UUID, client: uuid.UUID, *, is_held: bool = False
) -> frozenset[str] | None:
    """Read what a user allowed a client; None without a consent. `client` is the id of its row.

    With `is_held` nothing withdraws it until the commit.
    """
    found = sa.select(consents.c.scope).where(_is_consent_of(user_id, client))
    scope = connection.execute(found.with_for_update(read=True) if is_held else found).scalar_one_or_none()
    return None if scope is None else frozenset(scope.split())


def _is_consent_of(user_id: uuid.UUID, client: uuid.UUID) -> sa.ColumnElement[bool]:
    return sa.and_(consents.c.user_id == user_id, consents.c.oauth_client_id == client)
