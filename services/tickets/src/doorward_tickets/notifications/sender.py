"""The mail worker of tickets: templates, recipients, outbox."""

import uuid
from dataclasses import replace

from doorward_kit.app import AppResources
from doorward_mail.content.templates import MailTemplates
from doorward_mail.outbox.leases import LeasedMail
from doorward_mail.worker.sender import MailSender
from doorward_tickets.notifications.mail_templates import templates
from doorward_tickets.notifications.template_context import NotificationTemplateContext
from doorward_tickets.settings import TicketsSettings
from doorward_tickets.tables import outbox
from doorward_tickets.users.auth_client import AuthClient


class RecipientLookup:
    """Looks up the address of a mail's recipient at auth just before the mail is sent."""

    def __init__(self, auth: AuthClient) -> None:
        self._auth = auth

    async def find(self, mail: LeasedMail) -> LeasedMail | None:
        """Return the mail with the address and the role of its recipient.

        None for a user who is deleted or disabled, or has no address.

        Raises AuthUnavailableError.
        """
        user_id = uuid.UUID(hex=mail.parameters["user_id"])
        account = (await self._auth.find_accounts([user_id])).get(user_id)
        if account is None or not account.is_active or not account.email:
            return None
        parameters = {**mail.parameters, "role": account.role}
        return replace(mail, recipient=account.email, parameters=parameters)


class TicketMailSender(MailSender):
    """Sends mails about tickets; raises SettingsError for a template that does not render."""

    def __init__(self, resources: AppResources, settings: TicketsSettings, auth: AuthClient) -> None:
        mails = templates(NotificationTemplateContext(frontend_url=settings.frontend_url))
        super().__init__(
            resources.database,
            outbox,
            MailTemplates("doorward_tickets.notifications", mails, settings, folder="templates"),
            settings,
            resources.metrics,
            find_recipient=RecipientLookup(auth).find,
        )
