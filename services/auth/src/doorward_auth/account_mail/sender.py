"""The mail worker of auth: its templates, its hooks, its outbox."""

from doorward_auth.account_mail.mail_templates import templates
from doorward_auth.account_mail.template_context import MailTemplateContext
from doorward_auth.one_time_codes.guesses import CodeGuesses
from doorward_auth.settings import AuthSettings
from doorward_identity.mail_types import require_transport
from doorward_identity.resources import IdentityResources
from doorward_identity.tables import outbox
from doorward_mail.content.templates import MailTemplates
from doorward_mail.worker import sender


class AccountMailSender(sender.MailSender):
    """Sends mails about accounts."""

    def __init__(self, resources: IdentityResources, guesses: CodeGuesses, settings: AuthSettings) -> None:
        hooks = MailTemplateContext(
            resources.verification.keys,
            guesses,
            frontend_url=settings.link_target(),
            upstream_titles=settings.upstream_titles,
        )
        texts = MailTemplates("doorward_auth.account_mail", templates(hooks), settings, folder="templates")
        super().__init__(resources.database, outbox, texts, settings, resources.metrics)

    @property
    def has_transport(self) -> bool:
        """Whether mail is sent."""
        return self._settings.has_mail_transport

    def require_transport(self) -> None:
        """Raise MailNotConfiguredError if no mail would be sent: for answers that promise one."""
        require_transport(self._settings)
