"""The mail room of tickets: its texts, its hooks, its outbox."""

from doorward_common.app import Runtime
from doorward_common.mail import room
from doorward_common.mail.templates import MailTemplates
from doorward_tickets.notices.addresses import AddressBook
from doorward_tickets.notices.catalog import templates
from doorward_tickets.notices.hooks import NoticeHooks
from doorward_tickets.people.accounts import Accounts
from doorward_tickets.settings import TicketsSettings
from doorward_tickets.tables import outbox


class MailRoom(room.MailRoom):
    """Sends mails about tickets."""

    def __init__(self, runtime: Runtime, settings: TicketsSettings, accounts: Accounts) -> None:
        hooks = NoticeHooks(app_url=settings.app_url)
        texts = MailTemplates("doorward_tickets.notices", templates(hooks), settings, folder="templates")
        super().__init__(runtime, outbox, texts, settings, find_address=AddressBook(accounts).find)
