"""Learning who was deleted, and forgetting them: beside the requests, for as long as the process serves."""

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
from doorward_tickets.user_snapshots import repository
from doorward_tickets.user_snapshots.auth_client import Accounts, DeletionPage, FeedExpiredError
from doorward_tickets.user_snapshots.repository import KnownPerson

log = structlog.get_logger(__name__)

CHECK_SECONDS: Final = 86_400.0
"""How often everybody is asked about, so that no mistake stays: whom a release before the feed deleted
beside this one, whom a restored database has again, whom another auth did not know."""

_CHECK_TAKEN_SECONDS: Final = 60.0
"""How long a replica has for it: if it stops meanwhile, or finds auth away, any of them begins anew then."""

_ASKED_AT_ONCE: Final = 100


class DeletedUsersSync:
    """Reads auth's feed of deletions from where it was read last, on whichever replica.

    How far it was read is stored in the transaction that forgets those people. So a poll that is lost, a
    crash or an outage on either side costs time alone, and of several replicas that read the same page
    one acts on it. When everybody is to be asked about again is stored beside it.
    """

    def __init__(
        self, database: Database, accounts: Accounts, registry: CollectorRegistry, *, interval: float
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._interval = interval
        self._is_failing = False
        self._caught_up_at: float | None = None
        age = Gauge(
            "doorward_tickets_deleted_users_sync_age_seconds",
            "Age of what is known of deletions; +Inf before it was first known.",
            registry=registry,
        )
        age.set_function(self._age)

    async def run(self) -> None:
        """Look again and again."""
        while True:
            try:
                await self.catch_up()
                self._is_failing = False
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
                if not self._is_failing:  # once an outage, for it is asked every few seconds
                    log.warning("deleted_users.sync_failed", error=repr(error))
                self._is_failing = True
            await asyncio.sleep(jittered(self._interval, 0.8, 1.2))

    async def catch_up(self) -> None:
        """Read the feed to its end."""
        await self._check_if_due()
        cursor = await self._database.read(repository.find_cursor)
        while True:
            page = await self._page(cursor)
            await self._apply(page, cursor)
            if not page.has_more:
                break
            cursor = await self._database.read(repository.find_cursor)
        self._caught_up_at = time.monotonic()

    async def _apply(self, page: DeletionPage, before: str | None) -> None:
        if page.next_cursor == (before or None):
            return
        if await self._database.write(partial(_forget, page=page, before=before)) and page.items:
            log.info("deleted_users.applied", people=len(page.items))

    async def _page(self, cursor: str | None) -> DeletionPage:
        """Read behind the cursor; from the beginning where there is none, or none that the feed knows.

        One that it knows no more cannot tell who was deleted before its beginning, so everybody who is
        known is asked about. The feed itself has those whose requests are under way meanwhile.
        """
        if cursor:
            try:
                return await self._accounts.deletions(cursor)
            except FeedExpiredError:
                log.warning("deleted_users.feed_expired")
                await self._check_everybody()
        return await self._accounts.deletions(None)

    async def _check_if_due(self) -> None:
        """Ask about everybody once a day, whichever replica, and where nobody has ever done so."""
        if not await self._database.read(repository.is_check_due):
            return
        if await self._database.write(partial(repository.claim_reconciliation, seconds=_CHECK_TAKEN_SECONDS)):
            await self._check_everybody()

    async def _check_everybody(self) -> None:
        behind = uuid.UUID(int=0)
        while known := await self._database.read(
            partial(repository.known_people, behind=behind, count=_ASKED_AT_ONCE)
        ):
            behind = known[-1].id
            there = await self._accounts.find([person.id for person in known])
            gone = [one.id for one in known if one.id not in there and not one.is_deleted]
            back = [one for one in known if one.id in there and one.is_deleted]
            if gone or back:
                await self._database.write(partial(_correct, gone=gone, back=back))
                log.warning("deleted_users.reconciled", deleted=len(gone), back=len(back))
        await self._database.write(partial(repository.complete_reconciliation, seconds=CHECK_SECONDS))

    def _age(self) -> float:
        return float("inf") if self._caught_up_at is None else time.monotonic() - self._caught_up_at


def _correct(connection: sa.Connection, gone: Sequence[uuid.UUID], back: Sequence[KnownPerson]) -> None:
    repository.forget(connection, gone)
    repository.take_back(connection, back)


def _forget(connection: sa.Connection, page: DeletionPage, before: str | None) -> bool:
    # None: the feed is empty and does not know ours. Identity was restored from before its first deletion.
    after = page.next_cursor or ""
    # First, for it is a lock too: another replica with the same page waits, and then has nothing to do.
    is_first = repository.move_cursor(connection, before, after)
    if is_first:
        repository.forget(connection, [user.id for user in page.items])
    return is_first
