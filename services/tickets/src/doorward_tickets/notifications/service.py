"""The rules of mail about tickets: who is told of what. Written in the transaction of the change."""

import uuid

import sqlalchemy as sa

from doorward_tickets.notifications import repository
from doorward_tickets.notifications.notification_types import NotificationType
from doorward_tickets.notifications.repository import Notice
from doorward_tickets.tickets.repository import LockedTicket
from doorward_tickets.user_snapshots import repository as people


class NotificationService:
    """Puts mails into the outbox: one of a kind about a ticket to a person in `seconds`.

    The first goes at once, and what happens afterwards is gathered in one mail when the time is over.
    So nobody's mailbox is filled by a script, and nothing is left untold.
    """

    def __init__(self, *, seconds: int) -> None:
        self._seconds = seconds

    def replied(self, connection: sa.Connection, ticket: LockedTicket, actor: uuid.UUID) -> None:
        """Tell the other side of a reply to a locked ticket, given as it was before."""
        self._tell(connection, ticket, _other_side(connection, ticket, actor), NotificationType.REPLIED)

    def closed(self, connection: sa.Connection, ticket: LockedTicket, actor: uuid.UUID) -> None:
        """Tell the other side that a locked ticket was closed."""
        self._tell(connection, ticket, _other_side(connection, ticket, actor), NotificationType.CLOSED)

    def assigned(
        self, connection: sa.Connection, ticket: LockedTicket, actor: uuid.UUID, assignee: uuid.UUID
    ) -> None:
        """Tell a locked ticket's new assignee, and its author."""
        if assignee != actor:
            self._tell(connection, ticket, assignee, NotificationType.ASSIGNED)
        if ticket.author_id not in {actor, assignee}:
            self._tell(connection, ticket, ticket.author_id, NotificationType.TAKEN)

    def _tell(
        self,
        connection: sa.Connection,
        ticket: LockedTicket,
        person: uuid.UUID | None,
        kind: NotificationType,
    ) -> None:
        if person is not None:
            notice = Notice(ticket.id, person, kind)
            repository.schedule(
                connection, notice, after_reply_number=ticket.reply_count, seconds=self._seconds
            )


def _other_side(connection: sa.Connection, ticket: LockedTicket, actor: uuid.UUID) -> uuid.UUID | None:
    """Return whom an act concerns who has not done it.

    The author; or of an act of the author, whoever works on the ticket, or else, and where that one was
    deleted, has answered last: of a ticket that nobody has taken up yet everybody would have to be told.
    """
    if actor != ticket.author_id:
        return ticket.author_id
    if ticket.assignee_id == actor:
        return None
    if ticket.assignee_id is not None and not people.is_gone(connection, ticket.assignee_id):
        return ticket.assignee_id
    if not ticket.reply_count:
        return None
    return repository.latest_responder(connection, ticket.id, actor, ticket.reply_count)
