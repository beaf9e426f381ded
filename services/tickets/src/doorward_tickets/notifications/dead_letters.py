"""Dead letters about tickets: the error, the body and the rule that tickets adds to doorward_mail's."""

import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from pydantic import Field

from doorward_client.errors import DoorwardError
from doorward_mail.dead_letters.repository import DeadMail
from doorward_mail.dead_letters.schemas import DeadLetter
from doorward_mail.dead_letters.service import DeadLetterService
from doorward_tickets.notifications import repository


class MailSupersededError(DoorwardError):
    """409: a newer mail says everything that the dead letter would say."""

    status = 409
    code = "mail_superseded"
    detail = (
        "A newer mail says everything that this one would say. Discard this one; if the newer one is a dead"
        " letter too, retry that one."
    )


class TicketDeadLetter(DeadLetter):
    """A dead letter about a ticket.

    `recipient` is null: the address is looked up when a mail is sent, and is not stored.
    """

    ticket_id: uuid.UUID
    user_id: uuid.UUID = Field(description="The recipient's user id.")

    @classmethod
    def details(cls, mail: DeadMail) -> Mapping[str, Any]:
        return {name: uuid.UUID(hex=mail.parameters[name]) for name in ("ticket_id", "user_id")}


class TicketDeadLetterService(DeadLetterService):
    """Lists, retries and discards dead letters about tickets."""

    def check_retry(self, connection: sa.Connection, mail_id: uuid.UUID) -> None:
        """Raise MailSupersededError for a mail that the worker would skip because of a newer one."""
        if repository.is_superseded(connection, mail_id):
            raise MailSupersededError
