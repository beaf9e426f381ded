"""The mail room: the worker that sends a service's mails, where there is a way to send them."""

from typing import Final

import sqlalchemy as sa
import structlog

from doorward_kit.app import AppResources
from doorward_mail.metrics import MailMetrics
from doorward_mail.settings import MailSettings
from doorward_mail.templates import FindAddress, MailTemplates
from doorward_mail.transports import transport_of
from doorward_mail.worker import MailWorker

log = structlog.get_logger(__name__)


class MailSender:
    """Sends what is in an outbox, for as long as the process serves."""

    def __init__(
        self,
        runtime: AppResources,
        outbox: sa.Table,
        texts: MailTemplates,
        settings: MailSettings,
        *,
        find_recipient: FindAddress | None = None,
    ) -> None:
        texts.check()
        transport = transport_of(settings)
        self._worker: Final = (
            None
            if transport is None
            else MailWorker(
                runtime.database,
                outbox,
                texts,
                transport,
                settings,
                MailMetrics.of(runtime.metrics.registry),
                find_recipient=find_recipient,
            )
        )

    def wake(self) -> None:
        """Look at the outbox now: this process has just put something into it."""
        if self._worker is not None:
            self._worker.wake()

    async def run(self) -> None:
        """Send; without a mail server, say once that mail waits."""
        if self._worker is None:
            log.warning("mail.not_configured", detail="mail waits in the outbox: set DOORWARD_SMTP_HOST")
            return
        await self._worker.run()
