"""One mail from its lease to its end: sent, dropped, put off or dead."""

import asyncio
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import sqlalchemy as sa
import structlog

from doorward_client.errors import UnavailableError
from doorward_kit.retries import CircuitBreaker, jittered
from doorward_mail import outbox_queries
from doorward_mail.message_builder import MessageComposer
from doorward_mail.metrics import OutboxMetrics
from doorward_mail.outbox_queries import LeasedMail
from doorward_mail.outbox_session import OutboxDatabase
from doorward_mail.settings import MailSettings
from doorward_mail.templates import DROP, FindAddress, MailTemplates
from doorward_mail.transport import Connection, DeliveryError, Failure, Transport

log = structlog.get_logger(__name__)

LONGEST_RETRY_SECONDS: Final = 3600.0
DATABASE_PAUSE_SECONDS: Final = 1.0


class _Stage(IntEnum):
    """How far an attempt has come."""

    BEGUN = 0
    CONNECTED = 1
    SENDING = 2  # from here on the server may have the mail, whatever we hear
    SENT = 3


@dataclass(slots=True)
class _Attempt:
    """One attempt, while it lasts; `deadline` and `lease_end` are the event loop's times."""

    mail: LeasedMail
    deadline: float
    lease_end: float
    stage: _Stage = _Stage.BEGUN
    not_sent: str | None = None  # why the mail is not to be sent at all


class _LeaseLostError(Exception):
    """The lease ran out, and the mail is somebody else's by now."""


