"""Sealing the tokens to revoke with the current key of the vault: see upstream.grants.resealing."""

import uuid
from collections.abc import Collection
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.upstream.revocations.repository import find_all
from doorward_auth.upstream.revocations.sealing import RevocationSealing
from doorward_auth.vault.errors import UnopenableError
from doorward_auth.vault.rotation import Batch
from doorward_identity.tables import upstream_revocations
from doorward_kit.column_types import utc_now

log = structlog.get_logger(__name__)

BATCH_SIZE: Final = 100

_C: Final = upstream_revocations.c


def keys_in_use(connection: sa.Connection) -> set[bytes]:
    """Return the ids of keys that a stored value needs."""
    return set(connection.execute(sa.select(_C.key_id).distinct()).scalars())


def reseal_batch(
    connection: sa.Connection, sealing: RevocationSealing, key_ids: Collection[bytes], after: uuid.UUID
) -> Batch:
    """Seal the next rows after an id that are sealed with one of these keys, in a transaction.

    One that cannot be opened becomes due, and auth gives it up.
    """
    old = sa.select(_C.id).where(_C.key_id.in_(key_ids), _C.id > after).order_by(_C.id).limit(BATCH_SIZE)
    ids = list(connection.execute(old.with_for_update(skip_locked=True)).scalars())
    unreadable = []
    for row in find_all(connection, ids):
        try:
            tokens = sealing.reseal(row)
        except UnopenableError:
            log.warning("upstream.revocation_unreadable", revocation=str(row.id), provider=row.provider)
            unreadable.append(row.id)
            continue
        connection.execute(
            upstream_revocations.update()
            .where(_C.id == row.id)
            .values(
                grant_id=None, access_token=tokens.access, refresh_token=tokens.refresh, key_id=tokens.key_id
            )
        )
    if unreadable:
        due = upstream_revocations.update().where(_C.id.in_(unreadable))
        connection.execute(due.values(due_at=utc_now()))
    last_id = ids[-1] if len(ids) == BATCH_SIZE else None
    return Batch(len(ids) - len(unreadable), len(unreadable), last_id)


def forget_batch(connection: sa.Connection, key_ids: Collection[bytes]) -> int:
    """Delete a batch of rows that are sealed with keys that are lost, in a transaction; return how many."""
    lost = sa.select(_C.id).where(_C.key_id.in_(key_ids)).order_by(_C.id).limit(BATCH_SIZE)
    ids = list(connection.execute(lost.with_for_update()).scalars())
    if ids:
        log.warning("upstream.revocation_given_up", rows=len(ids), reason="key_lost")
        connection.execute(upstream_revocations.delete().where(_C.id.in_(ids)))
    return len(ids)
