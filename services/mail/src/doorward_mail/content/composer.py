"""Composing a mail: from a leased row to the message that a transport sends."""

import traceback
from collections.abc import Awaitable, Callable

import structlog

from doorward_client.errors import UnavailableError
from doorward_mail.content.message import MessageBuilder
from doorward_mail.content.templates import MailTemplates, Variables
from doorward_mail.outbox.leases import LeasedMail, LeaseLostError, OutboxDatabase
from doorward_mail.settings import MailSettings
from doorward_mail.transport.base import DeliveryError, Failure, Message

log = structlog.get_logger(__name__)

FindRecipient = Callable[[LeasedMail], Awaitable[LeasedMail | None]]
"""Runs before each attempt: returns the mail with its recipient and the parameters that belong to it, or
None to skip the mail. Raises UnavailableError when the recipient cannot be read now: then all mail waits."""


class MailComposer:
    """Composes the mails of one outbox."""

    def __init__(
        self,
        outbox: OutboxDatabase,
        templates: MailTemplates,
        settings: MailSettings,
        *,
        find_recipient: FindRecipient | None = None,
    ) -> None:
        self._outbox = outbox
        self._templates = templates
        self._find_recipient = find_recipient
        self._builder = MessageBuilder(settings)

    async def compose(self, mail: LeasedMail) -> Message | None:
        """Return the message of a mail, None to skip the mail.

        Raises DeliveryError, LeaseLostError, and UnavailableError if the database is unavailable.
        """
        addressed = await self._address(mail)
        # No hook runs for a decoy: it would make a code that is never sent.
        if addressed is None or addressed.recipient is None:
            return None
        variables = await self._prepare(addressed)
        return None if variables is None else self._build(addressed, variables)

    async def _address(self, mail: LeasedMail) -> LeasedMail | None:
        """Return the mail with a recipient, None to skip it."""
        if self._find_recipient is None:
            return mail
        try:
            return await self._find_recipient(mail)
        except UnavailableError:
            # Like an outage of the mail server: no other mail would get its recipient either.
            raise DeliveryError(Failure.LOOKUP, blames_server=True) from None
        except Exception as error:  # noqa: BLE001 - a hook can fail in any way
            raise _render_failure(mail, Failure.LOOKUP, error) from None

    async def _prepare(self, mail: LeasedMail) -> Variables | None:
        """Run the template's hook, if it has one, under the row's lock; return None to skip the mail."""
        try:
            prepare = self._templates.find(mail.template).prepare
        except LookupError:
            # The worker of a newer release may know the template.
            raise _render_failure(mail, Failure.TEMPLATE, "unknown") from None
        if prepare is None:
            return {}
        try:
            return await self._outbox.write_leased(mail, lambda connection: prepare(connection, mail))
        except (UnavailableError, LeaseLostError):
            raise
        except Exception as error:  # noqa: BLE001 - a hook can fail in any way
            raise _render_failure(mail, Failure.PREPARE, error) from None

    def _build(self, mail: LeasedMail, variables: Variables) -> Message:
        try:
            content = self._templates.render(mail.template, mail.locale, {**mail.parameters, **variables})
            return self._builder.build(mail, content)
        except DeliveryError:
            raise
        except Exception as error:  # noqa: BLE001 - a template can fail in any way
            raise _render_failure(mail, Failure.TEMPLATE, error) from None


def _render_failure(mail: LeasedMail, failure: Failure, error: Exception | str) -> DeliveryError:
    """Log what failed and where, without the error's text, which may quote the mail."""
    name, place = (error, "") if isinstance(error, str) else (type(error).__name__, _place(error))
    log.error("mail.render_failed", **mail.log_fields(), failure=failure.value, error=name, place=place)
    return DeliveryError(failure, status=name[:40])


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