class MailDelivery:
    """Sends mails: one call each, several at once."""

    def __init__(
        self,
        ledger: OutboxDatabase,
        templates: MailTemplates,
        transport: Transport,
        settings: MailSettings,
        metrics: OutboxMetrics,
        *,
        find_recipient: FindAddress | None = None,
    ) -> None:
        self._ledger = ledger
        self._templates = templates
        self._transport = transport
        self._settings = settings
        self._metrics = metrics
        self._find_address = find_recipient
        self._composer = MessageComposer(settings)
        self.breaker: Final = CircuitBreaker()

    async def carry(self, mail: LeasedMail, *, leased_at: float) -> None:
        """Try to send a mail, and write down what became of it.

        `leased_at` is the event loop's time before the mail was taken: the attempt ends before the
        lease does, even if this process was frozen in between. Cancelled, it gives the mail back.
        """
        started = time.perf_counter()
        settings = self._settings
        attempt = _Attempt(
            mail, leased_at + settings.mail_send_timeout_seconds, leased_at + settings.mail_lease_seconds
        )
        try:
            await self._try(attempt)
        except DeliveryError as error:
            await self._fail(attempt, error)
        except UnavailableError:
            # The database's trouble, not the mail's nor the server's.
            await self._put_off(
                attempt, DATABASE_PAUSE_SECONDS, "database", is_counted=False, until=attempt.lease_end
            )
        except _LeaseLostError:
            log.warning("mail.lease_lost", **_named(mail))
        except asyncio.CancelledError:
            await self._give_back(attempt)
            raise
        else:
            await self._end(attempt, time.perf_counter() - started)

    async def _try(self, attempt: _Attempt) -> None:
        """Send a mail, or find out that it is not to be sent; raises DeliveryError."""
        try:
            async with asyncio.timeout_at(attempt.deadline):
                await self._send(attempt)
        except TimeoutError:
            if attempt.stage is _Stage.SENT:
                return  # the server has said yes: what came after does not count
            raise DeliveryError(Failure.TIMEOUT, blames_server=attempt.stage is _Stage.BEGUN) from None

    async def _send(self, attempt: _Attempt) -> None:
        mail = attempt.mail
        if mail.is_expired:
            attempt.not_sent = "expired"
            return
        if mail.attempts > self._settings.mail_max_attempts:
            # The process died with it each time, and could not say why.
            raise DeliveryError(Failure.CRASH, is_permanent=True)
        # Connected first: while the server is away no hook makes codes that nobody gets.
        async with self._transport.connect() as connection:
            attempt.stage = _Stage.CONNECTED
            addressed = await self._address(mail)
            variables = None if addressed is None else await self._prepare(addressed)
            if addressed is None or variables is None or addressed.recipient is None:
                attempt.not_sent = "dropped"
                return
            await self._hand_over(attempt, connection, addressed, variables)

    async def _address(self, mail: LeasedMail) -> LeasedMail | None:
        """Look the recipient up where the mail does not name one; None when nobody is to get it."""
        if self._find_address is None:
            return mail
        try:
            addressed = await self._find_address(mail)
        except UnavailableError:
            # As if the mail server were away: no other mail would find its way either.
            raise DeliveryError(Failure.DIRECTORY, blames_server=True) from None
        except Exception as error:  # noqa: BLE001 - a hook can fail in any way
            raise _broken(mail, Failure.DIRECTORY, error) from None
        return None if addressed is DROP else addressed

    async def _prepare(self, mail: LeasedMail) -> Mapping[str, Any] | None:
        """Run the template's hook, if it has one, under the row's lock; None when it drops the mail."""
        try:
            prepare = self._templates.find(mail.template).prepare
        except LookupError:
            # A newer release's worker may know it.
            raise _broken(mail, Failure.TEMPLATE, "unknown") from None
        if prepare is None:
            return {}

        def work(connection: sa.Connection, outbox: sa.Table) -> Mapping[str, Any] | None:
            if not outbox_queries.hold(connection, outbox, mail):
                raise _LeaseLostError
            variables = prepare(connection, mail)
            return None if variables is DROP else variables

        try:
            return await self._ledger.write(work)
        except (UnavailableError, _LeaseLostError):
            raise
        except Exception as error:  # noqa: BLE001 - a hook can fail in any way
            raise _broken(mail, Failure.PREPARE, error) from None

    async def _hand_over(
        self, attempt: _Attempt, connection: Connection, mail: LeasedMail, variables: Mapping[str, Any]
    ) -> None:
        try:
            texts = self._templates.render(mail.template, mail.locale, {**mail.parameters, **variables})
            has_code = self._templates.find(mail.template).prepare is not None
            message = self._composer.compose(mail, texts, is_unique=has_code)
        except DeliveryError:
            raise
        except Exception as error:  # noqa: BLE001 - a template can fail in any way
            raise _broken(mail, Failure.TEMPLATE, error) from None
        attempt.stage = _Stage.SENDING
        await connection.send(message, seconds=attempt.deadline - asyncio.get_running_loop().time())
        attempt.stage = _Stage.SENT

    async def _end(self, attempt: _Attempt, seconds: float) -> None:
        mail = attempt.mail
        if attempt.stage is _Stage.SENT:
            self.breaker.record_success()
            self._metrics.sent(mail.template, seconds=seconds, age=mail.age)
        was_ours = await self._ledger.settle(
            lambda connection, outbox: outbox_queries.finish(connection, outbox, mail),
            until=attempt.lease_end,
        )
        if attempt.not_sent is not None:
            self._metrics.not_sent(attempt.not_sent)
            log.info("mail.skipped", **_named(mail), reason=attempt.not_sent)
        elif was_ours:
            log.info("mail.sent", **_named(mail), seconds=round(seconds, 3))
        else:
            # The lease was over, or the database is away.
            log.warning("mail.sent", **_named(mail), seconds=round(seconds, 3), may_arrive_twice=True)

    async def _fail(self, attempt: _Attempt, error: DeliveryError) -> None:
        mail, summary = attempt.mail, str(error)
        self._metrics.failed(error.failure)
        if error.blames_server:
            seconds = self.breaker.record_failure()
        else:
            seconds = self._retry_in(mail.attempts)
            if attempt.stage is not _Stage.BEGUN:
                self.breaker.record_success()
        if self._is_hopeless(mail, error):
            self._metrics.not_sent("dead")
            log.warning("mail.dead_lettered", **_named(mail), error=summary)
            await self._ledger.settle(
                lambda connection, outbox: outbox_queries.bury(connection, outbox, mail, error=summary),
                until=attempt.lease_end,
            )
        else:
            log.warning("mail.retry_scheduled", **_named(mail), error=summary, seconds=round(seconds, 1))
            await self._put_off(
                attempt, seconds, summary, is_counted=not error.blames_server, until=attempt.lease_end
            )

    def _is_hopeless(self, mail: LeasedMail, error: DeliveryError) -> bool:
        is_spent = mail.attempts >= self._settings.mail_max_attempts and not error.blames_server
        return error.is_permanent or is_spent or mail.age > self._settings.mail_max_age_seconds

    def _retry_in(self, attempts: int) -> float:
        doubled = self._settings.mail_retry_seconds * 2.0 ** min(attempts - 1, 20)
        return jittered(min(doubled, LONGEST_RETRY_SECONDS))

    async def _give_back(self, attempt: _Attempt) -> None:
        """Leave a mail to others, because this process stops."""
        if attempt.stage is _Stage.SENT:
            mail = attempt.mail
            await self._ledger.settle(
                lambda connection, outbox: outbox_queries.finish(connection, outbox, mail), until=0.0
            )
            return
        log.info("mail.released", **_named(attempt.mail))
        await self._put_off(attempt, 0.0, "stopped", is_counted=attempt.stage is _Stage.SENDING, until=0.0)

    async def _put_off(
        self, attempt: _Attempt, seconds: float, error: str, *, is_counted: bool, until: float
    ) -> None:
        def work(connection: sa.Connection, outbox: sa.Table) -> bool:
            return outbox_queries.put_off(
                connection, outbox, attempt.mail, seconds=seconds, error=error, is_counted=is_counted
            )

        await self._ledger.settle(work, until=until)


def _named(mail: LeasedMail) -> dict[str, object]:
    """Return what a log line may say about a mail: nothing of its content, nor who gets it."""
    return {"mail": str(mail.id), "template": mail.template, "attempts": mail.attempts}


def _broken(mail: LeasedMail, failure: Failure, error: Exception | str) -> DeliveryError:
    """Log what broke and where, without the error's text, which may quote the mail."""
    name, place = (error, "") if isinstance(error, str) else (type(error).__name__, _place(error))
    log.error("mail.render_failed", **_named(mail), failure=failure.value, error=name, place=place)
    return DeliveryError(failure, status=name[:40])


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
