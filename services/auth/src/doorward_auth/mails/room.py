"""The mail room of auth: its texts, its hooks, its outbox."""

from doorward_auth.mails.catalog import templates
from doorward_auth.mails.hooks import MailHooks
from doorward_auth.settings import AuthSettings
from doorward_common.mail import room
from doorward_common.mail.templates import MailTemplates
from doorward_identity.runtime import IdentityRuntime
from doorward_identity.tables import outbox


class MailRoom(room.MailRoom):
    """Sends mails about accounts."""

    def __init__(self, runtime: IdentityRuntime, settings: AuthSettings) -> None:
        hooks = MailHooks(runtime.verification.keys, app_url=settings.app_url)
        texts = MailTemplates("doorward_auth.mails", templates(hooks), settings, folder="templates")
        super().__init__(runtime, outbox, texts, settings)
