"""The rules of exports: who may have one, how many at once, and what is read when."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_client.errors import UnavailableError
from doorward_client.tokens import Claims
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.current_account import require_unchanged_account
from doorward_identity.resources import IdentityResources
from doorward_identity.user_export import ExportPage, FileFormat, header, read_page
from doorward_users.export.errors import ExportRunningError, ExportsUnavailableError

log = structlog.get_logger(__name__)

PAGE_SIZE: Final = 500
"""Users of a unit of work: some milliseconds, and 100 KiB that wait for a slow reader."""

MAX_EXPORTS: Final = 4
"""Exports of a process at once, because each keeps a thread of the database busy while its reader is fast."""

MAX_SECONDS: Final = 3_600.0
"""Longest time of one export. Millions of users take minutes."""

_ATTEMPTS: Final = 5
_RETRY_SECONDS: Final = 1.0


class Export:
    """One running export: its chunks, and what counts it until it is closed."""

    def __init__(self, service: "ExportService", caller: Claims, file_format: FileFormat) -> None:
        self._service = service
        self._caller = caller
        self.user_id: Final = caller.user_id
        self.ends_at: Final = time.monotonic() + MAX_SECONDS
        self.file_format: Final = file_format
        self._users = 0
        self._is_complete = False

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the file. Raises UnavailableError, and InvalidAccessTokenError if the caller has changed.

        Each page is a unit of work of its own, so no transaction is open while a reader is slow.
        """
        yield header(self.file_format)
        last_id: uuid.UUID | None = None
        while True:
            page = await self._page(last_id)
            self._users += page.users
            yield page.text
            last_id = page.last_id
            if last_id is None:
                self._is_complete = True
                return

    def close(self) -> None:
        """End the export: its caller may start another one."""
        self._service.remove(self)
        log.info(
            "users.export_ended",
            user_id=str(self.user_id),
            users=self._users,
            complete=self._is_complete,
        )

    async def _page(self, last_id: uuid.UUID | None) -> ExportPage:
        for attempt in range(1, _ATTEMPTS + 1):
            if time.monotonic() > self.ends_at or self._service.is_stopping:
                raise ExportsUnavailableError
            try:
                return await self._service.read(self._caller, self.file_format, last_id)
            except UnavailableError:
                # A failover, or many other callers: what was sent need not be sent again.
                if attempt == _ATTEMPTS:
                    raise
                await asyncio.sleep(_RETRY_SECONDS * attempt)
        raise ExportsUnavailableError


class ExportService:
    """Starts exports: one a person, and few at once, at each process."""

    def __init__(self, resources: IdentityResources) -> None:
        self._resources = resources
        self._database = resources.database
        self._running: dict[uuid.UUID, Export] = {}

    @property
    def is_stopping(self) -> bool:
        """Whether the process waits for its requests to end, so that exports break off."""
        return self._resources.shutdown.is_stopping

    async def start(self, caller: Claims, file_format: FileFormat) -> Export:
        """Return an export, which the caller closes; it is recorded before anything is sent.

        Raises ExportRunningError, ExportsUnavailableError, and as Database.write does.
        """
        now = time.monotonic()
        self._running = {user_id: export for user_id, export in self._running.items() if export.ends_at > now}
        if caller.user_id in self._running:
            raise ExportRunningError
        if len(self._running) >= MAX_EXPORTS:
            raise ExportsUnavailableError
        export = self._running[caller.user_id] = Export(self, caller, file_format)
        try:
            await self._database.write(partial(_record, caller=caller, file_format=file_format))
        except BaseException:
            self.remove(export)
            raise
        return export

    def remove(self, export: Export) -> None:
        """Forget an export; a later one of the same caller goes on."""
        if self._running.get(export.user_id) is export:
            del self._running[export.user_id]

    async def read(self, caller: Claims, file_format: FileFormat, after: uuid.UUID | None) -> ExportPage:
        """Read and write a page, both on the database's thread: the event loop has others to serve."""

        def work(connection: sa.Connection) -> ExportPage:
            require_unchanged_account(connection, caller)
            return read_page(connection, file_format, after, PAGE_SIZE)

        return await self._database.read(work)


def _record(connection: sa.Connection, *, caller: Claims, file_format: FileFormat) -> None:
    require_unchanged_account(connection, caller)
    record(
        connection,
        AuditAction.DIRECTORY_EXPORTED,
        actor=caller.user_id,
        target=None,
        details={"format": file_format.value},
    )
