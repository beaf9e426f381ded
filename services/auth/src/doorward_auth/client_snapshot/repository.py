"""The query of the snapshot."""

from typing import Final, NamedTuple

import sqlalchemy as sa

from doorward_identity.tables import oauth_clients

MAX_CLIENTS: Final = 10_000
"""Limits the memory of the snapshot; installations have a few."""

_PUBLIC: Final = "public"


class ClientUris(NamedTuple):
    """Origins of public clients, and resources (RFC 8707) that any client gets tokens for."""

    origins: frozenset[str]
    resources: frozenset[str]


def read_uris(connection: sa.Connection) -> ClientUris:
    """Read those of the clients that are not disabled."""
    statement = (
        sa.select(oauth_clients.c.kind, oauth_clients.c.origins, oauth_clients.c.audiences)
        .where(
            oauth_clients.c.disabled_at.is_(None),
            sa.or_(oauth_clients.c.origins != "", oauth_clients.c.audiences != ""),
        )
        .limit(MAX_CLIENTS)
    )
    rows = connection.execute(statement).all()
    return ClientUris(
        frozenset(origin for kind, origins, _ in rows if kind == _PUBLIC for origin in origins.split()),
        frozenset(resource for _, _, resources in rows for resource in resources.split()),
    )
