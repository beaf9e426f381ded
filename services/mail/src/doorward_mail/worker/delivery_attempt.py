"""One attempt to deliver one mail: it is sent, skipped, rescheduled, or becomes a dead letter."""

import asyncio
import time
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Final

import structlog

from doorward_client.errors import UnavailableError
from doorward_kit.retries import CircuitBreaker, jittered
from doorward_mail.content.composer import MailComposer
from doorward_mail.outbox import leases
from doorward_mail.outbox.leases import LeasedMail, LeaseLostError, OutboxDatabase
from doorward_mail.settings import MailSettings
from doorward_mail.transport.base import DeliveryError, Failure, Transport
from doorward_mail.worker.metrics import OutboxMetrics

log = structlog.get_logger(__name__)

LONGEST_RETRY_SECONDS: Final = 3600.0
DATABASE_PAUSE_SECONDS: Final = 1.0


class _Stage(IntEnum):
    """How far an attempt has come."""

    STARTED = 0
    CONNECTED = 1
    SENDING = 2  # from here on the server may have accepted the mail, whatever its reply
    SENT = 3


@dataclass(slots=True)
class _DeliveryAttempt:
    """The state of one attempt; `deadline` and `lease_end` are times of the event loop."""

    mail: LeasedMail
    deadline: float
    lease_end: float
    stage: _Stage = _Stage.STARTED
    skip_reason: str | None = None


class MailDelivery:
    """Delivers mails: one call each, several at once."""

    def __init__(
        self,
        outbox: OutboxDatabase,
        composer: MailComposer,
        transport: Transport,
        settings: MailSettings,
        metrics: OutboxMetrics,
    ) -> None:
        self._outbox = outbox
        self._composer = composer
        self._transport = transport
        self._settings = settings
        self._metrics = metrics
        self.breaker: Final = CircuitBreaker()

    async def deliver(self, mail: LeasedMail, *, leased_at: float) -> None:
        """Try to send a mail, and record the result.

        `leased_at` is the event loop's time before the lease: the attempt ends before the lease does, even
        if the process was frozen in between. When cancelled, it releases the mail.
        """
        started = time.perf_counter()
        settings = self._settings
        attempt = _DeliveryAttempt(
            mail, leased_at + settings.mail_send_timeout_seconds, leased_at + settings.mail_lease_seconds
        )
        try:
            await self._try(attempt)
        except DeliveryError as error:
            await self._fail(attempt, error)
        except UnavailableError:
            # A failure of the database: neither the mail nor the mail server is charged with it.
            await self._reschedule(attempt, DATABASE_PAUSE_SECONDS, "database", counts_attempt=False)
        except LeaseLostError:
            log.warning("mail.lease_lost", **mail.log_fields())
        except asyncio.CancelledError:
            await self._release(attempt)
            raise
        else:
            await self._complete(attempt, time.perf_counter() - started)

    async def _try(self, attempt: _DeliveryAttempt) -> None:
        """Send a mail or find a reason to skip it; raises DeliveryError."""
        try:
            async with asyncio.timeout_at(attempt.deadline):
                await self._send(attempt)
        except TimeoutError:
            if attempt.stage is _Stage.SENT:
                return  # the server has accepted the mail: a later timeout changes nothing
            raise DeliveryError(Failure.TIMEOUT, blames_server=attempt.stage is _Stage.STARTED) from None

    async def _send(self, attempt: _DeliveryAttempt) -> None:
        mail = attempt.mail
        if mail.is_expired:
            attempt.skip_reason = "expired"
            return
        if mail.attempts > self._settings.mail_max_attempts:
            # The process crashed during each attempt and could not record why.
            raise DeliveryError(Failure.CRASH, is_permanent=True)
        # Connect first: while the server is unavailable, hooks must not make codes that are never sent.
        async with self._transport.connect() as connection:
            attempt.stage = _Stage.CONNECTED
            message = await self._composer.compose(mail)
            if message is None:
                attempt.skip_reason = "skipped"
                return
            attempt.stage = _Stage.SENDING
            await connection.send(message, seconds=attempt.deadline - asyncio.get_running_loop().time())
            attempt.stage = _Stage.SENT

    async def _complete(self, attempt: _DeliveryAttempt, seconds: float) -> None:
        mail = attempt.mail
        if attempt.stage is _Stage.SENT:
            self.breaker.record_success()
            self._metrics.count_sent(mail.template, seconds=seconds, age=mail.age)
        was_ours = await self._outbox.finish(partial(leases.delete_sent, mail=mail), until=attempt.lease_end)
        if attempt.skip_reason is not None:
            self._metrics.count_discarded(attempt.skip_reason)
            log.info("mail.skipped", **mail.log_fields(), reason=attempt.skip_reason)
        elif was_ours:
            log.info("mail.sent", **mail.log_fields(), seconds=round(seconds, 3))
        else:
            # The lease has ended, or the database is unavailable.
            log.warning("mail.sent", **mail.log_fields(), seconds=round(seconds, 3), may_arrive_twice=True)

    async def _fail(self, attempt: _DeliveryAttempt, error: DeliveryError) -> None:
        mail, summary = attempt.mail, str(error)
        self._metrics.count_failed(error.failure)
        if error.blames_server:
            seconds = self.breaker.record_failure()
        else:
            seconds = self._retry_delay(mail.attempts)
            if attempt.stage is not _Stage.STARTED:
                self.breaker.record_success()
        if self._is_final(mail, error):
            self._metrics.count_discarded("dead")
            log.warning("mail.dead_lettered", **mail.log_fields(), error=summary)
            await self._outbox.finish(
                partial(leases.mark_dead, mail=mail, error=summary), until=attempt.lease_end
            )
        else:
            log.warning("mail.retry_scheduled", **mail.log_fields(), error=summary, seconds=round(seconds, 1))
            await self._reschedule(attempt, seconds, summary, counts_attempt=not error.blames_server)

    def _is_final(self, mail: LeasedMail, error: DeliveryError) -> bool:
        is_spent = mail.attempts >= self._settings.mail_max_attempts and not error.blames_server
        return error.is_permanent or is_spent or mail.age > self._settings.mail_max_age_seconds

    def _retry_delay(self, attempts: int) -> float:
        doubled = self._settings.mail_retry_seconds * 2.0 ** min(attempts - 1, 20)
        return jittered(min(doubled, LONGEST_RETRY_SECONDS))

    async def _release(self, attempt: _DeliveryAttempt) -> None:
        """Leave a mail to other workers, because this process stops: one try, without retries."""
        if attempt.stage is _Stage.SENT:
            await self._outbox.finish(partial(leases.delete_sent, mail=attempt.mail), until=0.0)
            return
        log.info("mail.released", **attempt.mail.log_fields())
        is_sending = attempt.stage is _Stage.SENDING
        await self._reschedule(attempt, 0.0, "stopped", counts_attempt=is_sending, until=0.0)

    async def _reschedule(
        self,
        attempt: _DeliveryAttempt,
        seconds: float,
        error: str,
        *,
        counts_attempt: bool,
        until: float | None = None,
    ) -> None:
        query = partial(
            leases.reschedule,
            mail=attempt.mail,
            seconds=seconds,
            error=error,
            counts_attempt=counts_attempt,
        )
        await self._outbox.finish(query, until=attempt.lease_end if until is None else until)
