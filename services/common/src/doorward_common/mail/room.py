"""The mail room: the worker that sends a service's mails, where there is a way to send them."""

from typing import Final

import sqlalchemy as sa
import structlog

from doorward_common.app import Runtime
from doorward_common.mail.metrics import MailMetrics
from doorward_common.mail.settings import MailSettings
from doorward_common.mail.templates import FindAddress, MailTemplates
from doorward_common.mail.transports import transport_of
from doorward_common.mail.worker import MailWorker

log = structlog.get_logger(__name__)


class MailRoom:
    """Sends what is in an outbox, for as long as the process serves."""

    def __init__(
        self,
        runtime: Runtime,
        outbox: sa.Table,
        texts: MailTemplates,
        settings: MailSettings,
        *,
        find_address: FindAddress | None = None,
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
                find_address=find_address,
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
