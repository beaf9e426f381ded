"""Sealing grants with the current key of the vault, and giving up those whose key is lost."""

from collections.abc import Collection, Mapping
from functools import partial

import sqlalchemy as sa

from doorward_auth.upstream.grants.models import GrantRow
from doorward_auth.upstream.grants.repository import NO_TOKENS, find_all
from doorward_auth.upstream.grants.sealing import GrantSealing
from doorward_auth.vault.resealing import SealedTable
from doorward_auth.vault.vault import Vault
from doorward_identity.tables import upstream_grants
from doorward_kit.column_types import utc_now


def sealed_grants(vault: Vault) -> SealedTable[GrantRow]:
    """Return the table, whose rows this vault seals."""
    reseal = partial(_reseal, GrantSealing(vault))
    return SealedTable(upstream_grants, find_all, reseal, "upstream.grant_unreadable")


def forget_batch(table: SealedTable[GrantRow], connection: sa.Connection, key_ids: Collection[bytes]) -> int:
    """Wipe a batch of grants that are sealed with keys that are lost, in a transaction; return how many.

    They become due, and the services end them as unreadable.
    """
    ids = table.lock_batch(connection, key_ids)
    # Not the pause after the failures that the lost key has caused.
    forgotten = {**NO_TOKENS, "due_at": utc_now(), "attempts": 0}
    connection.execute(upstream_grants.update().where(upstream_grants.c.id.in_(ids)).values(forgotten))
    return len(ids)


def _reseal(sealing: GrantSealing, row: GrantRow) -> Mapping[str, object]:
    tokens = sealing.reseal(row)
    return {
        "access_token": tokens.access,
        "refresh_token": tokens.refresh,
        "id_token": tokens.id,
        "key_id": tokens.key_id,
    }
