"""The worker: takes mails from the outbox and sends them, beside a service's requests.

Any number of workers share an outbox. It must never hurt its host: it keeps two connections of the
pool busy at most and a few mails under way, and its pieces of the event loop are short (a mail is
written in about two milliseconds).
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_client.errors import UnavailableError
from doorward_kit.retries import jittered
from doorward_kit.unit_of_work import Database
from doorward_mail import dead_letters, outbox_queries
from doorward_mail.delivery_attempt import MailDelivery
from doorward_mail.metrics import MailMetrics
from doorward_mail.outbox_queries import LeasedMail
from doorward_mail.outbox_session import OutboxDatabase
from doorward_mail.settings import MailSettings
from doorward_mail.templates import FindAddress, MailTemplates
from doorward_mail.transport import Transport

log = structlog.get_logger(__name__)

STOP_SECONDS: Final = 5.0
"""How long mails under way may take when the process stops; the others are given back."""

_MEASURE_SECONDS: Final = 15.0
_SWEEP_SECONDS: Final = 600.0
_SWEEP_COUNT: Final = 500
_AFTER_ERROR_SECONDS: Final = 5.0


class MailWorker:
    """Sends what is in an outbox; `find_recipient` is for one whose mails name no recipient.

    `wake` after a commit that enqueued, from the event loop's thread, saves this process's own mails
    the wait for the next look.
    """

    def __init__(  # noqa: PLR0913 - what a worker works with
        self,
        database: Database,
        outbox: sa.Table,
        templates: MailTemplates,
        transport: Transport,
        settings: MailSettings,
        metrics: MailMetrics,
        *,
        find_recipient: FindAddress | None = None,
    ) -> None:
        self._ledger = OutboxDatabase(database, outbox)
        self._transport = transport
        self._settings = settings
        self._metrics = metrics.outbox(outbox.name)
        self._courier = MailDelivery(
            self._ledger, templates, transport, settings, self._metrics, find_recipient=find_recipient
        )
        self._sending: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._has_more = False  # the last look brought as many mails as it asked for
        self._measured_at = self._swept_at = float("-inf")
        self._metrics.sending.set_function(self._sending.__len__)

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def run(self) -> None:
        """Send mails for as long as the process serves; when it stops, finish or give back."""
        try:
            while True:
                try:
                    await self._take()
                    await self._keep_house()
                except Exception as error:  # noqa: BLE001 - whatever it was, the next time may succeed
                    log.warning("mail.worker_failed", error=type(error).__name__)
                    await asyncio.sleep(_AFTER_ERROR_SECONDS)
                await self._rest()
        finally:
            await self._stop()

    async def _take(self) -> None:
        """Take as many mails as may be under way, and begin to send them."""
        count = self._courier.breaker.permits(self._settings.mail_concurrency) - len(self._sending)
        if count <= 0:
            return
        if not self._has_more and not await self._ledger.read(outbox_queries.is_any_due):
            if not self._sending:
                await self._transport.rest()
            return
        leased_at = asyncio.get_running_loop().time()
        lease_id = uuid7s.uuid7()

        def take(connection: sa.Connection, outbox: sa.Table) -> list[LeasedMail]:
            seconds = self._settings.mail_lease_seconds
            return outbox_queries.lease(connection, outbox, count=count, seconds=seconds, lease_id=lease_id)

        taking = asyncio.create_task(self._ledger.write(take))
        try:
            mails = await asyncio.shield(taking)
        except asyncio.CancelledError:
            # The database takes them all the same: they are to be sent, or given back.
            with suppress(UnavailableError):
                self._begin(await taking, leased_at)
            raise
        self._has_more = len(mails) == count
        self._begin(mails, leased_at)

    def _begin(self, mails: Sequence[LeasedMail], leased_at: float) -> None:
        for mail in mails:
            task = asyncio.create_task(self._courier.carry(mail, leased_at=leased_at))
            self._sending.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._woken.set()  # there is room for another
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("mail.courier_failed", error=type(error).__name__)

    async def _rest(self) -> None:
        """Wait until it is worth looking again."""
        seconds = jittered(self._settings.mail_poll_seconds, 0.8, 1.2)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._courier.breaker.remaining_pause() or seconds):
                await self._woken.wait()
        self._woken.clear()

    async def _keep_house(self) -> None:
        now = time.monotonic()
        if now - self._measured_at > _MEASURE_SECONDS:
            self._measured_at = now
            self._metrics.show(await self._ledger.read(outbox_queries.measure))
        if now - self._swept_at > _SWEEP_SECONDS:
            self._swept_at = now
            days = self._settings.mail_dead_letter_retention_days
            await self._ledger.write(
                lambda connection, outbox: dead_letters.sweep(
                    connection, outbox, days=days, count=_SWEEP_COUNT
                )
            )

    async def _stop(self) -> None:
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._transport.rest()
