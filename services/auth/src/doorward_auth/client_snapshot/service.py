"""A snapshot, because each request of a page and each poll of a verifier asks for it."""

import asyncio
from collections.abc import Set as AbstractSet
from typing import Final

import structlog

from doorward_auth.client_snapshot import repository
from doorward_auth.client_snapshot.repository import ClientUris
from doorward_kit.unit_of_work import Database

log = structlog.get_logger(__name__)

INTERVAL_SECONDS: Final = 1.5
"""With the query itself, a changed registration is effective within two seconds."""


class ClientSnapshot:
    """The origins and resources of registered clients. Both are empty before the first read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._uris = ClientUris(frozenset(), frozenset())

    def origins(self) -> AbstractSet[str]:
        """Return the origins of public clients: they may read answers of auth, and get no cookies."""
        return self._uris.origins

    def resources(self) -> AbstractSet[str]:
        """Return the audiences of clients' tokens other than Doorward's own services."""
        return self._uris.resources

    async def run(self) -> None:
        """Read them again and again until cancelled; after a failure the last snapshot stays."""
        while True:
            try:
                await self.update()
            except Exception as error:  # noqa: BLE001 - whatever the error, the next read may succeed
                log.warning("client_snapshot.read_failed", error=repr(error))
            await asyncio.sleep(INTERVAL_SECONDS)

    async def update(self) -> None:
        """Read them once; raises as Database.read does."""
        self._uris = await self._database.read(repository.read_uris)
