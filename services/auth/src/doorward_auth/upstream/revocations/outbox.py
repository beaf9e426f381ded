"""Storing tokens to revoke, and waking the loops that deliver them."""

import asyncio

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_auth.upstream.revocations import repository
from doorward_auth.upstream.revocations.sealing import RevocationSealing
from doorward_auth.upstream_adapters.base import UnusedTokens
from doorward_identity.upstream_revocations import seconds_to_try


class RevocationOutbox:
    """Stores tokens in the transaction after which Doorward no longer uses them.

    The tokens of a grant's row are stored by doorward_identity.upstream_revocations.
    """

    def __init__(self, sealing: RevocationSealing) -> None:
        self._sealing = sealing
        self._loops: list[asyncio.Event] = []

    def add(self, connection: sa.Connection, provider: str, unused: UnusedTokens) -> None:
        """Store what an upstream issued and no grant has. Call `wake` after the commit."""
        tokens = unused.tokens
        lifetime = tokens.refresh_expires_in if tokens.refresh_token else tokens.expires_in
        row_id = uuid7s.uuid7()
        sealed = self._sealing.seal(row_id, provider, tokens)
        repository.insert(
            connection, row_id, provider, unused.subject, sealed, seconds=seconds_to_try(lifetime)
        )

    def wake(self) -> None:
        """Have the tokens that this process has stored delivered now, and not with the next poll."""
        for woken in self._loops:
            woken.set()

    def subscribe(self) -> asyncio.Event:
        """Return an event that `wake` sets."""
        woken = asyncio.Event()
        self._loops.append(woken)
        return woken
