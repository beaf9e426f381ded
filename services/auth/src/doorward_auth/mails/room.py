"""The mail room: the worker that sends auth's mails, where there is a way to send them."""

import structlog

from doorward_auth.mails.catalog import templates
from doorward_auth.mails.hooks import MailHooks
from doorward_auth.settings import AuthSettings
from doorward_common.mail.metrics import MailMetrics
from doorward_common.mail.templates import MailTemplates
from doorward_common.mail.transports import transport_of
from doorward_common.mail.worker import MailWorker
from doorward_identity.runtime import IdentityRuntime
from doorward_identity.tables import outbox

log = structlog.get_logger(__name__)


class MailRoom:
    """Sends what is in the outbox, for as long as the process serves."""

    def __init__(self, runtime: IdentityRuntime, settings: AuthSettings) -> None:
        hooks = MailHooks(runtime.verification.keys, app_url=settings.app_url)
        texts = MailTemplates("doorward_auth.mails", templates(hooks), settings, folder="templates")
        texts.check()
        transport = transport_of(settings)
        self._worker = (
            None
            if transport is None
            else MailWorker(
                runtime.database, outbox, texts, transport, settings, MailMetrics(runtime.metrics.registry)
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
