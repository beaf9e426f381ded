"""The mail worker of tickets: its templates, its hooks, its outbox."""

from doorward_kit.app import AppResources
from doorward_mail import sender
from doorward_mail.templates import MailTemplates
from doorward_tickets.notifications.mail_templates import templates
from doorward_tickets.notifications.recipient_lookup import RecipientLookup
from doorward_tickets.notifications.template_context import NotificationTemplateContext
from doorward_tickets.settings import TicketsSettings
from doorward_tickets.tables import outbox
from doorward_tickets.user_snapshots.auth_client import Accounts


class MailSender(sender.MailSender):
    """Sends mails about tickets."""

    def __init__(self, runtime: AppResources, settings: TicketsSettings, accounts: Accounts) -> None:
        hooks = NotificationTemplateContext(frontend_url=settings.frontend_url)
        texts = MailTemplates(
            "doorward_tickets.notifications", templates(hooks), settings, folder="templates"
        )
        super().__init__(
            runtime.database,
            outbox,
            texts,
            settings,
            runtime.metrics,
            find_recipient=RecipientLookup(accounts).find,
        )
