"""The sync of deleted users: a background task that removes their names from the snapshots."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog
from prometheus_client import CollectorRegistry, Gauge

from doorward_kit.retries import jittered
from doorward_kit.unit_of_work import Database
from doorward_tickets.users import repository
from doorward_tickets.users.auth_client import AuthClient, DeletedUsersPage, FeedExpiredError
from doorward_tickets.users.repository import KnownUser

log = structlog.get_logger(__name__)

RECONCILIATION_SECONDS: Final = 86_400.0
"""Interval of the full reconciliation. It repairs deletions that the feed missed: after a restore of either
database, or after tickets was pointed at another auth."""

_CLAIM_SECONDS: Final = 60.0
"""Time of a replica to complete a reconciliation; then another replica may claim it."""

_BATCH_SIZE: Final = 100


class DeletedUsersSync:
    """Polls auth's feed of deleted users from the stored cursor.

    The cursor moves in the transaction that marks the users as deleted. So a crash or an outage only delays
    a deletion, and of several replicas that read the same page one applies it.
    """

    def __init__(
        self, database: Database, auth: AuthClient, registry: CollectorRegistry, *, interval: float
    ) -> None:
        self._database = database
        self._auth = auth
        self._interval = interval
        self._is_failing = False
        self._caught_up_at: float | None = None
        age = Gauge(
            "doorward_tickets_deleted_users_sync_age_seconds",
            "Time since the last complete sync of deleted users; +Inf before the first.",
            registry=registry,
        )
        age.set_function(self._age)

    async def run(self) -> None:
        """Poll while the process serves."""
        while True:
            try:
                await self.catch_up()
                self._is_failing = False
            except Exception as error:  # noqa: BLE001 - whatever failed may succeed the next time
                if not self._is_failing:  # one line an outage, because polls are seconds apart
                    log.warning("deleted_users.sync_failed", error=repr(error))
                self._is_failing = True
            await asyncio.sleep(jittered(self._interval, 0.8, 1.2))

    async def catch_up(self) -> None:
        """Apply the feed to its end. Raises what the database and AuthClient raise."""
        await self._reconcile_if_due()
        cursor = await self._database.read(repository.find_cursor)
        while True:
            page = await self._read_page(cursor)
            await self._apply(page, cursor)
            if not page.has_more:
                break
            cursor = await self._database.read(repository.find_cursor)
        self._caught_up_at = time.monotonic()

    async def _apply(self, page: DeletedUsersPage, before: str | None) -> None:
        if page.next_cursor == (before or None):
            return
        if await self._database.write(partial(_apply_page, page=page, before=before)) and page.items:
            log.info("deleted_users.applied", users=len(page.items))

    async def _read_page(self, cursor: str | None) -> DeletedUsersPage:
        """Read the page after the cursor; without a cursor, or after its expiry, the first page.

        With an expired cursor, deletions before the feed's beginning are found by a reconciliation.
        Deletions during the reconciliation are in the feed.
        """
        if cursor:
            try:
                return await self._auth.list_deleted_users(cursor)
            except FeedExpiredError:
                log.warning("deleted_users.feed_expired")
                await self._reconcile()
        return await self._auth.list_deleted_users(None)

    async def _reconcile_if_due(self) -> None:
        if not await self._database.read(repository.is_reconciliation_due):
            return
        if await self._database.write(partial(repository.claim_reconciliation, seconds=_CLAIM_SECONDS)):
            await self._reconcile()

    async def _reconcile(self) -> None:
        """Compare every known user with auth."""
        last_id = uuid.UUID(int=0)
        while known := await self._database.read(
            partial(repository.list_known_users, after=last_id, count=_BATCH_SIZE)
        ):
            last_id = known[-1].id
            accounts = await self._auth.find_accounts([user.id for user in known])
            deleted = [user.id for user in known if user.id not in accounts and not user.is_deleted]
            restored = [user for user in known if user.id in accounts and user.is_deleted]
            if deleted or restored:
                await self._database.write(partial(_correct, deleted=deleted, restored=restored))
                log.warning("deleted_users.reconciled", deleted=len(deleted), restored=len(restored))
        await self._database.write(
            partial(repository.complete_reconciliation, seconds=RECONCILIATION_SECONDS)
        )

    def _age(self) -> float:
        return float("inf") if self._caught_up_at is None else time.monotonic() - self._caught_up_at


def _correct(connection: sa.Connection, deleted: Sequence[uuid.UUID], restored: Sequence[KnownUser]) -> None:
    repository.mark_deleted(connection, deleted)
    repository.restore(connection, restored)


def _apply_page(connection: sa.Connection, page: DeletedUsersPage, before: str | None) -> bool:
    # None: the feed is empty and does not know our cursor, because identity was restored from a backup
    # before its first deletion.
    after = page.next_cursor or ""
    # First, because it locks: another replica with the same page waits, and then has nothing to apply.
    is_first = repository.move_cursor(connection, before, after)
    if is_first:
        repository.mark_deleted(connection, [user.id for user in page.items])
    return is_first
