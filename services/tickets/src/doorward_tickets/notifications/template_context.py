"""Variables of mails about tickets, read just before a mail is sent: it describes the ticket at that time.

A mail says what happened and quotes the subject alone: tickets are read after signing in.
"""

import uuid

import sqlalchemy as sa

from doorward_client.permissions import Permission, permissions_of
from doorward_mail.content.quoting import TrustedText
from doorward_mail.content.templates import Variables
from doorward_mail.outbox.leases import LeasedMail
from doorward_tickets.notifications import repository
from doorward_tickets.notifications.repository import NotificationKey, NotificationType, NotifiedTicket
from doorward_tickets.numbers.repository import assign_number
from doorward_tickets.tickets.workflow import TicketStatus


class NotificationTemplateContext:
    """The `prepare` hook. It skips a mail without news for the recipient, or about an invisible ticket."""

    def __init__(self, *, frontend_url: str | None) -> None:
        self._frontend_url = frontend_url

    def prepare(self, connection: sa.Connection, mail: LeasedMail) -> Variables | None:
        parameters = mail.parameters
        key = NotificationKey(
            uuid.UUID(hex=parameters["ticket_id"]),
            uuid.UUID(hex=parameters["user_id"]),
            NotificationType(mail.template),
        )
        pending = repository.lock_pending(connection, key)
        if pending is None or pending.mail_id != mail.id:
            return None  # a newer mail includes this one
        ticket = repository.find_notified_ticket(connection, key.ticket_id)
        if ticket is None or not _may_see(ticket, key, parameters["role"]):
            return None
        if repository.is_muted(connection, key.ticket_id, key.user_id):
            return None
        variables = _event_variables(connection, ticket, key, pending.after_reply_number)
        if variables is None:
            return None
        number = ticket.number or assign_number(connection, key.ticket_id)
        return {
            **variables,
            "number": number,
            "ticket": ticket.subject,
            "link": self._link(key.ticket_id),
        }

    def _link(self, ticket_id: uuid.UUID) -> TrustedText | None:
        return (
            None if self._frontend_url is None else TrustedText(f"{self._frontend_url}/tickets/{ticket_id}")
        )


def _may_see(ticket: NotifiedTicket, key: NotificationKey, role: str) -> bool:
    return Permission.TICKETS_READ_ALL in permissions_of(role) or ticket.author_id == key.user_id


def _event_variables(
    connection: sa.Connection, ticket: NotifiedTicket, key: NotificationKey, after_reply_number: int
) -> Variables | None:
    """Return the variables of a type, None if its event no longer holds."""
    match key.type:
        case NotificationType.REPLIED:
            replies = repository.summarize_replies(connection, key, after_reply_number)
            return {"count": replies.total, "writer": replies.author_name} if replies.total else None
        case NotificationType.CLOSED:
            return {} if ticket.status == TicketStatus.CLOSED else None
        case NotificationType.ASSIGNED:
            return {} if ticket.assignee_id == key.user_id else None
        case NotificationType.TAKEN:
            return None if ticket.assignee_id is None else {"assignee": ticket.assignee_name}
