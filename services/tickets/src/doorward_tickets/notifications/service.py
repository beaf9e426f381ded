"""Rules of notifications: which users an event notifies. Mails are enqueued in the event's transaction."""

import uuid
from collections.abc import Iterator

import sqlalchemy as sa

from doorward_tickets.notifications import repository
from doorward_tickets.notifications.repository import NotificationKey, NotificationType
from doorward_tickets.tickets.events import ReplyAdded, TicketAssigned, TicketClosed, TicketEvent
from doorward_tickets.tickets.repository import LockedTicket
from doorward_tickets.users.repository import is_deleted


class NotificationService:
    """Enqueues mails: at most one of a type about a ticket to a user in `interval_seconds`.

    The first mail is sent at once. Further events are collected in one mail at the end of the interval, so
    that a script cannot flood a mailbox, and no event is lost.
    """

    def __init__(self, *, interval_seconds: int) -> None:
        self._interval_seconds = interval_seconds

    def on_event(self, connection: sa.Connection, event: TicketEvent) -> None:
        """Enqueue the mails of an event; the ticket is locked."""
        ticket = event.ticket
        for user_id, notification_type in _notifications(connection, event):
            repository.schedule(
                connection,
                NotificationKey(ticket.id, user_id, notification_type),
                after_reply_number=ticket.reply_count,
                interval_seconds=self._interval_seconds,
            )


def _notifications(
    connection: sa.Connection, event: TicketEvent
) -> Iterator[tuple[uuid.UUID, NotificationType]]:
    """Yield the users to notify, and of what."""
    ticket, actor_id = event.ticket, event.actor_id
    if isinstance(event, TicketAssigned):
        if event.assignee_id != actor_id:
            yield event.assignee_id, NotificationType.ASSIGNED
        if ticket.author_id not in {actor_id, event.assignee_id}:
            yield ticket.author_id, NotificationType.TAKEN
    elif isinstance(event, (ReplyAdded, TicketClosed)):
        participant_id = _other_participant(connection, ticket, actor_id)
        if participant_id is not None:
            is_reply = isinstance(event, ReplyAdded)
            yield participant_id, NotificationType.REPLIED if is_reply else NotificationType.CLOSED


def _other_participant(
    connection: sa.Connection, ticket: LockedTicket, actor_id: uuid.UUID
) -> uuid.UUID | None:
    """Return the other participant to notify.

    That is the author. If the author acts, it is the assignee, or without one (or a deleted one) the latest
    responder. A new ticket has none: all administrators would have to be notified.
    """
    if actor_id != ticket.author_id:
        return ticket.author_id
    if ticket.assignee_id == actor_id:
        return None
    if ticket.assignee_id is not None and not is_deleted(connection, ticket.assignee_id):
        return ticket.assignee_id
    if not ticket.reply_count:
        return None
    return repository.latest_responder(connection, ticket.id, actor_id, ticket.reply_count)
