"""Queries on the ways in that a link of an upstream opens."""

import uuid
from collections.abc import Collection, Sequence

import sqlalchemy as sa

from doorward_auth import account_repository
from doorward_auth.account_repository import Account
from doorward_auth.sign_in.steps import Proof, load_proofs
from doorward_auth.upstream.identities import LinkedIdentity
from doorward_identity.emails import lookup_key
from doorward_identity.tables import sessions, upstream_grants


def find_sessions(
    connection: sa.Connection, user_id: uuid.UUID, provider: str, *, keep: uuid.UUID
) -> Sequence[uuid.UUID]:
    """Read the live sessions, but `keep`, that a login at an upstream opened and that have its tokens.

    The caller has locked the user's row, so no session opens meanwhile.
    """
    issued = sa.select(upstream_grants.c.session_id).where(
        upstream_grants.c.user_id == user_id, upstream_grants.c.provider == provider
    )
    live = sa.select(sessions.c.id, sessions.c.amr).where(
        sessions.c.user_id == user_id, sessions.c.id != keep, sessions.c.ended_at.is_(None)
    )
    rows = connection.execute(live.where(sessions.c.id.in_(issued)))
    return [session_id for session_id, amr in rows if Proof.FEDERATED in load_proofs(amr)]


def can_log_in_without(
    connection: sa.Connection,
    account: Account,
    provider: str,
    linked: Sequence[LinkedIdentity],
    configured: Collection[str],
) -> bool:
    """Tell whether a user has another way in: a password and its address, or another upstream that is there.

    A password alone does not suffice, because a login finds no account by an unverified address.
    """
    others = {link.provider for link in linked} - {provider}
    if others & set(configured):
        return True
    if account.password_hash is None:
        return False
    found = account_repository.find_by_email(connection, lookup_key(account.email))
    return found is not None and found.id == account.id
