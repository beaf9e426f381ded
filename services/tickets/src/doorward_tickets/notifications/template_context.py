"""What a mail about a ticket says, read just before it is sent: it tells of the ticket as it is then.

It says what has happened and never what was written: that is read where one has to sign in.
"""

import uuid

import sqlalchemy as sa

from doorward_client.permissions import Permission, permissions_of
from doorward_mail.outbox_queries import LeasedMail
from doorward_mail.templates import Variables
from doorward_tickets.notifications import repository
from doorward_tickets.notifications.notification_types import NotificationType
from doorward_tickets.notifications.repository import Notice, TicketNews
from doorward_tickets.tickets.workflow import TicketStatus


class NotificationTemplateContext:
    """The hooks; each drops a mail that tells its reader nothing any more, or nothing that they may know."""

    def __init__(self, *, frontend_url: str | None) -> None:
        self._app_url = frontend_url

    def prepare(self, connection: sa.Connection, mail: LeasedMail) -> Variables | None:
        """Read what a mail says."""
        given = mail.parameters
        kind = NotificationType(mail.template)
        notice = Notice(uuid.UUID(hex=given["ticket_id"]), uuid.UUID(hex=given["user_id"]), kind)
        scheduled = repository.lock_notice(connection, notice)
        if scheduled is None or scheduled.mail_id != mail.id:
            return None  # a newer one tells of all this as well
        ticket = repository.find_ticket_news(connection, notice.ticket_id)
        if ticket is None or not _may_see(ticket, notice, given["role"]):
            return None
        if repository.is_muted(connection, notice.ticket_id, notice.user_id):
            return None
        news = _news(connection, ticket, notice, scheduled.after_reply_number)
        if news is None:
            return None
        return {**news, "ticket": ticket.subject, "link": self._link(notice.ticket_id)}

    def _link(self, ticket_id: uuid.UUID) -> str | None:
        return None if self._app_url is None else f"{self._app_url}/tickets/{ticket_id}"


def _may_see(ticket: TicketNews, notice: Notice, role: str) -> bool:
    return Permission.TICKETS_READ_ALL in permissions_of(role) or ticket.author_id == notice.user_id


def _news(
    connection: sa.Connection, ticket: TicketNews, notice: Notice, after_reply_number: int
) -> Variables | None:
    match notice.type:
        case NotificationType.REPLIED:
            found = repository.count_replies(connection, notice, after_reply_number)
            return {"count": found.replies, "writer": found.author_name} if found.replies else None
        case NotificationType.CLOSED:
            return {} if ticket.status == TicketStatus.CLOSED else None
        case NotificationType.ASSIGNED:
            return {} if ticket.assignee_id == notice.user_id else None
        case NotificationType.TAKEN:
            return None if ticket.assignee_id is None else {"assignee": ticket.assignee_name}
