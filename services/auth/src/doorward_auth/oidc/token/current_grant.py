"""The scopes and resources that a session at a client may still have: one rule for codes and refresh tokens.

A client is changed while its codes and sessions live. A scope or resource that a new authorization request
could not get is lost at the next token request.
"""

import uuid
from collections.abc import Iterable

import sqlalchemy as sa

from doorward_auth.oidc import groups, scopes
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_auth.oidc.consents import repository as consents


def current_scopes(
    connection: sa.Connection,
    client: RegisteredClient,
    user_id: uuid.UUID,
    granted: Iterable[str],
    *,
    is_held: bool = False,
) -> tuple[str, ...] | None:
    """Return the granted scopes that the client still has, in their order.

    With `is_held` the consent is not withdrawn until the commit.
    None if the user is in none of the client's groups, or has to consent: after a withdrawal, or because
    the client is no longer first-party.
    """
    if not groups.may_use(connection, user_id, client):
        return None
    left = scopes.narrow(granted, client.scopes)
    if client.first_party:
        return left
    allowed = consents.scopes_of(connection, user_id, client.id, is_held=is_held)
    return None if allowed is None else scopes.narrow(left, allowed)
