"""Sealing stored tokens with the current key, in small batches, while services refresh the same grants."""

import uuid
from collections.abc import Collection
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.upstream.grants.repository import NO_TOKENS, find_all
from doorward_auth.upstream.grants.sealing import GrantSealing
from doorward_auth.vault.errors import UnopenableError
from doorward_auth.vault.rotation import Batch
from doorward_identity.tables import upstream_grants
from doorward_kit.column_types import utc_now

log = structlog.get_logger(__name__)

BATCH_SIZE: Final = 100
"""Rows in a transaction: few, because refreshes wait for their locks."""

_C: Final = upstream_grants.c


def keys_in_use(connection: sa.Connection) -> set[bytes]:
    """Return the ids of keys that a stored value needs."""
    used = sa.select(_C.key_id).where(_C.key_id.is_not(None)).distinct()
    return set(connection.execute(used).scalars())


def reseal_batch(
    connection: sa.Connection, sealing: GrantSealing, key_ids: Collection[bytes], after: uuid.UUID
) -> Batch:
    """Seal the next grants after an id that are sealed with one of these keys, in a transaction.

    Grants that another transaction has locked are left out: they need another walk. One that cannot be opened
    becomes due, and the services end it.
    """
    old = sa.select(_C.id).where(_C.key_id.in_(key_ids), _C.id > after).order_by(_C.id).limit(BATCH_SIZE)
    ids = list(connection.execute(old.with_for_update(skip_locked=True)).scalars())
    unreadable = []
    for row in find_all(connection, ids):
        try:
            tokens = sealing.reseal(row)
        except UnopenableError:
            log.warning("upstream.grant_unreadable", grant=str(row.id), provider=row.provider)
            unreadable.append(row.id)
            continue
        connection.execute(
            upstream_grants.update()
            .where(_C.id == row.id)
            .values(
                access_token=tokens.access,
                refresh_token=tokens.refresh,
                id_token=tokens.id,
                key_id=tokens.key_id,
            )
        )
    if unreadable:
        connection.execute(upstream_grants.update().where(_C.id.in_(unreadable)).values(due_at=utc_now()))
    last_id = ids[-1] if len(ids) == BATCH_SIZE else None
    return Batch(len(ids) - len(unreadable), len(unreadable), last_id)


def forget_batch(connection: sa.Connection, key_ids: Collection[bytes]) -> int:
    """Wipe a batch of grants that are sealed with keys that are lost, in a transaction; return how many.

    They become due, and the services end them as unreadable.
    """
    lost = sa.select(_C.id).where(_C.key_id.in_(key_ids)).order_by(_C.id).limit(BATCH_SIZE)
    ids = list(connection.execute(lost.with_for_update()).scalars())
    # Not the pause after the failures that the lost key has caused.
    forgotten = {**NO_TOKENS, "due_at": utc_now(), "attempts": 0}
    connection.execute(upstream_grants.update().where(_C.id.in_(ids)).values(forgotten))
    return len(ids)
