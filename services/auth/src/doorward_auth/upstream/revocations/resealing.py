"""Sealing the tokens to revoke with the current key of the vault, and giving up those whose key is lost."""

from collections.abc import Collection, Mapping
from functools import partial

import sqlalchemy as sa
import structlog

from doorward_auth.upstream.revocations.models import PendingRevocation
from doorward_auth.upstream.revocations.repository import find_all
from doorward_auth.upstream.revocations.sealing import RevocationSealing
from doorward_auth.vault.resealing import SealedTable
from doorward_auth.vault.vault import Vault
from doorward_identity.tables import upstream_revocations

log = structlog.get_logger(__name__)


def sealed_revocations(vault: Vault) -> SealedTable[PendingRevocation]:
    """Return the table, whose rows this vault seals."""
    reseal = partial(_reseal, RevocationSealing(vault))
    return SealedTable(upstream_revocations, find_all, reseal, "upstream.revocation_unreadable")


def forget_batch(
    table: SealedTable[PendingRevocation], connection: sa.Connection, key_ids: Collection[bytes]
) -> int:
    """Delete a batch of rows that are sealed with keys that are lost, in a transaction; return how many."""
    ids = table.lock_batch(connection, key_ids)
    if ids:
        log.warning("upstream.revocation_given_up", rows=len(ids), reason="key_lost")
        connection.execute(upstream_revocations.delete().where(upstream_revocations.c.id.in_(ids)))
    return len(ids)


def _reseal(sealing: RevocationSealing, row: PendingRevocation) -> Mapping[str, object]:
    tokens = sealing.reseal(row)
    return {
        "grant_id": None,
        "access_token": tokens.access,
        "refresh_token": tokens.refresh,
        "key_id": tokens.key_id,
    }
