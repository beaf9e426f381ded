"""The rules of tickets' dead letters: one that has nothing left to tell is not sent again."""

import uuid

import sqlalchemy as sa

from doorward_mail.dead_letters import service
from doorward_tickets.notifications import repository
from doorward_tickets.notifications.errors import MailSupersededError


class DeadLetterService(service.DeadLetterService):
    """Decides about mails about tickets."""

    def check_retry(self, connection: sa.Connection, mail_id: uuid.UUID) -> None:
        """Raise MailSupersededError for a mail that its hook would skip because of a newer one."""
        if repository.is_superseded(connection, mail_id):
            raise MailSupersededError
