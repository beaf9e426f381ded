"""The mail worker: leases mails from the outbox and sends them, in the process that serves requests.

Any number of workers share an outbox. A worker must not slow down its process: it holds two database
connections at most, sends a few mails at once, and occupies the event loop for about two milliseconds a
mail.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_client.errors import UnavailableError
from doorward_kit.metrics import Metrics
from doorward_kit.retries import jittered
from doorward_kit.unit_of_work import Database
from doorward_mail.content.composer import FindRecipient, MailComposer
from doorward_mail.content.templates import MailTemplates
from doorward_mail.outbox import leases
from doorward_mail.outbox.leases import LeasedMail, OutboxDatabase
from doorward_mail.settings import MailSettings
from doorward_mail.transport.base import Transport
from doorward_mail.transport.file_transport import Mailbox
from doorward_mail.transport.smtp import SmtpTransport
from doorward_mail.worker.delivery_attempt import MailDelivery
from doorward_mail.worker.metrics import MailMetrics

log = structlog.get_logger(__name__)

STOP_SECONDS: Final = 5.0
"""Grace period of mails under way when the process stops; afterwards they are released."""

_MEASURE_SECONDS: Final = 15.0
_ERROR_PAUSE_SECONDS: Final = 5.0


def create_transport(settings: MailSettings) -> Transport | None:
    """Return the transport that the settings configure, None where they configure none."""
    if settings.smtp_host is not None:
        return SmtpTransport(settings)
    if settings.mailbox_dir is not None:
        return Mailbox(settings.mailbox_dir, settings.mailbox_size)
    return None


class MailSender:
    """Sends the mails of an outbox while the process serves.

    `find_recipient` is for an outbox whose rows name no recipient, `transport` for one that the settings do
    not describe. `wake` after a commit that enqueued a mail, on the event loop's thread, spares that mail
    the wait for the next poll. Raises SettingsError for a template that does not render.
    """

    def __init__(  # noqa: PLR0913 - the parts of a worker
        self,
        database: Database,
        outbox: sa.Table,
        templates: MailTemplates,
        settings: MailSettings,
        metrics: Metrics,
        *,
        transport: Transport | None = None,
        find_recipient: FindRecipient | None = None,
    ) -> None:
        templates.check()
        self._outbox = OutboxDatabase(database, outbox)
        self._settings = settings
        self._metrics = MailMetrics.of(metrics.registry).outbox(outbox.name)
        self._sending: set[asyncio.Task[None]] = set()
        self._metrics.sending.set_function(self._sending.__len__)
        self._woken = asyncio.Event()
        self._has_more = False  # the last lease was for as many mails as it asked for
        self._measured_at = float("-inf")
        self._transport = transport or create_transport(settings)
        self._delivery = (
            None
            if self._transport is None
            else MailDelivery(
                self._outbox,
                MailComposer(self._outbox, templates, settings, find_recipient=find_recipient),
                self._transport,
                settings,
                self._metrics,
            )
        )

    def wake(self) -> None:
        """Poll the outbox now."""
        self._woken.set()

    async def run(self) -> None:
        """Send mails while the process serves; when it stops, finish or release those under way."""
        if self._delivery is None or self._transport is None:
            log.warning("mail.not_configured", detail="Mail waits in the outbox. Set DOORWARD_SMTP_HOST.")
            return
        try:
            while True:
                try:
                    await self._poll(self._delivery, self._transport)
                    await self._measure()
                except Exception as error:  # noqa: BLE001 - whatever failed may succeed the next time
                    log.warning("mail.worker_failed", error=type(error).__name__)
                    await asyncio.sleep(_ERROR_PAUSE_SECONDS)
                await self._wait(self._delivery)
        finally:
            await self._stop(self._transport)

    async def _poll(self, delivery: MailDelivery, transport: Transport) -> None:
        """Lease as many mails as may be sent at once, and start to send them."""
        count = delivery.breaker.permits(self._settings.mail_concurrency) - len(self._sending)
        if count <= 0:
            return
        if not self._has_more and not await self._outbox.read(leases.is_any_due):
            if not self._sending:
                await transport.close_idle()
            return
        leased_at = asyncio.get_running_loop().time()
        lease = partial(
            leases.lease,
            count=count,
            seconds=self._settings.mail_lease_seconds,
            lease_id=uuid7s.uuid7(),
        )
        leasing = asyncio.create_task(self._outbox.write(lease))
        try:
            mails = await asyncio.shield(leasing)
        except asyncio.CancelledError:
            # The database commits the lease anyway, so these mails must be sent or released.
            with suppress(UnavailableError):
                self._start(delivery, await leasing, leased_at)
            raise
        self._has_more = len(mails) == count
        self._start(delivery, mails, leased_at)

    def _start(self, delivery: MailDelivery, mails: Sequence[LeasedMail], leased_at: float) -> None:
        for mail in mails:
            task = asyncio.create_task(delivery.deliver(mail, leased_at=leased_at))
            self._sending.add(task)
            task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._woken.set()  # there is room for another mail
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("mail.delivery_failed", error=type(error).__name__)

    async def _wait(self, delivery: MailDelivery) -> None:
        """Wait for the next poll, the end of the circuit breaker's pause, or `wake`."""
        seconds = jittered(self._settings.mail_poll_seconds, 0.8, 1.2)
        with suppress(TimeoutError):
            async with asyncio.timeout(delivery.breaker.remaining_pause() or seconds):
                await self._woken.wait()
        self._woken.clear()

    async def _measure(self) -> None:
        now = time.monotonic()
        if now - self._measured_at > _MEASURE_SECONDS:
            self._measured_at = now
            self._metrics.set_backlog(await self._outbox.read(leases.measure))

    async def _stop(self, transport: Transport) -> None:
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await transport.close_idle()
